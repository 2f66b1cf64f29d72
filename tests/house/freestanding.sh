#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# The freestanding floors (given as static libraries) need nothing from outside but the port's
# primitives, each other and the four memory functions that a compiler may call; and they have no
# variable of their own: everything hangs off a struct. Built with -nostdinc, which the build file
# given first must show.
set -euo pipefail
compile_commands=$1
shift
status=0
for library in "$@"; do
	floor=$(basename "$library" .a)
	floor=${floor#libpamt-}
	total=$(jq -r --arg f "src/$floor/" '[.[] | select(.file | contains($f))] | length' \
		"$compile_commands")
	nostd=$(jq -r --arg f "src/$floor/" '[.[] | select(.file | contains($f)) |
		select((.command | contains("-ffreestanding")) and
		       (.command | contains("-nostdinc")))] | length' "$compile_commands")
	if [ "$total" = 0 ] || [ "$total" != "$nostd" ]; then
		echo "$floor: $nostd of $total files are compiled freestanding"
		status=1
	fi
	defined=$(nm --defined-only "$@" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u)
	outside=$(nm --undefined-only "$library" 2>/dev/null | awk '$1 == "U" { print $2 }' |
		sort -u | grep -vxF -f <(printf '%s\n' "$defined") |
		grep -vE '^(memcpy|memset|memmove|memcmp|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail|__tls_get_addr)$' |
		grep -vE '^(os_[a-z0-9_]+|threads_(cpu|node))$' |
		grep -vE '^__(asan|ubsan|tsan|sanitizer|gcov|llvm)_' || true)
	if [ -n "$outside" ]; then
		echo "$floor needs from outside:" $outside
		status=1
	fi
	# By section: .data and .bss are variables, .rodata and .data.rel.ro are constants.
	variables=$(nm -f sysv --defined-only "$library" 2>/dev/null |
		awk -F'|' '$7 ~ /^\.(data|bss|tdata|tbss)/ && $7 !~ /^\.data\.rel\.ro/ {
			gsub(/ /, "", $1); print $1 }' |
		grep -vE '^(__?(asan|ubsan|odr|gcov|llvm|prof|sanitizer|tsan)|\.?L|_sub_)' |
		grep -vE '^(\*?\.LASAN|__odr_asan|\.LC)' || true)
	if [ -n "$variables" ]; then
		echo "$floor has variables:" $variables
		status=1
	fi
done
[ "$status" = 0 ] && echo "freestanding: $*"
exit "$status"
