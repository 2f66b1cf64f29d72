// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * allocator_test.c - the page allocator, against a byte per page and against the clock.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "machine/allocator.h"
#include "death.h"

#define KB   UINT64_C(1024)
#define MB   (KB * KB)
#define GB   (MB * KB)
#define TB   (GB * KB)
#define PAGE TDX_PAGE_SIZE
#define TOP  hpa(UINT64_C(1) << TDX_PA_BITS)

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static struct machine_map map_of(struct map_range *ranges, uint32_t nr, uint32_t nr_nodes)
{
	return (struct machine_map){ .ranges = ranges, .nr_ranges = nr, .nr_nodes = nr_nodes };
}

/* ------------------------------------------------------------------------------------------- */
/* The model: 64 MB of odd ranges, a byte per page                                              */

#define MODEL_PAGES (64 * MB / PAGE)

enum page { NO_MEMORY, FREE, ALLOCATED, EXCLUDED, OFF };

static struct map_range model_ranges[] = {
	{ 0, 640 * KB, 0 },		  /* below 1 MB: never handed out */
	{ 1 * MB, 9 * MB + 12 * KB, 0 },  /* ends inside a 2M block */
	{ 10 * MB + 20 * KB, 4 * KB, 0 }, /* one page, in the same block */
	{ 10 * MB + 64 * KB, 8 * MB, 0 }, /* begins in it, ends inside another */
	{ 18 * MB + 64 * KB, 6 * MB, 1 }, /* touches: that block is of both nodes */
	{ 24 * MB + 64 * KB, 1 * MB, 0 }, /* and so is this one */
	{ 30 * MB, 16 * MB, 0 },	  /* node 0 again, after a hole */
	{ 46 * MB, 18 * MB - 8 * KB, 1 },
};

struct naive {
	struct allocator *allocator;
	uint8_t page[MODEL_PAGES];
	uint8_t node[MODEL_PAGES];
	bool excluded[MODEL_PAGES]; /* ever, even if it was passed over */
};

static int create(void **state)
{
	struct machine_map map = map_of(model_ranges, COUNT(model_ranges), 2);
	struct naive *model = calloc(1, sizeof(*model));

	*state = model;
	model->allocator = allocator_create(&map);
	for (uint32_t i = 0; i < COUNT(model_ranges); i++) {
		const struct map_range *range = &model_ranges[i];

		for (uint64_t at = range->base; at < range->base + range->size; at += PAGE) {
			model->page[at / PAGE] = at < MB ? NO_MEMORY : FREE;
			model->node[at / PAGE] = (uint8_t)range->node;
		}
	}
	return model->allocator ? 0 : -1;
}

static int destroy(void **state)
{
	struct naive *model = *state;

	allocator_destroy(model->allocator);
	free(model);
	return 0;
}

static bool model_is(const struct naive *model, uint64_t page, uint64_t count, uint8_t what,
		     uint32_t node)
{
	for (uint64_t i = page; i < page + count; i++)
		if (i >= MODEL_PAGES || model->page[i] != what ||
		    (node != OS_ANY_NODE && model->node[i] != node))
			return false;
	return true;
}

static void check_counts(const struct naive *model)
{
	uint64_t free_bytes[2] = { 0 };

	for (uint64_t i = 0; i < MODEL_PAGES; i++)
		if (model->page[i] == FREE)
			free_bytes[model->node[i]] += PAGE;
	assert_int_equal(allocator_free_bytes(model->allocator, 0), free_bytes[0]);
	assert_int_equal(allocator_free_bytes(model->allocator, 1), free_bytes[1]);
	assert_int_equal(allocator_free_bytes(model->allocator, OS_ANY_NODE),
			 free_bytes[0] + free_bytes[1]);
	assert_int_equal(allocator_free_bytes(model->allocator, 2), 0);
}

