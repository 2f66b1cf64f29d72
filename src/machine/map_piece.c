// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * map_piece.c - the pieces that lines about memory are made of, whoever prints them: words,
 * numbers, ranges, types of memory.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "machine/map_line.h"

const char *map_marker_at(const struct map_line *line, const char *at)
{
	return at - strlen(line->marker->text);
}

bool map_literal(const char **at, const char *text)
{
	size_t length = strlen(text);

	if (strncmp(*at, text, length))
		return false;
	*at += length;
	return true;
}

void map_spaces(const char **at)
{
	while (**at == ' ')
		(*at)++;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

bool map_number(const char **at, unsigned int radix, uint64_t *value)
{
	const char *from = *at;

	*value = 0;
	while ((unsigned int)digit(**at) < radix) {
		if (*value > (UINT64_MAX - 15) / radix)
			return false;
		*value = *value * radix + (unsigned int)digit(*(*at)++);
	}
	return *at != from && digit(**at) == 16;
}

bool map_hex(const char **at, uint64_t *value)
{
	return map_literal(at, "0x") && map_number(at, 16, value);
}

bool map_mem_range(const char **at, uint64_t *first, uint64_t *last)
{
	return map_literal(at, "[mem ") && map_hex(at, first) && map_literal(at, "-") &&
	       map_hex(at, last) && map_literal(at, "]");
}

const char *map_set_range(struct map_line *line, uint64_t first, uint64_t last)
{
	if (last <= first)
		return "the range ends before it begins; allowed: FIRST < LAST";
	line->base = first;
	/* The last byte of all is of no use to anybody; and so the end fits 64 bits. */
	line->end = last == UINT64_MAX ? last : last + 1;
	return NULL;
}

/* ------------------------------------------------------------------------------------------- */
/* Types of memory, as kernels of all versions, Xen and the EFI print them                      */

static const struct {
	const char *word;
	bool usable;
} types[] = {
	/* letters of either case are alike */
	{ "usable", true },
	{ "System RAM", true },
	{ "reserved", false },
	{ "device reserved", false },
	{ "soft reserved", false },
	{ "kernel reserved", false },
	{ "firmware reserved", false },
	{ "ACPI data", false },
	{ "ACPI NVS", false },
	{ "ACPI tables", false },
	{ "ACPI non-volatile storage", false },
	{ "unusable", false },
	{ "unusable memory", false },
	{ "persistent", false },
	{ "persistent memory", false },
	{ "persistent memory (legacy)", false },
	{ "persistent RAM", false },
	{ "type", false }, /* "type 20": a number that the kernel has no word for either */
	/* the EFI's */
	{ "Conventional", true },
	{ "Conventional Memory", true },
	{ "Loader Code", true },
	{ "Loader Data", true },
	{ "Boot Code", true },
	{ "Boot Data", true },
	{ "Runtime Code", false },
	{ "Runtime Data", false },
	{ "ACPI Reclaim", false },
	{ "ACPI Reclaim Memory", false },
	{ "ACPI Mem NVS", false },
	{ "ACPI Memory NVS", false },
	{ "MMIO", false },
	{ "MMIO Port", false },
	{ "Memory Mapped I/O", false },
	{ "MMIO Port Space", false },
	{ "PAL Code", false },
	{ "Unaccepted", false },
	{ "Unaccepted Memory", false },
};

/* May this stand behind a type? Not a letter of a longer word; "persistent (type 7)" may. */
static bool ends_type(const char *at)
{
	if (at[0] == ' ')
		return at[1] == '(' || at[1] == '\0' || isdigit((unsigned char)at[1]) ||
		       at[1] == ' ' || ispunct((unsigned char)at[1]);
	return !isalnum((unsigned char)at[0]) && at[0] != '_' && at[0] != '-' && at[0] != '/';
}

/* "639 KB", "1.5 GB": kernels that print sizes have them before the type. */
static void skip_size(const char **at)
{
	static const char *const units[] = { "bytes ", "B ", "KB ", "MB ", "GB ", "TB ", "PB " };
	const char *unit = *at + strspn(*at, "0123456789.");

	if (unit == *at)
		return;
	map_spaces(&unit);
	for (unsigned int i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (map_literal(&unit, units[i])) {
			map_spaces(&unit);
			*at = unit;
			return;
		}
}

bool map_type_is_usable(const char *type, const char **unknown)
{
	map_spaces(&type);
	skip_size(&type);
	for (unsigned int i = 0; i < sizeof(types) / sizeof(*types); i++) {
		size_t length = strlen(types[i].word);

		if (!strncasecmp(type, types[i].word, length) && ends_type(type + length))
			return types[i].usable;
	}
	*unknown = type;
	return false;
}
