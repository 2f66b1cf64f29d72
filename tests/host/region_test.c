// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * region_test.c - get, put and their ranges, one thread: each transition of the region word, each
 * answer of the module, each bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/region.h"
#include "rig.h"

static void get_installs_and_the_last_put_removes(void **state)
{
	struct pamt_stats s;
	struct rig rig;

	rig_create(&rig, 1, true);
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 0), NULL), 0);
	s = rig_stats(&rig);
	/* The guest region's pair, and the pair of the chunk that it came from. */
	assert_int_equal(s.adds, 2);
	assert_int_equal(s.pairs_installed, 2);
	assert_int_equal(s.used_bytes, 4 * 4096);
	rig_expect_sound(&rig);
	for (uint32_t i = 1; i < 512; i++)
		assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, i), NULL), 0);
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 0), NULL), -OS_ERANGE);
	assert_int_equal(rig_stats(&rig).adds, 2);
	assert_int_equal(rig_stats(&rig).gets_fast, 511);
	for (uint32_t i = 0; i < 511; i++)
		pamt_put(rig.host, rig_page(&rig, 0, i));
	assert_int_equal(rig_stats(&rig).removes, 0);
	rig_expect_sound(&rig);
	pamt_put(rig.host, rig_page(&rig, 0, 511));
	assert_int_equal(rig_stats(&rig).removes, 1);
	/* put never frees to the OS; anything that may does. */
	assert_int_not_equal(rig_stats(&rig).os_bytes, 0);
	pamt_cache_free(rig.host, &(struct pamt_cache){ 0 });
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void range_is_one_change_per_region(void **state)
{
	struct rig rig;

	rig_create(&rig, 1, true);
	assert_int_equal(pamt_get_range(rig.host, rig_page(&rig, 0, 0), 512, NULL), 0);
	assert_int_equal(rig_stats(&rig).gets_slow, 1);
	assert_int_equal(pamt_get_range(rig.host, rig_page(&rig, 0, 0), 1, NULL), -OS_ERANGE);
	pamt_put_range(rig.host, rig_page(&rig, 0, 0), 500);
	assert_int_equal(pamt_get_range(rig.host, rig_page(&rig, 0, 0), 500, NULL), 0);
	assert_int_equal(rig_stats(&rig).gets_fast, 1);
	pamt_put_range(rig.host, rig_page(&rig, 0, 0), 512);
	pamt_shrink(rig.host, UINT64_MAX);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void range_over_many_regions_is_all_or_nothing(void **state)
{
	struct pamt_cache cache = { 0 };
	tdx_hpa_t first = { 0 };
	struct rig rig;

	/* Guest blocks are neighbours where the machine is fresh: take a stretch of them. */
	rig_create(&rig, 1, true);
	for (uint32_t i = 0; i < RIG_REGIONS; i++)
		if (!first.v || rig.guest[i].v < first.v)
			first = rig.guest[i];
	assert_int_equal(pamt_get_range(rig.host, pfn(hpa_to_pfn(first).v + 100), 35 * 512, NULL),
			 0);
	rig_expect_sound(&rig);
	assert_int_equal(rig_stats(&rig).pairs_installed - rig_stats(&rig).removes >= 36, true);
	pamt_put_range(rig.host, pfn(hpa_to_pfn(first).v + 100), 35 * 512);
	/* The module refuses the first region: all pairs in hand go back. */
	rig_fail_call(&rig, 1, TDX_SYS_NOT_READY);
	assert_int_equal(pamt_get_range(rig.host, hpa_to_pfn(first), 3 * 512, NULL), -OS_EIO);
	assert_int_equal(rig_stats(&rig).pages_cached, 0);
	/* Out of a cache that is too small: nothing is changed. */
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 0, 2), 0);
	assert_int_equal(pamt_get_range(rig.host, hpa_to_pfn(first), 3 * 512, &cache), -OS_ENOMEM);
	assert_int_equal(pamt_get_range(rig.host, hpa_to_pfn(first), 5 * 512, &cache), -OS_ENOMEM);
	assert_int_equal(cache.nr_pages, 4);
	/* The module refuses the second region: the first is put again, and has lost its pair. */
	rig_fail_call(&rig, 2, TDX_SYS_NOT_READY);
	assert_int_equal(pamt_get_range(rig.host, hpa_to_pfn(first), 2 * 512, &cache), -OS_EIO);
	assert_int_equal(cache.nr_pages, 2);
	assert_int_equal(rig_stats(&rig).removes, rig_stats(&rig).adds - 1);
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 0, 2), 0);
	assert_int_equal(pamt_get_range(rig.host, hpa_to_pfn(first), 2 * 512, &cache), 0);
	assert_int_equal(cache.nr_pages, 0);
	pamt_put_range(rig.host, hpa_to_pfn(first), 2 * 512);
	pamt_cache_free(rig.host, &cache);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void pages_that_are_no_tdx_memory_are_refused_before_anything_is_drawn(void **state)
{
	struct pamt_cache cache = { 0 };
	const struct pamt_layout *l;
	struct rig rig;
	uint64_t bad[6];

	rig_create(&rig, 1, true);
	l = pamt_layout(rig.host);
	bad[0] = 0;			    /* below the first CMR */
	bad[1] = UINT64_C(2) << 30 >> 12;   /* between TDMRs */
	bad[2] = UINT64_C(100) << 40 >> 12; /* above them all */
	bad[3] = UINT64_MAX;
	bad[4] = hpa_to_pfn(l->tdmr[0].pamt_base).v;
	bad[5] = hpa_to_pfn(l->tdmr[1].pamt_base).v;
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 0, 1), 0);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(pamt_get(rig.host, pfn(bad[i]), &cache), -OS_EINVAL);
		assert_int_equal(pamt_get_range(rig.host, pfn(bad[i]), 512, &cache), -OS_EINVAL);
		assert_int_equal(cache.nr_pages, 2);
	}
	/* A range that begins well and ends badly. */
	assert_int_equal(pamt_get_range(rig.host, pfn((UINT64_C(1) << 18) - 1), 2, &cache),
			 -OS_EINVAL);
	assert_int_equal(pamt_get_range(rig.host, pfn(1 << 17), UINT64_MAX, &cache), -OS_EINVAL);
	assert_int_equal(pamt_get_range(rig.host, pfn(bad[3]), 0, &cache), 0);
	/* In the region of the hole, but not in the hole. */
	assert_int_equal(pamt_get(rig.host, pfn(0x100), &cache), 0);
	assert_int_equal(pamt_get(rig.host, pfn(0xff), &cache), -OS_EINVAL);
	pamt_put(rig.host, pfn(0x100));
	pamt_put(rig.host, pfn(bad[1]));
	assert_int_equal(rig_stats(&rig).unbalanced_puts, 1);
	pamt_cache_free(rig.host, &cache);
	assert_int_equal(rig_stats(&rig).os_bytes, 0);
	rig_destroy(&rig);
}

