// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * page_lists_test.c - single pages that CPUs have in stock: whose pages lie in whose region.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "machine/allocator.h"
#include "port/stage/page_lists.h"

#define CPUS 4u

static struct machine_map map;
static struct machine *machine;
static struct page_lists *lists;

static int set_up(void **state)
{
	static struct map_options options = { .nr_cpus = CPUS, .nr_packages = 1, .nr_nodes = 2 };
	char error[256];

	(void)state;
	if (map_load("builtin:2t", &options, &map, error, sizeof(error)))
		return -1;
	machine = machine_create(&map);
	lists = machine ? page_lists_create(machine, CPUS) : NULL;
	return lists ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	page_lists_drain(lists, OS_ANY_NODE);
	page_lists_destroy(lists);
	machine_destroy(machine);
	map_free(&map);
	return 0;
}

static uint64_t free_pages(void)
{
	return allocator_free_bytes(machine_allocator(machine), OS_ANY_NODE) >> TDX_PAGE_SHIFT;
}

/* Pages that are fetched for the next one; 0: it was in stock. */
static uint64_t fetched(uint32_t cpu, tdx_hpa_t *page)
{
	uint64_t before = free_pages();

	*page = page_lists_take(lists, cpu, OS_ANY_NODE);
	assert_false(hpa_is_none(*page));
	return before - free_pages();
}

/* Takes until so many batches were fetched; notes how large each was. */
static void take_batches(uint32_t cpu, uint64_t *batch, uint32_t nr)
{
	tdx_hpa_t page;

	for (uint32_t i = 0; i < nr;) {
		uint64_t now = fetched(cpu, &page);

		if (now)
			batch[i++] = now;
	}
}

static void batches_double_up_to_eight_megabytes(void **state)
{
	/* 63 shifted by 0 to 5, in whole rows. */
	static const uint64_t wanted[] = { 64, 128, 256, 512, 1024, 2048, 2048 };
	uint64_t batch[7];

	(void)state;
	take_batches(0, batch, 7);
	assert_memory_equal(batch, wanted, sizeof(wanted));
	/* Another CPU begins anew. */
	take_batches(2, batch, 2);
	assert_memory_equal(batch, wanted, 2 * sizeof(*wanted));
}

static void what_is_freed_makes_batches_smaller_again(void **state)
{
	uint64_t batch[4];
	tdx_hpa_t page[3];

	(void)state;
	take_batches(0, batch, 4);
	for (uint32_t i = 0; i < 3; i++)
		page[i] = page_lists_take(lists, 0, OS_ANY_NODE);
	for (uint32_t i = 0; i < 3; i++)
		assert_true(page_lists_give(lists, 0, page[i]));
	/* The last one that was given back is the first that is taken. */
	assert_int_equal(page_lists_take(lists, 0, OS_ANY_NODE).v, page[2].v);
	take_batches(0, batch, 1);
	assert_int_equal(batch[0], 64);
}

static void fixed_batches_stay_as_they_are_and_lists_short(void **state)
{
	static const uint64_t wanted[] = { 64, 64, 64, 64 };
	uint64_t batch[4], before;
	static tdx_hpa_t page[1000];

	(void)state;
	page_lists_choose(lists, (struct page_lists_kind){ .fixed = true });
	take_batches(0, batch, 4);
	assert_memory_equal(batch, wanted, sizeof(wanted));
	for (uint32_t i = 0; i < 1000; i++)
		page[i] = page_lists_take(lists, 0, OS_ANY_NODE);
	page_lists_drain(lists, 0);
	before = free_pages();
	for (uint32_t i = 0; i < 1000; i++)
		assert_true(page_lists_give(lists, 0, page[i]));
	/* At most 128 of them are kept. */
	assert_in_range(free_pages() - before, 1000 - 128, 1000 - 64);
}

/* Regions that two CPUs of a node both have pages of, when both fault so many pages in at once. */
static uint32_t shared_regions(uint32_t pages)
{
	static uint8_t seen[2050 << 9]; /* and the hole below 4 GB */
	uint32_t shared = 0;

	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < pages; i++)
		for (uint32_t cpu = 0; cpu < CPUS; cpu += 2)
			seen[page_lists_take(lists, cpu, OS_ANY_NODE).v >> TDX_2M_SHIFT] |= 1u
											    << cpu;
	for (uint32_t i = 0; i < sizeof(seen); i++)
		shared += seen[i] == (1u << 0 | 1u << 2);
	return shared;
}

static void cpus_meet_in_fewer_regions_when_batches_grow(void **state)
{
	uint32_t growing, fixed;

	(void)state;
	growing = shared_regions(8192);
	page_lists_drain(lists, OS_ANY_NODE);
	page_lists_choose(lists, (struct page_lists_kind){ .fixed = true });
	fixed = shared_regions(8192);
	/* Each of 16 MB of either: all of it in the end, or the first few batches and the seams. */
	assert_in_range(fixed, 31, 33);
	assert_in_range(growing, 1, 16);
}

static void scattered_pages_have_no_neighbours(void **state)
{
	(void)state;
	page_lists_choose(lists, (struct page_lists_kind){ .scattered = true });
	assert_in_range(shared_regions(1000), 0, 30);
}

static void a_cpu_has_a_list_for_each_node(void **state)
{
	tdx_hpa_t own = page_lists_take(lists, 1, OS_ANY_NODE),
		  other = page_lists_take(lists, 1, 0);

	(void)state;
	assert_true(own.v > UINT64_C(1) << 40 && other.v < UINT64_C(1) << 40);
	assert_true(page_lists_give(lists, 1, other));
	assert_int_equal(page_lists_take(lists, 1, 0).v, other.v);
	assert_true(page_lists_drain(lists, 0));
	assert_false(page_lists_drain(lists, 0));
	assert_true(page_lists_drain(lists, 1));
}

static void fixed_batches_are_of_ones_own_node(void **state)
{
	tdx_hpa_t page;

	(void)state;
	page_lists_choose(lists, (struct page_lists_kind){ .fixed = true });
	assert_true(hpa_is_none(page_lists_take(lists, 1, 0)));
	page = page_lists_take(lists, 1, 1);
	assert_false(hpa_is_none(page));
	assert_false(page_lists_give(lists, 0, page));
	assert_true(page_lists_give(lists, 3, page));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(batches_double_up_to_eight_megabytes),
		TEST(what_is_freed_makes_batches_smaller_again),
		TEST(fixed_batches_stay_as_they_are_and_lists_short),
		TEST(cpus_meet_in_fewer_regions_when_batches_grow),
		TEST(scattered_pages_have_no_neighbours),
		TEST(a_cpu_has_a_list_for_each_node),
		TEST(fixed_batches_are_of_ones_own_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
