#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# failed.sh - `pamt explain` and `pamt diagnose` of recordings: what failed in them.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh" "$@"
exec </dev/null

# Of a running host: a lock was taken three times, a KeyID was not free, a vCPU ran.
cat >"$scratch/host.vec" <<'END'
machine max_pa=46 hkid_bits=6 hkid_min=0x20 hkid_max=0x3f lps=2 packages=1 cache_blocks=8 seamrr=0x8000000000+0x2000000 cmr=0x0+0x40000000 live=1 missed=0 cut=0
configured 0x100000 count=1 stride=512 hkid=0x20
call 9 rcx=0x10000000 rdx=0x21 at=1000+10 -> rax=0
call 6 lp=1 rcx=0x10001000 rdx=0x10000000 at=1015+10 -> rax=0x8000020000000092
call 9 rcx=0x10002000 rdx=0x21 at=1030+10 -> rax=0xc000082000000000
call 6 lp=1 rcx=0x10001000 rdx=0x10000000 at=1045+10 -> rax=0x8000020000000092
call 6 rcx=0x10001000 rdx=0x10000000 at=1060+10 -> rax=0x8000020000000092
call 0 rcx=0x10003000 at=1075+10 -> rax=0x1
call 6 rcx=0x10001000 rdx=0x10000000 at=1090+10 -> *
END
gzip <"$scratch/host.vec" >"$scratch/host.gz"
head -c 200 "$scratch/host.gz" >"$scratch/short.gz"
grep -v rax=0x[8c] "$scratch/host.vec" >"$scratch/good.vec"

for file in host.vec host.gz; do
	runs "each kind of failure is explained once: $file" 0 explain "$scratch/$file"
	out_has '4 of 7 calls failed'
	out_has 'line 4: TDH.MEM.PAGE.AUG failed: 0x8000020000000092 on LP 1, first of 3 calls'
	out_has TDX_OPERAND_BUSY
	out_has 'line 5: TDH.MNG.CREATE failed: 0xc000082000000000 on LP 0'
	check_that 'two kinds' test "$(grep -c '^line ' "$scratch/out")" = 2
	err_empty

	runs "a lock that was taken is no cause: $file" 1 diagnose "$scratch/$file"
	out_has 'first wrong: TDs (certain)'
	out_has 'TDH.MNG.CREATE failed with'
	out_has 'line 5: TDH.MNG.CREATE'
	out_lacks OPERAND_BUSY
	check_that 'the module was up' grep -q '^PAMT .* good .*before the recording (line 2)$' "$scratch/out"
done
runs a_recording_on_standard_input_is_diagnosed 1 diagnose - <"$scratch/host.gz"
out_has 'line 5: TDH.MNG.CREATE'
sed 's/ missed=0/ missed=5/' "$scratch/host.vec" >"$scratch/missed.vec"
runs what_was_missed_is_said 0 explain "$scratch/missed.vec"
err_line 'missed.vec may not replay: 5 events were missed'
runs failures_as_json 0 explain --json "$scratch/host.gz"
json '[.items[].line] == [4, 5]'
json '.items[1].findings[1].name == "TDX_HKID_NOT_FREE"'

runs nothing_failed 0 explain "$scratch/good.vec"
out_has '0 of 3 calls failed'
runs nothing_is_wrong 0 diagnose "$scratch/good.vec"
out_has 'nothing wrong'
check_that 'vCPUs ran' grep -q '^TDs .* good .*vCPUs run (line 4)$' "$scratch/out"

# Each was looked for among all kinds before it: of these it took minutes.
{
	sed '/^call/d' "$scratch/good.vec"
	seq -f '%.0f' 100000 499999 | sed 's/.*/call 9 rcx=0x1000 at=&+1 -> rax=0x8000020000&/'
} >"$scratch/kinds.vec"
runs many_kinds_of_failures 0 diagnose -q "$scratch/kinds.vec"

# What is none, or is broken.
refuses a_recording_that_is_cut_short 'compressed, and broken or cut short' explain "$scratch/short.gz"
refuses a_recording_that_is_cut_short_is_not_diagnosed 'compressed, and broken or cut short' diagnose "$scratch/short.gz"
sed 's/^call 9 /call nine /' "$scratch/host.vec" >"$scratch/odd.vec"
refuses a_line_that_is_wrong "$scratch/odd.vec:3: " explain "$scratch/odd.vec"
refuses a_line_that_is_wrong_is_not_diagnosed "$scratch/odd.vec:3: " diagnose "$scratch/odd.vec"
echo 'virt/tdx: SEAMCALL (0x000000000000003a) failed: 0x8000020000000002' >"$scratch/log"
refuses a_file_that_is_no_recording 'is a file, and no recording' explain "$scratch/log"

finish
