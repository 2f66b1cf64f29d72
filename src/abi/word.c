// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * word.c - comparing names as people write them, and putting short texts together, without libc.
 */
#include "abi/word.h"

/* One letter in the form in which names are compared. */
static char folded(char c)
{
	if (c >= 'a' && c <= 'z')
		return (char)(c - 'a' + 'A');
	return c == '.' ? '_' : c;
}

bool word_same(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (folded(*a) != folded(*b))
			return false;
	return *a == *b;
}

const char *word_after(const char *name, const char *prefix)
{
	const char *at = name;

	for (; *prefix; prefix++, at++)
		if (folded(*at) != folded(*prefix))
			return name;
	return at;
}

void words_begin(struct words *words, char *buffer, size_t size)
{
	words->at = buffer;
	words->left = size;
	if (size)
		*buffer = 0;
}

void words_add(struct words *words, const char *text)
{
	for (; *text && words->left > 1; text++, words->left--)
		*words->at++ = *text;
	if (words->left)
		*words->at = 0;
}

/* Digits come out last first, so they are written from the end of a buffer. */
static void add_digits(struct words *words, uint64_t value, unsigned int base, unsigned int least)
{
	char digits[24];
	unsigned int at = sizeof(digits) - 1;

	digits[at] = 0;
	while ((value || sizeof(digits) - 1 - at < least) && at) {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	}
	words_add(words, digits + at);
}

void words_number(struct words *words, uint64_t value) { add_digits(words, value, 10, 1); }

void words_hex(struct words *words, uint64_t value, unsigned int digits)
{
	words_add(words, "0x");
	add_digits(words, value, 16, digits);
}

void words_level(struct words *words, uint64_t level)
{
	static const char *const names[] = { "4K", "2M", "1G", "512G", "256T" };

	if (level < sizeof(names) / sizeof(names[0]))
		words_add(words, names[level]);
	else
		words_number(words, level);
}