static void words_of_large_holes_cost_nothing_and_are_never_read(void **state)
{
	const uint64_t upper = UINT64_C(512) << 30;
	struct pamt_error error;
	struct rig rig;
	tdx_pfn_t page;

	rig_machine_at(&rig, 2, upper);
	assert_int_equal(rig_host(&rig, true, &error), 0);
	assert_int_equal(rig_stats(&rig).table_bytes, 2 * (128 << 10));
	/* Unpopulated: a look at the word would be a fault. */
	page = pfn(upper / 2 >> 12);
	assert_int_equal(pamt_get(rig.host, page, NULL), -OS_EINVAL);
	pamt_put(rig.host, page);
	assert_int_equal(rig_stats(&rig).unbalanced_puts, 1);
	/* The region before the upper TDMR lies in a page of words that is there. */
	assert_int_equal(pamt_get(rig.host, pfn((upper >> 12) - 1), NULL), -OS_EINVAL);
	assert_int_equal(pamt_get(rig.host, pfn(((upper >> 30) + 1) << 18), NULL), -OS_EINVAL);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(pamt_get(rig.host, rig_page(&rig, i, 1), NULL), 0);
		assert_int_equal(pamt_get(rig.host, rig_page(&rig, i, 2), NULL), 0);
	}
	assert_int_equal(rig_stats(&rig).gets_fast, 2);
	rig_expect_sound(&rig);
	for (uint32_t i = 0; i < 2; i++)
		pamt_put_range(rig.host, rig_page(&rig, i, 1), 2);
	pamt_shrink(rig.host, UINT64_MAX);
	assert_int_equal(rig_stats(&rig).os_bytes, 0);
	rig_destroy(&rig);
}

