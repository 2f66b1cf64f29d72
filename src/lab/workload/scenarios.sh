#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# scenarios.sh STRING.SED FILE...: shipped scenarios as members of an array of C, name and text.
sed=$1
shift
for file; do
	printf '{ "%s",\n' "$(basename "$file" .pamt)"
	sed -f "$sed" "$file"
	printf '},\n'
done
