#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# real.sh - `pamt check --real` for $3 seconds, in words and as JSON, and bad options.
seconds=$3
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh" "$1" "$2"
exec </dev/null

runs hunt 0 check --real --json --seconds "$seconds" --threads 8 --seed 1000
json '.schema == "pamt.check-real/1" and .found == null and .seed == null and .threads == 8'
json '.rounds > 0 and .first_seed == 1000 and ([.operations[]] | add) > 0'
# It is no hunt if nothing moves.
json '.adds > 0 and .removes > 0'
jq -r '"figure: pamt check --real: \(.rounds) rounds, \([.operations[]] | add) operations, " +
	"\(.adds) pairs given, \(.seconds | floor) s"' "$scratch/out"
err_empty
runs in_words 0 check --real --seconds 1 --threads 2
out_has 'rounds on 2 threads'
check_that 'last line' test "$(tail -n 1 "$scratch/out")" = 'nothing is wrong'

refuses one_thread '--threads' check --real --threads 1
refuses no_time '--seconds' check --real --seconds 0
refuses not_explored "no option '--cpus'" check --real --cpus 2
refuses words "not 'x'" check --real x
finish
