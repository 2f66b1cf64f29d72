#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# libpamt.so has the probes that its header lists, each with two arguments, and no other; the user's
# guide names them all.
#   probes.sh LIBRARY HEADER GUIDE
set -euo pipefail
library=$1 header=$2 guide=$3
command -v readelf >/dev/null || exit 77
[ "$(uname -m)" = x86_64 ] || exit 77

notes=$(readelf --wide -n "$library")
found=$(awk '/Provider: pamt/ { mine = 1 } /Name:/ && mine { print $2; mine = 0 }' <<<"$notes" | sort -u)
listed=$(sed -n 's/^\tX(\([a-z_]*\), ".*/\1/p' "$header" | sort -u)
status=0
if [ -z "$listed" ] || [ "$found" != "$listed" ]; then
	echo "the library has these probes:" $found
	echo "and the header lists these:  " $listed
	status=1
fi
# Two numbers of eight bytes each, wherever they are.
if awk '/Provider:/ { mine = /pamt/ } /Arguments:/ && mine && !/Arguments: 8@[^ ]+ 8@[^ ]+ *$/ {
	print; bad = 1 } END { exit !bad }' <<<"$notes"; then
	echo "these arguments are not two numbers"
	status=1
fi
for name in $listed; do
	grep -q "\`$name\`" "$guide" || {
		echo "$guide does not say what $name is"
		status=1
	}
done
exit "$status"
