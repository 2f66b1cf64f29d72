# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# pairs.sh - sourced by vm.sh: what a host with Dynamic PAMT owes. Of each pair of pages that it gave to the
# module, with PAMT.ADD or DEMOTE, one came back, with REMOVE or PROMOTE; in the end the module has what
# it got when it was initialised, and no more. All of it is what pamt's plugin saw, but of pamt.ko: when that
# goes, its PAMT's memory is Linux's again, and what the module reads there is anything. It says itself what
# is left.

# What is wrong with these counts: nothing, or a line.
wrong_pairs()
{
	local given taken bytes pages kilobytes
	read -r given taken <<<"$(sed -n 's/^pairs: \([0-9]*\) given, \([0-9]*\) taken back, .*/\1 \2/p' "$1")"
	bytes=$(sed -nE 's/^(pamt: )?left with zero TDs: ([0-9]*) bytes$/\2/p' "$1" | head -n 1)
	pages=$(sed -n 's/^pages: .*, \([0-9]*\) PAMT$/\1/p' "$1")
	kilobytes=$(sed -n 's/^virt\/tdx: \([0-9]*\) KB allocated for PAMT$/\1/p' "$1" | head -n 1)
	if [ -z "$given" ]; then
		echo 'the machine left no counts of them'
	elif [ "$given" = 0 ]; then
		echo 'it is on, and no pair was given'
	elif [ "$given" != "$taken" ]; then
		echo "$given pairs given, $taken taken back"
	elif [ -z "$bytes" ]; then
		echo "$given pairs given, as many taken back, but pages of TDs are left: $(grep '^pages: ' "$1")"
	elif [ "$bytes" != 0 ]; then
		echo "$given pairs given, as many taken back, but $bytes bytes are left with zero TDs"
	elif [ -n "$kilobytes" ] && [ "$((pages * 4))" != "$kilobytes" ]; then
		echo "$kilobytes KB were allocated for PAMT, and $((pages * 4)) KB of PAMT are there in the end"
	fi
}

# test_pairs LOG
test_pairs()
{
	local wrong
	if grep -qx 'Dynamic PAMT: no' "$1"; then
		echo '# this kernel did not ask the module for Dynamic PAMT: there are no pairs to look at'
		return
	fi
	wrong=$(wrong_pairs "$1")
	if [ -z "$wrong" ]; then
		result ok "Dynamic PAMT: $(sed -n 's/^pairs: \([0-9]*\) given, .*/\1/p' "$1") pairs given, as many taken back, none left"
	else
		result 'not ok' "Dynamic PAMT: $wrong"
	fi
}
