#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# lkvs.sh - `pamt lkvs`: a few small cases and bad input. With `full` in $3 all 14 cases, and how
# long they take; with `more` the variants.
what=${3-}
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh" "$1" "$2"
exec </dev/null

sound()
{
	json '.schema == "pamt.lkvs/1" and .machine == "builtin:2t" and .failed == 0'
	json '[.cases[] | select(.result != "passed" or .error != null or .steps == 0)] == []'
	err_empty
}

if [ "$what" = full ]; then
	start=$EPOCHREALTIME
	runs all_fourteen 0 lkvs --json
	sound
	json '.passed == 14 and [.cases[].case] == [range(14)]'
	# The amounts of a TD's first 64 MB and every 64th region do not depend on the round.
	json '.cases as $c | $c[10].pairs_bytes_peak == $c[12].pairs_bytes_peak'
	json '.cases as $c | $c[11].pairs_bytes_peak == $c[13].pairs_bytes_peak'
	LC_ALL=C awk -v from="$start" -v to="$EPOCHREALTIME" \
		'BEGIN { printf "figure: pamt lkvs, all 14 cases: %.0f s\n", to - from }'
	finish
	exit
fi
if [ "$what" = more ]; then
	runs the_variants 0 lkvs --json 14 15 16 17
	sound
	json '.passed == 4'
	finish
	exit
fi

runs a_td_and_a_vm 0 lkvs --json 0 1 2 8 9
sound
json '.passed == 5 and [.cases[].case] == [0, 1, 2, 8, 9]'
json '[.cases[] | select(.case == 2 or .case == 9) | .pairs_bytes_peak > 0] | all'
json '[.cases[] | select(.case < 2 or .case == 8) | .os_bytes_peak == 0] | all'
runs in_words 0 lkvs --jobs 1 0 8
out_has 'RESULT'
out_has 'an ordinary VM'
check_that 'last line' test "$(tail -n 1 "$scratch/out")" = '2 passed, 0 failed'
err_empty

refuses no_such_case "'18' is not a case" lkvs 18
refuses no_number "'all' is not a case" lkvs all
refuses one_of_many "'1x' is not a case" lkvs 1 1x 2
refuses no_jobs '--jobs' lkvs --jobs 0

finish
