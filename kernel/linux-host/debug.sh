# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shellcheck shell=bash
# debug.sh - sourced by vm.sh: `kernel/vm linux --debug`. A kernel with lockdep and KASAN (debug.config)
# on which both modules test themselves, and which is then a host of TDs.

# Lockdep has seen LOCKED if it finds the mistake of taking it twice.
test_lockdep()
{
	local log=$cache/log-linux-lockdep modules=$cache/modules-lockdep status=0
	if ! mutant=TWO_LOCKED build_modules "$series" "$modules"; then
		result 'not ok' 'the modules build with a mistake'
		return
	fi
	make_initrd "$modules" "$cache/initrd-lockdep"
	# It need not come to an end.
	with_limit 300 "$log" boot "$series" "$cache/initrd-lockdep" PAMT_MODE=test PAMT_OPS=1000 || status=$?
	plain_log "$log"
	if grep -A 10 'possible recursive locking detected' "$log.txt" | grep -q '(pamt region word)'; then
		result ok 'lockdep names a region word that is taken beside another'
	else
		tail -n 25 "$log.txt" >&2
		result 'not ok' "lockdep names a region word that is taken beside another ($status)"
	fi
}

# TDs under KVM of that kernel.
test_debug_tds()
{
	local log=$cache/log-linux-debug status=0
	with_limit 1200 "$log" boot_linux -- PAMT_MODE=test 'PAMT_TESTS="td_with td_ends memory_is"' ||
		status=$?
	plain_log "$log"
	count_ktap "$log.txt"
	grep -E '^(ok |not ok |# )' "$log.txt" || true
	if [ "$status" = 85 ] && grep -q 'KernelAddressSanitizer initialized' "$log.txt" &&
		! troubles "$log.txt" linux >&2; then
		result ok 'TDs live under lockdep and KASAN, and the kernel log is clean'
	else
		tail -n 25 "$log.txt" >&2
		result 'not ok' "TDs live under lockdep and KASAN ($status); the log is $log"
	fi
}

test_debug()
{
	if ! PAMT_DEBUG=1 build_modules "$series" "$cache/modules-$series"; then
		result 'not ok' 'the modules build for a kernel with lockdep and KASAN'
		return
	fi
	make_initrd "$cache/modules-$series" "$cache/initrd-$series"
	ops=4000 test_kernel "$series"
	test_lockdep
	test_debug_tds
}
