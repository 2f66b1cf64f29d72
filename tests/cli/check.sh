#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# check.sh - `pamt check`: what is right is explored to the end, what is wrong is found, repeated
# and told; the same seed gives the same hash; bad input is refused in one line.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh" "$@"
exec </dev/null
one='gA aA rA/gA pA gB'

runs ours_is_explored_to_the_end 0 check --program "$one" --bound 2 --json
err_empty
json '.schema == "pamt.check/2" and .design == "ours" and .violations == 0 and .complete'
json '.schedules > 1000 and .merged < .schedules and (.hash | startswith("0x"))'
hash=$(jq -r .hash "$scratch/out")
runs the_same_again_has_the_same_hash 0 check --program "$one" --bound 2 --json -j 1
json ".hash == \"$hash\""

runs all_programs_of_a_size 0 check --module model --ops 2 --bound 1 --json
json '.programs == 20 and .violations == 0 and .complete'
hash=$(jq -r .hash "$scratch/out")
runs on_one_process_the_hash_is_the_same 0 check --module model --ops 2 --bound 1 --json -j 1
json ".hash == \"$hash\""

runs the_first_violation_ends_it 1 check --module model --design per-region --first -j 1 --json
json '.violations == 1 and (.complete | not) and (has("hash") | not) and .units_done < .units / 2'
runs without_one_it_goes_to_the_end 0 check --module model --ops 2 --bound 1 --first --json
json ".hash == \"$hash\" and .complete"
refuses the_first_of_shards 'do not go with it' check --first --shard 1/2
# How hardware answered to an unlocked and a once locked DEMOTE: seconds of all three regions' programs.
for design in merged v6 merged-demote-optimistic; do
	runs "demote_finds_$design" 1 check --module model --regions 3 --ops 2 --kinds garpMUSJ --bound 3 \
		--design "$design" --first --json
	json '.found[0].replay | contains("S")'
done

runs random_schedules 0 check --module model --cpus 4 --ops 4 --kinds garpMUSJckvq --pct-depth 4 \
	--schedules 3000 --seed 7 --json
json '.schedules == 3000 and .violations == 0 and .complete'
hash=$(jq -r .hash "$scratch/out")
runs random_schedules_repeat 0 check --module model --cpus 4 --ops 4 --kinds garpMUSJckvq \
	--pct-depth 4 --schedules 3000 --seed 7 --json -j 1
json ".hash == \"$hash\""
runs another_seed_is_another_hash 0 check --module model --cpus 4 --ops 4 --kinds garpMUSJckvq \
	--pct-depth 4 --schedules 3000 --seed 8 --json
json ".hash != \"$hash\""

runs limited_by_schedules 0 check --module model --schedules 500 --json
json '.schedules == 500 and (.complete | not) and has("hash")'
runs limited_by_time 0 check --module model --pct-depth 3 --time 1 --json
json '.schedules > 100 and (has("hash") | not)'

# One lock per region is not enough: the pair of each lies in the other.
runs per_region_locks_end_in_busy 1 check --design per-region --program 'gA/gB' --bound 1
out_has '1 violations'
out_has 'CPU 1:   TDH.PHYMEM.PAMT.ADD of region '
out_has '  -> OPERAND_BUSY('
out_has "again with: pamt check --replay '"
replay=$(sed -n "s/^again with: pamt check --replay '\(.*\)'\$/\1/p" "$scratch/out")
runs the_command_repeats_it 1 check --replay "$replay"
out_has 'status: TDH.PHYMEM.PAMT.ADD'
runs other_designs_of_linux_hold 0 check --design v6 --program 'gA pA gA/gB pB gA' --bound 2
runs and_so_does_the_merged_one 0 check --design merged --program 'gA pA/gB pB' --bound 1

runs every_program_of_the_pool_of_three_operations 0 check --module model --chunks tiny \
	--kinds gpcftek --regions 1 --ops-in-all 3 --bound 0 --json
