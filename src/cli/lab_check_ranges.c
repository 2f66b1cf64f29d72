// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lab_check_ranges.c - members of JSON objects that somebody else may have written: numbers within
 * bounds, 64-bit words, texts, lists of numbers.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/lab_check.h"

void check_ranges_add(json_t *ranges, uint32_t number)
{
	size_t nr = json_array_size(ranges);
	json_t *last = nr ? json_array_get(json_array_get(ranges, nr - 1), 1) : NULL;

	if (last && json_integer_value(last) + 1 == number)
		json_integer_set(last, number);
	else
		json_array_append_new(ranges, json_pack("[i,i]", (int)number, (int)number));
}

static bool within(const json_t *value, uint64_t max, uint64_t *number)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*number = (uint64_t)json_integer_value(value);
	return *number <= max;
}

bool check_range(const json_t *ranges, size_t i, uint32_t limit, struct check_range *range)
{
	const json_t *pair = json_array_get(ranges, i);
	uint64_t first, last;

	if (!limit || json_array_size(pair) != 2 ||
	    !within(json_array_get(pair, 0), limit - 1, &first) ||
	    !within(json_array_get(pair, 1), limit - 1, &last) || first > last)
		return false;
	*range = (struct check_range){ (uint32_t)first, (uint32_t)last };
	return true;
}

bool check_member(const json_t *object, const char *name, uint64_t max, uint64_t *value)
{
	return within(json_object_get(object, name), max, value);
}

bool check_text_member(const json_t *object, const char *name, const char **value)
{
	*value = json_string_value(json_object_get(object, name));
	return *value;
}

bool check_hex_member(const json_t *object, const char *name, uint64_t *value)
{
	const char *text;
	char *end;

	if (!check_text_member(object, name, &text) || strlen(text) != 18 ||
	    strncmp(text, "0x", 2) || strspn(text + 2, "0123456789abcdef") != 16)
		return false;
	*value = strtoull(text, &end, 16);
	return !*end;
}
