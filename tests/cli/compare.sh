#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# compare.sh - `pamt compare`: what each design of the Linux series was found to do is seen as a
# number; the same seed gives the same numbers; bad input. With `full` in $3 the comparison that is
# made by default instead, and how it stands to what was measured and published.
which=${3-}
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh" "$1" "$2"
exec </dev/null

# of DESIGN FILTER: about the run of a design.
of() { json "[.runs[] | select(.design == \"$1\")] | length == 1 and (.[0] | $2)"; }
in_any_order() { json ".explored[] | select(.design == \"$1\") | $2"; }
get='.ops.get.total_ns'

if [ "$which" = full ]; then
	runs ten_tds_on_two_sockets 0 compare --json
	err_empty
	json '.schema == "pamt.compare/1" and .scaled == 1 and (.runs | length) == 11 and
		(.curve | length) == 55'
	json '[.runs[].error, .curve[].error] | map(select(. != null)) == []'
	of ours '.failures == 0 and .left == 0 and .busy == 0 and .missing == 0 and .error == null'
	# Published: 55.5 s in get without the fast path, 0.33 s with it, 3.4 million gets.
	json "([.runs[] | {(.design): $get}] | add) as \$t |
		\$t.merged > 80 * \$t.v6 and \$t.v6 > 1.2 * \$t.ours"
	json '([.runs[] | {(.design): .get_put_ns}] | add) as $t |
		$t.merged > 50 * $t.v6 and $t.v6 > $t.ours'
	of merged "$get / .ops.get.count > 8000 and $get / .ops.get.count < 32000"
	of v6 "$get / .ops.get.count < 250"
	of lazy '.busy > 50 and .missing > 100'
	of ctor '.left > 1048576 and .lost_pages == 0'
	of hook '.failures > 0'
	of static '.pamt_boot > 8000000000 and .adds == 0'
	# On 256 CPUs the lock of the slow path is what v6 waits for.
	json '([.curve[] | select(.cpus == 256) | {(.design): .ns_per_get}] | add) as $t |
		$t.merged > 10 * $t.v6 and $t.v6 > 3 * $t.ours'
	jq -r '.runs[] | "figure: pamt compare, \(.design): " +
		"\(.ops.get.total_ns / ([1, .ops.get.count] | max) | floor) ns per get, " +
		"\(.get_put_ns / 1000 | floor) us in get and put, \(.waited_ns / 1000 | floor) us waited, " +
		"\(.busy) BUSY, \(.failures) failures, \(.left) bytes left"' "$scratch/out"
	jq -r '.curve[] | select(.cpus == 256) |
		"figure: pamt compare, \(.design) on 256 CPUs: \(.ns_per_get | floor) ns per get"' \
		"$scratch/out"
	finish
	exit
fi

cat >"$scratch/small.pamt" <<'END'
title    two small TDs
machine  builtin:256g
cpus     4
seed     3
td small-pages
  vcpus    2
  memory   8M
  pages    4k
  flips    4
td thp
  vcpus    2
  memory   8M
  partial  4
  restarts 1
END
runs every_design 0 compare --no-curve --json "$scratch/small.pamt"
err_empty
json '.schema == "pamt.compare/1" and .scenario == "two small TDs" and .seed == 3 and .tds == 2'
json '(.runs | length) == 11 and .curve == [] and ([.runs[] | select(.error != null)] == [])'
for design in ours merged v6 per-region static rfc ctor lazy; do
	of "$design" '.failures == 0 and .lost_pages == 0'
done
for design in ours merged v6 per-region static rfc lazy hook; do
	of "$design" '.left == 0'
done
of ours '.adds > 0 and .busy == 0 and .missing == 0'
of static '.adds == 0 and .removes == 0 and .pamt_boot > 1000000000'
of merged '.ops.get | .p50_ns <= .p99_ns and .p99_ns <= .p999_ns and .p999_ns <= .longest_ns'
of merged '.pamt_boot < 20000000 and .pamt_peak > .pamt_boot and .ops.get.total_ns > 0'
of lazy '.missing > 0'
# A constructor has nothing that takes back what it did.
of ctor '.left > 0'
# What was backed at allocation, as 2M, has nothing for its 4K pieces.
of hook '.failures > 0 and .failure != null'
for design in ours merged-demote-locked static; do
	in_any_order "$design" '.violation == null and .schedules > 0'
done
# DEMOTE walks the region that its pair is from, and so does the PAMT.ADD of that region.
for design in merged v6 ctor merged-demote-optimistic; do
	in_any_order "$design" '.violation | contains("OPERAND_BUSY")'
	in_any_order "$design" '.command | contains("--regions 3")'
