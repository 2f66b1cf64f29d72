// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * leaves_test.c - the table of leaves that `pamt explain` and the documents show, against the
 * module itself: which numbers exist, which leaves have versions, and which registers they take.
 */
#include "fixture.h"

#include "abi/abi.h"

#define REFUSED (TDX_OPERAND_INVALID | TDX_OP_RAX)

static void numbers_without_a_leaf_are_refused(void **state)
{
	struct seam_config config = fixture_config();
	struct fixture f;
	uint32_t unknown = 0;

	(void)state;
	fixture_create(&f, &config);
	fixture_bring_up(&f, true);
	for (uint32_t number = 0; number < 512; number++) {
		if (abi_leaf(number, false))
			continue;
		unknown++;
		assert_int_equal(call3(&f, TDX_RAX(number, 0), 0, 0, 0), REFUSED);
	}
	assert_true(unknown > 400);
	fixture_destroy(&f);
}

/* After SYS.SHUTDOWN the only thing that is still looked at is the version. */
static void versions_are_those_that_are_shown(void **state)
{
	struct seam_config config = fixture_config();
	const struct abi_leaf *leaf;
	struct fixture f;

	(void)state;
	fixture_create(&f, &config);
	fixture_bring_up(&f, true);
	assert_int_equal(call3(&f, TDH_SYS_SHUTDOWN, 1, 0, 0), TDX_SUCCESS);
	for (unsigned int i = 0; (leaf = abi_leaf_at(i)); i++) {
		uint64_t status = call3(&f, TDX_RAX(leaf->number, 1), 0, 0, 0);

		if (!leaf->guest)
			assert_int_equal(status, leaf->max_version ? TDX_SYS_SHUTDOWN : REFUSED);
	}
	fixture_destroy(&f);
}

static bool takes(const struct abi_leaf *leaf, uint32_t reg)
{
	for (unsigned int i = 0; i < ABI_MAX_OPERANDS && leaf->in[i].value; i++)
		if (leaf->in[i].reg == reg)
			return true;
	return false;
}

static bool is_operand_status(uint64_t status)
{
	tdx_status_t s = { status };

	return tdx_status_is(s, TDX_OPERAND_INVALID) || tdx_status_is(s, TDX_OPERAND_BUSY) ||
	       tdx_status_is(s, TDX_OPERAND_ADDR_RANGE_ERROR) ||
	       tdx_status_is(s, TDX_PAGE_METADATA_INCORRECT);
}

/*
 * Every register that a leaf objects to is one that the table says it takes. Each is wrong in its
 * turn, the others 0, with what mistakes a host can make: bits that no address has, no alignment,
 * an address outside every TDMR, a free page where none is wanted.
 */
static void objections_name_registers_that_are_shown(void **state)
{
	static const uint64_t wrong[] = { UINT64_MAX, 1, UINT64_C(1) << 45, 4 * GB, 0 };
	struct seam_config config = fixture_config();
	const struct abi_leaf *leaf;
	uint32_t named = 0;
	struct fixture f;

	(void)state;
	fixture_create(&f, &config);
	fixture_bring_up(&f, true);
	for (unsigned int i = 0; (leaf = abi_leaf_at(i)); i++)
		for (size_t w = 0; w < 125 && !leaf->guest; w++) {
			uint64_t rcx = wrong[w % 5], rdx = wrong[w / 5 % 5], r8 = wrong[w / 25];
			uint64_t status;
			uint32_t reg;

			/* What shuts the module down is no mistake. */
			if (leaf->number == TDH_SYS_SHUTDOWN && rcx == 1)
				continue;
			status = call3(&f, leaf->number, rcx, rdx, r8);
			reg = tdx_status_detail((tdx_status_t){ status });
			if (!is_operand_status(status) || reg < TDX_OP_RCX || reg > TDX_OP_R15)
				continue;
			named++;
			if (!takes(leaf, reg))
				fail_msg("%s objects to operand %u", leaf->name, reg);
		}
	assert_int_equal(call3(&f, TDH_MNG_KEY_RECLAIMID, 0, 0, 0), TDX_SUCCESS);
	assert_true(named > 1000);
	fixture_destroy(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_without_a_leaf_are_refused),
		cmocka_unit_test(versions_are_those_that_are_shown),
		cmocka_unit_test(objections_name_registers_that_are_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
