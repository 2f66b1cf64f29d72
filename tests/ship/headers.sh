#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# headers.sh - every public header, by itself and with the others, compiles without a word in C11 and
# in C++11 to 20, also behind the names that Linux's kvm_types.h gives to addresses, and without a
# port's os_port.h, which is not installed. Argument: the folder that has pamt/.
set -euo pipefail
include=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

{
	echo '#include <stdint.h>'
	for name in gpa_t gfn_t hpa_t hfn_t kvm_pfn_t; do
		echo "typedef uint64_t $name;"
	done
	echo 'typedef unsigned long gva_t;'
	echo 'typedef struct { uint64_t val; } pfn_t;'
} >"$scratch/kvm_types.h"

cp "$scratch/kvm_types.h" "$scratch/all.c"
for header in "$include"/pamt/*.h; do
	name=$(basename "$header")
	echo "#include <pamt/$name>" | tee -a "$scratch/all.c" >"$scratch/$name.c"
done
flags=(-Wall -Wextra -Wundef -pedantic -Werror -fsyntax-only "-I$include")
compiled=0
for source in "$scratch"/*.c; do
	for compiler in gcc clang; do
		command -v "$compiler" >/dev/null || continue
		"$compiler" -std=c11 "${flags[@]}" "$source"
		compiled=$((compiled + 1))
	done
	for compiler in g++ clang++; do
		command -v "$compiler" >/dev/null || continue
		for std in 11 14 17 20; do
			"$compiler" -x c++ "-std=c++$std" "${flags[@]}" "$source"
			compiled=$((compiled + 1))
		done
	done
done
if ! command -v g++ >/dev/null && ! command -v clang++ >/dev/null; then
	echo 'no C++ compiler here: C only'
	exit 77
fi
echo "$compiled compilations"
