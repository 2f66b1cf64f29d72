// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * fatal_test.c - module-fatal rules: each breaks the module for good, says so once, and says what.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "machine/memory.h"
#include "rig.h"

static void assert_broken(struct rig *rig, uint32_t id, uint32_t leaf, uint64_t at)
{
	struct seam_fatal fatal;

	assert_true(seam_is_fatal(rig->seam, &fatal));
	assert_int_equal(fatal.id, id);
	assert_int_equal(fatal.leaf, leaf);
	assert_int_equal(fatal.lp, 2);
	assert_int_equal(fatal.at.v, at);
	assert_true(strlen(fatal.rule) > 20);
	assert_int_equal(rig->nr_fatal, 1);
	assert_int_equal(rig->fatal.id, id);
	for (uint32_t leaf_after = 0; leaf_after < 64; leaf_after++)
		assert_int_equal(RIG_CALL(rig, 0, .rax = leaf_after), TDX_SYS_SHUTDOWN);
	assert_int_equal(rig->nr_fatal, 1);
}

static void start(struct rig *rig, struct rig_td *td)
{
	rig_init(rig, true, 2);
	rig_start(rig);
	rig_td_create(rig, td, 0);
	for (uint32_t level = 3; level > 0; level--)
		rig_sept_add(rig, td, 0, level);
	assert_false(seam_is_fatal(rig->seam, NULL));
}

static void removing_a_pair_while_a_page_is_being_freed(void **state)
{
	struct rig_td td;
	struct rig rig;
	uint64_t region;

	(void)state;
	start(&rig, &td);
	region = rig_region(&rig);
	rig_add(&rig, region);
	RIG_OK(&rig, 0, .rax = TDH_MEM_PAGE_AUG, .rdx = td.tdr, .r8 = region + 8 * TDX_PAGE_SIZE);
	assert_int_equal(RIG_CALL(&rig, 2, .rax = TDH_PHYMEM_PAMT_REMOVE, .rcx = region | TDX_2M),
			 TDX_PAMT_PAGE_NOT_EMPTY);
	assert_int_equal(seam_debug_half_freed(rig.seam, hpa(region + 8 * TDX_PAGE_SIZE)), 0);
	assert_int_equal(RIG_CALL(&rig, 2, .rax = TDH_PHYMEM_PAMT_REMOVE, .rcx = region | TDX_2M),
			 TDX_SYS_SHUTDOWN);
	assert_broken(&rig, 343, TDH_PHYMEM_PAMT_REMOVE, region);
	rig_stop(&rig);
}

static void a_guest_page_without_metadata(void **state)
{
	struct rig_td td;
	struct rig rig;
	uint64_t region;

	(void)state;
	start(&rig, &td);
	region = rig_region(&rig);
	rig_add(&rig, region);
	RIG_OK(&rig, 0, .rax = TDH_MEM_PAGE_AUG, .rdx = td.tdr, .r8 = region + 8 * TDX_PAGE_SIZE);
	/* The host scrubs a page of the pair that it has donated. */
	memory_zero(rig.memory, hpa(region), TDX_PAGE_SIZE);
	RIG_CALL(&rig, 2, .rax = TDH_MEM_RANGE_BLOCK, .rdx = td.tdr);
	assert_broken(&rig, 1002, TDH_MEM_RANGE_BLOCK, region + 8 * TDX_PAGE_SIZE);
	rig_stop(&rig);
}

/* Where the host writes to the count. */
static uint64_t *entry_2m(struct rig *rig, uint64_t region)
{
	uint64_t number = (region - RIG_BASE) >> TDX_2M_SHIFT;

	return memory_map(rig->memory, hpa(RIG_PAMT + TDX_2M_SIZE + number * 16), OS_WRITE);
}

static void a_count_that_falls_below_nothing(void **state)
{
	struct rig_td td;
	struct rig rig;
	uint64_t region, *entry;

	(void)state;
	start(&rig, &td);
	region = rig_region(&rig);
	rig_add(&rig, region);
	RIG_OK(&rig, 0, .rax = TDH_MEM_PAGE_AUG, .rdx = td.tdr, .r8 = region + 8 * TDX_PAGE_SIZE);
	entry = entry_2m(&rig, region);
	entry[1] &= ~UINT64_C(0x3ff);
	RIG_CALL(&rig, 2, .rax = TDH_MEM_PAGE_REMOVE, .rdx = td.tdr);
	assert_broken(&rig, 170, TDH_MEM_PAGE_REMOVE, region + 8 * TDX_PAGE_SIZE);
	rig_stop(&rig);
}

