// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * odd_test.c - public functions with numbers that make no sense: refused, or right; never endless,
 * never silent. Regression tests too: what each did before is said where it is asked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "small_guest.h"
#include "host/pool.h"

#define GIB (UINT64_C(1) << 30)
#define TOP (UINT64_MAX & ~(TDX_PAGE_SIZE - 1))

static char last_line[256];
static unsigned int lines;

static void note(void *ctx, enum os_log_level level, const char *format, ...)
{
	va_list args;

	(void)ctx;
	(void)level;
	va_start(args, format);
	vsnprintf(last_line, sizeof(last_line), format, args);
	va_end(args);
	lines++;
}

static int setup(void **state)
{
	static struct rig rig;

	rig_create(&rig, 1, true);
	rig.services.log = note;
	lines = 0;
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	rig_destroy(*state);
	return 0;
}

/* So many wrong calls so far, each with one line. */
static void expect_said(struct rig *rig, unsigned int times)
{
	assert_int_equal(lines, times);
	assert_int_equal(rig_stats(rig).unbalanced_puts, times);
}

/*
 * A range of 2^60 bytes was walked region by region, for years; an end that wrapped to a small
 * address said that memory in use may go; of a range that begins within a page one page was looked
 * at and two were meant.
 */
static void ranges_of_memory_are_ranges(void **state)
{
	static const struct {
		uint64_t base, bytes;
		int offline, online;
	} asked[] = {
		{ UINT64_C(4) << 40, UINT64_C(1) << 60, -OS_EINVAL, -OS_EINVAL },
		{ UINT64_C(1) << 63, (UINT64_C(1) << 63) + TDX_2M_SIZE, -OS_EINVAL, -OS_EINVAL },
		{ UINT64_C(0) - (1 << 20), 8 * GIB, -OS_EINVAL, -OS_EINVAL },
		{ UINT64_C(1) << 52, TDX_PAGE_SIZE, -OS_EINVAL, -OS_EINVAL },
		{ 4 * GIB + 1, 0x200000fff, -OS_EINVAL, -OS_EINVAL },
		{ 4 * GIB + 0x800, TDX_PAGE_SIZE, -OS_EINVAL, -OS_EINVAL },
		{ 4 * GIB, TDX_PAGE_SIZE + 1, -OS_EINVAL, -OS_EINVAL },
		{ TOP, UINT64_MAX, -OS_EINVAL, -OS_EINVAL },
		/* Memory of no TDMR may go, all of it, and not come. */
		{ UINT64_C(4) << 40, (UINT64_C(1) << 52) - (UINT64_C(4) << 40), 0, -OS_EINVAL },
		/* Nothing may go; and it is not memory that could come. */
		{ 4 * GIB, 0, 0, -OS_EINVAL },
		/* All there is: in use. */
		{ 0, UINT64_C(1) << 52, -OS_EBUSY, -OS_EINVAL },
	};
	struct rig *rig = *state;
	tdx_pfn_t page = rig_page(rig, 1, 0);

	assert_int_equal(pamt_get(rig->host, page, NULL), 0);
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		tdx_hpa_t base = hpa(asked[i].base);

		assert_int_equal(pamt_offline(rig->host, base, asked[i].bytes), asked[i].offline);
		assert_int_equal(pamt_may_online(rig->host, base, asked[i].bytes), asked[i].online);
	}
	assert_int_equal(pamt_may_online(rig->host, pfn_to_hpa(page), TDX_PAGE_SIZE), 0);
	pamt_put(rig->host, page);
	pamt_shrink(rig->host, UINT64_MAX);
	rig_expect_nothing_left(rig);
	assert_int_equal(lines, 0);
}

/* A put of 2^64 - 1 pages logged each region of them, for ever. */
static void ranges_of_pages_are_refused_in_one_line(void **state)
{
	static const uint64_t odd[][2] = {
		{ 0, UINT64_MAX },
		{ 1, UINT64_MAX },
		{ UINT64_MAX, 1 },
		{ UINT64_MAX, UINT64_MAX },
		{ (UINT64_C(1) << 40) - 1, 2 },
		{ 0, (GIB >> TDX_PAGE_SHIFT) + 1 },
	};
	struct rig *rig = *state;

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		tdx_pfn_t first = pfn(odd[i][0]);
		struct pamt_cache cache = { 0 };

		assert_int_equal(pamt_get_range(rig->host, first, odd[i][1], NULL), -OS_EINVAL);
		assert_int_equal(pamt_get_range(rig->host, first, odd[i][1], &cache), -OS_EINVAL);
		pamt_put_range(rig->host, first, odd[i][1]);
		expect_said(rig, (unsigned int)i + 1);
	}
	assert_int_equal(pamt_get_range(rig->host, pfn(UINT64_MAX), 0, NULL), 0);
	pamt_put_range(rig->host, pfn(UINT64_MAX), 0);
	assert_int_equal(pamt_get(rig->host, pfn(UINT64_MAX), NULL), -OS_EINVAL);
	expect_said(rig, 6);
	pamt_put(rig->host, pfn(UINT64_MAX));
	expect_said(rig, 7);
	pamt_release_2m(rig->host, pfn(UINT64_MAX));
	expect_said(rig, 8);
	assert_int_equal(rig_stats(rig).os_bytes, 0);
}

