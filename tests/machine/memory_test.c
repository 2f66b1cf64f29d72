// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * memory_test.c - simulated memory: sparse, zero until written, given back when zeroed.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "machine/memory.h"
#include "death.h"

#define TB	(UINT64_C(1) << 40)
#define PAGE	TDX_PAGE_SIZE
#define HIGHEST ((UINT64_C(1) << TDX_PA_BITS) - PAGE)

static int create(void **state)
{
	*state = memory_create();
	return *state ? 0 : -1;
}

static int destroy(void **state)
{
	memory_destroy(*state);
	return 0;
}

static uint64_t *word(struct memory *memory, uint64_t at, enum os_access access)
{
	return memory_map(memory, hpa(at), access);
}

static void unwritten_memory_reads_as_zero_and_gets_no_backing(void **state)
{
	const uint64_t at[] = { 0, PAGE, TB, 64 * TB, HIGHEST };
	static const char zeros[TDX_PAGE_SIZE];

	for (unsigned int i = 0; i < sizeof(at) / sizeof(*at); i++)
		assert_memory_equal(word(*state, at[i], OS_READ), zeros, PAGE);
	assert_int_equal(memory_backed(*state), 0);
}

static void written_pages_keep_what_was_written_at_every_distance(void **state)
{
	/* Neighbours in a table, in a directory, in the root; first and last entries of each. */
	uint64_t at[3 * 52], n = 0;

	for (unsigned int bit = TDX_PAGE_SHIFT; bit < TDX_PA_BITS; bit++) {
		at[n++] = UINT64_C(1) << bit;
		at[n++] = HIGHEST & ~(UINT64_C(1) << bit);
	}
	at[n++] = 0;
	at[n++] = HIGHEST;
	for (uint64_t i = 0; i < n; i++)
		*word(*state, at[i], OS_WRITE) = at[i] ^ 0x5a;
	for (uint64_t i = 0; i < n; i++) {
		assert_int_equal(*word(*state, at[i], OS_READ), at[i] ^ 0x5a);
		assert_ptr_equal(word(*state, at[i], OS_READ), word(*state, at[i], OS_WRITE));
	}
	assert_int_equal(memory_backed(*state), n * PAGE);
}

static void map_points_at_the_byte_itself(void **state)
{
	uint8_t *page = memory_map(*state, hpa(5 * PAGE), OS_WRITE);

	assert_ptr_equal(memory_map(*state, hpa(5 * PAGE + 123), OS_WRITE), page + 123);
	assert_ptr_equal(memory_map(*state, hpa(5 * PAGE + 4095), OS_READ), page + 4095);
}

static void zero_clears_its_range_and_nothing_beside_it(void **state)
{
	const uint64_t base = 3 * TDX_2M_SIZE - 2 * PAGE; /* across the end of a table */

	for (uint64_t i = 0; i < 6; i++)
		*word(*state, base + i * PAGE, OS_WRITE) = i + 1;
	memory_zero(*state, hpa(base + PAGE), 4 * PAGE);
	assert_int_equal(*word(*state, base, OS_READ), 1);
	for (uint64_t i = 1; i < 5; i++)
		assert_int_equal(*word(*state, base + i * PAGE, OS_READ), 0);
	assert_int_equal(*word(*state, base + 5 * PAGE, OS_READ), 6);
	assert_int_equal(memory_backed(*state), 2 * PAGE);
	assert_int_equal(memory_backed_peak(*state), 6 * PAGE);
}

static void backing_that_is_used_again_holds_zeros(void **state)
{
	static const char zeros[TDX_PAGE_SIZE];

	for (unsigned int round = 0; round < 50; round++) {
		for (uint64_t i = 0; i < 300; i++) {
			void *page = word(*state, round * TB + i * PAGE, OS_WRITE);

			assert_memory_equal(page, zeros, PAGE);
			memset(page, 0xa5, PAGE);
		}
		memory_zero(*state, hpa(round * TB), 300 * PAGE);
	}
	assert_int_equal(memory_backed(*state), 0);
	assert_int_equal(memory_backed_peak(*state), 300 * PAGE);
}