static void get_with_an_empty_cache_fails_and_one_that_loses_keeps_its_pair(void **state)
{
	struct pamt_cache cache = { 0 };
	struct rig rig;

	rig_create(&rig, 1, true);
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 0), &cache), -OS_ENOMEM);
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 0, 1), 0);
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 0), &cache), 0);
	assert_int_equal(cache.nr_pages, 0);
	/* A region in use needs no pair. */
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 1), &cache), 0);
	pamt_put_range(rig.host, rig_page(&rig, 0, 0), 2);
	rig_expect_sound(&rig);
	pamt_cache_free(rig.host, &cache);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void put_of_more_than_there_is_changes_nothing(void **state)
{
	struct rig rig;

	rig_create(&rig, 1, true);
	pamt_put(rig.host, rig_page(&rig, 0, 0));
	assert_int_equal(pamt_get_range(rig.host, rig_page(&rig, 0, 0), 3, NULL), 0);
	pamt_put_range(rig.host, rig_page(&rig, 0, 0), 4);
	assert_int_equal(rig_stats(&rig).unbalanced_puts, 2);
	assert_int_equal(rig_stats(&rig).removes, 0);
	pamt_put_range(rig.host, rig_page(&rig, 0, 0), 3);
	assert_int_equal(rig_stats(&rig).removes, 1);
	rig_expect_sound(&rig);
	rig_destroy(&rig);
}

/* What PAMT.ADD may answer, and what get makes of it. */
static void failed_add_leaves_everything_as_it_was(void **state)
{
	static const struct {
		uint64_t status;
		int ret;
		uint32_t left; /* of four pages in the cache */
		uint32_t quarantined;
	} cases[] = {
		{ TDX_HPA_RANGE_NOT_FREE | TDX_OP_RCX, -OS_EIO, 4, 0 },
		{ TDX_OPERAND_INVALID | TDX_OP_RCX, -OS_EIO, 4, 0 },
		{ TDX_OPERAND_ADDR_RANGE_ERROR | TDX_OP_RCX, -OS_EIO, 4, 0 },
		{ TDX_SYS_SHUTDOWN, -OS_EIO, 4, 0 },
		{ TDX_SEAMCALL_GP, -OS_EIO, 4, 0 },
		/* Once busy is not for ever. */
		{ TDX_OPERAND_BUSY | TDX_OP_RCX, 0, 2, 0 },
		/* The page is at fault: another pair does, the good page stays. */
		{ TDX_PAGE_NOT_FREE | TDX_OP_RDX, 0, 1, 1 },
		{ TDX_PAGE_NOT_FREE | TDX_OP_R8, 0, 1, 1 },
		{ TDX_OPERAND_ADDR_RANGE_ERROR | TDX_OP_R8, 0, 1, 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pamt_cache cache = { 0 };
		struct rig rig;

		rig_create(&rig, 1, true);
		assert_int_equal(pamt_cache_topup(rig.host, &cache, 0, 2), 0);
		rig_fail_call(&rig, 1, cases[i].status);
		assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 0), &cache), cases[i].ret);
		assert_int_equal(cache.nr_pages, cases[i].left);
		assert_int_equal(rig_stats(&rig).quarantined, cases[i].quarantined);
		rig_expect_sound(&rig);
		if (!cases[i].ret)
			pamt_put(rig.host, rig_page(&rig, 0, 0));
		pamt_cache_free(rig.host, &cache);
		if (!cases[i].quarantined)
			assert_int_equal(rig_stats(&rig).os_bytes, 0);
		/* A refused page keeps its chunk: that page, and the pair of its region. */
		else
			assert_int_equal(rig_stats(&rig).os_bytes, 3 * 4096);
		rig_destroy(&rig);
	}
}

