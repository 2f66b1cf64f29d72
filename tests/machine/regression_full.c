// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * regression_full.c - a map whose bits are all clear has no next one, however many there are.
 *
 * In the map that begins with all bits set, those beyond the end look set, at each level of the
 * summary. The search for the next bit knew that of level 0 only. Where the number of bits was a
 * multiple of 64 and the number of words of a level above was not, an empty map led it to words
 * that do not exist: a machine of 256 GB whose last 2M block was taken crashed at the next
 * allocation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "machine/bitmap.h"

static const uint64_t sizes[] = {
	1, 63, 64, 65, 64 * 63, 4096, 4160, 64 * 2048, 131072 + 1, 300000
};

static void an_empty_map_has_no_next_bit(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct bitmap bitmap;

		assert_true(bitmap_create(&bitmap, sizes[i]));
		for (uint64_t bit = 0; bit < sizes[i]; bit++)
			bitmap_clear(&bitmap, BITMAP_SET, bit);
		assert_int_equal(bitmap_next(&bitmap, BITMAP_SET, 0), BITMAP_NONE);
		assert_int_equal(bitmap_next(&bitmap, BITMAP_SET, sizes[i] / 2), BITMAP_NONE);
		assert_int_equal(bitmap_prev(&bitmap, BITMAP_SET, sizes[i] - 1), BITMAP_NONE);
		bitmap_destroy(&bitmap);
	}
}

static void the_last_bit_is_found_from_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t last = sizes[i] - 1;
		struct bitmap bitmap;

		assert_true(bitmap_create(&bitmap, sizes[i]));
		for (uint64_t bit = 0; bit < last; bit++)
			bitmap_clear(&bitmap, BITMAP_SET, bit);
		assert_int_equal(bitmap_next(&bitmap, BITMAP_SET, 0), last);
		assert_int_equal(bitmap_next(&bitmap, BITMAP_SET, last / 2), last);
		assert_int_equal(bitmap_next(&bitmap, BITMAP_SET, last), last);
		bitmap_destroy(&bitmap);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_map_has_no_next_bit),
		cmocka_unit_test(the_last_bit_is_found_from_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
