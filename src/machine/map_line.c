// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * map_line.c - recognises the lines of a kernel log that describe a machine's memory.
 *
 * A form is found by its marker (markers[] below, with who reads it), anywhere in the line, so that
 * time stamps and the prefixes of journals and consoles do not matter. What follows the marker must
 * then be right: a memory map that is half understood would give wrong answers without saying so.
 */
#include <ctype.h>
#include <string.h>

#include "machine/map.h"
#include "machine/map_line.h"

#define TOP (UINT64_C(1) << TDX_PA_BITS)

/* "[mem 0xFIRST-0xLAST]" */
static bool mem_range(const char **at, uint64_t *first, uint64_t *last)
{
	return map_literal(at, "[mem ") && map_hex(at, first) && map_literal(at, "-") &&
	       map_hex(at, last) && map_literal(at, "]");
}

/* ------------------------------------------------------------------------------------------- */
/* Tables of the kernel, of Xen and of the EFI                                                  */

static const char *parse_table(enum map_form form, const char *at, struct map_line *line)
{
	uint64_t first, last;

	line->form = form;
	map_spaces(&at);
	/* Between entries, since Linux 7.0: nothing is there. */
	if (map_literal(&at, "[gap ")) {
		line->form = MAP_NONE;
		return NULL;
	}
	if (!mem_range(&at, &first, &last))
		return "bad memory map line; allowed: BIOS-e820: [mem 0xFIRST-0xLAST] TYPE, "
		       "numbers of 64 bits";
	line->usable = map_type_is_usable(at, &line->unknown);
	return map_set_range(line, first, last);
}

static const char *parse_e820(const char *text, const char *at, struct map_line *line)
{
	return parse_table(MAP_E820, at, line);
}

/* The other tables begin with ordinary words: only with "[mem" behind it is it one. */
static const char *parse_word_table(enum map_form form, const char *text, const char *marker,
				    const char *at, struct map_line *line)
{
	if (marker != text && (isalnum((unsigned char)marker[-1]) || marker[-1] == '-'))
		return NULL;
	map_spaces(&at);
	if (strncmp(at, "[mem ", 5))
		return NULL;
	return parse_table(form, at, line);
}

#define WORD_TABLE(name, form, marker)                                                           \
	static const char *parse_##name(const char *text, const char *at, struct map_line *line) \
	{                                                                                        \
		return parse_word_table(form, text, at - strlen(marker), at, line);              \
	}
WORD_TABLE(user, MAP_USER, "user:")
WORD_TABLE(modified, MAP_MODIFIED, "modified:")
WORD_TABLE(extended, MAP_EXTENDED, "extended:")
WORD_TABLE(setup_data, MAP_EXTENDED, "reserve setup_data:")
WORD_TABLE(xen_guest, MAP_E820, "Xen:")
WORD_TABLE(bios_88, MAP_E820, "BIOS-88:")
WORD_TABLE(bios_e801, MAP_E820, "BIOS-e801:")

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

/* ------------------------------------------------------------------------------------------- */
/* Nodes                                                                                        */

static const char *parse_srat(const char *text, const char *at, struct map_line *line)
{
	uint64_t node, pxm, first, last;

	line->form = MAP_SRAT;
	if (!map_number(&at, 10, &node) || !map_literal(&at, " PXM ") ||
	    !map_number(&at, 10, &pxm) || !map_literal(&at, " ") || !mem_range(&at, &first, &last))
		return "bad SRAT line; allowed: SRAT: Node N PXM P [mem 0xFIRST-0xLAST]";
	if (node >= MAP_MAX_NODES)
		return "bad node; allowed: 0 to 63";
	line->node = (uint32_t)node;
	line->usable = true;
	return map_set_range(line, first, last);
}

