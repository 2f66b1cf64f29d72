#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# limits.sh - the command with little address space. `pamt plan` of 64 TB asked for some GB of it, of
# which it used nothing, and failed under a limit of 4 GB. `pamt run` with too little ended in abort(),
# or said what was left of TDs whose other threads it had not got, and then why.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh" "$@"
exec </dev/null
ulimit -c 0
real=$pamt
pamt=$scratch/limited

# Two CPUs, 22 GB: more of what a run needs is for pages than for threads.
printf '%s\n' 'BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable' \
	'BIOS-e820: [mem 0x0000000100000000-0x00000005ffffffff] usable' \
	'smpboot: Allowing 2 CPUs, 0 hotplug CPUs' >"$scratch/machine"
run=(run -q --machine "$scratch/machine" --flips 4)

# limit KB: so much address space for what is run from here on.
limit()
{
	printf '#!/bin/sh\nulimit -v %s && exec "%s" "$@"\n' "$1" "$real" >"$pamt"
	chmod +x "$pamt"
}

limit 40000
runs plan_of_64_tb 0 plan --json builtin:64t
json '.static.pamt_kb > 268435456 and .dynamic.pamt_kb > 0 and .dynamic.error == null'
err_empty
runs diagnose_of_2_tb 0 diagnose "$data/machines/two-socket-2tb.log"
err_empty

# Stacks of 8 MB, as most systems have them: the first or the second does not fit.
ulimit -s 8192
limit 15000
runs no_threads 1 "${run[@]}"
err_line 'threads could not be started'
# Both threads have room, what they ask for has not.
limit 40000
runs no_pages 1 "${run[@]}"
err_line 'out of memory: the system refused 32768 KB'
err_line '40000 KB (ulimit -v)'

# With less than it needs, whatever that is on this machine: one line, and no signal.
for kb in 15000 25000 30000 35000 40000 50000 60000 80000 120000; do
	name="run in $kb KB"
	limit "$kb"
	"$pamt" "${run[@]}" >"$scratch/out" 2>"$scratch/err"
	code=$?
	check_that "exit code $code is 0 or 1" test "$code" -le 1
	check_that 'a line if it fails, and none if not' test "$(wc -l <"$scratch/err")" -eq "$code"
done
finish