static void zero_of_everything_costs_what_was_written(void **state)
{
	for (uint64_t i = 0; i < 64; i++)
		*word(*state, i * TB + i * PAGE, OS_WRITE) = 1;
	/* 4 PB page by page would take hours, and the runner's time limit would end it. */
	memory_zero(*state, hpa(0), UINT64_C(1) << TDX_PA_BITS);
	assert_int_equal(memory_backed(*state), 0);
}

static void copy_of_an_unwritten_page_costs_nothing(void **state)
{
	*word(*state, 0, OS_WRITE) = 7;
	memory_copy(*state, hpa(TB), hpa(0));
	assert_int_equal(*word(*state, TB, OS_READ), 7);
	memory_copy(*state, hpa(TB), hpa(TB));
	assert_int_equal(*word(*state, TB, OS_READ), 7);
	memory_copy(*state, hpa(TB), hpa(2 * TB));
	assert_int_equal(*word(*state, TB, OS_READ), 0);
	assert_int_equal(memory_backed(*state), PAGE);
}

static void map_above_52_bits(void *memory)
{
	memory_map(memory, hpa(UINT64_C(1) << TDX_PA_BITS), OS_READ);
}

static void map_of_no_address(void *memory) { memory_map(memory, HPA_NONE, OS_READ); }

static void zero_of_half_a_page(void *memory) { memory_zero(memory, hpa(0), PAGE / 2); }

static void zero_beyond_the_end(void *memory) { memory_zero(memory, hpa(HIGHEST), 2 * PAGE); }

static void store_to_the_page_of_zeros(void *memory)
{
	*(volatile uint8_t *)memory_map(memory, hpa(TB), OS_READ) = 1;
}

static void misuse_stops_the_program(void **state)
{
	assert_true(dies(map_above_52_bits, *state));
	assert_true(dies(map_of_no_address, *state));
	assert_true(dies(zero_of_half_a_page, *state));
	assert_true(dies(zero_beyond_the_end, *state));
	assert_true(dies(store_to_the_page_of_zeros, *state));
}

#define NR_THREADS 4
#define NR_PAGES   2000

/* Every thread adds 1 to every page; each also writes and zeroes pages of its own. */
struct worker {
	struct memory *memory;
	uint64_t own;
};

static void *worker_run(void *arg)
{
	const struct worker *worker = arg;

	for (uint64_t i = 0; i < NR_PAGES; i++) {
		uint64_t *own = word(worker->memory, worker->own + i % 7 * TDX_2M_SIZE, OS_WRITE);

		__atomic_fetch_add(word(worker->memory, i * PAGE, OS_WRITE), 1, __ATOMIC_RELAXED);
		if (*own)
			return "a page that was zeroed does not hold zeros";
		*own = i + 1;
		memory_zero(worker->memory, hpa(worker->own), 8 * TDX_2M_SIZE);
	}
	return NULL;
}

static void threads_share_pages_and_lose_no_write(void **state)
{
	struct worker worker[NR_THREADS];
	pthread_t thread[NR_THREADS];
	void *wrong;

	for (uint64_t i = 0; i < NR_THREADS; i++) {
		worker[i] = (struct worker){ *state, (i + 1) * TB };
		assert_int_equal(pthread_create(&thread[i], NULL, worker_run, &worker[i]), 0);
	}
	for (unsigned int i = 0; i < NR_THREADS; i++) {
		assert_int_equal(pthread_join(thread[i], &wrong), 0);
		assert_null(wrong);
	}
	for (uint64_t i = 0; i < NR_PAGES; i++)
		assert_int_equal(*word(*state, i * PAGE, OS_READ), NR_THREADS);
	assert_int_equal(memory_backed(*state), NR_PAGES * PAGE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)
	const struct CMUnitTest tests[] = {
		TEST(unwritten_memory_reads_as_zero_and_gets_no_backing),
		TEST(written_pages_keep_what_was_written_at_every_distance),
		TEST(map_points_at_the_byte_itself),
		TEST(zero_clears_its_range_and_nothing_beside_it),
		TEST(backing_that_is_used_again_holds_zeros),
		TEST(zero_of_everything_costs_what_was_written),
		TEST(copy_of_an_unwritten_page_costs_nothing),
		TEST(misuse_stops_the_program),
		TEST(threads_share_pages_and_lose_no_write),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
