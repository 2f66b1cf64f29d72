// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * guard_test.c - guard mode: the host's hands on pages that are not its own, and what is left in
 * pages that come back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rig.h"

static void start(struct rig *rig, struct rig_td *td)
{
	rig_init(rig, true, 2);
	rig->config.guard = true;
	rig_start(rig);
	rig_td_create(rig, td, 1);
	for (uint32_t level = 3; level > 0; level--)
		rig_sept_add(rig, td, 0, level);
	rig_td_finalize(rig, td);
	assert_int_equal(seam_guard_violations(rig->seam), 0);
}

/* Is a look at the page reported? */
static bool reported(struct rig *rig, uint64_t page)
{
	uint64_t before = seam_guard_violations(rig->seam);
	uint64_t lines = rig->bare.nr_logged;

	rig->bare.os.map_host(rig->bare.os.ctx, hpa(page + 8), OS_READ);
	if (seam_guard_violations(rig->seam) == before)
		return false;
	assert_true(rig->bare.nr_logged > lines);
	return true;
}

static void pages_of_a_td_are_not_the_hosts(void **state)
{
	struct seam_owner owner;
	struct rig_td td;
	struct rig rig;

	(void)state;
	start(&rig, &td);
	assert_true(reported(&rig, td.tdr));
	for (uint32_t i = 0; i < td.nr_pages; i++)
		assert_true(reported(&rig, td.page[i]));
	assert_false(reported(&rig, rig_page(&rig)));
	assert_true(seam_owns(rig.seam, hpa(td.tdvpr[0]), &owner));
	assert_int_equal(owner.type, TDX_PT_TDVPR);
	assert_int_equal(owner.tdr.v, td.tdr);
	rig_td_destroy(&rig, &td);
	assert_false(reported(&rig, td.tdr));
	rig_stop(&rig);
}

static void pairs_and_pamt_areas_are_the_modules(void **state)
{
	struct rig_td td;
	struct rig rig;
	uint64_t region;

	(void)state;
	start(&rig, &td);
	region = rig_region(&rig);
	assert_false(reported(&rig, region));
	rig_add(&rig, region);
	assert_true(reported(&rig, region));
	assert_true(reported(&rig, region + TDX_PAGE_SIZE));
	assert_false(reported(&rig, region + 2 * TDX_PAGE_SIZE));
	RIG_OK(&rig, 0, .rax = TDH_PHYMEM_PAMT_REMOVE, .rcx = region | TDX_2M);
	assert_false(reported(&rig, region));
	assert_true(reported(&rig, RIG_PAMT));
	assert_true(reported(&rig, RIG_PAMT + TDX_2M_SIZE));
	rig_stop(&rig);
}

static void a_large_page_is_the_guests_to_its_last_byte(void **state)
{
	struct rig_td td;
	struct rig rig;
	uint64_t region;

	(void)state;
	start(&rig, &td);
	region = rig_region(&rig);
	RIG_OK(&rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = TDX_2M_SIZE | TDX_2M, .rdx = td.tdr,
	       .r8 = region);
	assert_true(reported(&rig, region));
	assert_true(reported(&rig, region + TDX_2M_SIZE - TDX_PAGE_SIZE));
	assert_false(reported(&rig, region + TDX_2M_SIZE));
	rig_stop(&rig);
}

static void a_page_comes_back_as_junk(void **state)
{
	const uint64_t *word;
	struct rig_td td;
	struct rig rig;
	uint64_t page;

	(void)state;
	start(&rig, &td);
	page = rig_page(&rig);
	RIG_OK(&rig, 0, .rax = TDH_MEM_PAGE_AUG, .rdx = td.tdr, .r8 = page);
	RIG_OK(&rig, 0, .rax = TDH_MEM_RANGE_BLOCK, .rdx = td.tdr);
	RIG_OK(&rig, 0, .rax = TDH_MEM_TRACK, .rcx = td.tdr);
	RIG_OK(&rig, 0, .rax = TDH_MEM_PAGE_REMOVE, .rdx = td.tdr);
	word = rig.bare.os.map_host(rig.bare.os.ctx, hpa(page), OS_READ);
	assert_int_not_equal(*word, 0);
	assert_int_equal(seam_guard_violations(rig.seam), 0);
	rig_stop(&rig);
}

static void without_guard_mode_nothing_is_reported(void **state)
{
	struct rig_td td;
	struct rig rig;

	(void)state;
	rig_init(&rig, true, 2);
	rig_start(&rig);
	rig_td_create(&rig, &td, 0);
	assert_false(reported(&rig, td.tdr));
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_of_a_td_are_not_the_hosts),
		cmocka_unit_test(pairs_and_pamt_areas_are_the_modules),
		cmocka_unit_test(a_large_page_is_the_guests_to_its_last_byte),
		cmocka_unit_test(a_page_comes_back_as_junk),
		cmocka_unit_test(without_guard_mode_nothing_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
