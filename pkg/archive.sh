#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# archive.sh OUTPUT ARCHIVE MAP COMPILER... - all objects of the archive as one, in an archive of its own:
# the symbols that the map lists are its only global ones, so that no name of a program that links it is in
# the way.
set -euo pipefail
output=$1 archive=$2 map=$3
shift 3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
whole=$scratch/$(basename "${output%.a}").o
"$@" -r -nostdlib -Wl,--whole-archive "$archive" -o "$whole"
sed -n 's/^\t\t\(\w*\);$/\1/p' "$map" >"$scratch/public"
[ -s "$scratch/public" ]
objcopy --keep-global-symbols="$scratch/public" "$whole"
rm -f "$output"
ar rcsD "$output" "$whole"
