#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# vm_pairs.sh KERNEL - what kernel/vm linux makes of the counts that a Linux with Dynamic PAMT leaves.
set -euo pipefail
here=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# shellcheck source=kernel/linux-host/vm.sh
. "$here/linux-host/vm.sh"
failed=0

result() { said=$1; }

says() # WHAT NAME LINE...
{
	local want=$1 name=$2
	shift 2
	said=nothing
	printf '%s\n' "$@" >"$scratch/log"
	test_pairs "$scratch/log"
	if [ "$said" = "$want" ]; then
		echo "ok - $name"
	else
		echo "not ok - $name: $said"
		failed=1
	fi
}

add='   9 TDH.PHYMEM.PAMT.ADD SUCCESS'
says nothing linux_without_dynamic_pamt_is_not_asked '   9 TDH.MEM.PAGE.AUG SUCCESS' \
	'pairs: 0 given, 0 taken back, 0 at the peak' 'left with zero TDs: 0 bytes'
says ok all_pairs_came_back "$add" 'pairs: 11 given, 11 taken back, 8 at the peak' \
	'left with zero TDs: 0 bytes'
says 'not ok' a_pair_stayed "$add" 'pairs: 11 given, 10 taken back, 8 at the peak' \
	'left with zero TDs: 8192 bytes'
says 'not ok' tds_stayed "$add" 'pairs: 11 given, 11 taken back, 8 at the peak'
says 'not ok' pages_stayed "$add" 'pairs: 11 given, 11 taken back, 8 at the peak' \
	'left with zero TDs: 8192 bytes'
says 'not ok' machine_has_died_without_counts "$add"
exit "$failed"