/* "node" is an ordinary word: only "node N: [mem" is this form. */
static const char *parse_node(const char *text, const char *at, struct map_line *line)
{
	const char *word = at - strlen("node");
	uint64_t node, first, last;

	if (word != text && isalnum((unsigned char)word[-1]))
		return NULL;
	map_spaces(&at);
	if (!map_number(&at, 10, &node) || !map_literal(&at, ":"))
		return NULL;
	map_spaces(&at);
	if (strncmp(at, "[mem ", 5))
		return NULL;
	line->form = MAP_NODE;
	if (!mem_range(&at, &first, &last))
		return "bad node line; allowed: node N: [mem 0xFIRST-0xLAST], numbers of 64 bits";
	if (node >= MAP_MAX_NODES)
		return "bad node; allowed: 0 to 63";
	line->node = (uint32_t)node;
	line->usable = true;
	return map_set_range(line, first, last);
}

/* ------------------------------------------------------------------------------------------- */
/* TDX                                                                                          */

static const char *parse_cmr(const char *text, const char *at, struct map_line *line)
{
	line->form = MAP_CMR;
	line->usable = true;
	map_spaces(&at);
	if (!map_literal(&at, "[") || !map_hex(&at, &line->base) || !map_literal(&at, ", ") ||
	    !map_hex(&at, &line->end) || !map_literal(&at, ")"))
		return "bad CMR line; allowed: CMR: [0xBASE, 0xEND), numbers of 64 bits";
	if (line->end <= line->base)
		return "the CMR ends before it begins; allowed: BASE < END";
	if (line->end > TOP)
		return "the CMR is above 52 bits; allowed: END up to 0x10000000000000";
	if ((line->base | line->end) & (TDX_PAGE_SIZE - 1))
		return "the CMR is not made of 4K pages; allowed: BASE and END multiples of 0x1000";
	return NULL;
}

static const char *parse_hkids(const char *text, const char *at, struct map_line *line)
{
	line->form = MAP_HKIDS;
	map_spaces(&at);
	if (!map_literal(&at, "[") || !map_number(&at, 10, &line->base) ||
	    !map_literal(&at, ", ") || !map_number(&at, 10, &line->end) || !map_literal(&at, ")"))
		return "bad KeyID line; allowed: private KeyID range [FIRST, END)";
	if (!line->base || line->base >= line->end || line->end > TDX_MAX_HKIDS)
		return "bad private KeyIDs; allowed: 0 < FIRST < END <= 2048";
	return NULL;
}

/* The number stands before the marker. */
static const char *parse_pamt_kb(const char *text, const char *at, struct map_line *line)
{
	const char *from = at - strlen(" KB allocated for PAMT");

	line->form = MAP_PAMT_KB;
	while (from > text && from[-1] != ' ')
		from--;
	if (!map_number(&from, 10, &line->base) || *from != ' ')
		return "bad size of the PAMT; allowed: N KB allocated for PAMT";
	return NULL;
}

static const char *parse_dynamic(const char *text, const char *at, struct map_line *line)
{
	line->form = MAP_DYNAMIC;
	return NULL;
}

/* ------------------------------------------------------------------------------------------- */
/* Boots, CPUs                                                                                  */

/* Where a message begins, whatever the log put before it; not inside a sentence. */
static const char *parse_boot(const char *text, const char *at, struct map_line *line)
{
	const char *start = at - strlen("Linux version "), *c = start;

	while (c > text && !isalnum((unsigned char)c[-1]) && c[-1] != ']' && c[-1] != ':')
		c--;
	if (c == text || c[-1] == ']' || c[-1] == ':')
		line->form = MAP_BOOT;
	return NULL;
}

/* What journalctl puts between two boots: a line of its own. */
static const char *parse_journal_boot(const char *text, const char *at, struct map_line *line)
{
	if (at - strlen("-- Boot ") == text)
		line->form = MAP_BOOT;
	return NULL;
}

