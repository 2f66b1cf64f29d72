// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * test_status.c - every status code has a name that leads back, a meaning and an advice of its
 * own; a status is taken apart field by field and put in words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "abi/abi.h"

struct listed {
	const char *name;
	uint64_t value;
};

#define LISTED(name, value) { #name, UINT64_C(value) },
static const struct listed codes[] = { TDX_STATUS_LIST(LISTED) };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static tdx_status_t raw(uint64_t value) { return (tdx_status_t){ value }; }

static void every_code_has_a_name_that_leads_back(void **state)
{
	char with_prefix[80] = "TDX_";

	for (size_t i = 0; i < COUNT(codes); i++) {
		const struct abi_status *s = abi_status(raw(codes[i].value | 1));

		if (!s)
			fail_msg("%s is not in the table", codes[i].name);
		assert_string_equal(s->name, codes[i].name);
		assert_int_equal(s->value, codes[i].value);
		assert_ptr_equal(abi_status_by_name(codes[i].name), s);
		strcpy(with_prefix + 4, codes[i].name);
		assert_ptr_equal(abi_status_by_name(with_prefix), s);
		assert_ptr_equal(abi_status_at((unsigned int)i), s);
	}
}

static void every_code_has_meaning_and_advice_of_its_own(void **state)
{
	const struct abi_status *a, *b;

	for (unsigned int i = 0; (a = abi_status_at(i)); i++) {
		if (!a->meaning || strlen(a->meaning) < 15 || !a->advice || strlen(a->advice) < 10)
			fail_msg("%s has no text", a->name);
		if (strchr(a->meaning, '\n') || strchr(a->advice, '\n'))
			fail_msg("%s: more than one line", a->name);
		if (!strcmp(a->meaning, a->advice))
			fail_msg("%s: the advice repeats the meaning", a->name);
		for (unsigned int j = 0; j < i; j++) {
			b = abi_status_at(j);
			if (!strcmp(a->meaning, b->meaning) || !strcmp(a->advice, b->advice))
				fail_msg("%s and %s say the same", a->name, b->name);
		}
	}
}

static void codes_are_distinct_and_their_classes_named(void **state)
{
	for (size_t i = 0; i < COUNT(codes); i++) {
		assert_int_equal(codes[i].value & 0xffffffff, 0);
		assert_int_equal(codes[i].value >> 48 & 0xfff, 0);
		assert_non_null(abi_class_name((uint8_t)(codes[i].value >> 40)));
		for (size_t j = 0; j < i; j++)
			assert_true(codes[i].value != codes[j].value);
	}
	assert_null(abi_class_name(0x12));
	assert_null(abi_class_name(0xfe));
}

static void software_errors_are_found_by_value_and_name(void **state)
{
	assert_string_equal(abi_status(raw(TDX_SEAMCALL_VMFAILINVALID))->name,
			    "SEAMCALL_VMFAILINVALID");
	assert_string_equal(abi_status(raw(UINT64_C(0x8000ff000000000d)))->name, "SEAMCALL_GP");
	assert_string_equal(abi_status(raw(UINT64_C(0x8000ff0000000006)))->name, "SEAMCALL_UD");
	assert_string_equal(abi_status(raw(UINT64_C(0x8000ff000000000e)))->name, "SW_ERROR");
	assert_string_equal(abi_status(raw(UINT64_MAX))->name, "UNINITIALIZED_STATUS");
	assert_int_equal(abi_status_by_name("VMFAILINVALID")->value, TDX_SEAMCALL_VMFAILINVALID);
	assert_int_equal(abi_status_by_name("TDX_SEAMCALL_UD")->value, TDX_SEAMCALL_UD);
	assert_int_equal(abi_status_by_name("seamcall_gp")->value, TDX_SEAMCALL_GP);
	/* Compared whole: a detail that no wrapper makes is not one of them. */
	assert_null(abi_status(raw(TDX_SW_ERROR | 0xffff0001)));
	assert_null(abi_status(raw(UINT64_C(0xc000ff000000000d))));
	assert_null(abi_status(raw(TDX_SW_ERROR | 0x100)));
}