static void model_alloc(struct naive *model, unsigned int order, uint32_t node)
{
	tdx_hpa_t block = allocator_alloc(model->allocator, order, node);
	uint64_t count = UINT64_C(1) << order;

	if (hpa_is_none(block)) {
		/* Only if there really is none. */
		for (uint64_t i = 0; i < MODEL_PAGES; i += count)
			for (uint32_t n = 0; n < 2; n++)
				assert_false((node == n || node == OS_ANY_NODE) &&
					     model_is(model, i, count, FREE, n));
		return;
	}
	assert_int_equal(block.v % (PAGE << order), 0);
	assert_true(model_is(model, block.v / PAGE, count, FREE, node));
	memset(&model->page[block.v / PAGE], ALLOCATED, count);
}

static void model_alloc_range(struct naive *model, uint64_t count, uint64_t align, uint64_t low,
			      uint64_t high, uint32_t node, bool from_top)
{
	tdx_hpa_t found = allocator_alloc_range(model->allocator,
						&(struct os_range){ .bytes = count * PAGE,
								    .align = align * PAGE,
								    .low = hpa(low * PAGE),
								    .high = hpa(high * PAGE),
								    .node = node,
								    .from_top = from_top });
	uint64_t want = UINT64_MAX;

	for (uint64_t i = 0; i + count <= high && (from_top || want == UINT64_MAX); i += align)
		for (uint32_t n = 0; n < 2; n++)
			if (i >= low && (node == n || node == OS_ANY_NODE) &&
			    model_is(model, i, count, FREE, n))
				want = i;
	assert_int_equal(hpa_is_none(found) ? UINT64_MAX : found.v / PAGE, want);
	if (!hpa_is_none(found))
		memset(&model->page[want], ALLOCATED, count);
}

/* Frees what is allocated of an aligned block somewhere, if all of it is. */
static void model_free(struct naive *model)
{
	for (unsigned int tries = 0; tries < 50; tries++) {
		unsigned int order = (unsigned int)rand() % 10;
		uint64_t page = (uint64_t)rand() % MODEL_PAGES & ~((UINT64_C(1) << order) - 1);
		uint64_t count = UINT64_C(1) << order;

		if (!model_is(model, page, count, ALLOCATED, OS_ANY_NODE))
			continue;
		if (order % 2)
			allocator_free(model->allocator, hpa(page * PAGE), order);
		else
			allocator_free_range(model->allocator, hpa(page * PAGE), count * PAGE);
		memset(&model->page[page], FREE, count);
		return;
	}
}

static void model_exclude(struct naive *model)
{
	uint64_t page = (uint64_t)rand() % MODEL_PAGES, count = (uint64_t)rand() % 20;

	allocator_exclude(model->allocator, hpa(page * PAGE), count * PAGE);
	for (uint64_t i = page; i < page + count && i < MODEL_PAGES; i++) {
		model->excluded[i] = true;
		if (model->page[i] == FREE)
			model->page[i] = EXCLUDED;
	}
}

static void model_step(struct naive *model)
{
	const uint32_t nodes[] = { 0, 1, OS_ANY_NODE };
	uint32_t node = nodes[rand() % 3];
	int what = rand() % 100;

	if (what < 40) {
		model_alloc(model, (unsigned int)rand() % 10, node);
	} else if (what < 50) {
		uint64_t low = rand() % 2 ? 0 : (uint64_t)rand() % MODEL_PAGES;
		uint64_t count = 1 + (uint64_t)rand() % (rand() % 4 ? 700 : 3000);

		model_alloc_range(model, count, UINT64_C(1) << rand() % 11, low,
				  rand() % 2 ? MODEL_PAGES : low + (uint64_t)rand() % MODEL_PAGES,
				  node, rand() % 2);
	} else if (what < 99) {
		model_free(model);
	} else {
		model_exclude(model);
	}
}

static void random_use_agrees_with_a_byte_per_page(void **state)
{
	struct naive *model = *state;

	srand(3);
	for (unsigned int i = 0; i < 3000; i++) {
		model_step(model);
		if (i % 100 == 0)
			check_counts(model);
	}
	/* Whatever is still allocated can be freed, page by page. */
	for (uint64_t i = 0; i < MODEL_PAGES; i++)
		if (model->page[i] == ALLOCATED) {
			allocator_free(model->allocator, hpa(i * PAGE), 0);
			model->page[i] = FREE;
		}
	check_counts(model);
}

