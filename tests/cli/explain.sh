#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# explain.sh - `pamt explain`: words, names, whole lines of a kernel log, and a log on standard input.
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh" "$@"
exec </dev/null

for word in 0xc000030400000001 c000030400000001 C000030400000001 13835061370996916225; do
	runs "status_is_read_in_every_form: $word" 0 explain "$word"
	out_has TDX_HPA_RANGE_NOT_FREE
	out_has 'class     page metadata'
	out_has 'error, not recoverable'
	out_has 'operand RCX'
	out_has 'meaning '
	out_has 'advice '
	err_empty
done

runs sixteen_digits_are_hexadecimal 0 explain 8000020000000001
out_has 'TDX_OPERAND_BUSY  0x8000020000000001'
out_has 'error, recoverable'
runs shorter_digits_are_decimal 0 explain 58
out_has TDH.PHYMEM.PAMT.ADD
runs hexadecimal_leaf 0 explain 0x3b
out_has TDH.PHYMEM.PAMT.REMOVE
runs leaf_with_version 0 explain 0x10003
out_has TDH.MEM.SEPT.ADD
out_has 'version   1'
runs zero_is_success 0 explain 0
out_has TDX_SUCCESS

# Metadata fields: by their own id, and as the leaves take it.
runs a_field_by_its_id 0 explain 0x9100000100000008
out_has 'MAX_TDMRS  0x9100000100000008'
out_has 'metadata of the module, 16 bits'
out_lacks 'status'
runs a_field_of_many_elements 0 explain 0x9900000300000503
out_has CPUID_CONFIG_VALUES
out_has '3, of 32 fields of 2'
runs what_debug_tds_allow 0 explain 0x002400020000401e
out_has 'VMCS_SECONDARY_CONTROLS'
out_has 'bits 0xc0000000; of debug TDs: bits 0xc0130c04'
runs a_field_of_another_size_is_only_a_field_if_asked 0 explain 0x8000000300000000
out_has TDX_INTERRUPTED_RESUMABLE
out_lacks NUM_PKGS
runs asked_for_a_field 0 explain field 0x8000000300000000
out_has NUM_PKGS
out_lacks INTERRUPTED
runs a_field_by_name 0 explain field hp_lock_timeout
out_has 0x9110000300000011
runs a_field_as_json 0 explain --json field PEND_NMI
json '.items[0].findings[0].kind == "field" and .items[0].findings[0].bits == 8'
refuses no_such_field "field: '0x1234000000' is no metadata field" explain field 0x1234000000
refuses no_id "field: no id given" explain field

for word in TDX_OPERAND_BUSY OPERAND_BUSY tdx_operand_busy; do
	runs "status_by_name: $word" 0 explain "$word"
	out_has 'TDX_OPERAND_BUSY  0x8000020000000000'
	out_lacks 'detail'
done
for word in TDH.MEM.PAGE.AUG TDH_MEM_PAGE_AUG tdh.mem.page.aug MEM.PAGE.AUG; do
	runs "leaf_by_name: $word" 0 explain "$word"
	out_has 'TDH.MEM.PAGE.AUG  SEAMCALL leaf 6 (0x6)'
	out_has 'RCX  guest address and level'
done
runs leaf_of_both_sides_is_shown_twice 0 explain VP.RD
out_has 'TDH.VP.RD'
out_has 'TDG.VP.RD'
runs name_with_its_detail 0 explain 'OPERAND_BUSY(SEPT_TREE)'
out_has 0x8000020000000092
runs operand_and_page_type_by_name 0 explain TDR
out_has 'operand 128'
out_has 'page type 4'

# Details that are not operands.
runs info_bytes_of_sys_config 0 explain 0xc0000a1200010201
out_has 'TDX_PAMT_OVERLAP'
out_has 'TDMR 1, PAMT of 1G pages, with itself'
runs reserved_area_of_a_tdmr 0 explain 0xc0000a2000000f03
out_has 'TDMR 3, reserved area 15'
runs operation_state 0 explain 0xc000060800000002
out_has 'RUNNABLE'
runs page_of_the_pair 0 explain 0xc000030600000001
out_has 'page 1 of the pair'
runs kernel_software_error 0 explain 0x8000ff00ffff0000
out_has TDX_SEAMCALL_VMFAILINVALID
out_has 'not from the module'
runs software_error_by_name 0 explain VMFAILINVALID
out_has 0x8000ff00ffff0000
runs other_exception 0 explain 0x8000ff000000000e
out_has '#PF'
runs unknown_code_of_known_class 0 explain 0xc0000a7700000000
out_has 'unknown status'
out_has 'TDMR and PAMT'

# Unknown words: each one line, exit 2, and the others are explained all the same.
refuses unknown_word "'zz' is not known" explain zz
refuses empty_word "'' is not known" explain ''
refuses number_too_large "'0x10000000000000000' is not known" explain 0x10000000000000000
refuses nearest_name_is_offered "did you mean 'OPERAND_BUSY'" explain OPERAND_BSUY
refuses part_of_a_name "did you mean 'OPERAND_BUSY'" explain BUSY
refuses unknown_option "no option '--jsno'; did you mean '--json'?" explain --jsno 0
runs good_words_are_not_lost 2 explain 58 zz TDX_SYS_BUSY
out_has TDH.PHYMEM.PAMT.ADD
out_has TDX_SYS_BUSY
err_line "'zz' is not known"

# A line of a log as one argument.
runs kernel_line_is_one_argument 0 explain \
	'[   12.345678] virt/tdx: SEAMCALL (0x000000000000003a) failed: 0xc000030400000001'