static void decode_takes_all_fields(void **state)
{
	struct abi_decoded d;

	abi_decode(raw(UINT64_C(0xc000030400000001)), &d);
	assert_string_equal(d.status->name, "HPA_RANGE_NOT_FREE");
	assert_string_equal(d.class_name, "page metadata");
	assert_true(d.error && d.non_recoverable && !d.fatal && !d.host_hint && !d.software);
	assert_int_equal(d.class, 3);
	assert_int_equal(d.code, 4);
	assert_int_equal(d.reserved, 0);
	assert_int_equal(d.detail, 1);

	abi_decode(raw(UINT64_C(0xf123060400000000)), &d);
	assert_true(d.error && d.non_recoverable && d.fatal && d.host_hint);
	assert_int_equal(d.reserved, 0x123);
	assert_null(d.status);
	/* TD_FATAL but for bits that it does not have. */
	assert_string_equal(d.similar->name, "TD_FATAL");

	abi_decode(raw(UINT64_C(0x80007f0000000000)), &d);
	assert_null(d.status);
	assert_null(d.similar);
	assert_null(d.class_name);

	abi_decode(raw(TDX_SEAMCALL_UD), &d);
	assert_true(d.software);
	assert_string_equal(d.class_name, "host software");
}

static void detail_is_said_in_words(void **state)
{
	static const struct {
		uint64_t status;
		const char *text;
	} cases[] = {
		{ 0, "" },
		{ 48, "exit reason EPT_VIOLATION (an access to a page that is not mapped)" },
		{ TDX_OPERAND_INVALID, "operand RAX (register: leaf and version)" },
		{ TDX_OPERAND_BUSY | TDX_OP_KOT,
		  "operand KOT (lock of the KeyID ownership table)" },
		{ TDX_OPERAND_BUSY | 77, "operand 77 (unknown)" },
		{ TDX_EPT_ENTRY_NOT_PRESENT, "" },
		{ TDX_PAMT_PAGE_NOT_EMPTY, "page 0 of the pair: 4K pages 0 to 255 of the region" },
		{ TDX_PAMT_PAGE_NOT_EMPTY | 1,
		  "page 1 of the pair: 4K pages 256 to 511 of the region" },
		{ TDX_PAMT_PAGE_NOT_EMPTY | 2, "page 2 of the pair (unknown)" },
		{ TDX_INVALID_TDMR | 7, "TDMR 7" },
		{ TDX_INVALID_TDMR | 0x107, "TDMR 7, unexpected bits 0x100" },
		{ TDX_INVALID_RESERVED_IN_TDMR | 0x0f02, "TDMR 2, reserved area 15" },
		{ TDX_INVALID_PAMT | 0x0203, "TDMR 3, PAMT of 1G pages" },
		{ TDX_PAMT_OVERLAP | 0x010001,
		  "TDMR 1, PAMT of 4K pages, with itself or its own TDMR" },
		{ TDX_PAMT_OVERLAP | 0x000105, "TDMR 5, PAMT of 2M pages, with TDMR 0" },
		{ TDX_OP_STATE_INCORRECT | 2,
		  "TD operation state RUNNABLE (built; vCPUs can be entered)" },
		{ TDX_VCPU_STATE_INCORRECT | 8,
		  "vCPU state DISABLED (can never be entered again)" },
		{ TDX_L2_SEPT_WALK_FAILED | 0x20001, "nested VM 2, level 2M" },
		{ TDX_PAGE_SIZE_MISMATCH | 1, "level 2M" },
		{ TDX_PAGE_ALREADY_ACCEPTED | 9, "level 9" },
		{ TDX_X2APIC_ID_NOT_UNIQUE | 260, "x2APIC id 260" },
		{ TDX_INCONSISTENT_MSR | 0x3b, "MSR 0x3b" },
		{ TDX_EVENT_FILTER_INVALID | 5, "entry 5" },
		{ TDX_UPDATE_COMPATIBILITY_SENSITIVE | 3u << 16, "3 TDs being built" },
		{ TDX_UPDATE_COMPATIBILITY_SENSITIVE | 1u << 16 | 1, "1 interrupted imports" },
		{ TDX_SYS_BUSY, "" },
		{ TDX_SYS_BUSY | 5, "0x5, which this code does not define" },
		{ TDX_SEAMCALL_GP, "exception #GP (general protection)" },
		{ TDX_SW_ERROR | 9, "exception 9 (unknown)" },
		{ TDX_SEAMCALL_VMFAILINVALID, "" },
		{ UINT64_MAX, "" },
		{ UINT64_C(0x80007f0000000001), "operand RCX (register)" },
	};
	char text[ABI_TEXT];

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct abi_decoded d;

		abi_decode(raw(cases[i].status), &d);
		assert_string_equal(abi_detail_text(&d, text, sizeof(text)), cases[i].text);
	}
}

