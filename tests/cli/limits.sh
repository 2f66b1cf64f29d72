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

# A recording that was made to want more than there is: the system ended whatever process it liked.
pamt=$real
{
	echo "machine max_pa=52 hkid_bits=6 hkid_min=32 hkid_max=63 lps=1 packages=1 cache_blocks=1 \
seamrr=0x8000000000+0x2000000 cmr=0x0+0x40000000"
	# A page each 16 GB, with 128 KB of what leads to it.
	for ((i = 1; i < 2000; i++)); do
		printf 'poke64 0x%x00000000 1\n' $((4 * i))
	done
} >"$scratch/far.vec"
runs a_recording_has_room 0 replay --memory 1G "$scratch/far.vec"
runs a_recording_has_no_room_for_pages 1 replay --memory 128M "$scratch/far.vec"
out_empty
err_line 'out of memory: the system refused'
err_line 'pamt replay --memory'
for ((i = 0; i < 3; i++)); do
	tail -n +2 "$scratch/far.vec" >"$scratch/lines"
	for ((k = 0; k < 3; k++)); do cat "$scratch/lines"; done >>"$scratch/far.vec"
done
refuses a_recording_has_no_room_for_lines "$scratch/far.vec:" replay --memory 16M "$scratch/far.vec"
err_line 'out of memory'
# Unless it is said.
name=a_recording_is_bounded_anyway
mkfifo "$scratch/pipe"
"$pamt" replay - <"$scratch/pipe" >"$scratch/out" 2>"$scratch/err" &
exec 9>"$scratch/pipe"
head -c 100 "$scratch/far.vec" >&9
for ((i = 0; i < 100; i++)); do
	limit=$(awk '/^Max data size/ { print $4 }' /proc/$!/limits)
	[ "$limit" = unlimited ] || break
	sleep 0.1
done
check_that 'there is a limit' test "${limit:-unlimited}" != unlimited
exec 9>&-
wait $!
finish
