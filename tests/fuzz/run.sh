#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# run.sh FUZZER SECONDS SEED INPUT... - the fuzzer on a copy of the corpus, files and folders. An input that fails is
# printed, with the way to replay it, and kept beside the fuzzer, in findings-FUZZER/. With a seed the same
# inputs are tried every time, so that a change is judged by what it changed; with 0 for one the hunt
# goes elsewhere every time.
set -u
fuzzer=$1 seconds=$2 seed=$3
shift 3
[ "$seed" != 0 ] || seed=$RANDOM
findings=$(dirname "$fuzzer")/findings-$(basename "$fuzzer")
scratch=$(mktemp -d) || exit 99
trap 'rm -rf "$scratch"' EXIT
rm -rf "$findings"
mkdir -p "$findings" "$scratch/corpus"
for input in "$@"; do
	cp -r "$input" "$scratch/corpus" || exit 99
done
"$fuzzer" -seed="$seed" -max_total_time="$seconds" -max_len=32768 -timeout=20 \
	-rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$findings/" "$scratch/corpus" >"$scratch/log" 2>&1
code=$?
if [ "$code" != 0 ]; then
	grep -vE '^(INFO|#[0-9])' "$scratch/log" | tail -n 40
	for input in "$findings"/*; do
		[ -f "$input" ] || continue
		echo "--- $input"
		cat "$input"
		echo "replay it: $fuzzer $input"
	done
	exit 1
fi
awk '/number_of_executed_units/ { runs = $2 } /new_units_added/ { new = $2 }
	END { printf "figure: fuzzing, seed '"$seed"': %d inputs tried, %d of them new in what they reach, " \
		"0 findings\n", runs, new; exit !runs }' "$scratch/log"
