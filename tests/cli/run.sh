#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# run.sh - `pamt run` on small amounts of memory: figures that must agree, the ways to stop it, and
# bad input. With `full` in $3 the default run instead, on this machine and on two larger ones.
full=${3-}
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh" "$1" "$2"
exec </dev/null
machines=$data/machines

last_line_is() { check_that "last line is '$1'" test "$(tail -n 1 "$scratch/out")" = "$1"; }

# What holds for every run that came to its end.
sound()
{
	json '.schema == "pamt.run/1" and .clean and .stopped == false'
	json '.bytes.left == 0 and .leaked_regions == 0 and .leaked_pages == 0 and .findings == []'
	json '.counts.busy == 0'
	json '.bytes.static_boot > .bytes.dynamic_boot * 50'
	err_empty
}

if [ -n "$full" ]; then
	for machine in '' "$machines/two-socket-2tb.log" builtin:64t; do
		runs "default_run: ${machine:-this machine}" 0 run --json ${machine:+--machine "$machine"}
		sound
		# The memory that was mapped is what was to be filled, in pages of both sizes.
		json '.counts.maps_2m * 2097152 + .counts.maps_4k * 4096 >= .td_bytes * 0.99'
		json '.tds == 4 and .vcpus == 2 and .counts.conversions > 0'
		jq -r '"figure: pamt run, \(.machine), \(.td_bytes / 1073741824 | floor) GB of TDs: " +
			"\(.seconds.all * 10 | floor / 10) s"' "$scratch/out"
	done
	finish
	exit
fi

runs small_run 0 run --json --machine builtin:256g --memory 512M --flips 16
sound
json '.td_bytes == 536870912 and .dynamic and .counts.splits == 0'
json '.counts.gets == .counts.puts and .counts.adds == .counts.removes'
runs pages_taken_out_of_2m_mappings 0 run --json --machine builtin:2t --memory 512M --partial 8 --flips 0
sound
json '.counts.splits > 0'
runs static_pamt 0 run --json --static --machine builtin:256g --memory 512M --flips 16
json '.clean and .dynamic == false and .counts.adds == 0 and .bytes.pairs_peak == 0'
runs a_real_log 0 run --machine "$machines/emerald-rapids-256gb.log" --memory 256M --flips 4 --seed 3
last_line_is 'left with zero TDs: 0 bytes'
out_has 'at boot'
out_has 'seed 3'
err_empty
runs few_words 0 run -q --machine builtin:2t --memory 256M --flips 4
# A build with a sanitizer says in a line of its own that its TDs are smaller.
check_that 'two lines' test "$(grep -vc 'built with a sanitizer' "$scratch/out")" -eq 2
last_line_is 'left with zero TDs: 0 bytes'
runs many_tds 0 run --json --machine builtin:256g --memory 256M --flips 2 --tds 12 --vcpus 3
sound
json '.tds == 12 and .vcpus == 3'
runs one_td 0 run --json --machine builtin:256g --memory 64M --flips 2 --tds 1 --vcpus 1 --4k 100
sound
json '.counts.maps_2m == 0'

# More than there is: an error that says what, and still nothing left.
runs more_tds_than_key_ids 1 run --machine builtin:256g --memory 256M --flips 2 --tds 64
last_line_is 'left with zero TDs: 0 bytes'
err_line 'creating a TD failed: no private KeyID is free (-ENOSPC)'
printf 'BIOS-e820: [mem 0x0000000040000000-0x00000000bfffffff] usable\n' >"$scratch/2g"
refuses more_memory_than_there_is ' MB in round 1: at most 20' \
	run -q --machine "$scratch/2g" --memory 3G --flips 2

# Ctrl-C in the middle: the table so far, and nothing left. Bash starts what is in the background
# with SIGINT ignored, so it is sent only once somebody waits for it.
name=interrupted
"$pamt" run --machine builtin:2t --flips 1000000 >"$scratch/out" 2>"$scratch/err" &
pid=$!
for _ in $(seq 200); do
	caught=$(awk '/^SigCgt/ { print $2 }' "/proc/$pid/status" 2>/dev/null)
	(((16#${caught:-0} & 2) == 0)) || break
	sleep 0.1
done
sleep 0.3
kill -INT "$pid"
wait "$pid"
check_that 'exit code is 130' test $? -eq 130
out_has 'stopped early'
out_has 'PAMT.ADD'
last_line_is 'left with zero TDs: 0 bytes'

refuses a_log_is_no_scenario 'two-socket-2tb.log:1:' run "$machines/two-socket-2tb.log"
refuses missing_log 'no-such-file' run --machine "$scratch/no-such-file"
refuses unknown_machine 'builtin:big' run --machine builtin:big
# An option that is cut short goes where the whole one does.
[ -e /dev/pamt ] || runs kernel_cut_short 77 run --kern
refuses no_td '--tds' run --tds 0
refuses no_vcpu '--vcpus' run --vcpus 0
refuses memory_that_is_none '--memory' run --memory lots
refuses more_than_all_of_it '--4k' run --4k 101
refuses no_cpu '--cpus' run --cpus 0

finish
