#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# stand_in.sh SOFTSEAM-MAP TRAP-MAP: the library that `pamt trap` puts in front of a program stands in
# for libsoftseam, so it shows all that libsoftseam shows.
set -euo pipefail
names() { grep -oE '^\s+(soft)?seam_\w+' "$1" | tr -d '[:blank:]' | sort -u; }
count=$(names "$1" | wc -l)
missing=$(comm -23 <(names "$1") <(names "$2"))
if [ "$count" -lt 20 ] || [ -n "$missing" ]; then
	echo "of $count names these are not in $2: $missing"
	exit 1
fi
