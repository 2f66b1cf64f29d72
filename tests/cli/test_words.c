// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * test_words.c - numbers, byte counts and guesses at misspelt words, as every subcommand has them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/cli.h"
#include "machine/size.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void numbers_are_read_with_suffix_and_in_hexadecimal(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
	} good[] = {
		{ "0", 0 },
		{ "007", 7 },
		{ "18446744073709551615", UINT64_MAX },
		{ "0xffffffffffffffff", UINT64_MAX },
		{ "0X1f", 31 },
		{ "1K", 1 << 10 },
		{ "3m", 3 << 20 },
		{ "2G", UINT64_C(2) << 30 },
		{ "16777215T", UINT64_C(16777215) << 40 },
		{ "0T", 0 },
		/* as QEMU, libvirt and Kubernetes write them */
		{ "1KB", 1 << 10 },
		{ "16GB", UINT64_C(16) << 30 },
		{ "16GiB", UINT64_C(16) << 30 },
		{ "16Gi", UINT64_C(16) << 30 },
		{ "16 GiB", UINT64_C(16) << 30 },
		{ "2815M", UINT64_C(2815) << 20 },
		{ "67001m", UINT64_C(67001) << 20 },
		{ "1.5G", UINT64_C(3) << 29 },
		{ "2.5T", UINT64_C(5) << 39 },
		{ "0.25P", UINT64_C(1) << 48 },
		{ "2.000000000000T", UINT64_C(2) << 40 },
		{ "1.1G", 1181118464 }, /* to the next 4096 */
		{ "8388608KiB", UINT64_C(8) << 30 },
	};
	uint64_t value;

	for (size_t i = 0; i < COUNT(good); i++) {
		assert_true(size_parse(good[i].text, &value));
		assert_int_equal(value, good[i].value);
	}
}

static void what_is_no_number_or_too_large_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"-1",
		"+1",
		" 1",
		"1 ",
		"0x",
		"0xg",
		"1KK",
		"16GBB",
		"16 ",
		"16  G",
		"16bi",
		"K",
		"1.5",
		".5G",
		"1.G",
		"1.5.5G",
		"0x1.5G",
		"99999999T",
		"16777215.9T",
		"16777216T",
		"18446744073709551616",
		"0x10000000000000000",
		"1e3",
		"12Q",
	};
	uint64_t value = 77;

	for (size_t i = 0; i < COUNT(bad); i++)
		if (size_parse(bad[i], &value))
			fail_msg("'%s' was taken for a number", bad[i]);
	assert_int_equal(value, 77);
}

static void bytes_have_three_significant_digits_at_most(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0 bytes" },
		{ 1023, "1023 bytes" },
		{ 1024, "1 KB" },
		{ 1536, "1.5 KB" },
		{ 10239, "10 KB" },
		{ 10240 + 512, "10.5 KB" },
		{ 1023 * 1024, "1023 KB" },
		{ 1024 * 1024 - 1, "1 MB" },
		{ UINT64_C(8396820) << 10, "8.01 GB" },
		{ UINT64_C(123) << 40, "123 TB" },
		{ UINT64_MAX, "16 EB" },
	};
	char text[24];

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(cli_bytes(cases[i].bytes, text), cases[i].text);
}

static const char *color(unsigned int i)
{
	static const char *const colors[] = { "green", "grey", "red", "turquoise" };

	return i < COUNT(colors) ? colors[i] : NULL;
}

static void nearest_word_is_near_or_none(void **state)
{
	assert_string_equal(cli_nearest("gren", color), "green");
	assert_string_equal(cli_nearest("GREEN", color), "green");
	assert_string_equal(cli_nearest("rde", color), "red");
	assert_string_equal(cli_nearest("turqiose", color), "turquoise");
	assert_null(cli_nearest("blue", color));
	assert_null(cli_nearest("zz", color));
	assert_null(cli_nearest("", color));
	assert_null(cli_nearest("a word of more than sixty-three letters, which is longer than any "
				"name that is compared",
				color));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_with_suffix_and_in_hexadecimal),
		cmocka_unit_test(what_is_no_number_or_too_large_is_refused),
		cmocka_unit_test(bytes_have_three_significant_digits_at_most),
		cmocka_unit_test(nearest_word_is_near_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