/* What PAMT.REMOVE may answer, and what put makes of it. */
static void failed_remove_never_loses_a_pair(void **state)
{
	static const struct {
		uint64_t status;
		uint64_t idle, leaked, no_pair;
	} cases[] = {
		{ TDX_SYS_SHUTDOWN, 1, 0, 0 },
		{ TDX_SYS_NOT_READY, 1, 0, 0 },
		{ TDX_OPERAND_INVALID | TDX_OP_RCX, 1, 0, 0 },
		{ TDX_SEAMCALL_UD, 1, 0, 0 },
		{ TDX_OPERAND_BUSY | TDX_OP_RCX, 0, 0, 0 },
		{ TDX_PAMT_PAGE_NOT_EMPTY | 1, 0, 1, 0 },
		{ TDX_NO_PAMT_PAGE_PAIR | TDX_OP_RCX, 0, 0, 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pamt_stats s;
		struct rig rig;

		rig_create(&rig, 1, true);
		assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 0), NULL), 0);
		rig_fail_call(&rig, 1, cases[i].status);
		pamt_put(rig.host, rig_page(&rig, 0, 0));
		s = rig_stats(&rig);
		assert_int_equal(s.pairs_idle, cases[i].idle);
		assert_int_equal(s.leaked_regions, cases[i].leaked);
		assert_int_equal(s.remove_no_pair, cases[i].no_pair);
		if (!cases[i].no_pair)
			rig_expect_sound(&rig);
		if (cases[i].idle) {
			/* The next get adopts it, the one after that removes it. */
			assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 9), NULL), 0);
			assert_int_equal(rig_stats(&rig).adds, s.adds);
			assert_int_equal(rig_stats(&rig).pairs_idle, 0);
			pamt_put(rig.host, rig_page(&rig, 0, 9));
		}
		if (cases[i].leaked) {
			/* Used again and put again, it is not removed a second time. */
			assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 9), NULL), 0);
			pamt_put(rig.host, rig_page(&rig, 0, 9));
			assert_int_equal(rig_stats(&rig).removes, 0);
			assert_int_equal(pamt_leaks(rig.host, NULL, NULL), 2);
		}
		pamt_cache_free(rig.host, &(struct pamt_cache){ 0 });
		if (!cases[i].leaked && !cases[i].no_pair)
			assert_int_equal(rig_stats(&rig).os_bytes, 0);
		rig_destroy(&rig);
	}
}

static void module_that_stays_busy_is_given_up_on(void **state)
{
	struct pamt_cache cache = { 0 };
	struct rig rig;

	rig_create(&rig, 1, true);
	/* The first chunk cannot be backed. */
	rig_fail_leaf(TDH_PHYMEM_PAMT_ADD, TDX_OPERAND_BUSY | TDX_OP_RCX, UINT64_MAX);
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 0, 1), -OS_EAGAIN);
	assert_int_equal(rig_stats(&rig).os_bytes, 0);
	rig_fail_leaf(TDH_PHYMEM_PAMT_ADD, 0, 0);
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 0, 1), 0);
	rig_fail_leaf(TDH_PHYMEM_PAMT_ADD, TDX_OPERAND_BUSY | TDX_OP_RCX, UINT64_MAX);
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 0), &cache), -OS_EAGAIN);
	assert_int_equal(cache.nr_pages, 2);
	rig_fail_leaf(TDH_PHYMEM_PAMT_ADD, 0, 0);
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 0), &cache), 0);
	rig_fail_leaf(TDH_PHYMEM_PAMT_REMOVE, TDX_OPERAND_BUSY | TDX_OP_RCX, UINT64_MAX);
	pamt_put(rig.host, rig_page(&rig, 0, 0));
	assert_int_equal(rig_stats(&rig).pairs_idle, 1);
	/* Nothing can be given back now, and nothing is lost. */
	pamt_cache_free(rig.host, &cache);
	assert_int_not_equal(rig_stats(&rig).os_bytes, 0);
	assert_int_equal(rig_stats(&rig).remove_busy > 1, true);
	rig_expect_sound(&rig);
	rig_fail_leaf(TDH_PHYMEM_PAMT_REMOVE, 0, 0);
	pamt_cache_free(rig.host, &cache);
	assert_int_equal(rig_stats(&rig).os_bytes, 0);
	rig_expect_sound(&rig);
	rig_destroy(&rig);
}

static void two_refused_pairs_are_enough(void **state)
{
	struct pamt_cache cache = { 0 };
	struct rig rig;

	rig_create(&rig, 1, true);
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 0, 3), 0);
	rig_fail_leaf(TDH_PHYMEM_PAMT_ADD, TDX_PAGE_NOT_FREE | TDX_OP_RDX, 2);
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 0), &cache), -OS_EIO);
	assert_int_equal(cache.nr_pages, 4);
	assert_int_equal(rig_stats(&rig).quarantined, 2);
	rig_expect_sound(&rig);
	pamt_cache_free(rig.host, &cache);
	rig_destroy(&rig);
}

