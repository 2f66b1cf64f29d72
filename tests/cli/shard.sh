#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# shard.sh - `pamt check` in shards that are put together, and with a state that is kept: the sums
# and the hash are those of one run, wherever it was cut, stopped or killed; what does not fit is
# refused in one line.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh" "$@"
exec </dev/null
pamt=$(realpath "$pamt")
cd "$scratch" || exit 99
# 20 programs; one program that is cut into parts; random ones; designs with violations.
programs=(check --module model --ops 2 --bound 1)
parts=(check --module model --program 'gA pA gA/gB pB' --bound 10)
random=(check --module model --cpus 3 --ops 4 --pct-depth 3 --schedules 4500)
broken=(check --module model --design per-region --ops 2 --bound 1)

# same_as FILE: the last output is this one, but for the time it took.
same_as()
{
	check_that "the same as $1" test "$(jq -cS 'del(.seconds)' "$1")" = \
		"$(jq -cS 'del(.seconds)' out)"
}

# holds FILE FILTER: the same as json(), for a file.
holds() { check_that "jq of $1: $2" file_holds "$1" "$2"; }
file_holds() { jq -e "$2" "$1" >jq 2>&1; }

# in_shards NAME CODE N ARGUMENTS...: what N shards find, put together.
in_shards()
{
	local what=$1 code=$2 n=$3 i files=()
	shift 3
	for ((i = 1; i <= n; i++)); do
		"$pamt" "$@" --shard "$i/$n" --json >"$what-$i-of-$n.json" 2>>err
		files+=("$what-$i-of-$n.json")
	done
	runs "$what merged of $n" "$code" check --json --merge "${files[@]}"
	err_empty
	same_as "$what.json"
}

for what in programs parts random broken; do
	declare -n arguments=$what
	code=0
	[ "$what" != broken ] || code=1
	runs "$what whole" "$code" "${arguments[@]}" --json
	err_empty
	cp out "$what.json"
	for n in $([ "$what" = programs ] && echo 1 2 3 7 || echo 3); do
		in_shards "$what" "$code" "$n" "${arguments[@]}"
	done
done
name='of large programs there are parts'
holds parts.json '.units > 4 and .programs == 1'
name='violations are told'
holds broken.json '.violations > 1 and (.found | length) == .violations'
holds broken.json '[.found[].replay] | all(startswith("design=per-region;"))'

runs more_shards_than_units 0 "${programs[@]}" --shard 20/1000 --json
json '.units_done == 1 and .programs == 1'
runs nothing_is_left_for_the_last 0 "${programs[@]}" --shard 1000/1000 --json
json '.units_done == 0 and .schedules == 0 and .complete'
runs in_words 1 check --merge broken-[123]-of-3.json
out_has '-> OPERAND_BUSY('
out_has "again with: pamt check --replay 'design=per-region;"
runs a_shard_in_words 0 "${programs[@]}" --shard 2/3
out_has 'shard 2 of 3, '

for bad in 0/3 4/3 1/0 1 a/b 1/2/3 -1/2 1/99999999999 ''; do
	refuses "shard '$bad'" 'I from 1 to N' "${programs[@]}" --shard "$bad"
done
refuses time_for_looking_only 'the time is over' check --cpus 3 --regions 3 --ops 3 --time 1
refuses no_files 'takes the files' check --merge
refuses a_missing_shard 'shard 2 of 3 is missing' check --merge programs-1-of-3.json programs-3-of-3.json
refuses a_shard_twice 'shard 1 of 2 is there twice' check --merge programs-1-of-2.json \
	programs-2-of-2.json programs-1-of-2.json
refuses another_number_of_shards 'has other shards' check --merge programs-1-of-2.json programs-2-of-3.json
refuses another_hunt 'of another hunt' check --merge programs-1-of-2.json random-2-of-3.json
sed 's/"build": "./"build": "x/' programs-2-of-2.json >build.json
refuses another_build 'another build' check --merge programs-1-of-2.json build.json
for i in 1 2; do
	sed 's/"steps": [0-9]*/"steps": 9223372036854775807/' "programs-$i-of-2.json" >"large-$i.json"
done
refuses sums_that_overflow "large-2.json: 'steps' is too large" check --merge large-1.json large-2.json
refuses no_such_file 'absent.json' check --merge absent.json
refuses no_json 'expected near' check --merge "$pamt"
refuses other_json "its schema is 'pamt.compare/1', and not that of" check --merge "$data/compare.json"
refuses with_mutants 'do not go with --mutants' check --mutants --shard 1/2
refuses merge_of_what_it_was_told "no options besides --json" check --merge --bound 3 programs-1-of-2.json
refuses how_often_without_what '--state FILE' "${programs[@]}" --state-every 5
refuses too_many_random_ones '8388608000' check --module model --pct-depth 3 --schedules 8388608001
refuses a_state_with_a_replay 'do not go with --replay' check --replay program=gA --state s