/* mem= and memmap= as words of the command line. */
static const char *parse_command_line(const char *text, const char *at, struct map_line *line)
{
	static const char *const words[] = { " mem=", " memmap=" };

	for (unsigned int i = 0; i < 2; i++) {
		const char *word = strstr(at, words[i]);

		if (word && isdigit((unsigned char)word[strlen(words[i])]))
			line->form = MAP_LIMITED;
	}
	return NULL;
}

static const char *parse_count(enum map_form form, const char *at, struct map_line *line)
{
	map_spaces(&at);
	if (map_number(&at, 10, &line->base) && line->base)
		line->form = form;
	return NULL;
}

static const char *parse_allowing(const char *text, const char *at, struct map_line *line)
{
	uint64_t cpus;

	if (map_number(&at, 10, &cpus) && cpus &&
	    (map_literal(&at, " CPUs") || map_literal(&at, " present CPUs"))) {
		line->form = MAP_CPUS;
		line->base = cpus;
	}
	return NULL;
}

/* "smp: Brought up 2 nodes, 224 CPUs"; the CPUs are those of "Allowing" as well. */
static const char *parse_brought_up(const char *text, const char *at, struct map_line *line)
{
	uint64_t nodes;

	if (map_number(&at, 10, &nodes) && nodes && map_literal(&at, " node")) {
		line->form = MAP_NODES;
		line->base = nodes;
	}
	return NULL;
}

static const char *parse_packages(const char *text, const char *at, struct map_line *line)
{
	return parse_count(MAP_PACKAGES, at, line);
}

/* "Memory: 263847028K/268041236K available": all that the kernel was given. */
static const char *parse_memory(const char *text, const char *at, struct map_line *line)
{
	uint64_t free, all;

	map_spaces(&at);
	if (map_number(&at, 10, &free) && map_literal(&at, "K/") && map_number(&at, 10, &all) &&
	    map_literal(&at, "K available")) {
		line->form = MAP_SIZE;
		line->base = all << 10;
	}
	return NULL;
}

static const struct map_marker markers[] = {
	{ "BIOS-e820:", parse_e820 },
	{ "tdx: CMR:", parse_cmr },
	{ "user:", parse_user },
	{ "modified:", parse_modified },
	{ "extended:", parse_extended },
	{ "reserve setup_data:", parse_setup_data },
	{ "Xen:", parse_xen_guest },
	{ "BIOS-88:", parse_bios_88 },
	{ "BIOS-e801:", parse_bios_e801 },
	{ "(XEN)", parse_xen },
	{ "efi: mem", parse_efi },
	{ "private KeyID range", parse_hkids },
	{ " KB allocated for PAMT", parse_pamt_kb },
	{ "Enable Dynamic PAMT", parse_dynamic },
	{ "SRAT: Node ", parse_srat },
	{ "node", parse_node },
	{ "Linux version ", parse_boot },
	{ "-- Boot ", parse_journal_boot },
	{ "Command line:", parse_command_line },
	{ ": Allowing ", parse_allowing },
	{ "Brought up ", parse_brought_up },
	{ "Max. logical packages:", parse_packages },
	{ "Max logical packages:", parse_packages },
	{ "Memory:", parse_memory },
	{ NULL, NULL },
};

/* A host name or another word may look like a marker: all places are tried. */
static const char *try_markers(const struct map_marker *m, const char *text, struct map_line *line)
{
	for (; m->marker; m++) {
		const char *at = text, *wrong;

		while ((at = strstr(at, m->marker))) {
			at += strlen(m->marker);
			wrong = m->parse(text, at, line);
			if (wrong || line->form != MAP_NONE)
				return wrong;
		}
	}
	return NULL;
}

const char *map_parse_line(const char *text, struct map_line *line)
{
	const char *wrong;

	*line = (struct map_line){ .form = MAP_NONE };
	wrong = try_markers(markers, text, line);
	return wrong || line->form != MAP_NONE ? wrong : try_markers(map_tool_markers, text, line);
}