static void full_cache_does_not_take_a_pair_back(void **state)
{
	struct pamt_cache cache = { 0 };
	struct rig rig;

	rig_create(&rig, 1, true);
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 64, 0), 0);
	assert_int_equal(cache.nr_pages, PAMT_CACHE_PAGES);
	rig_fail_leaf(TDH_PHYMEM_PAMT_ADD, TDX_SYS_SHUTDOWN, 1);
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 0), &cache), -OS_EIO);
	assert_int_equal(cache.nr_pages, PAMT_CACHE_PAGES);
	pamt_cache_free(rig.host, &cache);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void refused_remove_is_tried_again_when_the_last_cache_goes(void **state)
{
	struct rig rig;

	rig_create(&rig, 1, true);
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 0), NULL), 0);
	rig_fail_call(&rig, 1, TDX_SYS_NOT_READY);
	pamt_put(rig.host, rig_page(&rig, 0, 0));
	assert_int_equal(rig_stats(&rig).pairs_idle, 1);
	pamt_cache_free(rig.host, &(struct pamt_cache){ 0 });
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void page_that_is_still_a_tds_is_named_as_a_leak(void **state)
{
	struct rig rig;
	tdx_hpa_t page;

	rig_create(&rig, 1, true);
	page = pfn_to_hpa(rig_page(&rig, 3, 77));
	assert_int_equal(pamt_get(rig.host, hpa_to_pfn(page), NULL), 0);
	assert_int_equal(rig_tdr_create(&rig, page, 40).v, 0);
	pamt_put(rig.host, hpa_to_pfn(page)); /* too early: a bug of the caller's */
	assert_int_equal(rig_stats(&rig).remove_not_empty, 1);
	assert_int_equal(rig_stats(&rig).leaked_regions, 1);
	rig_tdr_end(&rig, page);
	rig_expect_sound(&rig);
	rig_destroy(&rig);
}

static void idle_limit_keeps_that_many_regions(void **state)
{
	struct pamt_stats s;
	struct rig rig;

	rig_create(&rig, 1, true);
	pamt_set_idle_limit(rig.host, 4);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(pamt_get(rig.host, rig_page(&rig, i, 0), NULL), 0);
	for (uint32_t i = 0; i < 8; i++)
		pamt_put(rig.host, rig_page(&rig, i, 0));
	/* Three quarters: the rest is for regions that come back. */
	assert_int_equal(rig_stats(&rig).pairs_idle, 3);
	rig_expect_sound(&rig);
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 7, 0), NULL), 0);
	pamt_put(rig.host, rig_page(&rig, 7, 0));
	assert_int_equal(rig_stats(&rig).pairs_idle, 4);
	s = rig_stats(&rig);
	/* From now on a flip costs no SEAMCALL. */
	for (int i = 0; i < 100; i++) {
		assert_int_equal(pamt_get(rig.host, rig_page(&rig, 7, 0), NULL), 0);
		pamt_put(rig.host, rig_page(&rig, 7, 0));
	}
	assert_int_equal(rig_stats(&rig).adds, s.adds);
	assert_int_equal(rig_stats(&rig).removes, s.removes);
	pamt_set_idle_limit(rig.host, 1);
	assert_int_equal(rig_stats(&rig).pairs_idle, 1);
	assert_true(pamt_shrink(rig.host, 1000) > 0);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void static_pamt_checks_the_range_only(void **state)
{
	struct pamt_cache cache = { 0 };
	struct rig rig;
	tdx_hpa_t page;

	rig_create(&rig, 1, false);
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 0), &cache), 0);
	assert_int_equal(pamt_get(rig.host, pfn(0), &cache), -OS_EINVAL);
	pamt_put(rig.host, rig_page(&rig, 0, 0));
	pamt_set_idle_limit(rig.host, 4);
	assert_int_equal(pamt_get_range(rig.host, rig_page(&rig, 0, 0), 512, NULL), 0);
	pamt_put_range(rig.host, rig_page(&rig, 0, 0), 512);
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 3, 5), 0);
	assert_int_equal(cache.nr_pages, 3);
	assert_int_equal(pamt_alloc_page(rig.host, 0, &cache, &page), 0);
	assert_int_equal(rig_tdr_create(&rig, page, 40).v, 0);
	assert_int_equal(rig_stats(&rig).os_bytes, 3 * 4096);
	assert_int_equal(rig_stats(&rig).control_pages, 1);
	rig_tdr_end(&rig, page);
	pamt_free_page(rig.host, page);
	pamt_cache_free(rig.host, &cache);
	assert_int_equal(rig_stats(&rig).os_bytes, 0);
	assert_int_equal(pamt_verify(rig.host, NULL, NULL), 0);
	rig_destroy(&rig);
}

