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

/* ------------------------------------------------------------------------------------------- */
/* Nodes                                                                                        */

static const char *parse_srat(const char *text, const char *at, struct map_line *line)
{
	uint64_t node, pxm, first, last;

	line->form = MAP_SRAT;
	if (!map_number(&at, 10, &node) || !map_literal(&at, " PXM ") ||
	    !map_number(&at, 10, &pxm) || !map_literal(&at, " ") ||
	    !map_mem_range(&at, &first, &last))
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
	const char *word = map_marker_at(line, at);
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
	if (!map_mem_range(&at, &first, &last))
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
	const char *from = map_marker_at(line, at);

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
	const char *start = map_marker_at(line, at), *c = start;

	while (c > text && !isalnum((unsigned char)c[-1]) && c[-1] != ']' && c[-1] != ':')
		c--;
	if (c == text || c[-1] == ']' || c[-1] == ':')
		line->form = MAP_BOOT;
	return NULL;
}

/* What journalctl puts between two boots: a line of its own. */
static const char *parse_journal_boot(const char *text, const char *at, struct map_line *line)
{
	if (map_marker_at(line, at) == text)
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

static const char *parse_packages(const char *text, const char *at, struct map_line *line)
{
	map_spaces(&at);
	if (map_number(&at, 10, &line->base) && line->base)
		line->form = MAP_PACKAGES;
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
	{ "tdx: CMR:", parse_cmr, MAP_CMR },
	{ "private KeyID range", parse_hkids, MAP_HKIDS },
	{ " KB allocated for PAMT", parse_pamt_kb, MAP_PAMT_KB },
	{ "Enable Dynamic PAMT", parse_dynamic, MAP_DYNAMIC },
	{ "SRAT: Node ", parse_srat, MAP_SRAT },
	{ "node", parse_node, MAP_NODE },
	{ "Linux version ", parse_boot, MAP_BOOT },
	{ "-- Boot ", parse_journal_boot, MAP_BOOT },
	{ "Command line:", parse_command_line, MAP_LIMITED },
	{ ": Allowing ", parse_allowing, MAP_CPUS },
	{ "Brought up ", parse_brought_up, MAP_NODES },
	{ "Max. logical packages:", parse_packages, MAP_PACKAGES },
	{ "Max logical packages:", parse_packages, MAP_PACKAGES },
	{ "Memory:", parse_memory, MAP_SIZE },
	{ NULL, NULL, MAP_NONE },
};

/* A host name or another word may look like a marker: all places are tried. */
static const char *try_markers(const struct map_marker *m, const char *text, struct map_line *line)
{
	for (; m->text; m++) {
		const char *at = text, *wrong;

		line->marker = m;
		while ((at = strstr(at, m->text))) {
			at += strlen(m->text);
			wrong = m->parse(text, at, line);
			if (wrong || line->form != MAP_NONE)
				return wrong;
		}
	}
	return NULL;
}

const char *map_parse_line(const char *text, struct map_line *line)
{
	const struct map_marker *const lists[] = { map_table_markers, markers, map_tool_markers };
	const char *wrong = NULL;

	*line = (struct map_line){ .form = MAP_NONE };
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		if (!wrong && line->form == MAP_NONE)
			wrong = try_markers(lists[i], text, line);
	return wrong;
}
