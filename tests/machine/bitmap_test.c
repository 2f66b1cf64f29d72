// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bitmap_test.c - the summarised bitmap and the maps of a block, against the obvious loops.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "machine/bitmap.h"
#include "machine/pagemap.h"

static uint64_t slow_next(const uint8_t *bits, uint64_t n, uint64_t from, uint8_t what)
{
	while (from < n && bits[from] != what)
		from++;
	return from < n ? from : BITMAP_NONE;
}

static uint64_t slow_prev(const uint8_t *bits, uint64_t from, uint8_t what)
{
	for (uint64_t i = from + 1; i-- > 0;)
		if (bits[i] == what)
			return i;
	return BITMAP_NONE;
}

static void compare(const struct bitmap *map, unsigned int which, const uint8_t *bits, uint64_t n,
		    uint64_t at)
{
	assert_int_equal(bitmap_test(map, which, at), bits[at]);
	assert_int_equal(bitmap_next(map, which, at), slow_next(bits, n, at, 1));
	assert_int_equal(bitmap_prev(map, which, at), slow_prev(bits, at, 1));
	assert_int_equal(bitmap_next_clear(map, which, at, n), slow_next(bits, n, at, 0));
	assert_int_equal(bitmap_prev_clear(map, which, at, 0), slow_prev(bits, at, 0));
}

/* Two maps side by side: what happens to one does not show in the other. */
static void searches_agree_with_a_linear_one(uint64_t n)
{
	const unsigned int map[2] = { BITMAP_SET, BITMAP_MAPS - 1 };
	uint8_t *bits[2] = { malloc(n), malloc(n) };
	struct bitmap bitmap;

	assert_true(bits[0] && bits[1]);
	assert_true(bitmap_create(&bitmap, n));
	for (uint64_t i = 0; i < n; i++) {
		bits[0][i] = 1;
		bits[1][i] = 0;
	}
	for (unsigned int m = 0; m < 2; m++) {
		compare(&bitmap, map[m], bits[m], n, 0);
		compare(&bitmap, map[m], bits[m], n, n - 1);
	}
	for (unsigned int i = 0; i < 5000; i++) {
		/* Runs, so that whole words and summaries fill and empty. */
		uint64_t at = (uint64_t)rand() % n, run = (uint64_t)rand() % 200;
		uint8_t set = rand() % 2, m = rand() % 2;

		for (uint64_t j = at; j < n && j < at + run; j++) {
			(set ? bitmap_set : bitmap_clear)(&bitmap, map[m], j);
			bits[m][j] = set;
		}
		compare(&bitmap, map[m], bits[m], n, (uint64_t)rand() % n);
		compare(&bitmap, map[m], bits[m], n, at);
	}
	bitmap_destroy(&bitmap);
	free(bits[0]);
	free(bits[1]);
}

static void bitmap_agrees_with_a_linear_one(void **state)
{
	const uint64_t sizes[] = { 1, 63, 64, 65, 4095, 4096, 4097, 20000, 300000 };

	srand(1);
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		searches_agree_with_a_linear_one(sizes[i]);
}

static void numbers_are_kept_and_start_as_zero(void **state)
{
	struct bitmap bitmap;

	assert_true(bitmap_create(&bitmap, 100000));
	for (uint64_t i = 0; i < 100000; i += 37)
		bitmap_set_number(&bitmap, i, (uint32_t)i + 1);
	for (uint64_t i = 0; i < 100000; i++)
		assert_int_equal(bitmap_number(&bitmap, i), i % 37 ? 0 : i + 1);
	/* A number changes no bit. */
	assert_int_equal(bitmap_next_clear(&bitmap, BITMAP_SET, 0, 100000), BITMAP_NONE);
	assert_int_equal(bitmap_next(&bitmap, 1, 0), BITMAP_NONE);
	bitmap_destroy(&bitmap);
}