static void caches_and_nodes_of_any_number(void **state)
{
	static const uint32_t too_many[][2] = {
		{ UINT32_MAX, UINT32_MAX },	 { PAMT_CACHE_PAGES + 1, 0 },
		{ 0, PAMT_CACHE_PAGES / 2 + 1 }, { PAMT_CACHE_PAGES, 1 },
		{ 0, UINT32_MAX / 2 + 1 },
	};
	struct rig *rig = *state;
	struct pamt_cache cache = { 0 };
	struct pamt_node_stats stats;
	tdx_hpa_t page;

	for (size_t i = 0; i < sizeof(too_many) / sizeof(too_many[0]); i++)
		assert_int_equal(
			pamt_cache_topup(rig->host, &cache, too_many[i][0], too_many[i][1]),
			-OS_ERANGE);
	assert_int_equal(cache.nr_pages, 0);
	assert_int_equal(pamt_alloc_page(rig->host, 77, NULL, &page), 0);
	pamt_free_page(rig->host, page);
	pamt_node_stats(rig->host, UINT32_MAX, &stats);
	assert_int_equal(stats.os_bytes, 0);
	rig_expect_nothing_left(rig);
	assert_int_equal(lines, 0);
}

/*
 * A free of an address within a page freed the page; a free of a page of a cache made the number of
 * control pages -1, for good: the pool was never emptied again.
 */
static void only_control_pages_are_freed(void **state)
{
	struct rig *rig = *state;
	struct pamt_cache cache = { 0 };
	tdx_hpa_t page;

	assert_int_equal(pamt_cache_topup(rig->host, &cache, 4, 0), 0);
	pamt_free_page(rig->host, cache.page[0]);
	expect_said(rig, 1);
	assert_int_equal(pamt_alloc_page(rig->host, 0, &cache, &page), 0);
	pamt_free_page(rig->host, hpa(page.v | 0x123));
	pamt_free_page(rig->host, hpa(TOP));
	pamt_free_page(rig->host, pfn_to_hpa(rig_page(rig, 0, 0)));
	expect_said(rig, 4);
	assert_int_equal(rig_stats(rig).control_pages, 1);
	pamt_free_page(rig->host, page);
	pamt_free_page(rig->host, page);
	expect_said(rig, 5);
	assert_int_equal(rig_stats(rig).control_pages, 0);
	pamt_cache_free(rig->host, &cache);
	assert_int_equal(rig_stats(rig).os_bytes, 0);
	expect_said(rig, 5);
}

/* With static PAMT whatever was freed went to the OS. */
static void only_control_pages_are_freed_with_static_pamt(void **state)
{
	struct rig rig;
	tdx_hpa_t page;

	(void)state;
	rig_create(&rig, 1, false);
	rig.services.log = note;
	lines = 0;
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), 0);
	pamt_free_page(rig.host, hpa(TOP));
	pamt_free_page(rig.host, hpa(page.v + 1));
	assert_int_equal(rig_stats(&rig).control_pages, 1);
	pamt_free_page(rig.host, page);
	pamt_free_page(rig.host, page);
	expect_said(&rig, 3);
	assert_int_equal(rig_stats(&rig).os_bytes, 0);
	rig_destroy(&rig);
}

/* PAGE.RECLAIM of another page than the one that the word is about. */
static void a_2m_page_is_reclaimed_by_its_own_address(void **state)
{
	struct rig *rig = *state;
	tdx_pfn_t first = rig_page(rig, 0, 0);
	struct guest guest;
	struct tdx_regs call;

	guest_create(&guest, rig, 40);
	call = guest_aug_2m(&guest, 0, first);
	assert_int_equal(pamt_map_2m(rig->host, first, &call), 0);
	call = (struct tdx_regs){ .rax = TDX_RAX(TDH_PHYMEM_PAGE_RECLAIM, 0),
				  .rcx = pfn_to_hpa(rig_page(rig, 1, 0)).v };
	assert_int_equal(pamt_remove_2m(rig->host, first, &call), -OS_EINVAL);
	guest_block_2m(&guest, 0);
	call = guest_remove_2m(&guest, 0);
	assert_int_equal(pamt_remove_2m(rig->host, first, &call), 0);
	pamt_release_2m(rig->host, first);
	guest_end(&guest);
	rig_expect_nothing_left(rig);
	/* The highest address that a call could name. */
	call = (struct tdx_regs){ .rax = TDX_RAX(TDH_MEM_PAGE_AUG, 0),
				  .rcx = TDX_2M,
				  .r8 = UINT64_MAX & ~(TDX_2M_SIZE - 1) };
	assert_int_equal(pamt_map_2m(rig->host, pfn(call.r8 >> TDX_PAGE_SHIFT), &call), -OS_EINVAL);
}

