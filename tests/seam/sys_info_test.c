// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sys_info_test.c - SYS.RD, SYS.RDALL, SYS.INFO: ids, values, the way through all fields.
 */
#include "fixture.h"

#define INCORRECT TDX_METADATA_FIELD_ID_INCORRECT

static void start(struct fixture *f)
{
	struct seam_config config = fixture_config();

	fixture_create(f, &config);
	fixture_init(f);
}

static uint64_t rd(struct fixture *f, uint64_t id, uint64_t *value, uint64_t *next)
{
	struct tdx_regs regs = { .rax = TDH_SYS_RD, .rdx = id, .r8 = 0x5555 };
	uint64_t status = fixture_call(f, 0, &regs);

	*value = regs.r8;
	*next = regs.rdx;
	return status;
}

static void the_fields_that_hosts_read_have_their_values(void **state)
{
	static const struct {
		uint64_t id, value;
	} cases[] = {
		{ TDX_MD_NUM_CMRS, 32 },
		{ TDX_MD_CMR_BASE(0), MB },
		{ TDX_MD_CMR_SIZE(0), 1919 * MB },
		{ TDX_MD_CMR_BASE(1), 4 * GB },
		{ TDX_MD_CMR_SIZE(1), 4 * GB },
		{ TDX_MD_CMR_BASE(31), 0 },
		{ TDX_MD_CMR_SIZE(31), 0 },
		{ TDX_MD_MAX_TDMRS, 64 },
		{ TDX_MD_MAX_RESERVED, 16 },
		{ TDX_MD_PAMT_4K_ENTRY_SIZE, 16 },
		{ TDX_MD_PAMT_2M_ENTRY_SIZE, 16 },
		{ TDX_MD_PAMT_1G_ENTRY_SIZE, 16 },
		{ TDX_MD_PAMT_BITMAP_BITS, 1 },
		{ TDX_MD_DPAMT_MIN_HKID_BITS, 0 },
		{ TDX_MD_TDR_BASE_SIZE, 4096 },
		{ TDX_MD_TDCS_BASE_SIZE, 6 * 4096 },
		{ TDX_MD_TDVPS_BASE_SIZE, 6 * 4096 },
	};
	struct fixture f;
	uint64_t value, next;

	(void)state;
	start(&f);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(rd(&f, cases[i].id, &value, &next), TDX_SUCCESS);
		assert_int_equal(value, cases[i].value);
		assert_int_not_equal(next, cases[i].id);
	}
	assert_int_equal(rd(&f, TDX_MD_FEATURES0, &value, &next), TDX_SUCCESS);
	assert_true(value & TDX_FEATURES0_DYNAMIC_PAMT);
	assert_true(value & TDX_FEATURES0_NO_RBP_MOD);
	fixture_destroy(&f);
}

/* Linux reads an 8-bit field with the id of a 16-bit one. */
static void size_bits_do_not_choose_the_field(void **state)
{
	static const uint64_t ids[] = {
		UINT64_C(0x9100000000000013), UINT64_C(0x9100000100000013),
		UINT64_C(0x1100000000000013), /* bit 63 */
		UINT64_C(0x9104000000000013), /* increment */
		UINT64_C(0x9108000000000013), /* write mask valid */
		UINT64_C(0x9110000000000013), /* context */
	};
	struct fixture f;
	uint64_t value, next;

	(void)state;
	start(&f);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		assert_int_equal(rd(&f, ids[i], &value, &next), TDX_SUCCESS);
		assert_int_equal(value, 1);
		assert_int_equal(next, TDX_MD_DPAMT_MIN_HKID_BITS);
	}
	fixture_destroy(&f);
}

static void ids_that_do_not_exist_are_refused(void **state)
{
	static const uint64_t ids[] = {
		UINT64_C(0x0000000200000009), /* behind PKG_FMS */
		TDX_MD_CMR_BASE(32),	      TDX_MD_CMR_BASE(0) - 1,	    TDX_MD_CMR_SIZE(32),
		UINT64_C(0x91000001000000f0), UINT64_C(0x9300000100000013), /* class */
		UINT64_C(0x9100000140000013),				    /* code */
		UINT64_C(0x9100000100010012), UINT64_C(0x9100000400000013), /* last element */
		UINT64_C(0x9100004000000013), /* last field of a sequence */
		UINT64_C(0x9100800000000013), /* reserved */
		UINT64_C(0x9180000000000013), UINT64_C(0xd100000000000013), UINT64_MAX - 1,
	};
	struct fixture f;
	uint64_t value, next;

	(void)state;
	start(&f);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		assert_int_equal(rd(&f, ids[i], &value, &next), INCORRECT);
		assert_int_equal(value, 0);
		assert_int_equal(next, UINT64_MAX);
	}
	fixture_destroy(&f);
}

