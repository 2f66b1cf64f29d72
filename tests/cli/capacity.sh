#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# capacity.sh - `pamt plan --td`: the forecast against runs of the same TDs, published figures,
# several machines, bad input. With `full` in $3 the runs are of 128 GB.
full=${3-}
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh" "$1" "$2"
exec </dev/null
machines=$data/machines

quiet() { "$@" >/dev/null; }

# agrees NAME MACHINE NODES MEMORY PERCENT_4K: a run of one TD with one vCPU, which boots twice.
# 4K pages and S-EPT pages are exact. Of pairs a few may be more: small chunks of the pool lie in
# other regions than guests' pages where they do not fit beside them, one on each node at most; of
# bytes one chunk of 2 MB per node.
agrees()
{
	local machine=$2 nodes=$3 memory=$4 percent=$5 rate
	rate=$(printf '%d.%02d' $(((100 - percent) / 100)) $(((100 - percent) % 100)))
	runs "$1, the run" 0 run --json --machine "$machine" --memory "$memory" --tds 1 --vcpus 1 \
		--4k "$percent" --flips 0
	mv "$scratch/out" "$scratch/run"
	runs "$1" 0 plan --json --td "$memory,pages=thp:$rate" "$machine"
	check_that 'as the run was' quiet jq -e --slurpfile run "$scratch/run" --argjson nodes "$nodes" '
		$run[0] as $r | .machines[0] as $p |
		def near(a; b; tolerance): (a - b | fabs) <= tolerance;
		$r.counts.maps_4k == 2 * $p.pages_4k and
		$r.counts.maps_2m == 2 * $p.pages_2m and
		$r.counts.sept_pages == 2 * $p.sept_pages and
		near($r.bytes.pairs_peak; $p.pairs; 2 * $nodes) and
		near($r.bytes.os_peak; $p.pool_bytes; 2097152 * $nodes) and
		$r.bytes.static_boot == $p.static_boot_bytes and
		$r.bytes.dynamic_boot == $p.dynamic_boot_bytes' "$scratch/out"
}

if [ -n "$full" ]; then
	agrees 128_gb_in_2m builtin:256g 1 128G 0
	agrees 128_gb_mixed builtin:256g 1 128G 10
	agrees 128_gb_on_two_nodes builtin:2t 2 128G 3
	finish
	exit
fi

agrees small_in_2m builtin:256g 1 512M 0
agrees small_mixed builtin:256g 1 512M 10
agrees small_in_4k builtin:256g 1 256M 100

# As published: 16 GB of pairs for 4 TB in 4K pages; in 2M pages there is next to nothing.
runs four_tb_in_4k 0 plan --json --td 4T,pages=4k builtin:64t
json '.machines[0] | (.pairs * 8192 / 1073741824 | . > 16 and . < 16.2)'
runs four_tb_in_2m 0 plan --json --td 4T builtin:64t
json '.machines[0] | .pool_bytes < 64 * 1048576 and .pairs < 64'

# What is paid in 4K pages: on a machine that is full of them static is the cheaper one.
runs whole_machine_in_4k 0 plan --json --td 240G,pages=4k builtin:256g
json '.machines[0] | .whole_machine_percent_4k > 90 and .whole_machine_percent_4k < 100'
json '.machines[0] | .pays_up_to_percent_4k == null or .pays_up_to_percent_4k > 90'
# Beside the control and S-EPT pages static needs what SYS.CONFIG takes, and nothing else.
json '.machines[0] | .static_bytes == .static_boot_bytes + 4096 * (.control_pages + .sept_pages)'
json '.machines[0] | .dynamic_bytes == .dynamic_boot_bytes + .table_bytes + .pool_bytes'