static void status_is_one_word_for_logs(void **state)
{
	static const struct {
		uint64_t status;
		const char *text;
	} cases[] = {
		{ 0, "SUCCESS" },
		{ 48, "SUCCESS(EPT_VIOLATION)" },
		{ TDX_OPERAND_BUSY | TDX_OP_SEPT_TREE, "OPERAND_BUSY(SEPT_TREE)" },
		{ TDX_OPERAND_INVALID, "OPERAND_INVALID(RAX)" },
		{ TDX_OPERAND_INVALID | 99999, "OPERAND_INVALID(0x1869f)" },
		{ TDX_OP_STATE_INCORRECT | 1, "OP_STATE_INCORRECT(INITIALIZED)" },
		{ TDX_PAMT_OVERLAP | 0x10101, "PAMT_OVERLAP(0x10101)" },
		{ TDX_TD_FATAL, "TD_FATAL" },
		{ TDX_SEAMCALL_UD, "SEAMCALL_UD" },
		{ TDX_SW_ERROR | 14, "SW_ERROR(#PF)" },
		{ UINT64_C(0xc000ee0000000001), "0xc000ee0000000001" },
	};
	char text[ABI_TEXT];

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(abi_status_text(raw(cases[i].status), text, sizeof(text)),
				    cases[i].text);
}

static void text_is_cut_where_the_buffer_ends(void **state)
{
	char text[8] = "xxxxxxx";

	assert_string_equal(abi_status_text(raw(TDX_OPERAND_BUSY | 1), text, 5), "OPER");
	assert_int_equal(text[5], 'x');
	assert_string_equal(abi_status_text(raw(TDX_OPERAND_BUSY | 1), text, 1), "");
	abi_status_text(raw(TDX_OPERAND_BUSY | 1), text, 0);
	assert_int_equal(text[0], 0);
}

/* No combination of code and detail may overrun ABI_TEXT, so that no text is ever cut. */
static void no_text_needs_more_than_the_stated_bytes(void **state)
{
	static const uint32_t details[] = { 0, 1, 0xff, 0xffff, 0xffffffff, 172, 0x8000ffff };
	const struct abi_status *s;
	char text[4 * ABI_TEXT];

	for (unsigned int i = 0; (s = abi_status_at(i)); i++)
		for (size_t d = 0; d < COUNT(details); d++) {
			struct abi_decoded decoded;

			abi_decode(raw(s->value | details[d]), &decoded);
			abi_detail_text(&decoded, text, sizeof(text));
			assert_true(strlen(text) < ABI_TEXT);
			abi_status_text(raw(s->value | details[d]), text, sizeof(text));
			assert_true(strlen(text) < ABI_TEXT);
		}
}

