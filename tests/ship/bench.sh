#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# bench.sh - the shape of what `pamt bench` prints, and the limits that hold on any machine. How
# fast the calls are is not judged here: tests run on busy machines and under sanitizers.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/../cli/expect.sh" "$@"

refuses bench_of_nothing_is_refused 'say what to measure: host or seam' bench
refuses unknown_bench_is_refused 'say what to measure: host or seam' bench seem
refuses no_threads "'0' is not a number from 1 to 1024" bench host --threads 0
refuses threads_of_seam '--threads goes with host' bench seam --threads 2
refuses threads_and_check '--threads goes with host, and without --check' bench host --threads 1 --check
refuses zero_rounds_are_refused "'0' is not a number from 1 to" bench seam --rounds 0

runs bench_prints_one_object 0 bench seam --rounds 3 --json
err_empty
json '.schema == "pamt.bench.seam/1"'
json '[.calibration | .chain_ns, .cas_ns, .call_ns, .fill_ns | . > 0] | all'
json '.calls | length == 13'
json '[.calls[] | select(.dynamic) | .dynamic.ns | . > 0] | all'
json '[.calls[] | select(.static)] | length == 11'
json '[.calls[] | .dynamic, .static | values | .ratio > 0 and (.limit == 1 or .limit == 0.8)] | all'
json '.threads == null or .threads.ratio > 0'
json '[.large[] | .seconds > 0 and .simulated > 0] | all'
json '[.large[].bytes] == [1099511627776, 17179869184]'
# A sanitizer's own memory counts as the process's.
if ! nm -D --undefined-only "$pamt" | grep -qE '__(a|t)san_'; then
	json '[.large[] | .resident <= .metadata + 67108864] | all'
fi

finish