/* Each of the 65536 words is one state, or none that can be. */
static void words_are_of_one_state_or_illegal(void **state)
{
	uint32_t words[REGION_STATE_ILLEGAL + 1] = { 0 };

	for (uint32_t word = 0; word <= UINT16_MAX; word++)
		words[region_state((uint16_t)word)]++;
	assert_int_equal(words[REGION_STATE_FREE], 8);
	assert_int_equal(words[REGION_STATE_USED], 8 * REGION_MAX_COUNT);
	assert_int_equal(words[REGION_STATE_IDLE], 8);
	assert_int_equal(words[REGION_STATE_LARGE], 8);
	assert_int_equal(words[REGION_STATE_LEAKED], 8 * REGION_MAX_COUNT);
	assert_int_equal(words[REGION_STATE_LOCKED], 8);
	assert_string_equal(region_state_name(REGION_STATE_ILLEGAL), "ILLEGAL");
}

/* How far from each other the words of two regions lie, in cache lines, at the least. */
static uint64_t lines_between(uint64_t a, uint64_t b, uint64_t words)
{
	uint64_t x = region_place(a) / words, y = region_place(b) / words;

	return x > y ? x - y : y - x;
}

static void words_of_neighbours_lie_on_lines_of_their_own(void **state)
{
	static bool taken[REGION_BLOCK_WORDS];
	uint64_t base = 5 * REGION_BLOCK_WORDS;

	/* Each region of a block has a place in it, and no other has it. */
	for (uint64_t r = 0; r < REGION_BLOCK_WORDS; r++) {
		uint64_t place = region_place(base + r) - base;

		assert_true(place < REGION_BLOCK_WORDS && !taken[place]);
		taken[place] = true;
	}
	/* As state.h says: of lines, of pairs of lines, and of TDs at round addresses. */
	for (uint64_t r = base; r < base + 2000; r++) {
		for (uint64_t n = 1; n < 971; n++)
			assert_true(lines_between(r, r + n, 32));
		for (uint64_t n = 1; n < 360; n++)
			assert_true(lines_between(r, r + n, 64));
		for (uint64_t n = 64; n < REGION_BLOCK_WORDS - 2000; n *= 2)
			assert_true(lines_between(r, r + n, 1) >= 1536);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(get_installs_and_the_last_put_removes),
		cmocka_unit_test(words_of_neighbours_lie_on_lines_of_their_own),
		cmocka_unit_test(range_is_one_change_per_region),
		cmocka_unit_test(range_over_many_regions_is_all_or_nothing),
		cmocka_unit_test(pages_that_are_no_tdx_memory_are_refused_before_anything_is_drawn),
		cmocka_unit_test(words_of_large_holes_cost_nothing_and_are_never_read),
		cmocka_unit_test(get_with_an_empty_cache_fails_and_one_that_loses_keeps_its_pair),
		cmocka_unit_test(put_of_more_than_there_is_changes_nothing),
		cmocka_unit_test(failed_add_leaves_everything_as_it_was),
		cmocka_unit_test(failed_remove_never_loses_a_pair),
		cmocka_unit_test(module_that_stays_busy_is_given_up_on),
		cmocka_unit_test(two_refused_pairs_are_enough),
		cmocka_unit_test(full_cache_does_not_take_a_pair_back),
		cmocka_unit_test(refused_remove_is_tried_again_when_the_last_cache_goes),
		cmocka_unit_test(page_that_is_still_a_tds_is_named_as_a_leak),
		cmocka_unit_test(idle_limit_keeps_that_many_regions),
		cmocka_unit_test(static_pamt_checks_the_range_only),
		cmocka_unit_test(words_are_of_one_state_or_illegal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
