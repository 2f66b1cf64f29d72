// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * fault_test.c - faults by plan: every call of a TD's life fails at every occasion and leaves no
 * trace; plans are for a leaf, for a count, or at random by a seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rig.h"

#define GPA_2M TDX_2M_SIZE

static void block_and_track(struct rig *rig, uint64_t tdr, uint64_t map)
{
	RIG_OK(rig, 0, .rax = TDH_MEM_RANGE_BLOCK, .rcx = map, .rdx = tdr);
	RIG_OK(rig, 0, .rax = TDH_MEM_TRACK, .rcx = tdr);
}

static void life_of_pages(struct rig *rig, struct rig_td *td)
{
	uint64_t region = rig_region(rig), shared = rig_region(rig), tdr = td->tdr, sept;
	uint64_t map = GPA_2M | TDX_2M;

	rig_add(rig, shared);
	RIG_OK(rig, 0, .rax = TDH_MEM_PAGE_AUG, .rdx = tdr, .r8 = shared + 8 * TDX_PAGE_SIZE);
	RIG_OK(rig, 0, .rax = TDH_MEM_SEPT_RD, .rdx = tdr);
	block_and_track(rig, tdr, 0);
	RIG_OK(rig, 0, .rax = TDH_MEM_PAGE_RELOCATE, .rdx = tdr, .r8 = shared + 9 * TDX_PAGE_SIZE);
	block_and_track(rig, tdr, 0);
	RIG_OK(rig, 0, .rax = TDH_MEM_RANGE_UNBLOCK, .rdx = tdr);
	block_and_track(rig, tdr, 0);
	RIG_OK(rig, 0, .rax = TDH_MEM_PAGE_REMOVE, .rdx = tdr);

	RIG_OK(rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = map, .rdx = tdr, .r8 = region);
	block_and_track(rig, tdr, map);
	sept = rig_page(rig);
	RIG_OK(rig, 0, .rax = TDH_MEM_PAGE_DEMOTE, .rcx = map, .rdx = tdr, .r8 = sept,
	       .r12 = shared + 10 * TDX_PAGE_SIZE, .r13 = shared + 11 * TDX_PAGE_SIZE);
	block_and_track(rig, tdr, map);
	RIG_OK(rig, 0, .rax = TDH_MEM_PAGE_PROMOTE, .rcx = map, .rdx = tdr);
	block_and_track(rig, tdr, map);
	RIG_OK(rig, 0, .rax = TDH_MEM_PAGE_REMOVE, .rcx = map, .rdx = tdr);

	block_and_track(rig, tdr, TDX_2M);
	RIG_OK(rig, 0, .rax = TDH_MEM_SEPT_REMOVE, .rcx = TDX_2M, .rdx = tdr);
	td->nr_pages--;
	RIG_OK(rig, 0, .rax = TDH_PHYMEM_PAGE_RDMD, .rcx = tdr);
	RIG_OK(rig, 0, .rax = TDH_PHYMEM_PAGE_WBINVD, .rcx = region);
	if (rig->dynamic)
		RIG_OK(rig, 0, .rax = TDH_PHYMEM_PAMT_REMOVE, .rcx = shared | TDX_2M);
}

static uint64_t sweep_a_life(enum seam_fault fault, bool dynamic)
{
	struct rig_td td;
	struct rig rig;

	rig_init(&rig, dynamic, 2);
	rig_start(&rig);
	rig.sweep = true;
	rig.fault = fault;
	rig_td_create(&rig, &td, 2);
	for (uint32_t level = 3; level > 0; level--)
		rig_sept_add(&rig, &td, 0, level);
	rig_td_finalize(&rig, &td);
	life_of_pages(&rig, &td);
	rig_td_destroy(&rig, &td);
	assert_int_equal(rig.nr_fatal, 0);
	rig_stop(&rig);
	return rig.nr_faults;
}

static void every_lock_can_be_taken_and_nothing_happens(void **state)
{
	(void)state;
	assert_true(sweep_a_life(SEAM_FAULT_BUSY, true) > 300);
	assert_true(sweep_a_life(SEAM_FAULT_BUSY, false) > 250);
}

static void entropy_keys_and_interrupts_can_fail_and_nothing_happens(void **state)
{
	(void)state;
	/* MNG.CREATE, and the sixth ADDCX. */
	assert_int_equal(sweep_a_life(SEAM_FAULT_ENTROPY, true), 2);
	/* MNG.KEY.CONFIG. */
	assert_int_equal(sweep_a_life(SEAM_FAULT_KEY, true), 1);
	/* DEMOTE, PROMOTE. */
	assert_int_equal(sweep_a_life(SEAM_FAULT_INTERRUPT, true), 2);
}

static void a_plan_can_be_for_one_leaf(void **state)
{
	struct seam_faults plan = { .leaf = TDH_MNG_CREATE, .at = { [SEAM_FAULT_BUSY] = 1 } };
	struct rig rig;
	uint64_t page;

	(void)state;
	rig_init(&rig, true, 2);
	rig_start(&rig);
	page = rig_page(&rig);
	assert_int_equal(seam_debug_faults(rig.seam, &plan), 0);
	RIG_OK(&rig, 0, .rax = TDH_PHYMEM_PAGE_RDMD, .rcx = page);
	assert_int_equal(rig_occasions(&rig, SEAM_FAULT_BUSY), 0);
	assert_int_equal(RIG_CALL(&rig, 0, .rax = TDH_MNG_CREATE, .rcx = page, .rdx = 0x21),
			 TDX_OPERAND_BUSY | TDX_OP_RCX);
	RIG_OK(&rig, 0, .rax = TDH_MNG_CREATE, .rcx = page, .rdx = 0x21);
	rig_stop(&rig);
}

/* How many of 1000 calls fail, and a number that says which. */
static uint32_t fail_at_random(struct rig *rig, uint64_t seed, uint64_t *which)
{
	struct seam_faults plan = { .leaf = SEAM_ANY_LEAF,
				    .per_million = { [SEAM_FAULT_BUSY] = 100000 },
				    .seed = seed };
	uint64_t page = rig_page(rig);
	uint32_t failed = 0;

	assert_int_equal(seam_debug_faults(rig->seam, &plan), 0);
	*which = 0;
	for (uint64_t i = 0; i < 1000; i++) {
		if (RIG_CALL(rig, 0, .rax = TDH_PHYMEM_PAGE_RDMD, .rcx = page) == TDX_SUCCESS)
			continue;
		failed++;
		*which = *which * 31 + i;
	}
	seam_debug_faults(rig->seam, NULL);
	return failed;
}

static void random_faults_follow_their_seed(void **state)
{
	uint64_t first, second, other;
	uint32_t failed;
	struct rig rig;

	(void)state;
	rig_init(&rig, true, 2);
	rig_start(&rig);
	failed = fail_at_random(&rig, 1, &first);
	/* Three locks each, a tenth of them: 271 of 1000 calls. */
	assert_in_range(failed, 200, 350);
	assert_int_equal(fail_at_random(&rig, 1, &second), failed);
	assert_int_equal(first, second);
	fail_at_random(&rig, 2, &other);
	assert_int_not_equal(first, other);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_lock_can_be_taken_and_nothing_happens),
		cmocka_unit_test(entropy_keys_and_interrupts_can_fail_and_nothing_happens),
		cmocka_unit_test(a_plan_can_be_for_one_leaf),
		cmocka_unit_test(random_faults_follow_their_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
