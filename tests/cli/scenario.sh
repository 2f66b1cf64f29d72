#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# scenario.sh - `pamt run SCENARIO`: what it prints, over time too, in both kinds of time; how it is
# stopped; bad files. In $3: `small`: the shipped scenarios with less memory, in every way that there
# is; `full`, `long`: as they are, the smaller or the larger ones.
which=${3-}
scenarios=$(cd "$(dirname "$0")/../../scenarios" && pwd)
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh" "$1" "$2"
exec </dev/null
large=' 4tb-td aged-node memory-pressure mixed-sizes '

sound()
{
	json '.clean and .stopped == false and .bytes.left == 0 and .counts.busy == 0'
	json '(.timeline | length) > 0 and (.timeline | last | .tds == 0 and .pairs == 0)'
	err_empty
}

# in_every_way FILE: with less memory, where all that it does is still done.
in_every_way()
{
	local title
	title=$(basename "$1" .pamt)
	runs "$title, small" 0 run --json --pages 1000 "$1"
	sound
	runs "$title, small, virtual" 0 run --json --virtual --pages 1000 "$1"
	sound
	json '.virtual and .hash'
	runs "$title, small, compared" 0 compare --json --no-curve --pages 1000 \
		--designs ours,merged "$1"
	err_empty
	json '.runs[] | select(.design == "ours") |
		.error == null and .failures == 0 and .left == 0 and .lost_pages == 0'
}

if [ "$which" = small ]; then
	for file in "$scenarios"/*.pamt; do
		# Many CPUs, even with less memory.
		case "$file" in */4tb-td.pamt | */compare.pamt | */linear.pamt | */edges.pamt) ;; *) in_every_way "$file" ;; esac
	done
	finish
	exit
fi

