// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * map_line.c - recognises the lines of a kernel log that describe a machine's memory.
 *
 * A form is found by its marker, anywhere in the line, so that time stamps and the prefixes of
 * journals and consoles do not matter. What follows the marker must then be right: a memory map
 * that is half understood would give wrong answers without saying so.
 */
#include <string.h>

#include "machine/map.h"
#include "machine/map_line.h"

#define TOP (UINT64_C(1) << TDX_PA_BITS)

/* ------------------------------------------------------------------------------------------- */
/* Pieces. Each moves *at behind what it has read; false: it is not there.                      */

static bool literal(const char **at, const char *text)
{
	size_t length = strlen(text);

	if (strncmp(*at, text, length))
		return false;
	*at += length;
	return true;
}

static void spaces(const char **at)
{
	while (**at == ' ' || **at == '\t')
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

/* A number that fits 64 bits and does not run into a letter. */
static bool number(const char **at, unsigned int radix, uint64_t *value)
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

/* "[mem 0xFIRST-0xLAST]" */
static bool mem_range(const char **at, uint64_t *first, uint64_t *last)
{
	return literal(at, "[mem 0x") && number(at, 16, first) && literal(at, "-0x") &&
	       number(at, 16, last) && literal(at, "]");
}

/* From an inclusive end to an exclusive one. */
static const char *set_range(struct map_line *line, uint64_t first, uint64_t last)
{
	if (last <= first)
		return "the range ends before it begins; allowed: FIRST < LAST";
	line->base = first;
	/* The last byte of all is of no use to anybody; and so the end fits 64 bits. */
	line->end = last == UINT64_MAX ? last : last + 1;
	return NULL;
}

/* ------------------------------------------------------------------------------------------- */
/* Forms. at: behind the marker.                                                                */

/* Where a message begins, whatever the log put before it; not inside a sentence. */
static const char *parse_boot(const char *text, const char *at, struct map_line *line)
{
	const char *start = at - strlen("Linux version ");

	if (start == text ||
	    (start - text >= 2 && start[-1] == ' ' && (start[-2] == ']' || start[-2] == ':')))
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

static const char *parse_e820(const char *text, const char *at, struct map_line *line)
{
	uint64_t first, last;

	line->form = MAP_E820;
	spaces(&at);
	if (!mem_range(&at, &first, &last))
		return "bad BIOS-e820 line; allowed: BIOS-e820: [mem 0xFIRST-0xLAST] TYPE, numbers "
		       "of 64 bits";
	spaces(&at);
	line->usable = literal(&at, "usable") && (!*at || *at == ' ');
	return set_range(line, first, last);
}

static const char *parse_cmr(const char *text, const char *at, struct map_line *line)
{
	line->form = MAP_CMR;
	spaces(&at);
	if (!literal(&at, "[0x") || !number(&at, 16, &line->base) || !literal(&at, ", 0x") ||
	    !number(&at, 16, &line->end) || !literal(&at, ")"))
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
	spaces(&at);
	if (!literal(&at, "[") || !number(&at, 10, &line->base) || !literal(&at, ", ") ||
	    !number(&at, 10, &line->end) || !literal(&at, ")"))
		return "bad KeyID line; allowed: private KeyID range [FIRST, END)";
	if (!line->base || line->base >= line->end || line->end > TDX_MAX_HKIDS)
		return "bad private KeyIDs; allowed: 0 < FIRST < END <= 2048";
	return NULL;
}

static const char *parse_srat(const char *text, const char *at, struct map_line *line)
{
	uint64_t node, pxm, first, last;

	line->form = MAP_SRAT;
	if (!number(&at, 10, &node) || !literal(&at, " PXM ") || !number(&at, 10, &pxm) ||
	    !literal(&at, " ") || !mem_range(&at, &first, &last))
		return "bad SRAT line; allowed: SRAT: Node N PXM P [mem 0xFIRST-0xLAST]";
	if (node >= MAP_MAX_NODES)
		return "bad node; allowed: 0 to 63";
	line->node = (uint32_t)node;
	return set_range(line, first, last);
}

/* "node" is an ordinary word: only "node N: [mem" is this form. */
static const char *parse_node(const char *text, const char *at, struct map_line *line)
{
	uint64_t node, first, last;

	if (at - strlen("node") != text && at[-5] != ' ' && at[-5] != '\t')
		return NULL;
	spaces(&at);
	if (!number(&at, 10, &node) || !literal(&at, ":"))
		return NULL;
	spaces(&at);
	if (strncmp(at, "[mem ", 5))
		return NULL;
	line->form = MAP_NODE;
	if (!mem_range(&at, &first, &last))
		return "bad node line; allowed: node N: [mem 0xFIRST-0xLAST], numbers of 64 bits";
	if (node >= MAP_MAX_NODES)
		return "bad node; allowed: 0 to 63";
	line->node = (uint32_t)node;
	return set_range(line, first, last);
}

/* The number stands before the marker. */
static const char *parse_pamt_kb(const char *text, const char *at, struct map_line *line)
{
	const char *from = at - strlen(" KB allocated for PAMT");

	line->form = MAP_PAMT_KB;
	while (from > text && from[-1] != ' ' && from[-1] != '\t')
		from--;
	if (!number(&from, 10, &line->base) || *from != ' ')
		return "bad size of the PAMT; allowed: N KB allocated for PAMT";
	return NULL;
}

/* The range stands before the marker, and nothing but spaces before the range. */
static const char *parse_iomem(const char *text, const char *at, struct map_line *line)
{
	const char *marker = at - strlen(" : System RAM"), *word = text;
	uint64_t first, last;

	spaces(&at);
	spaces(&word);
	/* "System RAM (kmem)" and the like; and prose. */
	if (*at || word == marker || memchr(word, ' ', (size_t)(marker - word)) ||
	    !memchr(word, '-', (size_t)(marker - word)))
		return NULL;
	line->form = MAP_IOMEM;
	if (!number(&word, 16, &first) || !literal(&word, "-") || !number(&word, 16, &last) ||
	    word != marker)
		return "bad System RAM line; allowed: FIRST-LAST : System RAM, numbers of 64 bits";
	if (!last)
		return "all addresses read as zero: /proc/iomem has to be read by root";
	return set_range(line, first, last);
}

static const struct {
	const char *marker;
	const char *(*parse)(const char *text, const char *at, struct map_line *line);
} forms[] = {
	{ "BIOS-e820:", parse_e820 },		{ "tdx: CMR:", parse_cmr },
	{ "private KeyID range", parse_hkids }, { " KB allocated for PAMT", parse_pamt_kb },
	{ "SRAT: Node ", parse_srat },		{ "node", parse_node },
	{ " : System RAM", parse_iomem },	{ "Linux version ", parse_boot },
	{ "-- Boot ", parse_journal_boot },
};

const char *map_parse_line(const char *text, struct map_line *line)
{
	*line = (struct map_line){ .form = MAP_NONE };
	for (unsigned int i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		const char *at = text, *wrong;

		/* A host name or another word may look like a marker: all places are tried. */
		while ((at = strstr(at, forms[i].marker))) {
			at += strlen(forms[i].marker);
			wrong = forms[i].parse(text, at, line);
			if (wrong || line->form != MAP_NONE)
				return wrong;
		}
	}
	return NULL;
}
