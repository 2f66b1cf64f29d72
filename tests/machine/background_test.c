// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * background_test.c - aged memory and background load: as much as asked for, the same for the same
 * seed, and all of it given back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "machine/allocator.h"
#include "machine/background.h"

#define MB UINT64_C(0x100000)
#define GB (MB * 1024)

static struct map_range ranges[] = {
	{ MB, 2 * GB - MB, 0 },
	{ 4 * GB, 2 * GB + 4096, 0 },
	{ 8 * GB, 4 * GB, 1 },
};

static const struct machine_map map = { .nr_ranges = 3, .ranges = ranges, .nr_nodes = 2 };

static int create(void **state)
{
	*state = machine_create(&map);
	return *state ? 0 : -1;
}

static int destroy(void **state)
{
	machine_destroy(*state);
	return 0;
}

/* Percent of the node's free memory that is not in whole 2M blocks. */
static uint64_t aged(const struct allocator *allocator, uint32_t node)
{
	uint64_t all = allocator_free_bytes(allocator, node);

	return (all - allocator_free_2m_bytes(allocator, node)) * 100 / all;
}

static void memory_is_aged_as_far_as_asked_and_recovers(void **state)
{
	struct allocator *allocator = machine_allocator(*state);
	struct background *background = background_create(*state, 1);
	const uint64_t all = allocator_free_bytes(allocator, OS_ANY_NODE);
	const uint64_t whole = allocator_free_2m_bytes(allocator, OS_ANY_NODE);

	assert_non_null(background);
	for (unsigned int percent = 10; percent <= 90; percent += 20) {
		assert_int_equal(background_age(background, 0, percent), 0);
		assert_in_range(aged(allocator, 0), percent - 1, percent + 1);
		assert_in_range(aged(allocator, 1), 0, 1);
	}
	assert_int_equal(background_age(background, OS_ANY_NODE, 100), 0);
	assert_int_equal(allocator_free_2m_bytes(allocator, OS_ANY_NODE), 0);
	assert_true(hpa_is_none(allocator_alloc(allocator, 9, OS_ANY_NODE)));
	/* It takes little to age memory: some pages of each 2M. */
	assert_in_range(background_bytes(background), all / 512, all / 32);
	assert_int_equal(allocator_free_bytes(allocator, OS_ANY_NODE),
			 all - background_bytes(background));
	background_destroy(background);
	assert_int_equal(allocator_free_bytes(allocator, OS_ANY_NODE), all);
	assert_int_equal(allocator_free_2m_bytes(allocator, OS_ANY_NODE), whole);
}

/* Where the first free 2M blocks are after aging and some load. */
static uint64_t fingerprint(uint64_t seed)
{
	struct machine *machine = machine_create(&map);
	struct background *background = background_create(machine, seed);
	uint64_t sum = 0;

	assert_int_equal(background_age(background, OS_ANY_NODE, 50), 0);
	for (unsigned int i = 0; i < 1000; i++)
		assert_int_equal(background_step(background, GB), 0);
	for (unsigned int i = 0; i < 100; i++)
		sum = sum * 31 + allocator_alloc(machine_allocator(machine), 9, OS_ANY_NODE).v;
	sum = sum * 31 + background_bytes(background);
	background_destroy(background);
	machine_destroy(machine);
	return sum;
}

static void the_same_seed_gives_the_same_machine(void **state)
{
	assert_true(fingerprint(7) == fingerprint(7));
	assert_true(fingerprint(7) != fingerprint(8));
}

static void load_moves_around_its_goal(void **state)
{
	struct allocator *allocator = machine_allocator(*state);
	struct background *background = background_create(*state, 1);
	const uint64_t all = allocator_free_bytes(allocator, OS_ANY_NODE);
	uint64_t least = UINT64_MAX, most = 0;

	assert_non_null(background);
	for (unsigned int i = 0; i < 200000; i++) {
		uint64_t now = background_bytes(background);

		assert_int_equal(background_step(background, GB), 0);
		if (i < 120000)
			continue;
		least = now < least ? now : least;
		most = now > most ? now : most;
	}
	assert_in_range(least, GB - 100 * MB, GB);
	assert_in_range(most, GB, GB + 100 * MB);
	assert_true(most > least);
	assert_int_equal(allocator_free_bytes(allocator, OS_ANY_NODE),
			 all - background_bytes(background));
	/* More than there is: it takes all, and that is no failure. */
	for (unsigned int i = 0; i < 400000; i++)
		assert_int_equal(background_step(background, 100 * GB), 0);
	background_destroy(background);
	assert_int_equal(allocator_free_bytes(allocator, OS_ANY_NODE), all);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)
	const struct CMUnitTest tests[] = {
		TEST(memory_is_aged_as_far_as_asked_and_recovers),
		TEST(load_moves_around_its_goal),
		cmocka_unit_test(the_same_seed_gives_the_same_machine),
	};

	return cmocka_run_group_tests_name("background", tests, NULL, NULL);
}
