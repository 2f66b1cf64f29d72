// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * regression_test.c - what the library got wrong once; each test tells its story.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "host/pair.h"
#include "rig.h"

/* A pfn that is not 2M aligned has no word, and was looked up all the same: a crash. */
static void a_2m_page_must_be_aligned(void **state)
{
	for (int dynamic = 0; dynamic < 2; dynamic++) {
		struct tdx_regs call = { .rax = TDX_RAX(TDH_MEM_PAGE_AUG, 0), .rcx = TDX_2M };
		struct rig rig;
		tdx_pfn_t page;

		rig_create(&rig, 1, dynamic);
		page = rig_page(&rig, 0, 1);
		call.r8 = pfn_to_hpa(page).v;
		assert_int_equal(pamt_map_2m(rig.host, page, &call), -OS_EINVAL);
		rig_destroy(&rig);
	}
}

/*
 * A put came too early, the module said that the page is a TD's, and COUNT stayed 1. Then the owner
 * put it as well, as it should: COUNT 1 looked like a last user, and the pair was removed from
 * under a page that may be half-way through its own removal, which is what ends the module.
 */
static void a_leaked_region_is_not_removed_by_the_put_that_was_owed(void **state)
{
	struct rig rig;
	tdx_hpa_t page;

	rig_create(&rig, 1, true);
	page = pfn_to_hpa(rig_page(&rig, 3, 77));
	assert_int_equal(pamt_get(rig.host, hpa_to_pfn(page), NULL), 0);
	assert_int_equal(rig_tdr_create(&rig, page, 40).v, 0);
	pamt_put(rig.host, hpa_to_pfn(page)); /* too early */
	assert_int_equal(rig_stats(&rig).remove_not_empty, 1);
	rig_tdr_end(&rig, page);
	pamt_put(rig.host, hpa_to_pfn(page)); /* the owner's */
	assert_int_equal(rig_stats(&rig).removes, 0);
	assert_int_equal(rig_stats(&rig).unbalanced_puts, 1);
	/* It can be used as before, by as many as there is room for, and not as a 2M page. */
	assert_int_equal(pamt_get_range(rig.host, rig_page(&rig, 3, 0), 511, NULL), 0);
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 3, 511), NULL), -OS_ERANGE);
	assert_int_equal(pamt_merge(rig.host, rig_page(&rig, 3, 0),
				    &(struct tdx_regs){ .rax = TDX_RAX(TDH_MEM_PAGE_PROMOTE, 0),
							.rcx = TDX_2M }),
			 -OS_EBUSY);
	pamt_put_range(rig.host, rig_page(&rig, 3, 0), 511);
	pamt_set_idle_limit(rig.host, 0);
	rig_expect_sound(&rig);
	assert_int_equal(rig_stats(&rig).removes, 0);
	assert_int_equal(rig_stats(&rig).leaked_regions, 1);
	rig_destroy(&rig);
}

/* The same by a put too many where the pool's own pages are: its chunk stays, and nothing else. */
static void a_pool_region_that_leaks_keeps_its_chunk(void **state)
{
	struct rig rig;
	tdx_hpa_t page;

	rig_create(&rig, 1, true);
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), 0);
	assert_int_equal(rig_tdr_create(&rig, page, 40).v, 0);
	/* A control page has no get of its own; builds with invariants do not even try. */
	pair_put_users(rig.host, hpa_to_region(page), 1);
	assert_int_equal(rig_stats(&rig).leaked_regions, 1);
	rig_tdr_end(&rig, page);
	pamt_free_page(rig.host, page);
	assert_int_equal(rig_stats(&rig).removes, 0);
	assert_int_equal(rig_stats(&rig).os_bytes, 2 * 4096);
	rig_expect_sound(&rig);
	rig_destroy(&rig);
}

/* One refused page left the hand of a range with one page and no way to the pool: no memory. */
static void a_range_goes_on_after_a_page_was_refused(void **state)
{
	struct rig rig;

	rig_create(&rig, 1, true);
	/* The pool has its first chunk, so that the next ADD is the range's. */
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 1, 0), NULL), 0);
	rig_fail_leaf(TDH_PHYMEM_PAMT_ADD, TDX_PAGE_NOT_FREE | TDX_OP_RDX, 1);
	assert_int_equal(pamt_get_range(rig.host, rig_page(&rig, 0, 0), 8, NULL), 0);
	assert_int_equal(rig_stats(&rig).quarantined, 1);
	pamt_put_range(rig.host, rig_page(&rig, 0, 0), 8);
	pamt_put(rig.host, rig_page(&rig, 1, 0));
	rig_destroy(&rig);
}

/* Of two pages of a new chunk that the module refused, the second went back to the system. */
static void every_refused_page_stays_out_of_use(void **state)
{
	struct rig rig;
	tdx_hpa_t page;

	rig_create(&rig, 1, true);
	rig_fail_leaf(TDH_PHYMEM_PAMT_ADD, TDX_PAGE_NOT_FREE | TDX_OP_RDX, 2);
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), -OS_EIO);
	assert_int_equal(rig_stats(&rig).quarantined, 2);
	assert_int_equal(rig_stats(&rig).os_bytes, 2 * 4096);
	rig_destroy(&rig);
}

/*
 * A chunk in a region that has a pair already is not two pages poorer, as was counted on: for some
 * numbers of pages the pool held more than twice what was used, and nobody gave any of it back.
 */