static void register_is_said_in_words(void **state)
{
	static const struct {
		uint32_t leaf;
		bool returned;
		uint64_t status;
		uint8_t reg;
		uint64_t value;
		const char *text;
	} cases[] = {
		{ TDH_PHYMEM_PAMT_ADD, false, 0, TDX_OP_RCX, 0x80000001,
		  "2M region and size: 0x80000000, 2M" },
		{ TDH_PHYMEM_PAMT_ADD, true, TDX_PAGE_NOT_FREE | TDX_OP_RDX, TDX_OP_RDX, 0x7000,
		  "first PAMT page: 0x7000" },
		{ TDH_PHYMEM_PAMT_ADD, false, 0, TDX_OP_R9, 1, "" },
		{ TDH_PHYMEM_PAMT_ADD, true, TDX_PAGE_NOT_FREE | TDX_OP_R8, TDX_OP_RDX, 0,
		  "first PAMT page: 0x0" },
		{ TDH_MR_EXTEND, false, 0, TDX_OP_RCX, 0x1300, "guest address: 0x1300" },
		{ TDH_MEM_PAGE_AUG, false, 0, TDX_OP_RCX, 0x40000000,
		  "guest address and level: 0x40000000, 4K" },
		{ TDH_MEM_PAGE_AUG, true, TDX_EPT_WALK_FAILED | 1, TDX_OP_RDX, 0x8101,
		  "where the walk ended: level 2M, state NL_BLOCKED" },
		{ TDH_MEM_PAGE_AUG, true, TDX_EPT_ENTRY_STATE_INCORRECT | 1, TDX_OP_RCX, 0x12345007,
		  "S-EPT entry: RWX 0x12345000" },
		{ TDH_MEM_PAGE_AUG, true, TDX_OPERAND_BUSY | TDX_OP_SEPT_TREE, TDX_OP_RCX, 0,
		  "cleared, says nothing" },
		{ TDH_MEM_PAGE_REMOVE, true, 0, TDX_OP_RCX, TDX_HINT_BIT | 0x200000,
		  "page: 0x200000, the last of its 2M region" },
		{ TDH_MEM_PAGE_REMOVE, true, TDX_TLB_TRACKING_NOT_DONE | 1, TDX_OP_RCX, 0,
		  "cleared, says nothing" },
		{ TDH_MEM_PAGE_DEMOTE, true, TDX_TLB_TRACKING_NOT_DONE | 1, TDX_OP_RDX, 0x400,
		  "where the walk ended: level 4K, state MAPPED" },
		{ TDH_MEM_PAGE_DEMOTE, true, TDX_TLB_TRACKING_NOT_DONE | 1, TDX_OP_R9, 0,
		  "S-EPT page of nested VM 1: none" },
		{ TDH_MEM_PAGE_AUG, true, TDX_OPERAND_BUSY | TDX_OP_SEPT_TREE, TDX_OP_RDX, 0x1000,
		  "" },
		{ TDH_PHYMEM_PAGE_RECLAIM, true, TDX_PAGE_METADATA_INCORRECT | 1, TDX_OP_R8, 0,
		  "cleared, says nothing" },
		{ TDH_PHYMEM_PAGE_RECLAIM, true, TDX_LIFECYCLE_STATE_INCORRECT, TDX_OP_R8, 0,
		  "size: 4K" },
		{ TDH_SYS_INIT, true, TDX_INCORRECT_CPUID_VALUE, TDX_OP_RCX,
		  UINT64_C(0x0000000200000007), "CPUID that was checked: leaf 0x7, subleaf 0x2" },
		{ TDH_SYS_INIT, true, TDX_INCORRECT_CPUID_VALUE, TDX_OP_R8, 0x500000010,
		  "bits that were checked: ECX 0x10, EDX 0x5" },
		{ TDH_SYS_LP_INIT, true, TDX_INCONSISTENT_CPUID_FIELD, TDX_OP_RDX, 0x10,
		  "bits that differ: EAX 0x10, EBX 0x0" },
		{ TDH_MNG_INIT, true, TDX_OPERAND_INVALID | TDX_OP_CPUID_CONFIG, TDX_OP_RCX,
		  UINT64_C(0xffffffff80000008), "CPUID entry of TD_PARAMS: leaf 0x80000008" },
		{ TDH_MEM_SEPT_ADD, false, 0, TDX_OP_R9, TDX_NULL_PA,
		  "S-EPT page of nested VM 1: none" },
		{ TDH_MEM_SEPT_ADD, true, 0, TDX_OP_R8, UINT64_C(1) << 63 | 0x3000,
		  "S-EPT page: 0x3000, not taken" },
		{ TDH_PHYMEM_PAGE_RDMD, true, 0, TDX_OP_RCX, TDX_RDMD_NODE | 15,
		  "type: PAMT, a region with a page pair" },
		{ TDH_PHYMEM_PAGE_RECLAIM, true, TDX_LIFECYCLE_STATE_INCORRECT, TDX_OP_RCX, 3,
		  "type: REG (guest memory)" },
		{ TDH_PHYMEM_PAGE_RECLAIM, true, TDX_LIFECYCLE_STATE_INCORRECT, TDX_OP_R8, 1,
		  "size: 2M" },
		{ TDH_SYS_CONFIG, false, 0, TDX_OP_R8, 0x10020,
		  "global KeyID and options: 32, with Dynamic PAMT" },
		{ TDH_VP_CREATE, false, 0, TDX_OP_RDX, UINT64_C(0x10000000001000),
		  "TDR: 0x1000, unexpected bits 0x10000000000000" },
	};
	char text[ABI_TEXT];

	for (size_t i = 0; i < COUNT(cases); i++) {
		tdx_status_t status = raw(cases[i].status);

		abi_register_text(&(struct abi_register){ abi_leaf(cases[i].leaf, false),
							  cases[i].returned ? &status : NULL,
							  cases[i].reg, cases[i].value },
				  text, sizeof(text));
		assert_string_equal(text, cases[i].text);
	}
}