# What is kept.
runs with_a_state 0 "${programs[@]}" --state state --json
same_as programs.json
runs all_is_done_already 0 "${programs[@]}" --state state --json
same_as programs.json
holds state '.schema == "pamt.check.state/1" and .done == [[0, 19]]'
refuses another_command_line 'bound=1, and here it is bound=2' "${programs[@]}" --bound 2 --state state
refuses another_shard 'shard=1/1, and here it is shard=1/2' "${programs[@]}" --shard 1/2 --state state
sed 's/"build": "./"build": "x/' state >build
refuses a_changed_state 'does not add up' "${programs[@]}" --state build
refuses a_folder 'Is a directory' "${programs[@]}" --state .
refuses no_state_file 'no file of --state' "${programs[@]}" --state /dev/null
refuses no_folder 'No such file' "${programs[@]}" --state absent/state
refuses no_name 'No such file' "${programs[@]}" --state ''
mkdir kept-beside.new
refuses a_folder_beside 'kept-beside.new: Is a directory' "${programs[@]}" --state kept-beside
ln -s nothing dangling
refuses a_link_to_nothing 'dangling: a symbolic link' "${programs[@]}" --state dangling
ln -s behind link
printf '' | "$pamt" "${programs[@]}" --state behind >out 2>err
runs through_a_link 0 "${programs[@]}" --state link --json
same_as programs.json
check_that 'the link is one still' test -L link
# Whoever is root may write everywhere.
if [ "$(id -u)" != 0 ]; then
	mkdir -m 555 read-only
	refuses a_read_only_folder 'state.new: Permission denied' "${programs[@]}" --state read-only/state
fi
: >empty
refuses an_empty_one 'it is damaged' "${programs[@]}" --state empty
runs others_are_not_touched 2 "${programs[@]}" --state "$data/compare.json"
err_line 'no file of --state'

# A process that is at it keeps others away; killed, it leaves a state from which to go on.
# begin ARGUMENTS...: one that is in the middle, its state kept after every unit.
begin()
{
	rm -f kept
	"$pamt" "$@" -j 1 --state kept --state-every 0 --json >begun 2>begun.err &
	at_work=$!
	while kill -0 "$at_work" 2>jq && ! jq -e '.done[0]' kept >jq 2>&1; do
		sleep 0.01
	done
}
for what in programs random; do
	declare -n arguments=$what
	for how in KILL TERM INT KILL; do
		begin "${arguments[@]}"
		kill -"$how" "$at_work" 2>jq
		wait "$at_work" 2>jq
		code=$?
		cp kept kept.at.end
		name="$what, SIG$how"
		# It may have been done before; mostly it is not.
		if [ "$code" != 0 ]; then
			check_that 'it ended by it' test "$code" = $((128 + $(kill -l "$how")))
			[ "$how" = KILL ] ||
				check_that 'it says how to go on' grep -q 'the same command goes on' begun.err
		fi
		runs "$what go on after SIG$how" 0 "${arguments[@]}" --state kept --json
		same_as "$what.json"
	done
done

# One that takes long is certainly at it.
long=(check --module model --bound 2)
begin "${long[@]}"
runs a_second_one_is_refused 2 "${long[@]}" --state kept
err_line 'another process is at this hunt'
kill -KILL "$at_work"
wait "$at_work" 2>jq

# From the first time on that anything is kept, under whatever name.
rm -f kept
"$pamt" "${long[@]}" -j 1 --state kept >begun 2>begun.err &
at_work=$!
while kill -0 "$at_work" 2>jq && [ ! -e kept ]; do
	sleep 0.01
done
ln -s kept other-name
for file in kept other-name; do
	runs "a second one at $file is refused from the first save on" 2 "${long[@]}" --state "$file"
	err_line 'another process is at this hunt'
done
kill -KILL "$at_work"
wait "$at_work" 2>jq

# Signals from outside, to it and to its processes, while the programs are looked at and later: no
# mistake of the code under test, and no other cut of the work than elsewhere.
# wait_for_workers: there are some, and in the middle of something.
wait_for_workers()
{
	workers=()
	while kill -0 "$at_work" 2>jq && [ "${#workers[@]}" = 0 ]; do
		read -ra workers <"/proc/$at_work/task/$at_work/children"
	done 2>jq
	sleep 0.1
}
many=(check --module model --cpus 3 --regions 3 --bound 2 -j 1)
ended() # NAME CODE SAYS: the one at work
{
	wait "$at_work" 2>jq
	code=$?
	cp begun.err err
	cp begun out
	name=$1
	check_that "exit code is $2" test "$code" = "$2"
	err_line "$3"
	out_empty
}
"$pamt" "${many[@]}" --state planned >begun 2>begun.err &
at_work=$!
wait_for_workers
kill -TERM "$at_work"
ended it_is_stopped_while_it_plans 143 'ended by signal 15, before the first unit'
check_that 'nothing is left' test ! -e planned -a ! -e planned.new
for signal in KILL USR1; do
	"$pamt" "${many[@]}" --time 100 >begun 2>begun.err &
	at_work=$!
	wait_for_workers
	kill -"$signal" "${workers[0]}"
	ended "a process of the plan is ended by SIG$signal" 2 'a process was killed'