static void every_page_is_handed_out_once(void **state)
{
	struct naive *model = *state;
	tdx_hpa_t page;

	while (page = allocator_alloc(model->allocator, 0, OS_ANY_NODE), !hpa_is_none(page)) {
		assert_int_equal(model->page[page.v / PAGE], FREE);
		model->page[page.v / PAGE] = ALLOCATED;
	}
	assert_null(memchr(model->page, FREE, sizeof(model->page)));
	check_counts(model);
}

static void small_blocks_break_as_few_2m_blocks_as_possible(void **state)
{
	struct naive *model = *state;
	uint64_t before = allocator_free_2m_bytes(model->allocator, 0);
	tdx_hpa_t page[512];

	/* Node 0 has broken blocks at the edges of its ranges: those go first. */
	for (unsigned int i = 0; i < 300; i++)
		page[i] = allocator_alloc(model->allocator, 0, 0);
	assert_int_equal(allocator_free_2m_bytes(model->allocator, 0), before);
	for (unsigned int i = 0; i < 300; i++)
		allocator_free(model->allocator, page[i], 0);
	assert_int_equal(allocator_free_2m_bytes(model->allocator, 0), before);
	check_counts(model);
}

static uint64_t model_offline(struct naive *model, uint64_t page, uint64_t count)
{
	uint64_t used = 0;

	for (uint64_t i = page; i < page + count; i++) {
		used += model->page[i] == ALLOCATED;
		if (model->page[i] == FREE)
			model->page[i] = OFF;
	}
	return used * PAGE;
}

static void offline_memory_empties_and_comes_back(void **state)
{
	struct naive *model = *state;
	const uint64_t base = 31 * MB + 8 * KB, bytes = 5 * MB + 12 * KB; /* node 0 */
	const uint64_t first = base / PAGE, end = (base + bytes) / PAGE;

	srand(4);
	allocator_exclude(model->allocator, hpa(base + 2 * MB), 20 * KB);
	memset(&model->page[(base + 2 * MB) / PAGE], EXCLUDED, 5);
	memset(&model->excluded[(base + 2 * MB) / PAGE], true, 5);
	for (unsigned int i = 0; i < 200; i++)
		model_alloc(model, (unsigned int)rand() % 8, OS_ANY_NODE);
	assert_true(model_offline(model, first, end - first) > 0);
	assert_int_equal(allocator_offline(model->allocator, hpa(base), bytes),
			 model_offline(model, first, end - first));
	check_counts(model);
	/* Nothing of it is handed out, and what is freed of it stays away. */
	for (unsigned int i = 0; i < 2000; i++) {
		model_step(model);
		for (uint64_t j = first; j < end; j++)
			if (model->page[j] == FREE)
				model->page[j] = OFF;
	}
	for (uint64_t i = first; i < end; i++)
		if (model->page[i] == ALLOCATED) {
			assert_true(allocator_offline(model->allocator, hpa(base), bytes) > 0);
			allocator_free(model->allocator, hpa(i * PAGE), 0);
			model->page[i] = OFF;
		}
	assert_int_equal(allocator_offline(model->allocator, hpa(base), bytes), 0);
	check_counts(model);
	/* One half comes back, then the other; what was excluded does not. */
	for (unsigned int half = 0; half < 2; half++) {
		uint64_t from = half ? first + 600 : first, to = half ? end : first + 600;

		allocator_online(model->allocator, hpa(from * PAGE), (to - from) * PAGE);
		for (uint64_t i = from; i < to; i++)
			if (model->page[i] == OFF)
				model->page[i] = model->excluded[i] ? EXCLUDED : FREE;
		check_counts(model);
	}
	for (unsigned int i = 0; i < 500; i++)
		model_step(model);
	check_counts(model);
}

/* ------------------------------------------------------------------------------------------- */
/* Misuse                                                                                       */

static void free_twice(void *allocator)
{
	tdx_hpa_t block = allocator_alloc(allocator, 3, 0);

	allocator_free(allocator, block, 3);
	allocator_free(allocator, block, 3);
}