/* A register that a leaf is said to have is put in words whatever it holds. */
static void every_operand_of_every_leaf_has_words(void **state)
{
	static const uint64_t values[] = { 0, 1, 0x123456789abcdef, TDX_NULL_PA };
	const tdx_status_t ok = raw(0), bad = raw(TDX_EPT_WALK_FAILED | 1);
	const tdx_status_t *const statuses[] = { NULL, &ok, &bad };
	const struct abi_leaf *leaf;
	char text[4 * ABI_TEXT];

	for (unsigned int i = 0; (leaf = abi_leaf_at(i)); i++)
		for (unsigned int o = 0; o < 2 * ABI_MAX_OPERANDS; o++)
			for (size_t s = 0; s < COUNT(statuses); s++)
				for (size_t v = 0; v < COUNT(values); v++) {
					const struct abi_operand *op =
						o < ABI_MAX_OPERANDS
							? &leaf->in[o]
							: &leaf->out[o - ABI_MAX_OPERANDS];

					if (!op->value)
						continue;
					abi_register_text(&(struct abi_register){ leaf, statuses[s],
										  op->reg,
										  values[v] },
							  text, sizeof(text));
					assert_true(strlen(text) < ABI_TEXT);
					if (o < ABI_MAX_OPERANDS || statuses[s] == &ok)
						assert_true(strlen(text) > 4);
				}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_a_name_that_leads_back),
		cmocka_unit_test(every_code_has_meaning_and_advice_of_its_own),
		cmocka_unit_test(codes_are_distinct_and_their_classes_named),
		cmocka_unit_test(software_errors_are_found_by_value_and_name),
		cmocka_unit_test(decode_takes_all_fields),
		cmocka_unit_test(detail_is_said_in_words),
		cmocka_unit_test(status_is_one_word_for_logs),
		cmocka_unit_test(text_is_cut_where_the_buffer_ends),
		cmocka_unit_test(no_text_needs_more_than_the_stated_bytes),
		cmocka_unit_test(register_is_said_in_words),
		cmocka_unit_test(every_operand_of_every_leaf_has_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