static void a_count_that_rises_above_all_pages(void **state)
{
	struct rig_td td;
	struct rig rig;
	uint64_t region, *entry;

	(void)state;
	start(&rig, &td);
	region = rig_region(&rig);
	rig_add(&rig, region);
	entry = entry_2m(&rig, region);
	entry[1] |= TDX_PAGES_PER_2M;
	RIG_CALL(&rig, 2, .rax = TDH_MEM_PAGE_AUG, .rdx = td.tdr, .r8 = region + 8 * TDX_PAGE_SIZE);
	assert_broken(&rig, 351, TDH_MEM_PAGE_AUG, region + 8 * TDX_PAGE_SIZE);
	rig_stop(&rig);
}

static void merging_pages_that_are_not_all_the_guests(void **state)
{
	uint64_t region, shared, *entry;
	struct rig_td td;
	struct rig rig;

	(void)state;
	start(&rig, &td);
	region = rig_region(&rig);
	shared = rig_region(&rig);
	rig_add(&rig, shared);
	RIG_OK(&rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = TDX_2M_SIZE | TDX_2M, .rdx = td.tdr,
	       .r8 = region);
	RIG_OK(&rig, 0, .rax = TDH_MEM_PAGE_DEMOTE, .rcx = TDX_2M_SIZE | TDX_2M, .rdx = td.tdr,
	       .r8 = rig_page(&rig), .r12 = shared + 8 * TDX_PAGE_SIZE,
	       .r13 = shared + 9 * TDX_PAGE_SIZE);
	/* The host writes to the metadata of page 3, in the pair. */
	entry = memory_map(rig.memory, hpa(shared + 8 * TDX_PAGE_SIZE + 3 * 16), OS_WRITE);
	entry[0] ^= UINT64_C(1) << 24;
	RIG_CALL(&rig, 2, .rax = TDH_MEM_PAGE_PROMOTE, .rcx = TDX_2M_SIZE | TDX_2M, .rdx = td.tdr);
	assert_broken(&rig, 1003, TDH_MEM_PAGE_PROMOTE, region);
	rig_stop(&rig);
}

/* The buffers of SYS.INFO and SYS.RDALL; each on a machine of its own, since each is the end. */
static void results_into_a_page_that_is_not_the_hosts(void **state)
{
	const uint64_t free = RIG_PAMT - TDX_PAGE_SIZE;

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct rig_td td;
		struct rig rig;
		uint64_t taken;

		start(&rig, &td);
		taken = i == 0 ? td.tdr : i == 1 ? RIG_PAMT : i == 2 ? rig.added[0] : td.page[3];
		/* The host's own pages are written to. */
		RIG_OK(&rig, 2, .rax = TDH_SYS_RDALL, .rdx = free, .r8 = UINT64_MAX);
		RIG_OK(&rig, 2, .rax = TDH_SYS_INFO, .rcx = free, .rdx = 1024, .r8 = free + 1024,
		       .r9 = 32);
		if (i < 3)
			RIG_CALL(&rig, 2, .rax = TDH_SYS_RDALL, .rdx = taken, .r8 = UINT64_MAX);
		else
			RIG_CALL(&rig, 2, .rax = TDH_SYS_INFO, .rcx = i == 3 ? taken : free,
				 .rdx = 1024, .r8 = i == 3 ? free : taken, .r9 = 32);
		assert_broken(&rig, 1004, i < 3 ? TDH_SYS_RDALL : TDH_SYS_INFO, taken);
		rig_stop(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(removing_a_pair_while_a_page_is_being_freed),
		cmocka_unit_test(a_guest_page_without_metadata),
		cmocka_unit_test(a_count_that_falls_below_nothing),
		cmocka_unit_test(a_count_that_rises_above_all_pages),
		cmocka_unit_test(merging_pages_that_are_not_all_the_guests),
		cmocka_unit_test(results_into_a_page_that_is_not_the_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