runs groups_add_up 0 plan --json --td 2x4G,vcpus=2 --td 1G,pages=thp:0.5 builtin:2t
json '.schema == "pamt.capacity/1" and (.tds | length) == 2 and .machines[0].tds == 3'
json '.machines[0].td_bytes == 9 * 1073741824'
json '.machines[0].control_pages == 2 * (7 + 12) + 7 + 6'
runs in_words 0 plan --td 8x64G,vcpus=16,pages=thp:0.9 builtin:2t
out_has 'together'
out_has 'most TDs: 31'
out_has '8 x 64 GB, 16 vCPUs, 10 % in 4K pages'
err_empty
runs a_row_each 0 plan --td 2x8G builtin:256g "$machines/two-socket-2tb.log" builtin:64t
check_that 'five lines, the last of them a total' test "$(wc -l <"$scratch/out")" -eq 5
runs as_csv 0 plan --csv --td 2x8G builtin:256g "$machines/two-socket-2tb.log"
check_that 'lines of as many fields' test \
	"$(awk -F, '{ print NF }' "$scratch/out" | sort -u | wc -l)" -eq 1
check_that 'four lines' test "$(wc -l <"$scratch/out")" -eq 4
check_that 'the last is their sum' test "$(sed 1d "$scratch/out" | sed '$d' |
	jq -Rs 'split("\n") | map(split(",")[1] // "0" | tonumber) | add')" = \
	"$(tail -n 1 "$scratch/out" | cut -d, -f 2)"
head -n 1 "$scratch/out" | tr , '\n' | sort >"$scratch/columns"
runs csv_and_json_have_the_same_names 0 plan --json --td 2x8G builtin:256g "$machines/two-socket-2tb.log"
check_that 'the same names' diff "$scratch/columns" \
	<(jq -r '.machines[0] | keys[]' "$scratch/out" | sort)
json '.total.static_bytes == ([.machines[].static_bytes] | add)'
runs boot_figures_of_several 0 plan --csv builtin:256g builtin:2t
check_that 'four lines' test "$(wc -l <"$scratch/out")" -eq 4

# TDs of a size that is no multiple of 2M: the rest is 4K pages, with an S-EPT page and a pair of its own.
for size in 2815M 67001M 16388K 3M; do
	runs "odd_size: $size" 0 plan --json --td "$size" builtin:2t
	json '.machines[0] | (.pages_4k + 512 * .pages_2m) * 4096 == .td_bytes'
	json '.machines[0] | .pages_4k > 512 and .pages_4k < 1024 and .pairs >= 2'
done
for size in 16GB 16GiB 16Gi 16g '16 GB' 16384M 16.0G; do
	runs "size_as_others_write_it: $size" 0 plan --json --td "$size" builtin:2t
	json '.machines[0].td_bytes == 17179869184'
done

runs too_many_tds 1 plan --td 32x1G builtin:2t
out_has 'not enough KeyIDs'
runs too_much_memory 1 plan --td 2x200G builtin:256g
out_has 'do not fit into'

refuses nothing "allowed: memory of one TD" plan --td ''
refuses no_size "allowed: memory of one TD" plan --td 4x
refuses no_number "'lots'" plan --td lots
refuses megabytes_without_a_unit 'without a unit it is bytes' plan --td 4096
refuses odd_size 'multiple of 4K' plan --td 1G,pages=4k --td 5000
refuses too_large '128T' plan --td 256T
refuses no_td '1 to 4096' plan --td 0x4G
refuses too_many '1 to 4096' plan --td 5000x4G
refuses no_vcpu 'vcpus=1 to vcpus=576' plan --td 4G,vcpus=0
refuses unknown_key 'pages=4k|2m|thp:RATE' plan --td 4G,cpus=3
refuses empty_key "'' is not possible" plan --td 4G,
refuses unknown_pages 'thp:RATE' plan --td 4G,pages=1g
refuses rate_too_high 'thp:RATE' plan --td 4G,pages=thp:1.01
refuses rate_too_fine 'thp:RATE' plan --td 4G,pages=thp:0.123
refuses rate_none 'thp:RATE' plan --td 4G,pages=thp:
refuses csv_and_json 'not both' plan --csv --json --td 4G builtin:2t

finish