if [ -n "$which" ]; then
	for file in "$scenarios"/*.pamt; do
		title=$(basename "$file" .pamt)
		case "$large" in *" $title "*) wanted=long ;; *) wanted=full ;; esac
		[ "$wanted" = "$which" ] || continue
		case "$title" in 4tb-td | compare | linear | edges) in_every_way "$file" ;; esac
		runs "$title" 0 run --json "$file"
		sound
		jq -r '"figure: pamt run \(.scenario), threads: \(.seconds.all * 100 | floor / 100) s, " +
			"\(.bytes.pairs_peak) pairs at the peak"' "$scratch/out"
		if [ "$title" = 4tb-td ]; then
			json '.td_bytes == 4398046511104 and .bytes.os_peak < 134217728'
			json '.counts.maps_2m == 2097151' # region 0 has measured pages
		fi
		# In virtual time where that is quick.
		case "$title" in ten-tds | one-td-boot | restarts | departures)
			runs "$title, virtual" 0 run --json --virtual "$file"
			sound
			json '.virtual and .hash'
			runs "$title, compared" 0 compare --json --no-curve "$file"
			;;
		esac
	done
	finish
	exit
fi

cat >"$scratch/small.pamt" <<'END'
title   two small kinds of TDs
machine builtin:256g
seed    5

td one
  count  2
  vcpus  2
  memory 32M
  pages  thp:0.5
  flips  4

td two
  memory 16M
  pages  4k
  arrive 1
  stay   1
END
runs in_words 0 run "$scratch/small.pamt"
out_has 'small: two small kinds of TDs'
out_has '3 TDs of together 80 MB, 5 vCPUs on 5 threads, seed 5'
check_that 'last line' test "$(tail -n 1 "$scratch/out")" = 'left with zero TDs: 0 bytes'
runs as_json 0 run --json --timeline "$scratch/csv" "$scratch/small.pamt"
sound
json '.scenario == "small" and .tds == 3 and .vcpus == null and .seed == 5 and .virtual == false'
json '.groups[1] == {name: "two", count: 1, vcpus: 1, bytes: 16777216, share: 0, percent_4k: 100,
	touch: "linear"}'
json '.timeline[0] | has("seconds") and has("td_bytes") and has("pamt_bytes") and has("adds")'
check_that 'the CSV has its head' test "$(head -n 1 "$scratch/csv")" = \
	'seconds,round,tds,td_bytes,pairs,pamt_bytes,gets,adds'
check_that 'the CSV has as many lines' test "$(wc -l <"$scratch/csv")" -eq \
	$(($(jq '.timeline | length' "$scratch/out") + 1))
runs options_come_first 0 run --json --seed 9 --static --machine builtin:2t "$scratch/small.pamt"
json '.seed == 9 and .dynamic == false and .machine == "builtin:2t"'
# The thread sanitizer does not follow fibers.
if ! grep -q 'sanitizer (thread)' <("$pamt" run --machine builtin:256g --memory 2M --flips 1); then
	runs virtual_time 0 run --json --virtual "$scratch/small.pamt"
	sound
	cp "$scratch/out" "$scratch/first"
	runs virtual_time_again 0 run --json --virtual "$scratch/small.pamt"
	check_that 'the same to the bit' cmp -s "$scratch/first" "$scratch/out"
	runs virtual_with_another_seed 0 run --json --virtual --seed 6 "$scratch/small.pamt"
	check_that 'not the same' bash -c '! cmp -s "$1" "$2"' _ "$scratch/first" "$scratch/out"
fi

# Stopped in the middle, by either signal.
cat >"$scratch/endless.pamt" <<'END'
machine builtin:256g
td one
  vcpus  2
  memory 64M
  pages  thp:0.9
  flips  1000000
END
for signal in INT TERM; do
	name=interrupted_by_$signal
	"$pamt" run --json "$scratch/endless.pamt" >"$scratch/out" 2>"$scratch/err" &
	pid=$!
	# Bash starts what is in the background with SIGINT ignored: wait until it is caught.
	for _ in $(seq 200); do
		caught=$(awk '/^SigCgt/ { print $2 }' "/proc/$pid/status" 2>/dev/null)
		(((16#${caught:-0} & 2) == 0)) || break
		sleep 0.1
	done
	sleep 0.3
	kill "-$signal" "$pid"
	wait "$pid"
	check_that 'exit code is 130' test $? -eq 130
	json '.stopped and .clean and .bytes.left == 0 and .counts.gets > 0'
done

runs scenario_on_stdin 0 run --json - <"$scratch/small.pamt"
json '.clean'
printf 'td one\n  memory 1M\n' >"$scratch/bad.pamt"
refuses bad_size "bad.pamt:2: memory '1M': a size like 512M" run "$scratch/bad.pamt"
runs one_that_is_shipped 0 run --json --pages 1000 builtin:ten-tds
json '.scenario == "ten-tds"'
refuses none_that_is_shipped "no scenario 'builtin:nine-tds'; allowed are 4tb-td, aged-node," run builtin:nine-tds
refuses bad_size_virtual "bad.pamt:2: memory '1M'" run --virtual "$scratch/bad.pamt"
refuses no_such_file 'no-such.pamt: No such file' run "$scratch/no-such.pamt"
refuses a_folder 'Is a directory' run "$scratch"
refuses two 'one is allowed' run "$scratch/small.pamt" "$scratch/small.pamt"
refuses options_that_the_scenario_has '--vcpus' run --vcpus 3 "$scratch/small.pamt"
refuses timeline_nowhere '--timeline' run --timeline "$scratch/no/where" "$scratch/small.pamt"
printf 'machine builtin:256g\noffline-memory 1G at 1T from 1\ntd one\n  memory 2M\n' >"$scratch/bad.pamt"
refuses memory_outside_every_tdmr 'line 2: offline-memory from 0x10000000000' run "$scratch/bad.pamt"
refuses memory_outside_virtual 'line 2: offline-memory' run --virtual "$scratch/bad.pamt"
printf 'machine builtin:lots\ntd one\n  memory 2M\n' >"$scratch/bad.pamt"
refuses bad_machine 'builtin:lots' run "$scratch/bad.pamt"
finish
