// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * metadata_test.c - fields of TDs and vCPUs: read, walked through, written as far as they may be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "abi/abi.h"
#include "rig.h"

#define ID(class, code) ((uint64_t)(class) << 56 | (code))
#define V1(leaf)	TDX_RAX(leaf, 1)

static uint64_t mng_rd(struct rig *rig, uint64_t tdr, uint64_t id)
{
	struct tdx_regs regs = { .rax = TDH_MNG_RD, .rcx = tdr, .rdx = id };

	rig_ok(rig, 0, &regs);
	assert_int_equal(regs.rdx, id);
	return regs.r8;
}

static void fields_tell_what_the_td_is(void **state)
{
	struct rig_td td;
	struct rig rig;

	(void)state;
	rig_init(&rig, true, 2);
	rig_start(&rig);
	rig_td_create(&rig, &td, 2);
	assert_int_equal(mng_rd(&rig, td.tdr, ID(1, 1)), RIG_GLOBAL + 1);
	assert_int_equal(mng_rd(&rig, td.tdr, ID(0, 4)), td.nr_pages);
	assert_int_equal(mng_rd(&rig, td.tdr, ID(0, 5)), TDX_KEYS_CONFIGURED);
	/* With the TD's KeyID, as hardware sees it. */
	assert_int_equal(mng_rd(&rig, td.tdr, ID(0, 16) + 1),
			 td.page[1] | mng_rd(&rig, td.tdr, ID(1, 1))
					      << (rig.config.max_pa - rig.config.hkid_bits));
	assert_int_equal(mng_rd(&rig, td.tdr, ID(16, 4)), TDX_OP_INITIALIZED);
	assert_int_equal(mng_rd(&rig, td.tdr, ID(16, 1)), 2);
	rig_td_finalize(&rig, &td);
	/* Whatever the id says of size and context. */
	assert_int_equal(mng_rd(&rig, td.tdr, UINT64_C(0x9010000300000004)), TDX_OP_RUNNABLE);
	assert_int_equal(mng_rd(&rig, td.tdr, ID(18, 0)), 1);
	RIG_OK(&rig, 0, .rax = TDH_MEM_TRACK, .rcx = td.tdr);
	assert_int_equal(mng_rd(&rig, td.tdr, ID(18, 0)), 2);
	rig_stop(&rig);
}

/* Of a production TD without L2 VMs; CPUID has 79 entries of two elements. */
static uint32_t readable_elements(void)
{
	const struct abi_field *field;
	uint32_t sum = 0;

	for (uint32_t i = 0; (field = abi_field_at(ABI_TD, i)); i++)
		if (field->read && field->needs == ABI_ALWAYS)
			sum += strcmp(field->name, "CPUID_VALUES") ? abi_field_elements(field)
								   : 2 * 79;
	return sum;
}

static void version_1_goes_from_field_to_field(void **state)
{
	struct tdx_regs regs = { .rax = V1(TDH_MNG_RD), .rdx = UINT64_MAX };
	uint32_t fields = 0;
	struct rig_td td;
	struct rig rig;

	(void)state;
	rig_init(&rig, true, 2);
	rig_start(&rig);
	rig_td_create(&rig, &td, 0);
	regs.rcx = td.tdr;
	assert_int_equal(rig_call(&rig, 0, &regs), TDX_METADATA_FIRST_FIELD_ID_IN_CONTEXT);
	do {
		regs = (struct tdx_regs){ .rax = V1(TDH_MNG_RD), .rcx = td.tdr, .rdx = regs.rdx };
		rig_ok(&rig, 0, &regs);
		fields++;
	} while (regs.rdx != UINT64_MAX);
	assert_int_equal(fields, readable_elements());
	rig_stop(&rig);
}