static void free_2m_twice(void *allocator)
{
	tdx_hpa_t block = allocator_alloc(allocator, 9, 0);

	allocator_free(allocator, block, 9);
	allocator_free(allocator, block, 9);
}

static void free_page_of_freed_block(void *allocator)
{
	tdx_hpa_t block = allocator_alloc(allocator, 9, 0);

	allocator_free(allocator, hpa(block.v + 5 * PAGE), 0);
	allocator_free(allocator, block, 9);
}

static void free_what_was_never_allocated(void *allocator)
{
	allocator_free(allocator, hpa(4 * MB), 0);
}

static void free_what_is_no_memory(void *allocator) { allocator_free(allocator, hpa(28 * MB), 0); }

static void free_beyond_all_memory(void *allocator) { allocator_free(allocator, hpa(4 * TB), 9); }

static void free_below_1m(void *allocator) { allocator_free(allocator, hpa(0), 0); }

static void free_unaligned(void *allocator)
{
	allocator_free(allocator, hpa(allocator_alloc(allocator, 3, 0).v + PAGE), 2);
}

static void free_excluded(void *allocator)
{
	allocator_exclude(allocator, hpa(4 * MB), 4 * MB);
	allocator_free(allocator, hpa(4 * MB), 9);
}

static void free_range_that_runs_into_a_hole(void *allocator)
{
	tdx_hpa_t at = allocator_alloc_range(
		allocator,
		&(struct os_range){
			.bytes = 8 * KB, .low = hpa(64 * MB - 16 * KB), .high = TOP, .node = 1 });

	allocator_free_range(allocator, at, 12 * KB);
}

static void wrong_frees_stop_the_program(void **state)
{
	struct naive *model = *state;

	assert_true(dies(free_twice, model->allocator));
	assert_true(dies(free_2m_twice, model->allocator));
	assert_true(dies(free_page_of_freed_block, model->allocator));
	assert_true(dies(free_what_was_never_allocated, model->allocator));
	assert_true(dies(free_what_is_no_memory, model->allocator));
	assert_true(dies(free_beyond_all_memory, model->allocator));
	assert_true(dies(free_below_1m, model->allocator));
	assert_true(dies(free_unaligned, model->allocator));
	assert_true(dies(free_excluded, model->allocator));
	assert_true(dies(free_range_that_runs_into_a_hole, model->allocator));
}

static void what_cannot_be_had_is_none(void **state)
{
	struct naive *model = *state;

	assert_true(hpa_is_none(allocator_alloc(model->allocator, 10, 0)));
	assert_true(hpa_is_none(allocator_alloc(model->allocator, 0, 2)));
	assert_true(hpa_is_none(allocator_alloc_range(model->allocator,
						      &(struct os_range){ .bytes = PAGE,
									  .low = hpa(26 * MB),
									  .high = hpa(30 * MB),
									  .node = OS_ANY_NODE })));
	assert_true(hpa_is_none(allocator_alloc_range(
		model->allocator,
		&(struct os_range){
			.bytes = TB, .low = hpa(0), .high = TOP, .node = OS_ANY_NODE })));
	assert_true(hpa_is_none(allocator_alloc_range(
		model->allocator, &(struct os_range){ .bytes = PAGE,
						      .align = UINT64_C(1) << 63,
						      .low = hpa(0),
						      .high = TOP,
						      .node = OS_ANY_NODE,
						      .from_top = true })));
	assert_true(hpa_is_none(allocator_alloc_range(
		model->allocator,
		&(struct os_range){ .bytes = PAGE, .low = TOP, .high = hpa(0), .node = 0 })));
	check_counts(model);
}

/* ------------------------------------------------------------------------------------------- */
/* Size and threads                                                                             */