out_has TDH.PHYMEM.PAMT.ADD
out_has TDX_HPA_RANGE_NOT_FREE
out_has 'which holds: 2M region and size'
runs decimal_leaf_in_a_line 0 explain 'SEAMCALL (58) failed: 0x8000020000000002'
out_has TDH.PHYMEM.PAMT.ADD
out_has TDX_OPERAND_BUSY
runs kvm_line_with_registers 0 explain \
	'SEAMCALL TDH_MEM_PAGE_AUG failed: 0xc0000b0d00000001, rcx 0x12345007, rdx 0x401'
out_has TDH.MEM.PAGE.AUG
out_has TDX_EPT_ENTRY_STATE_INCORRECT
out_has 'level 2M, state MAPPED'
refuses line_without_anything "is not known" explain 'BIOS-e820: [mem 0x100000-0x30100000000] usable'
refuses negative_errno_is_no_status "is not known" explain 'module initialization failed (-28)'

# A log on standard input.
log="$scratch/log"
cat >"$log" <<'END'
[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x0000030100000000] usable
[   12.000000] RCX: 8000020000000001 of some oops, with no call before it
[   12.345678] virt/tdx: SEAMCALL (0x000000000000003a) failed: 0xc000030300000002
[   12.345679] RCX 0x0000000080000001 RDX 0x0000000012345000 R08 0x0000000012346000
[   12.345680] R09 0000000000000000 R10 0000000000000000 R11 0000000000000000
[   12.400000] virt/tdx: module initialization failed (-5)
END
runs log_on_stdin 0 explain <"$log"
out_has 'line 3: [   12.345678] virt/tdx'
out_has TDX_PAGE_NOT_FREE
out_has 'first PAMT page: 0x12345000'
out_has '2M region and size: 0x80000000, 2M'
out_lacks 'line 1:'
out_lacks 'line 2:'
out_has 'line 6:'
out_has '-5 is EIO'
err_empty
runs dash_is_stdin 0 explain - <"$log"
out_has TDX_PAGE_NOT_FREE
runs word_alone_on_a_line 0 explain <<<TDX_SYS_BUSY
out_has TDX_SYS_BUSY
refuses empty_stdin 'standard input is empty' explain
refuses log_with_nothing_in_it 'nothing to explain in 1 line' explain <<<'all is well today'
refuses binary_stdin 'not text' explain < <(printf 'a\0b\n')
refuses unreadable_stdin 'cannot be read' explain </

# The P-SEAMLDR has leaves and codes of its own.
runs leaf_of_the_loader 0 explain 0x8000000000000001
out_has SEAMLDR.INSTALL
runs code_of_the_loader 0 explain 0x8000000000010004
out_has EUNSUPCPU
out_lacks TDX_SUCCESS
runs code_of_the_loader_by_name 0 explain EBADHANDOFF
out_has 0x8000000000000004
runs leaf_of_a_later_module 0 explain 69
out_has TDH.SYS.DISABLE
runs other_leaf_by_name 0 explain SEAMLDR.SHUTDOWN
out_has 'shuts the P-SEAMLDR down'

# JSON.
runs json_of_words 2 explain --json 0xc000030400000001 TDH.MEM.PAGE.AUG zz TDR
json '.schema == "pamt.explain/1"'
json '.items | length == 3'
json '.items[0].findings[0] | .kind == "status" and .name == "TDX_HPA_RANGE_NOT_FREE"'
json '.items[0].findings[0] | .value == "0xc000030400000001" and .detail == 1 and .error'
json '.items[0].findings[0] | (.recoverable | not) and .class_number == 3'
json '.items[1].findings[0] | .kind == "leaf" and .number == 6 and (.takes | length) == 3'
json '[.items[2].findings[].of] == ["operand", "page type"]'
err_line "'zz' is not known"
runs json_of_a_log 0 explain --json <"$log"
json '[.items[].line] == [3, 4, 5, 6]'
json '.items[1].findings[1] | .name == "RDX" and .meaning == "first PAMT page: 0x12345000"'
runs json_of_bytes_that_are_no_text 0 explain --json "$(printf 'SEAMCALL (58) failed: 0x8000020000000002 \377')"
json '.items[0].source | endswith("?")'

# --list has every code of the public header, once.
listed=$(grep -cE '^\sX\([A-Z0-9_]+, 0x[0-9a-f]{16}\)' "$data/../../include/pamt/status.h")
runs list_has_every_code 0 explain --list --json
json ".statuses | map(select(.software | not)) | length == $listed"
json '(.statuses | map(.value) | unique | length) == (.statuses | length)'
json '.statuses | all(.meaning != null and .advice != null)'
json '.leaves | map(select(.guest | not) | .number) | contains([0, 6, 58, 59])'
runs list_in_words 0 explain --list
out_has 'TDH.PHYMEM.PAMT.ADD'
out_has '0xc000030400000000 TDX_HPA_RANGE_NOT_FREE'
refuses list_takes_no_words 'takes no words' explain --list 0

# However long a log is, what is written is written: less than 1 KB of memory for each line.
for _ in $(seq 4000); do
	printf '[    1.0] virt/tdx: SEAMCALL (0x000000000000003a) failed: 0xc000030300000002\n'
done >"$scratch/long"
runs json_of_a_long_log 0 explain --json <"$scratch/long"
json '.items | length == 4000'
err_empty
# A sanitizer has a memory of its own.
nm -D --undefined-only "$pamt" | grep -qE '__(asan|tsan)_' ||
	check_that 'memory grows by less than 1 KB a line' python3 - "$pamt" "$scratch/long" <<'END'
import resource, subprocess, sys
peak = []
for lines in (40, 4000):
    text = "".join(open(sys.argv[2]).readlines()[:lines])
    subprocess.run([sys.argv[1], "explain", "--json"], input=text.encode(), stdout=subprocess.DEVNULL, check=True)
    peak.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(peak[1] - peak[0] >= 4000)
END

finish