static void what_is_not_a_field_is_refused(void **state)
{
	struct tdx_regs regs;
	struct rig_td td;
	struct rig rig;

	(void)state;
	rig_init(&rig, true, 2);
	rig_start(&rig);
	rig_td_create(&rig, &td, 0);
	regs = (struct tdx_regs){ .rax = V1(TDH_MNG_RD), .rcx = td.tdr, .rdx = ID(9, 9), .r8 = 5 };
	assert_int_equal(rig_call(&rig, 0, &regs), TDX_METADATA_FIELD_ID_INCORRECT);
	assert_int_equal(regs.rdx, UINT64_MAX);
	assert_int_equal(regs.r8, 0);
	assert_int_equal(
		RIG_CALL(&rig, 0, .rax = TDH_MNG_WR, .rcx = td.tdr, .rdx = ID(18, 0), .r9 = 1),
		TDX_METADATA_FIELD_NOT_WRITABLE);
	rig_stop(&rig);
}

/* A code of CPUID_VALUES: registers EAX and EBX of a leaf without subleaves, or of a subleaf. */
#define CPUID_LEAF(leaf)	 ID(0x14, ((leaf)&0x7f) << 9 | ((leaf) >> 31) << 16 | 0x1fe)
#define CPUID_SUBLEAF(leaf, sub) ID(0x14, (leaf) << 9 | (sub) << 1)