json '.programs > 50 and .violations == 0 and .complete'
refuses random_programs_of_uneven_size 'not --ops-in-all' check --pct-depth 3 --schedules 10 --ops-in-all 3
refuses unknown_chunks "'usual' or 'tiny'" check --chunks huge

# A build with invariants knows each page, and stops a put too many before it does harm: there two
# mistakes have no effect.
missed='[]' code=0
if [ -n "${PAMT_INVARIANTS-}" ]; then
	missed='["T38","not-empty-idle"]' code=1
fi
runs every_mutant_is_found "$code" check --mutants --json
json ".violations == 0 and (.mutants | length) > 25 and
	[.mutants[] | select(.found | not) | .name] == $missed"
json '["T1","T2","T4","T5","T6","T8","T9","T10","T17","T26","T38","no-pin",
	"strip-all","pin-last","free-before-count"] -
	[.mutants[].name] == []'
replay=$(jq -r '.mutants[] | select(.name == "T4") | .replay' "$scratch/out")
runs a_mutant_is_repeated 1 check --replay "$replay"
out_has 'a region is USED and has no pair'
runs without_the_mistake_it_is_not 0 check --replay "${replay/mutant=T4;/}"
out_has 'nothing is wrong'

# DEMOTE without the lock meets an ADD, or the ADD meets it; a lock around both is enough.
runs demote_meets_an_add 1 check --design merged --program 'MA SA/gB' --bound 1
out_has 'PAMT.ADD of region B answers OPERAND_BUSY(RCX)'
runs an_add_meets_demote 1 check --replay 'design=merged;pages=crossed;regions=3;program=gB/MA SA;schedule=1:92 0:22 1:40'
out_has 'split of region A fails with -5, the call answers OPERAND_BUSY(R12)'
runs demote_of_v6_meets_an_add 1 check --design v6 --program 'MA SA/gB' --bound 1
out_has 'PAMT.ADD of region B answers OPERAND_BUSY(RCX)'
runs an_add_meets_demote_of_v6 1 check --replay 'design=v6;pages=crossed;regions=3;program=gB/MA SA;schedule=1:92 0:22 1:40'
out_has 'the call answers OPERAND_BUSY(R12)'
runs a_second_try_under_the_lock_is_too_late 1 check --design merged-demote-optimistic --program 'MA SA/gB' --bound 1
out_has 'PAMT.ADD of region B answers OPERAND_BUSY(RCX)'
runs the_lock_around_demote_holds 0 check --design merged-demote-locked --program 'MA SA/gB' --bound 1
runs and_so_does_the_pin 0 check --program 'MA SA/gB' --bound 2

refuses unknown_design "no design 'best'" check --design best
refuses bad_program "program 'gZ'" check --program gZ
refuses random_without_an_end '--schedules or --time' check --pct-depth 3
refuses bad_kinds "--kinds 'z'" check --kinds z
refuses bad_replay "no field 'colour'" check --replay 'colour=red'
refuses bad_schedule "schedule '0'" check --replay 'program=gA;schedule=0'
refuses operand 'takes options only' check now
runs schedule_that_does_not_fit 2 check --replay 'program=gA/gB;schedule=7:1'
check_that 'it says how many' grep -q 'does not fit: 1 of its turns' "$scratch/err"
refuses design_that_the_model_knows_nothing_of 'not --design static' check --design static --module model
refuses a_guests_leaf "fault 'TDG.MEM" check --program gA --fault TDG.MEM.PAGE.ACCEPT:1:OPERAND_BUSY
refuses number_with_a_tail "fault 'alloc:1x'" check --program gA --fault alloc:1x
refuses a_design_for_mutants 'design of its own' check --mutants --design v6
refuses too_many_programs 'too many programs' check --cpus 3 --ops 6 --regions 3
# Random schedules touch more words than can be told apart at once; it used to hang.
runs many_words 0 check -j1 --cpus 6 --ops 6 --regions 6 --pct-depth 5 --schedules 200
finish