static void the_bound_holds_for_every_number_of_control_pages(void **state)
{
	enum { MOST = 229 };
	tdx_hpa_t page[MOST + 1];

	for (uint32_t n = 1; n <= MOST; n += n < 64 ? 1 : 7) {
		struct rig rig;

		rig_create(&rig, 1, true);
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page[i]), 0);
		pamt_shrink(rig.host, UINT64_MAX);
		assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page[n]), 0);
		rig_expect_bound(&rig);
		for (uint32_t i = 0; i <= n; i++)
			pamt_free_page(rig.host, page[i]);
		rig_expect_nothing_left(&rig);
		rig_destroy(&rig);
	}
}

/* Nothing that a host does without caches gave back what its puts had left. */
static void gets_without_a_cache_keep_the_bound(void **state)
{
	struct rig rig;
	tdx_hpa_t page;

	rig_create(&rig, 1, true);
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), 0);
	for (uint32_t i = 0; i < RIG_REGIONS; i++)
		assert_int_equal(pamt_get(rig.host, rig_page(&rig, i, 0), NULL), 0);
	for (uint32_t i = 0; i < RIG_REGIONS; i++)
		pamt_put(rig.host, rig_page(&rig, i, 0));
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 0), NULL), 0);
	rig_expect_bound(&rig);
	pamt_put(rig.host, rig_page(&rig, 0, 0));
	pamt_free_page(rig.host, page);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

/* With no TD left, pairs of idle regions stayed in the pool when the limit was taken down. */
static void without_tds_a_lower_idle_limit_leaves_nothing(void **state)
{
	struct rig rig;

	rig_create(&rig, 1, true);
	pamt_set_idle_limit(rig.host, 8);
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 0), NULL), 0);
	pamt_put(rig.host, rig_page(&rig, 0, 0));
	assert_int_equal(rig_stats(&rig).pairs_idle, 1);
	pamt_set_idle_limit(rig.host, 0);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

/* PAMT was reserved, the module not yet brought up: what needs the table found none and crashed. */
static void before_bring_up_nothing_is_tdx_memory(void **state)
{
	struct pamt_host_config config = {
		.dynamic = true, .hkid_start_bit = 40, .nr_hkids = 16, .global_hkid = 32
	};
	struct pamt_cache cache = { 0 };
	struct pamt_error error;
	const char *why = NULL;
	struct rig rig;
	tdx_hpa_t page;

	rig_machine(&rig, 1);
	for (uint32_t i = 0; i < rig.map.nr_ranges; i++)
		rig.memory[i] = (struct pamt_memory){ hpa(rig.ranges[i].base), rig.ranges[i].size,
						      rig.ranges[i].node };
	config.memory = rig.memory;
	config.nr_memory = rig.map.nr_ranges;
	assert_int_equal(pamt_host_create(rig.os, &config, &rig.host, &error), 0);
	assert_false(pamt_is_dynamic(rig.host, &why));
	assert_string_equal(why, "the module is not brought up");
	assert_int_equal(pamt_boot_reserve(rig.host, &error), 0);
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 0), NULL), -OS_EINVAL);
	assert_int_equal(pamt_get_range(rig.host, rig_page(&rig, 0, 0), 600, NULL), -OS_EINVAL);
	pamt_put(rig.host, rig_page(&rig, 0, 0));
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 1, 1), -OS_ENOMEM);
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), -OS_ENOMEM);
	assert_int_equal(pamt_verify(rig.host, NULL, NULL), 0);
	assert_int_equal(pamt_shrink(rig.host, 1), 0);
	pamt_set_idle_limit(rig.host, 1);
	pamt_cache_free(rig.host, &cache);
	rig_destroy(&rig);
}

/* A word that is none of the states was looked up behind the end of a table. */
static void verify_names_a_word_that_cannot_be(void **state)
{
	struct pamt_finding found;
	os_a16_t *word;
	struct rig rig;

	if (PAMT_DEBUG)
		skip(); /* there every reader stops at it */
	rig_create(&rig, 1, true);
	word = region_word(rig.host, pfn_to_region(rig_page(&rig, 0, 0)));
	word->v = REGION_IDLE | REGION_LARGE;
	assert_string_equal(
		region_verify(rig.host, pfn_to_region(rig_page(&rig, 0, 0)), word, &found),
		"the region's word is none that can be");
	word->v = 0;
	rig_destroy(&rig);
}

/* Each busy answer to RDMD is one, also if a later try was not busy. */
static void busy_is_counted_where_it_is_met(void **state)
{
	struct rig rig;

	rig_create(&rig, 1, true);
	rig_fail_leaf(TDH_PHYMEM_PAGE_RDMD, TDX_OPERAND_BUSY | TDX_OP_RCX, 10);
	assert_int_equal(pamt_verify(rig.host, NULL, NULL), 0);
	assert_int_equal(rig_stats(&rig).busy, 10);
	rig_destroy(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_2m_page_must_be_aligned),
		cmocka_unit_test(a_leaked_region_is_not_removed_by_the_put_that_was_owed),
		cmocka_unit_test(a_pool_region_that_leaks_keeps_its_chunk),
		cmocka_unit_test(a_range_goes_on_after_a_page_was_refused),
		cmocka_unit_test(every_refused_page_stays_out_of_use),
		cmocka_unit_test(the_bound_holds_for_every_number_of_control_pages),
		cmocka_unit_test(gets_without_a_cache_keep_the_bound),
		cmocka_unit_test(without_tds_a_lower_idle_limit_leaves_nothing),
		cmocka_unit_test(before_bring_up_nothing_is_tdx_memory),
		cmocka_unit_test(verify_names_a_word_that_cannot_be),
		cmocka_unit_test(busy_is_counted_where_it_is_met),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
