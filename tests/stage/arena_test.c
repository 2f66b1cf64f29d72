// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * arena_test.c - an arena gives back exactly what it was at the freeze.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "port/stage/arena.h"

#define PAGE 4096

static void what_was_written_before_the_freeze_comes_back(void **state)
{
	struct arena *arena = arena_create(64 * PAGE);
	char *base = arena_base(arena);

	(void)state;
	base[3 * PAGE + 17] = 'a';
	base[9 * PAGE] = 'b';
	assert_int_equal(arena_freeze(arena), 0);
	base[3 * PAGE + 17] = 'x';
	arena_restore(arena);
	assert_int_equal(base[3 * PAGE + 17], 'a');
	assert_int_equal(base[9 * PAGE], 'b');
	arena_destroy(arena);
}

static void pages_untouched_before_the_freeze_come_back_as_zeros(void **state)
{
	struct arena *arena = arena_create(64 * PAGE);
	char *base = arena_base(arena);

	(void)state;
	assert_int_equal(arena_freeze(arena), 0);
	memset(base + 20 * PAGE, 0xee, 2 * PAGE);
	arena_restore(arena);
	for (int i = 0; i < 2 * PAGE; i++)
		assert_int_equal(base[20 * PAGE + i], 0);
	arena_destroy(arena);
}

static void every_schedule_starts_from_the_same_bytes(void **state)
{
	struct arena *arena = arena_create(256 * PAGE);
	char *base = arena_base(arena);
	uint32_t random = 1;

	(void)state;
	for (int i = 0; i < 256 * PAGE; i += 97)
		base[i] = (char)i;
	assert_int_equal(arena_freeze(arena), 0);
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 256 * PAGE; i++)
			if (base[i] != (i % 97 ? 0 : (char)i))
				fail_msg("round %d: byte %d differs", round, i);
		for (int writes = 0; writes < 100; writes++) {
			random = random * 1664525u + 1013904223u;
			base[random % (256 * PAGE)] ^= 0x55;
		}
		arena_restore(arena);
	}
	arena_destroy(arena);
}

static void several_arenas_do_not_disturb_each_other(void **state)
{
	struct arena *one = arena_create(4 * PAGE), *two = arena_create(4 * PAGE);

	(void)state;
	arena_base(one)[5] = 1;
	arena_base(two)[5] = 2;
	assert_int_equal(arena_freeze(one), 0);
	assert_int_equal(arena_freeze(two), 0);
	arena_base(one)[5] = 3;
	arena_base(two)[5] = 4;
	arena_restore(one);
	assert_int_equal(arena_base(one)[5], 1);
	assert_int_equal(arena_base(two)[5], 4);
	arena_destroy(one);
	arena_restore(two);
	assert_int_equal(arena_base(two)[5], 2);
	arena_destroy(two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_before_the_freeze_comes_back),
		cmocka_unit_test(pages_untouched_before_the_freeze_come_back_as_zeros),
		cmocka_unit_test(every_schedule_starts_from_the_same_bytes),
		cmocka_unit_test(several_arenas_do_not_disturb_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