/* A TD has no entry for them; some of them are known to be 0 nevertheless. */
static void leaves_that_a_td_does_not_have_are_0_or_not_readable(void **state)
{
	static const uint64_t zero[] = { CPUID_LEAF(0x9u), CPUID_LEAF(0x10u), CPUID_LEAF(0x1bu),
					 CPUID_LEAF(0x80000003u), CPUID_LEAF(0x80000005u) };
	static const uint64_t none[] = { CPUID_LEAF(0x24u), CPUID_LEAF(0x80000009u),
					 CPUID_SUBLEAF(4u, 7u), CPUID_SUBLEAF(0xdu, 19u) };
	struct rig_td td;
	struct rig rig;

	(void)state;
	rig_init(&rig, true, 2);
	rig_start(&rig);
	rig_td_create(&rig, &td, 0);
	for (size_t i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		assert_int_equal(mng_rd(&rig, td.tdr, zero[i]), 0);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(
			RIG_CALL(&rig, 0, .rax = TDH_MNG_RD, .rcx = td.tdr, .rdx = none[i]),
			TDX_METADATA_FIELD_NOT_READABLE);
	/* What has no subleaves is the same for all of them. */
	assert_int_equal(mng_rd(&rig, td.tdr, CPUID_SUBLEAF(0u, 5u)),
			 mng_rd(&rig, td.tdr, CPUID_LEAF(0u)));
	assert_int_equal(mng_rd(&rig, td.tdr, CPUID_LEAF(0u)), 0x23);
	rig_stop(&rig);
}

static void a_vcpu_takes_what_the_host_posts(void **state)
{
	struct tdx_regs regs;
	struct rig_td td;
	struct rig rig;
	uint64_t vp;

	(void)state;
	rig_init(&rig, true, 2);
	rig_start(&rig);
	rig_td_create(&rig, &td, 1);
	vp = td.tdvpr[0];
	assert_int_equal(RIG_CALL(&rig, 0, .rax = TDH_VP_WR, .rcx = vp, .rdx = ID(0, 0x2016),
				  .r8 = 0x1234, .r9 = UINT64_MAX),
			 TDX_METADATA_FIELD_VALUE_NOT_VALID);
	RIG_OK(&rig, 0, .rax = TDH_VP_WR, .rcx = vp, .rdx = ID(0, 0x2016), .r8 = 0x12345640,
	       .r9 = UINT64_MAX);
	regs = (struct tdx_regs){ .rax = TDH_VP_WR, .rcx = vp, .rdx = ID(0, 0x2016), .r9 = 0x40 };
	rig_ok(&rig, 0, &regs);
	assert_int_equal(regs.r8, 0x12345640);
	regs = (struct tdx_regs){ .rax = TDH_VP_RD, .rcx = vp, .rdx = ID(0, 0x2016) };
	rig_ok(&rig, 0, &regs);
	assert_int_equal(regs.r8, 0x12345600);
	/* Nothing is posted without a vector. */
	assert_int_equal(RIG_CALL(&rig, 0, .rax = TDH_VP_WR, .rcx = vp, .rdx = ID(0, 0x4000),
				  .r8 = 0x80, .r9 = 0x80),
			 TDX_TD_VMCS_FIELD_NOT_INITIALIZED | 2);
	RIG_OK(&rig, 0, .rax = TDH_VP_WR, .rcx = vp, .rdx = ID(0, 2), .r8 = 0xf2, .r9 = UINT64_MAX);
	RIG_OK(&rig, 0, .rax = TDH_VP_WR, .rcx = vp, .rdx = ID(0, 0x4000), .r8 = 0x80, .r9 = 0x80);
	RIG_OK(&rig, 0, .rax = TDH_VP_WR, .rcx = vp, .rdx = ID(32, 11), .r8 = 1, .r9 = 1);
	regs = (struct tdx_regs){ .rax = TDH_VP_RD, .rcx = vp, .rdx = ID(32, 11) };
	rig_ok(&rig, 0, &regs);
	assert_int_equal(regs.r8, 1);
	/* It is LP 0's, since VP.INIT. */
	assert_int_equal(RIG_CALL(&rig, 1, .rax = TDH_VP_WR, .rcx = vp, .rdx = ID(32, 11), .r9 = 1),
			 TDX_VCPU_ASSOCIATED);
	assert_int_equal(RIG_CALL(&rig, 1, .rax = TDH_VP_RD, .rcx = vp, .rdx = ID(32, 0)),
			 TDX_VCPU_ASSOCIATED);
	rig_stop(&rig);
}

static void what_the_host_posts_is_checked_in_debug_tds_too(void **state)
{
	static const struct {
		uint64_t id, value, status;
	} writes[] = {
		{ 0x0002, 0x100, TDX_METADATA_FIELD_VALUE_NOT_VALID },
		{ 0x4000, 0x80, TDX_TD_VMCS_FIELD_NOT_INITIALIZED | 0x0002 },
		{ 0x0002, 0xff, TDX_SUCCESS },
		{ 0x4000, 0x80, TDX_TD_VMCS_FIELD_NOT_INITIALIZED | 0x2016 },
		{ ID(0x12, 63), 1, TDX_SUCCESS }, /* XBUFF, up to its header and behind it */
		{ ID(0x12, 64), 1, TDX_METADATA_FIELD_NOT_WRITABLE },
		{ ID(0x12, 71), 1, TDX_METADATA_FIELD_NOT_WRITABLE },
		{ ID(0x12, 72), 1, TDX_SUCCESS },
	};
	struct rig_td td;
	struct rig rig;

	(void)state;
	rig_init(&rig, true, 2);
	rig.attributes = TDX_ATTR_DEBUG;
	rig_start(&rig);
	rig_td_create(&rig, &td, 1);
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		assert_int_equal(RIG_CALL(&rig, 0, .rax = TDH_VP_WR, .rcx = td.tdvpr[0],
					  .rdx = writes[i].id, .r8 = writes[i].value,
					  .r9 = writes[i].id == 0x4000 ? 0x80 : UINT64_MAX),
				 writes[i].status);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_tell_what_the_td_is),
		cmocka_unit_test(version_1_goes_from_field_to_field),
		cmocka_unit_test(what_is_not_a_field_is_refused),
		cmocka_unit_test(leaves_that_a_td_does_not_have_are_0_or_not_readable),
		cmocka_unit_test(a_vcpu_takes_what_the_host_posts),
		cmocka_unit_test(what_the_host_posts_is_checked_in_debug_tds_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