done
begin "${long[@]}"
wait_for_workers
kill -USR1 "${workers[0]}"
ended a_process_of_the_hunt_is_ended 2 'a process was killed'
holds kept '.crashed == [] and .wrong == []'

# A state that breaks off, or in which some bytes are others, is refused, and left as it is.
RANDOM=1
size=$(stat -c %s kept.at.end)
for ((i = 0; i < 8; i++)); do
	head -c $((RANDOM * 32768 % (size - 3))) kept.at.end >cut
	cp cut cut.before
	refuses "cut to $(stat -c %s cut) bytes" 'check: --state: cut: it is damaged' "${random[@]}" --state cut
	cp kept.at.end changed
	printf '%b' "\\x$(printf %02x $((RANDOM % 256)))" |
		dd of=changed bs=1 seek=$(((RANDOM * 32768 + RANDOM) % size)) conv=notrunc status=none
	# The same byte again, or one blank for another.
	cmp -s <(jq -cS . changed 2>jq || echo broken) <(jq -cS . kept.at.end) && continue
	runs 'a byte changed' 2 "${random[@]}" --state changed
	err_line 'check: --state: changed: '
	head -c $((RANDOM % ($(stat -c %s random-1-of-3.json) - 3))) random-1-of-3.json >cut.json
	runs 'cut output' 2 check --merge cut.json random-2-of-3.json
	err_line 'check: --merge: cut.json: '
	check_that 'it is left as it was' cmp cut cut.before
done

# Members that are wrong in kind, missing or out of bounds.
for change in '.units = -1' '.units = 1e9' '.units = "1"' 'del(.units)' '.shard = 3' '.shards = 0' \
	'.shards = 99999999999' '.wrong = [[5,1]]' '.wrong = [[0,4194304]]' '.wrong = {}' '.wrong = [1]' \
	'.found = [1]' '.found = [{"unit":0}]' '.found = [{"unit":-1,"kind":"x","text":"","replay":""}]' \
	'.hash = "0x1"' '.hash = 5' '.hash = "0xzzzzzzzzzzzzzzzz"' '.complete = 1' '.schedules = -1' \
	'.schedules = 1.5' 'del(.what)' '.seconds = null' '.longest = 4294967296' '.design = []'; do
	jq "$change" programs-1-of-2.json >bad.json
	runs "merge of $change" 2 check --merge bad.json programs-2-of-2.json
	err_line 'check: --merge: bad.json: '
done
# The same for a state, with a sum that fits: FNV-1a of the rest, sorted and without blanks.
with_sum()
{
	python3 -c 'import json, sys
state = json.load(sys.stdin)
state.pop("sum", None)
hash = 0xcbf29ce484222325
for byte in json.dumps(state, sort_keys=True, separators=(",", ":")).encode():
	hash = (hash ^ byte) * 0x100000001b3 & (1 << 64) - 1
state["sum"] = f"0x{hash:016x}"
json.dump(state, sys.stdout)'
}
with_sum <state >again
runs the_sum_is_understood 0 "${programs[@]}" --state again --json
for change in '.units = 21' '.units = 4194305' 'del(.units)' '.done = [[0,20]]' '.done = [[3,1]]' '.done = 1' \
	'.wrong = [[0,99]]' '.crashed = [[0,99]]' '.crashed = [[99,1]]' '.crashed = [[-1,1]]' '.sums = []' \
	'.sums.steps = -1' '.sums.hash = 1' 'del(.sums.longest)' '.places = [{}]' '.places = 7' 'del(.what)' \
	'.schema = "pamt.check.state/0"' '.version = "9"' '.build = "0"' '.done = [] | .places = [{"unit": 0,
	"schedules": 1, "merged": 0, "steps": 1, "states": 1, "ends": 0, "longest": 1, "restarts": 0,
	"prefix": 1, "hash": "0x0000000000000000", "whole": false, "late": [], "decisions": "f0000"}]'; do
	jq -c "$change" state | with_sum >bad
	runs "state with $change" 2 "${programs[@]}" --state bad
	err_line ' '
done
finish
