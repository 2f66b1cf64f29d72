#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# bench_host.sh - the shape of what `pamt bench host` prints, and its figures in virtual time, which
# are the same on every machine. What it measures on threads is not judged: tests run on busy ones.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/../cli/expect.sh" "$@"

runs bench_host_prints_one_object 0 bench host --rounds 3 --json
err_empty
json '.schema == "pamt.bench.host/1"'
json '.virtual64.linear.merged_over_ours >= 4'
json '.virtual64.linear.v6_over_ours >= 1'
json '.virtual64.edges.v6_over_ours >= 1'
json '.virtual256_over_64 | . > 0 and . <= 1.5'
json '.virtual_longest_get_ns | . > 0 and . <= 9000'
json '[.runs[] | .workload + " " + .design] ==
	["linear ours", "linear v6", "linear merged", "edges ours", "edges v6"]'
json '[.hot | .ours_over_bare, .ours_ns, .bare_ns, .threads | . > 0] | all'
json '[.range512 | .gets_over_range, .range_ns, .gets_ns | . > 0] | all'
jq -r '.virtual64 | "figure: 64 CPUs in virtual time: linear, merged over ours \(.linear.merged_over_ours), v6 over ours \(.linear.v6_over_ours); edges, v6 over ours \(.edges.v6_over_ours)"' "$scratch/out"

runs designs_on_one_thread 0 bench host --threads 1 --rounds 3 --json
err_empty
json '.schema == "pamt.bench.threads/1" and .processors >= 1'
json '[.rows[] | .load + " " + .design] == ["hot ours", "hot v6", "hot merged", "edges ours",
	"edges v6", "edges merged"]'
json '[.rows[] | .threads == 1 and .ns > 0 and .millions_per_second > 0 and .times_one_thread == 1] | all'
all=$(jq .processors "$scratch/out")
runs designs_on_all_processors 0 bench host --threads "$all" --rounds 3
out_has 'times one thread'
refuses more_threads_than_processors "there are $all processors" bench host --threads $((all + 1))

finish