static void next_leads_through_all_fields_once(void **state)
{
	struct fixture f;
	uint64_t value, id, next, fields = 0, cmrs = 0;

	(void)state;
	start(&f);
	assert_int_equal(rd(&f, UINT64_MAX, &value, &id), TDX_METADATA_FIRST_FIELD_ID_IN_CONTEXT);
	assert_int_equal(value, 0);
	for (; id != UINT64_MAX; id = next) {
		assert_int_equal(rd(&f, id, &value, &next), TDX_SUCCESS);
		/* By class, then by code. */
		assert_true(next == UINT64_MAX || (next >> 56 & 0x3f) > (id >> 56 & 0x3f) ||
			    ((next >> 56 & 0x3f) == (id >> 56 & 0x3f) &&
			     (uint32_t)next > (uint32_t)id));
		cmrs += (id >> 56 & 0x3f) == 0x10;
		assert_true(++fields < 1000);
	}
	assert_int_equal(cmrs, 1 + 2 * 32);
	assert_int_equal(fields, 359);
	fixture_destroy(&f);
}

static void fields_of_dynamic_pamt_go_with_the_feature(void **state)
{
	struct seam_config config = fixture_config();
	struct fixture f;
	uint64_t value, next;

	(void)state;
	config.features0_clear = TDX_FEATURES0_DYNAMIC_PAMT;
	fixture_create(&f, &config);
	fixture_init(&f);
	assert_int_equal(rd(&f, TDX_MD_FEATURES0, &value, &next), TDX_SUCCESS);
	assert_false(value & TDX_FEATURES0_DYNAMIC_PAMT);
	assert_int_equal(rd(&f, TDX_MD_PAMT_BITMAP_BITS, &value, &next), INCORRECT);
	assert_int_equal(rd(&f, TDX_MD_DPAMT_MIN_HKID_BITS, &value, &next), INCORRECT);
	assert_int_equal(rd(&f, TDX_MD_PAMT_1G_ENTRY_SIZE, &value, &next), TDX_SUCCESS);
	assert_int_equal(next, TDX_MD_TDR_BASE_SIZE);
	fixture_destroy(&f);
}

static void keyid_bits_that_dynamic_pamt_needs_grow_with_the_address(void **state)
{
	(void)state;
	for (uint32_t max_pa = 46; max_pa <= 52; max_pa++) {
		struct seam_config config = fixture_config();
		struct fixture f;
		uint64_t value, next;

		config.max_pa = max_pa;
		fixture_create(&f, &config);
		fixture_init(&f);
		assert_int_equal(rd(&f, TDX_MD_DPAMT_MIN_HKID_BITS, &value, &next), TDX_SUCCESS);
		assert_int_equal(value, max_pa > 48 ? max_pa - 48 : 0);
		fixture_destroy(&f);
	}
}

#define LIST_AT UINT64_C(0x2000000)

/* Every field of the list in memory is what SYS.RD says; how many there are. */
static unsigned int check_list(struct fixture *f)
{
	uint64_t list[TDX_PAGE_SIZE / 8], value, next;
	unsigned int at = 1, sequences = 0, fields = 0;

	fixture_read(f, LIST_AT, list, sizeof(list));
	while (at < (list[0] & 0xffff) / 8) {
		uint64_t id = list[at] & ~(UINT64_C(0x1fff) << 34);
		unsigned int elements = (unsigned int)(list[at] >> 34 & 0xf) + 1;
		unsigned int count = ((unsigned int)(list[at++] >> 38 & 0x1ff) + 1) * elements;

		for (unsigned int i = 0; i < count; i++, fields++) {
			assert_int_equal(rd(f, id + i, &value, &next), TDX_SUCCESS);
			assert_int_equal(list[at++], value);
		}
		sequences++;
	}
	assert_int_equal(at, (list[0] & 0xffff) / 8);
	assert_int_equal(sequences, list[0] >> 16 & 0xffff);
	return fields;
}

