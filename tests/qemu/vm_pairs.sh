#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# vm_pairs.sh KERNEL - what kernel/vm linux makes of the counts that a Linux with Dynamic PAMT leaves.
set -euo pipefail
here=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# shellcheck source=kernel/linux-host/pairs.sh
. "$here/linux-host/pairs.sh"
failed=0

result() { said="$1 $2"; }

says() # WORDS NAME LINE...
{
	local want=$1 name=$2
	shift 2
	said=nothing
	printf '%s\n' "$@" >"$scratch/log"
	test_pairs "$scratch/log" >"$scratch/out"
	[ "$said" != nothing ] || said=$(cat "$scratch/out")
	if [[ "$said" == *"$want"* ]]; then
		echo "ok - $name"
	else
		echo "not ok - $name: $said"
		failed=1
	fi
}

boot='virt/tdx: 8 KB allocated for PAMT'
pages='pages: 0 guest, 0 S-EPT, 0 TD and vCPU control, 2 PAMT'
none='left with zero TDs: 0 bytes'
says '# this kernel did not ask' linux_without_dynamic_pamt_is_not_asked "$boot" 'Dynamic PAMT: no' \
	'pairs: 0 given, 0 taken back, 0 at the peak' "$pages" "$none"
yes='Dynamic PAMT: yes'
says 'ok Dynamic PAMT: 11 pairs given' all_pairs_came_back "$boot" "$yes" \
	'pairs: 11 given, 11 taken back, 8 at the peak' "$pages" "$none"
says 'ok Dynamic PAMT: 11 pairs given' another_host_says_nothing_at_boot "$yes" \
	'pairs: 11 given, 11 taken back, 8 at the peak' "$pages" "$none"
says 'ok Dynamic PAMT: 11 pairs given' pamt_ko_says_itself_that_nothing_is_left 'pamt: left with zero TDs: 0 bytes' "$yes" \
	'pairs: 11 given, 11 taken back, 8 at the peak' \
	'pages: 0 guest, 512 S-EPT, 5120 TD and vCPU control, 516 PAMT'
says 'not ok Dynamic PAMT: 11 pairs given, 10 taken back' a_pair_stayed "$boot" "$yes" \
	'pairs: 11 given, 10 taken back, 8 at the peak' \
	'pages: 0 guest, 0 S-EPT, 0 TD and vCPU control, 4 PAMT' 'left with zero TDs: 8192 bytes'
says 'not ok Dynamic PAMT: it is on, and no pair was given' no_pair_was_given "$boot" "$yes" \
	'pairs: 0 given, 0 taken back, 0 at the peak' "$pages" "$none"
says 'pages of TDs are left: pages: 1 guest' tds_stayed "$boot" "$yes" \
	'pairs: 11 given, 11 taken back, 8 at the peak' \
	'pages: 1 guest, 0 S-EPT, 0 TD and vCPU control, 2 PAMT'
says '8192 bytes are left' bytes_stayed "$boot" "$yes" \
	'pairs: 11 given, 11 taken back, 8 at the peak' "$pages" 'left with zero TDs: 8192 bytes'
says '8 KB were allocated for PAMT, and 16 KB' pages_stayed "$boot" "$yes" \
	'pairs: 11 given, 11 taken back, 8 at the peak' \
	'pages: 0 guest, 0 S-EPT, 0 TD and vCPU control, 4 PAMT' "$none"
says 'the machine left no counts' machine_has_died_without_counts "$boot"
exit "$failed"
