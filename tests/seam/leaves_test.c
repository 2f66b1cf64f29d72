// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * leaves_test.c - the table of leaves that `pamt explain` and the documents show, against the
 * dispatcher: which numbers exist, and which leaves have versions.
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_without_a_leaf_are_refused),
		cmocka_unit_test(versions_are_those_that_are_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