static void rdall_lists_what_rd_reads(void **state)
{
	struct tdx_regs regs = { .rax = TDH_SYS_RDALL, .rdx = LIST_AT, .r8 = UINT64_MAX };
	uint64_t id, value, fields = 0;
	struct fixture f;

	(void)state;
	start(&f);
	assert_int_equal(fixture_call(&f, 0, &regs), TDX_SUCCESS);
	assert_int_equal(regs.r8, UINT64_MAX); /* all of it fitted */
	rd(&f, UINT64_MAX, &value, &id);
	for (; id != UINT64_MAX; fields++)
		rd(&f, id, &value, &id);
	assert_int_equal(check_list(&f), fields);

	/* From the middle of an array. */
	regs = (struct tdx_regs){ .rax = TDH_SYS_RDALL, .rdx = LIST_AT, .r8 = TDX_MD_CMR_SIZE(7) };
	assert_int_equal(fixture_call(&f, 0, &regs), TDX_SUCCESS);
	assert_int_equal(check_list(&f), 359 - 26 - 1 - 32 - 7);
	/* A field of two elements: from the first, and not from the second. */
	regs.r8 = UINT64_C(0x9900000300000502);
	regs.rax = TDH_SYS_RDALL;
	assert_int_equal(fixture_call(&f, 0, &regs), TDX_SUCCESS);
	assert_int_equal(check_list(&f), 62 + 1 + 2 + 128 + 19);
	assert_int_equal(call3(&f, TDH_SYS_RDALL, 0, LIST_AT, UINT64_C(0x9900000300000503)),
			 INCORRECT);
	/* The size of an element counts here. */
	assert_int_equal(call3(&f, TDH_SYS_RDALL, 0, LIST_AT, UINT64_C(0x9100000100000013)),
			 INCORRECT);

	assert_int_equal(call3(&f, TDH_SYS_RDALL, 0, LIST_AT + 512, UINT64_MAX),
			 TDX_OPERAND_INVALID | TDX_OP_RDX);
	assert_int_equal(call3(&f, TDH_SYS_RDALL, 0, LIST_AT, 5), INCORRECT);
	fixture_destroy(&f);
}

static void info_writes_both_tables(void **state)
{
	struct tdx_regs regs = {
		.rax = TDH_SYS_INFO,
		.rcx = LIST_AT,
		.rdx = 4096,
		.r8 = LIST_AT + 512 * 5,
		.r9 = 64,
	};
	struct tdx_cmr cmr[TDX_MAX_CMRS];
	uint8_t info[1024];
	uint16_t word;
	struct fixture f;

	(void)state;
	start(&f);
	assert_int_equal(fixture_call(&f, 0, &regs), TDX_SUCCESS);
	assert_int_equal(regs.rdx, 1024);
	assert_int_equal(regs.r9, 32);
	fixture_read(&f, LIST_AT, info, sizeof(info));
	memcpy(&word, info + 32, 2);
	assert_int_equal(word, 64);
	memcpy(&word, info + 34, 2);
	assert_int_equal(word, 16);
	memcpy(&word, info + 36, 2);
	assert_int_equal(word, 16);
	memcpy(&word, info + 48, 2);
	assert_int_equal(word, 6 * 4096);
	memcpy(&word, info + 52, 2);
	assert_int_equal(word, 6 * 4096);
	fixture_read(&f, LIST_AT + 512 * 5, cmr, sizeof(cmr));
	assert_memory_equal(cmr, f.config.cmr, sizeof(cmr));
	fixture_destroy(&f);
}

static void info_checks_its_operands_in_order(void **state)
{
	struct tdx_regs regs = { .rax = TDH_SYS_INFO, .rcx = 512, .rdx = 1023, .r8 = 1, .r9 = 31 };
	struct tdx_regs call;
	struct fixture f;

	(void)state;
	start(&f);
	call = regs;
	assert_int_equal(fixture_call(&f, 0, &call), TDX_OPERAND_INVALID | TDX_OP_RCX);
	call = regs;
	call.rcx = regs.rcx = LIST_AT;
	assert_int_equal(fixture_call(&f, 0, &call), TDX_OPERAND_INVALID | TDX_OP_RDX);
	call = regs;
	call.rdx = regs.rdx = 1024;
	assert_int_equal(fixture_call(&f, 0, &call), TDX_OPERAND_INVALID | TDX_OP_R8);
	call = regs;
	call.r8 = regs.r8 = LIST_AT + 4096;
	assert_int_equal(fixture_call(&f, 0, &call), TDX_OPERAND_INVALID | TDX_OP_R9);
	call = regs;
	call.r9 = 32;
	assert_int_equal(fixture_call(&f, 0, &call), TDX_SUCCESS);
	fixture_destroy(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fields_that_hosts_read_have_their_values),
		cmocka_unit_test(size_bits_do_not_choose_the_field),
		cmocka_unit_test(ids_that_do_not_exist_are_refused),
		cmocka_unit_test(next_leads_through_all_fields_once),
		cmocka_unit_test(fields_of_dynamic_pamt_go_with_the_feature),
		cmocka_unit_test(keyid_bits_that_dynamic_pamt_needs_grow_with_the_address),
		cmocka_unit_test(rdall_lists_what_rd_reads),
		cmocka_unit_test(info_writes_both_tables),
		cmocka_unit_test(info_checks_its_operands_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
