// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sept_state_test.c - the table of S-EPT states: every state is told from every other, and its
 * transitions stay within the table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "seam/sept.h"

#define PAGE UINT64_C(0x000ffffffff00000)

static void a_state_is_read_back_whatever_page_and_lock(void **state)
{
	const uint64_t noise[] = { 0, SEPT_LOCK, SEPT_HP, SEPT_LOCK | SEPT_HP };

	(void)state;
	for (int s = 0; s < SEPT_NR_STATES; s++)
		for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++)
			assert_int_equal(sept_state(sept_states[s].bits | PAGE | noise[i]), s);
}

static void foreign_bits_are_no_state(void **state)
{
	(void)state;
	/* Codes of migration. */
	assert_int_equal(sept_state(SEPT_LEAF | SEPT_TDBW), SEPT_NO_STATE);
	assert_int_equal(sept_state(SEPT_LEAF | SEPT_D), SEPT_NO_STATE);
	assert_int_equal(sept_state(SEPT_TDEX | SEPT_TDB), SEPT_NO_STATE);
}

static void block_and_unblock_are_each_other_s_inverse(void **state)
{
	(void)state;
	for (int s = 0; s < SEPT_NR_STATES; s++) {
		const struct sept_state_info *info = &sept_states[s];
		bool may_block = (1u << s) & SEPT_ALLOW_BLOCK;
		bool may_unblock = (1u << s) & SEPT_ALLOW_UNBLOCK;

		assert_int_equal(may_block, info->after_block != s);
		assert_int_equal(may_unblock, info->after_unblock != s);
		assert_int_equal(may_unblock, info->blocked);
		if (may_block) {
			assert_true(sept_states[info->after_block].blocked);
			assert_int_equal(sept_states[info->after_block].after_unblock, s);
		}
	}
}

static void a_guest_can_use_only_what_is_mapped(void **state)
{
	(void)state;
	for (int s = 0; s < SEPT_NR_STATES; s++)
		assert_int_equal(!!(sept_states[s].bits & SEPT_RWX),
				 s == SEPT_MAPPED || s == SEPT_NL_MAPPED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_state_is_read_back_whatever_page_and_lock),
		cmocka_unit_test(foreign_bits_are_no_state),
		cmocka_unit_test(block_and_unblock_are_each_other_s_inverse),
		cmocka_unit_test(a_guest_can_use_only_what_is_mapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