done
in_any_order lazy '.violation | contains("MISSING_PAMT_PAGE_PAIR")'
in_any_order rfc '.violation | contains("the count says that the region is backed, and it is not")'
in_any_order per-region '.violation | contains("OPERAND_BUSY")'
in_any_order hook '.violation | contains("split of region A fails")'
jq -r '.explored[] | select(.command != null) | .command' "$scratch/out" >"$scratch/commands"
cp "$scratch/out" "$scratch/first"
runs the_same_numbers_again 0 compare --no-curve --json "$scratch/small.pamt"
check_that 'the output is the same' cmp "$scratch/out" "$scratch/first"
runs another_seed 0 compare --no-curve --json --seed 4 --designs ours "$scratch/small.pamt"
json ".seed == 4 and .runs[0].hash != $(jq '.runs[0].hash' "$scratch/first")"
while read -r _ words; do
	eval "set -- $words"
	runs the_command_shows_it 1 "$@"
	out_has '1 violations'
done <"$scratch/commands"

runs as_a_table 0 compare --no-curve -q --designs ours,hook --pages 2000 "$scratch/small.pamt"
out_has 'PAMT at boot'
out_has 'memory divided by 2'
out_has 'hook, two small TDs: '
out_has "    pamt check --design hook --pages apart --regions 2 --program 'MA SA' --bound 0"
err_empty

runs a_part_of_the_matrix 0 compare --matrix --cells 'unaged, 8 CPUs, 64M' --seeds 2 --pages 4096 --json
err_empty
# linear and random with either kind of lists; edges once.
json '.schema == "pamt.compare-matrix/2" and .seeds == 2 and (.cells | length) == 5'
json '[.cells[].cell | select(endswith(", fixed batches"))] | length == 2'
json '[.cells[].designs[] | .waited >= 0 and .topped_up >= 0 and .waited + .topped_up <= 1] | all'
json '[.cells[] | .designs[0] | .design == "ours" and .failures == 0 and .get_put_ns > 0] | all'
json '[.cells[].designs[1].times] | . == sort and .[0] > 0'
json '.times.v6.ns_per_get.worst == .cells[0].designs[1].times'
json '[.cells[] | select(.cell | startswith("edges"))][0].designs[0].mean_get_ns >
	5 * [.cells[] | select(.cell | startswith("linear"))][0].designs[0].mean_get_ns'
cp "$scratch/out" "$scratch/first"
runs the_same_part_again 0 compare --matrix --cells 'unaged, 8 CPUs, 64M' --seeds 2 --pages 4096 --json -j 1
check_that 'the output is the same' cmp "$scratch/out" "$scratch/first"
runs the_matrix_as_a_table 0 compare --matrix --cells restarts --seeds 1 --pages 2048 -q
out_has 'times as long as ours, get+put, of 2 cells'
# What is wanted of each cell, and who is behind: the exit code and the list say the same.
status=0
"$pamt" compare --matrix --seeds 1 -q --check --json --cells 'unaged, 8 CPUs, 16G' --pages 2048 \
	>"$scratch/out" || status=$?
check_that 'exit 1 where a cell is behind' test "$status" = "$(jq 'if .behind == [] then 0 else 1 end' "$scratch/out")"
json '[.behind[] | .times < .least] | all'
json '([.cells[] | select(.designs[1].times < 1) | .cell] | sort) ==
	([.behind[] | select(.design == "v6" and .least == 1) | .cell] | sort)'
runs nobody_behind 0 compare --matrix --seeds 1 -q --cells 'edges, unaged, 8 CPUs, 64M' --pages 2048 --check
check_that 'nobody is behind' test -z "$(grep behind: "$scratch/out")"
refuses no_such_cell 'no cell has this in its name' compare --matrix --cells none
refuses a_design_for_the_matrix 'of its own' compare --matrix --designs ours
refuses seeds_alone 'go with --matrix' compare --seeds 2
refuses check_alone 'go with --matrix' compare --check

# Where nobody waits for anybody: one CPU. No design is ahead by its locks there.
printf 'machine 4G\ncpus 1\naged 95%%\nscattered yes\ntd a\n  memory 16M\n  pages 4k\n' \
	>"$scratch/scattered.pamt"
printf 'machine 16G\ncpus 1\nrounds 10\ntd a\n  memory 64M\n  partial 100\n' >"$scratch/splits.pamt"
printf 'machine 16G\ncpus 1\ntd a\n  memory 2M\n  restarts 3\n' >"$scratch/small.pamt"
for load in scattered splits small; do
	runs "one_cpu_$load" 0 compare --no-curve -q --json --designs ours,v6 "$scratch/$load.pamt"
	json '[.runs[] | {(.design): .ns_per_get}] | add | .v6 >= .ours and .ours > 0'
done

runs prices 0 compare --costs
out_has '[measured]'
out_has 'pamt_add     4000'

refuses unknown_design "no design 'best'; allowed are ours, merged" compare --designs ours,best
refuses twice 'v6 is there twice' compare --designs v6,v6
refuses none 'names none' compare --designs ,
refuses two_scenarios 'one scenario too many' compare a b
refuses no_such_file 'none.pamt' compare "$scratch/none.pamt"
refuses bad_cpus "--cpus" compare --cpus 0
printf 'td a\n  memory 3K\n' >"$scratch/bad.pamt"
refuses bad_scenario 'bad.pamt:2' compare "$scratch/bad.pamt"
finish