static void sixty_four_terabytes_in_2000_ranges_are_cheap(void **state)
{
	static struct map_range range[2000];
	const uint64_t each = 64 * TB / 2000 & ~(PAGE - 1);
	struct machine_map map = map_of(range, 2000, 8);
	struct allocator *allocator;
	tdx_hpa_t chunk[64];

	for (uint32_t i = 0; i < 2000; i++)
		range[i] = (struct map_range){ MB + i * (each + MB), each, i / 250 };
	allocator = allocator_create(&map);
	assert_non_null(allocator);
	assert_int_equal(allocator_free_bytes(allocator, OS_ANY_NODE), 2000 * each);
	for (uint32_t i = 0; i < 64; i++) {
		chunk[i] =
			allocator_alloc_range(allocator, &(struct os_range){ .bytes = 4 * GB,
									     .align = MB,
									     .low = hpa(0),
									     .high = TOP,
									     .node = i % 8,
									     .from_top = i % 2 });
		assert_false(hpa_is_none(chunk[i]));
	}
	for (uint32_t i = 0; i < 64; i++)
		allocator_free_range(allocator, chunk[i], 4 * GB);
	assert_int_equal(allocator_free_bytes(allocator, OS_ANY_NODE), 2000 * each);
	allocator_destroy(allocator);
}

static void memory_at_the_top_of_52_bits_is_memory(void **state)
{
	struct map_range range[] = { { TOP.v - 8 * MB, 8 * MB, 0 } };
	struct machine_map map = map_of(range, 1, 1);
	struct allocator *allocator = allocator_create(&map);
	tdx_hpa_t block;

	assert_non_null(allocator);
	block = allocator_alloc_range(allocator, &(struct os_range){ .bytes = PAGE,
								     .low = hpa(0),
								     .high = TOP,
								     .node = OS_ANY_NODE,
								     .from_top = true });
	assert_int_equal(block.v, TOP.v - PAGE);
	allocator_free(allocator, block, 0);
	block = allocator_alloc_range(allocator, &(struct os_range){ .bytes = 8 * MB,
								     .low = hpa(0),
								     .high = TOP,
								     .node = OS_ANY_NODE });
	assert_int_equal(block.v, TOP.v - 8 * MB);
	allocator_free_range(allocator, block, 8 * MB);
	allocator_destroy(allocator);
}

#define NR_THREADS 4

static void *allocate_and_free(void *arg)
{
	struct naive *model = arg;
	tdx_hpa_t mine[64];

	for (unsigned int round = 0; round < 300; round++) {
		for (unsigned int i = 0; i < 64; i++) {
			unsigned int order = (round + i) % 7;

			mine[i] = allocator_alloc(model->allocator, order, OS_ANY_NODE);
			if (hpa_is_none(mine[i]))
				continue;
			for (uint64_t j = 0; j < UINT64_C(1) << order; j++)
				if (__atomic_exchange_n(&model->page[mine[i].v / PAGE + j],
							ALLOCATED, __ATOMIC_RELAXED) != FREE)
					return "a page was handed out twice";
		}
		for (unsigned int i = 0; i < 64; i++) {
			unsigned int order = (round + i) % 7;

			if (hpa_is_none(mine[i]))
				continue;
			for (uint64_t j = 0; j < UINT64_C(1) << order; j++)
				__atomic_store_n(&model->page[mine[i].v / PAGE + j], FREE,
						 __ATOMIC_RELAXED);
			allocator_free(model->allocator, mine[i], order);
		}
	}
	return NULL;
}

static void threads_never_get_the_same_page(void **state)
{
	struct naive *model = *state;
	pthread_t thread[NR_THREADS];
	void *wrong;

	for (unsigned int i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, allocate_and_free, model), 0);
	for (unsigned int i = 0; i < NR_THREADS; i++) {
		assert_int_equal(pthread_join(thread[i], &wrong), 0);
		assert_null(wrong);
	}
	check_counts(model);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)
	const struct CMUnitTest tests[] = {
		TEST(random_use_agrees_with_a_byte_per_page),
		TEST(every_page_is_handed_out_once),
		TEST(small_blocks_break_as_few_2m_blocks_as_possible),
		TEST(offline_memory_empties_and_comes_back),
		TEST(wrong_frees_stop_the_program),
		TEST(what_cannot_be_had_is_none),
		cmocka_unit_test(sixty_four_terabytes_in_2000_ranges_are_cheap),
		cmocka_unit_test(memory_at_the_top_of_52_bits_is_memory),
		TEST(threads_never_get_the_same_page),
	};

	return cmocka_run_group_tests_name("allocator", tests, NULL, NULL);
}