static void bitmap_over_the_whole_address_space_touches_little(void **state)
{
	const uint64_t bits = UINT64_C(1) << 31;
	struct bitmap map;

	assert_true(bitmap_create(&map, bits));
	assert_int_equal(bitmap_next(&map, BITMAP_SET, 12345678), 12345678);
	bitmap_clear(&map, BITMAP_SET, 12345678);
	assert_int_equal(bitmap_next(&map, BITMAP_SET, 12345678), 12345679);
	assert_int_equal(bitmap_prev(&map, BITMAP_SET, bits - 1), bits - 1);
	assert_int_equal(bitmap_next(&map, BITMAP_SET, bits), BITMAP_NONE);
	assert_int_equal(bitmap_next(&map, 1, 0), BITMAP_NONE);
	bitmap_set(&map, 1, bits - 1);
	assert_int_equal(bitmap_next(&map, 1, 0), bits - 1);
	assert_int_equal(map.used_groups, 2);
	bitmap_destroy(&map);
}

/* Is [at, at + 2^order) all set? */
static bool run_at(const struct pagemap *map, unsigned int at, unsigned int order)
{
	for (unsigned int i = at; i < at + (1u << order); i++)
		if (!(map->word[i / 64] >> i % 64 & 1))
			return false;
	return true;
}

static int slow_order(const struct pagemap *map)
{
	for (int order = 9; order >= 0; order--)
		for (unsigned int at = 0; at < PAGEMAP_BITS; at += 1u << order)
			if (run_at(map, at, (unsigned int)order))
				return order;
	return -1;
}

static unsigned int slow_find(const struct pagemap *map, unsigned int order)
{
	for (unsigned int from = order; from <= 9; from++)
		for (unsigned int at = 0; at < PAGEMAP_BITS; at += 1u << from)
			if (run_at(map, at, from) &&
			    (from == 9 || !run_at(map, at & ~((2u << from) - 1), from + 1)))
				return at;
	return PAGEMAP_BITS;
}

static void buddy_arithmetic_agrees_with_a_linear_one(void **state)
{
	struct pagemap map = { { 0 } };

	srand(2);
	for (unsigned int i = 0; i < 4000; i++) {
		unsigned int first = (unsigned int)rand() % PAGEMAP_BITS;
		unsigned int count = 1u << rand() % 10;

		first &= ~(count - 1);
		(rand() % 2 ? pagemap_set : pagemap_clear)(&map, first, count);
		assert_int_equal(pagemap_order(&map), slow_order(&map));
		for (unsigned int order = 0; order <= 9; order++)
			assert_int_equal(pagemap_find(&map, order), slow_find(&map, order));
	}
}

static unsigned int count_pages(const struct pagemap *map)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < PAGEMAP_WORDS; i++)
		n += (unsigned int)__builtin_popcountll(map->word[i]);
	return n;
}

static void masks_cover_exactly_their_bits(void **state)
{
	for (unsigned int first = 0; first < PAGEMAP_BITS; first += 7) {
		for (unsigned int count = 0; first + count <= PAGEMAP_BITS; count += 5) {
			struct pagemap map = { { 0 } };

			pagemap_set(&map, first, count);
			assert_int_equal(count_pages(&map), count);
			if (!count)
				continue;
			assert_int_equal(pagemap_next(&map, 0), first);
			assert_int_equal(pagemap_prev(&map, PAGEMAP_BITS - 1), first + count - 1);
			assert_int_equal(pagemap_next_clear(&map, first), first + count);
			assert_int_equal(pagemap_prev_clear(&map, first + count - 1),
					 first ? first - 1 : PAGEMAP_BITS);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bitmap_agrees_with_a_linear_one),
		cmocka_unit_test(numbers_are_kept_and_start_as_zero),
		cmocka_unit_test(bitmap_over_the_whole_address_space_touches_little),
		cmocka_unit_test(buddy_arithmetic_agrees_with_a_linear_one),
		cmocka_unit_test(masks_cover_exactly_their_bits),
	};

	return cmocka_run_group_tests_name("bitmap", tests, NULL, NULL);
}
