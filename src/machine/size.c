// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * size.c - numbers and sizes as people write them.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "machine/size.h"

#define ROUND UINT64_C(4096)

/* The unit's power of two; -1: no unit that is known. */
static int unit_shift(const char *unit)
{
	static const char letters[] = "KMGTP";
	const char *at;

	if (!*unit)
		return 0;
	unit += *unit == ' ';
	at = *unit ? strchr(letters, toupper((unsigned char)*unit)) : NULL;
	unit++;
	if (!at ||
	    (*unit && strcasecmp(unit, "b") && strcasecmp(unit, "i") && strcasecmp(unit, "ib")))
		return -1;
	return 10 * (int)(at - letters + 1);
}

static bool digits(const char **at, unsigned int base, uint64_t *value)
{
	const char *from = *at;

	for (*value = 0; base == 16 ? isxdigit((unsigned char)**at) : isdigit((unsigned char)**at);
	     ++*at) {
		int c = tolower((unsigned char)**at);
		uint64_t digit = (uint64_t)(isdigit(c) ? c - '0' : c - 'a' + 10);

		if (__builtin_mul_overflow(*value, base, value) ||
		    __builtin_add_overflow(*value, digit, value))
			return false;
	}
	return *at != from;
}

/* ".5" in parts of 10^9; more digits say nothing. False: no digit behind the point. */
static bool billionths(const char **at, uint64_t *value)
{
	unsigned int nr = 0;

	*value = 0;
	for (; isdigit((unsigned char)**at); ++*at, nr++)
		if (nr < 9)
			*value = *value * 10 + (uint64_t)(**at - '0');
	for (unsigned int i = nr; nr && i < 9; i++)
		*value *= 10;
	return nr;
}

bool size_parse(const char *text, uint64_t *value)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X'), point;
	const char *at = hex ? text + 2 : text;
	uint64_t whole, part = 0;
	int shift;

	if (!digits(&at, hex ? 16 : 10, &whole))
		return false;
	point = *at == '.' && !hex;
	if (point && (at++, !billionths(&at, &part)))
		return false;
	shift = unit_shift(at);
	if (shift < 0 || (point && !shift) || (shift && whole >> (64 - shift - point)))
		return false;
	whole <<= shift;
	if (point) {
		/* In two steps, so that it fits: a unit is 2^50 at most. */
		part = shift > 30 ? ((part << 30) / 1000000000) << (shift - 30)
				  : (part << shift) / 1000000000;
		whole = (whole + part + ROUND - 1) & ~(ROUND - 1);
	}
	*value = whole;
	return true;
}
