// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * map_table.c - recognises the tables of memory in a log: the kernel's, Xen's and the EFI's.
 */
#include <ctype.h>
#include <string.h>

#include "machine/map_line.h"

static const char *parse_table(const char *text, const char *at, struct map_line *line)
{
	uint64_t first, last;

	line->form = line->marker->form;
	map_spaces(&at);
	/* Between entries, since Linux 7.0: nothing is there. */
	if (map_literal(&at, "[gap ")) {
		line->form = MAP_NONE;
		return NULL;
	}
	if (!map_mem_range(&at, &first, &last))
		return "bad memory map line; allowed: BIOS-e820: [mem 0xFIRST-0xLAST] TYPE, "
		       "numbers of 64 bits";
	line->usable = map_type_is_usable(at, &line->unknown);
	return map_set_range(line, first, last);
}

/* The other tables begin with ordinary words: only with "[mem" behind it is it one. */
static const char *parse_word_table(const char *text, const char *at, struct map_line *line)
{
	const char *marker = map_marker_at(line, at);

	if (marker != text && (isalnum((unsigned char)marker[-1]) || marker[-1] == '-'))
		return NULL;
	map_spaces(&at);
	if (strncmp(at, "[mem ", 5))
		return NULL;
	return parse_table(text, at, line);
}

/* "[FIRST, LAST] (usable)", before Xen 4.15 "FIRST - END (usable)", the end exclusive. */
static bool xen_range(const char **at, uint64_t *first, uint64_t *last)
{
	bool inclusive = map_literal(at, "[");

	if (!map_number(at, 16, first) || !map_literal(at, inclusive ? ", " : " - ") ||
	    !map_number(at, 16, last) || !map_literal(at, inclusive ? "] (" : " ("))
		return false;
	*last -= !inclusive && *last;
	return true;
}

/* The EFI's types that the kernel takes: loader, boot services, conventional. */
static bool efi_number_is_usable(const char *type, char end)
{
	return *type && strchr("12347", *type) && type[1] == end;
}

/* "FIRST-LAST type=7 attr=...": the EFI's map as the hypervisor prints it. */
static bool xen_efi(const char *at, struct map_line *line, uint64_t *first, uint64_t *last)
{
	if (!map_number(&at, 16, first) || !map_literal(&at, "-") || !map_number(&at, 16, last) ||
	    !map_literal(&at, " type="))
		return false;
	line->form = MAP_EFI;
	line->usable = efi_number_is_usable(at, ' ');
	return true;
}

/* The hypervisor's own table, its numbers without 0x; time stamps have brackets as well. */
static const char *parse_xen(const char *text, const char *at, struct map_line *line)
{
	for (; *at; at++) {
		const char *from = at;
		uint64_t first, last;

		if (at[-1] != ' ')
			continue;
		if (xen_efi(at, line, &first, &last))
			return map_set_range(line, first, last);
		if (!xen_range(&from, &first, &last))
			continue;
		line->form = MAP_XEN;
		line->usable = map_type_is_usable(from, &line->unknown);
		return map_set_range(line, first, last);
	}
	return NULL;
}

/* What the EFI calls memory of a special purpose is reserved for its driver. */
static bool efi_is_special(const char *cells, const char *end)
{
	for (; cells < end; cells++)
		if (*cells == '|' && cells[1] == 'S' && cells[2] == 'P' && cells[3] == '|')
			return true;
	return false;
}

/* "efi: mem00: [Conventional Memory|...|WB|...] range=[0xFIRST-0xLAST] (0MB)" */
static const char *parse_efi(const char *text, const char *at, struct map_line *line)
{
	const char *range = strstr(at, "range=["), *type;
	uint64_t first, last, nr;

	if (!map_number(&at, 10, &nr) || !map_literal(&at, ":") || !range)
		return NULL;
	map_spaces(&at);
	type = at + (*at == '[');
	line->form = MAP_EFI;
	at = range + strlen("range=[");
	if (!map_hex(&at, &first) || !map_literal(&at, "-") || !map_hex(&at, &last) ||
	    (*at != ']' && *at != ')'))
		return "bad efi line; allowed: efi: memN: [TYPE|...] range=[0xFIRST-0xLAST]";
	if (*at == ')' && last) /* before Linux 4.2 the end was exclusive */
		last--;
	if (map_literal(&type, "type=")) /* and the type a number */
		line->usable = efi_number_is_usable(type, ',');
	else
		line->usable =
			map_type_is_usable(type, &line->unknown) && !efi_is_special(type, range);
	return map_set_range(line, first, last);
}

const struct map_marker map_table_markers[] = {
	{ "BIOS-e820:", parse_table, MAP_E820 },
	{ "user:", parse_word_table, MAP_USER },
	{ "modified:", parse_word_table, MAP_MODIFIED },
	{ "extended:", parse_word_table, MAP_EXTENDED },
	{ "reserve setup_data:", parse_word_table, MAP_EXTENDED },
	{ "Xen:", parse_word_table, MAP_E820 },
	{ "BIOS-88:", parse_word_table, MAP_E820 },
	{ "BIOS-e801:", parse_word_table, MAP_E820 },
	{ "(XEN)", parse_xen, MAP_XEN },
	{ "efi: mem", parse_efi, MAP_EFI },
	{ NULL, NULL, MAP_NONE },
};