/*
 * A page was put twice, and it was the put of another one, the innocent one, that was said to be
 * too many. Where invariants are checked the page is known.
 */
static void a_page_that_is_put_twice_is_named(void **state)
{
	struct rig *rig = *state;
	tdx_pfn_t twice = rig_page(rig, 0, 3), innocent = rig_page(rig, 0, 4);
	char name[32];

	assert_int_equal(pamt_get_range(rig->host, rig_page(rig, 0, 0), 8, NULL), 0);
	pamt_put(rig->host, twice);
	pamt_put(rig->host, twice);
	pamt_put_range(rig->host, rig_page(rig, 0, 0), 3);
	pamt_put_range(rig->host, innocent, 4);
	expect_said(rig, 1);
	snprintf(name, sizeof(name), "0x%llx",
		 (unsigned long long)pfn_to_hpa(PAMT_DEBUG ? twice : rig_page(rig, 0, 0)).v);
	assert_non_null(strstr(last_line, name));
	/* The others of the innocent range, refused as a whole. */
	if (!PAMT_DEBUG)
		pamt_put_range(rig->host, innocent, 3);
	pamt_shrink(rig->host, UINT64_MAX);
	assert_int_equal(rig_stats(rig).os_bytes, 0);
}

#if PAMT_DEBUG
static void builds_with_invariants_know_whose_a_page_is(void **state)
{
	struct rig *rig = *state;
	struct pamt_cache cache = { 0 };
	tdx_hpa_t page;

	/* In a cache, while a control page is out. */
	assert_int_equal(pamt_cache_topup(rig->host, &cache, 4, 0), 0);
	assert_int_equal(pamt_alloc_page(rig->host, 0, &cache, &page), 0);
	pamt_free_page(rig->host, cache.page[0]);
	expect_said(rig, 1);
	/* A control page is not put, nor one of a range that was not got as a whole. */
	pamt_put(rig->host, hpa_to_pfn(page));
	expect_said(rig, 2);
	assert_int_equal(pamt_get_range(rig->host, rig_page(rig, 0, 510), 3, NULL), 0);
	pamt_put_range(rig->host, rig_page(rig, 0, 510), 2);
	pamt_put_range(rig->host, rig_page(rig, 0, 511), 2);
	expect_said(rig, 3);
	pamt_put(rig->host, rig_page(rig, 0, 512));
	pamt_free_page(rig->host, page);
	pamt_cache_free(rig->host, &cache);
}
#endif

/* What a shrink would give is what it gives, or a little less for pages that are in magazines. */
static void what_could_be_given_back_is_known_cheaply(void **state)
{
	struct rig *rig = *state;
	uint64_t could;
	tdx_hpa_t page;

	assert_int_equal(pamt_shrinkable(rig->host), 0);
	assert_int_equal(pamt_alloc_page(rig->host, 0, NULL, &page), 0);
	for (uint32_t i = 0; i < RIG_REGIONS; i++)
		assert_int_equal(pamt_get(rig->host, rig_page(rig, i, 0), NULL), 0);
	for (uint32_t i = 0; i < RIG_REGIONS; i++)
		pamt_put(rig->host, rig_page(rig, i, 0));
	could = pamt_shrinkable(rig->host);
	assert_in_range(could, 2 * (RIG_REGIONS - 1), 4 * RIG_REGIONS + 16);
	assert_in_range(pamt_shrink(rig->host, UINT64_MAX), could - MAGAZINE_PAGES, could);
	pamt_free_page(rig->host, page);
	rig_expect_nothing_left(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(ranges_of_memory_are_ranges),
		TEST(ranges_of_pages_are_refused_in_one_line),
		TEST(caches_and_nodes_of_any_number),
		TEST(only_control_pages_are_freed),
		cmocka_unit_test(only_control_pages_are_freed_with_static_pamt),
		TEST(a_2m_page_is_reclaimed_by_its_own_address),
		TEST(a_page_that_is_put_twice_is_named),
#if PAMT_DEBUG
		TEST(builds_with_invariants_know_whose_a_page_is),
#endif
		TEST(what_could_be_given_back_is_known_cheaply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
