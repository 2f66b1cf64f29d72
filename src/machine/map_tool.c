// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * map_tool.c - recognises what programs and files other than the kernel's log say of memory and
 * CPUs: /proc/iomem, lsmem, /sys/firmware/memmap, numactl -H, /proc/meminfo, lscpu.
 */
#include <ctype.h>
#include <string.h>

#include "machine/map.h"
#include "machine/map_line.h"

/* The beginning of the word that ends before `end`, made of letters, digits and dashes. */
static const char *word_before(const char *text, const char *end)
{
	while (end > text && (isalnum((unsigned char)end[-1]) || end[-1] == '-'))
		end--;
	return end;
}

/* ------------------------------------------------------------------------------------------- */
/* Ranges                                                                                       */

/* "FIRST-LAST" up to `end`; before it may stand the number of a line, as grep -C has it. */
static bool dashed_range(const char *at, const char *end, uint64_t *first, uint64_t *last)
{
	const char *from = at;

	for (int i = 0; i < 2; i++) {
		at = from;
		if (map_number(&at, 16, first) && map_literal(&at, "-") &&
		    map_number(&at, 16, last) && at == end)
			return true;
		from += strspn(from, "0123456789");
		from += *from == '-';
	}
	return false;
}

/* The range stands before the marker. */
static const char *parse_iomem(const char *text, const char *at, struct map_line *line)
{
	const char *marker = map_marker_at(line, at), *word;
	uint64_t first, last;

	while (marker > text && marker[-1] == ' ')
		marker--;
	word = word_before(text, marker);
	map_spaces(&at);
	/* "System RAM (kmem)" and the like; and prose. */
	if (*at == '(' || isalnum((unsigned char)*at) || !isxdigit((unsigned char)*word) ||
	    !memchr(word, '-', (size_t)(marker - word)))
		return NULL;
	line->form = MAP_IOMEM;
	line->usable = true;
	if (!dashed_range(word, marker, &first, &last))
		return "bad System RAM line; allowed: FIRST-LAST : System RAM, numbers of 64 bits";
	if (!last)
		return "all addresses read as zero: /proc/iomem has to be read by root";
	return map_set_range(line, first, last);
}

/*
 * "0xFIRST-0xLAST 2G online ...", in columns, in pairs (-P) or in JSON (-J); there the state may
 * stand in a line of its own.
 */
static const char *parse_lsmem(const char *text, const char *at, struct map_line *line)
{
	const char *marker = map_marker_at(line, at), *from = word_before(text, marker), *state;
	uint64_t first, last;

	if (!map_hex(&from, &first) || from != marker || !map_number(&at, 16, &last))
		return NULL;
	if (*at && *at != ' ' && *at != '"')
		return NULL;
	line->columns = at;
	state = strstr(at, "line"); /* online, offline */
	if (state && state - at >= 2 && state - at < 80 && !strncmp(state - 2, "on", 2)) {
		line->form = MAP_LSMEM;
		line->usable = true;
	} else if (state && state - at >= 3 && !strncmp(state - 3, "off", 3)) {
		line->form = MAP_LSMEM;
	} else if (strstr(text, "\"range\"")) {
		line->form = MAP_LSMEM_RANGE;
	} else {
		return NULL;
	}
	return map_set_range(line, first, last);
}

/* "RANGE SIZE STATE REMOVABLE BLOCK NODE ZONES", in the order that was asked for. */
static const char *parse_lsmem_head(const char *text, const char *at, struct map_line *line)
{
	const char *node = strstr(at, " NODE");

	if (*at != ' ' || !strstr(at, " STATE"))
		return NULL;
	line->form = MAP_LSMEM_HEAD;
	if (!node)
		return NULL;
	for (node++, line->base = 1; (node = strchr(node, ' ')); line->base++)
		map_spaces(&node);
	return NULL;
}

static const char *parse_lsmem_state(const char *text, const char *at, struct map_line *line)
{
	line->form = MAP_LSMEM_STATE;
	line->usable = strstr(at, "\"online") != NULL;
	return NULL;
}

/* "/sys/firmware/memmap/3/type:System RAM", as grep prints the files, from whichever folder. */
static const char *parse_field(const char *text, const char *at, struct map_line *line)
{
	const char *marker = map_marker_at(line, at), *from = marker;
	enum map_form form = line->marker->form;
	uint64_t entry;

	while (from > text && isdigit((unsigned char)from[-1]))
		from--;
	if (from == marker || !map_number(&from, 10, &entry) || entry > UINT32_MAX)
		return NULL;
	if (form == MAP_FIELD_TYPE)
		line->usable = map_type_is_usable(at, &line->unknown);
	else if (!map_hex(&at, &line->base))
		return "bad entry of /sys/firmware/memmap; allowed: N/start:0xFIRST, N/end:0xLAST";
	line->form = form;
	line->node = (uint32_t)entry;
	return NULL;
}

/* "0xFIRST 0xLAST System RAM", the three files side by side. */
static const char *parse_pasted(const char *text, const char *at, struct map_line *line)
{
	const char *marker = map_marker_at(line, at), *from = word_before(text, marker);
	const char *unknown = NULL;
	uint64_t first, last;
	bool usable;

	if (!map_hex(&from, &first) || from != marker || !map_number(&at, 16, &last) || *at != ' ')
		return NULL;
	usable = map_type_is_usable(at, &unknown);
	if (unknown)
		return NULL;
	line->form = MAP_FIRMWARE;
	line->usable = usable;
	return map_set_range(line, first, last);
}

/* ------------------------------------------------------------------------------------------- */
/* Sizes and counts                                                                             */

static uint32_t count_words(const char *at)
{
	uint32_t nr = 0;

	for (;;) {
		map_spaces(&at);
		if (!isdigit((unsigned char)*at))
			return nr;
		nr++;
		at += strspn(at, "0123456789");
	}
}

/* numactl -H: "node 0 size: 257029 MB", "node 0 cpus: 0 1 2 3" */
static const char *parse_numactl(const char *text, const char *at, struct map_line *line)
{
	uint64_t node, mb;

	if (!map_number(&at, 10, &node) || node >= MAP_MAX_NODES)
		return NULL;
	line->node = (uint32_t)node;
	if (map_literal(&at, " size: ") && map_number(&at, 10, &mb) && map_literal(&at, " MB")) {
		line->form = MAP_NODE_SIZE;
		line->base = mb > UINT64_MAX >> 20 ? UINT64_MAX : mb << 20;
	} else if (map_literal(&at, " cpus:")) {
		line->form = MAP_NODE_CPUS;
		line->base = count_words(at);
	}
	return NULL;
}

/* "MemTotal: 263932736 kB", of a node "Node 0 MemTotal: ..." */
static const char *parse_meminfo(const char *text, const char *at, struct map_line *line)
{
	const char *node = strstr(text, "Node ");
	uint64_t kb, nr;

	map_spaces(&at);
	if (!map_number(&at, 10, &kb) || !map_literal(&at, " kB"))
		return NULL;
	line->form = MAP_SIZE;
	line->base = kb > UINT64_MAX >> 10 ? UINT64_MAX : kb << 10;
	if (!node)
		return NULL;
	node += strlen("Node ");
	if (map_number(&node, 10, &nr) && nr < MAP_MAX_NODES && map_literal(&node, " MemTotal:")) {
		line->form = MAP_NODE_SIZE;
		line->node = (uint32_t)nr;
	}
	return NULL;
}

/* A number and nothing else behind a title of lscpu that stands at the beginning of its line. */
static const char *parse_lscpu(const char *text, const char *at, struct map_line *line)
{
	const char *title = map_marker_at(line, at);
	uint64_t nr;

	for (; text < title; text++)
		if (isalpha((unsigned char)*text))
			return NULL;
	map_spaces(&at);
	if (!map_number(&at, 10, &nr) || !nr || isalnum((unsigned char)*at) || *at == ',' ||
	    *at == '-')
		return NULL;
	line->form = line->marker->form;
	line->base = nr;
	return NULL;
}

static const char *parse_available(const char *text, const char *at, struct map_line *line)
{
	const char *from = at;
	uint64_t nr;

	if (map_number(&from, 10, &nr) && map_literal(&from, " nodes"))
		return parse_lscpu(text, at, line);
	return NULL;
}

const struct map_marker map_tool_markers[] = {
	{ ": System RAM", parse_iomem, MAP_IOMEM },
	{ " 0x", parse_pasted, MAP_FIRMWARE },
	{ "-0x", parse_lsmem, MAP_LSMEM },
	{ "RANGE", parse_lsmem_head, MAP_LSMEM_HEAD },
	{ "\"state\":", parse_lsmem_state, MAP_LSMEM_STATE },
	{ "/start:", parse_field, MAP_FIELD_START },
	{ "/end:", parse_field, MAP_FIELD_END },
	{ "/type:", parse_field, MAP_FIELD_TYPE },
	{ "node ", parse_numactl, MAP_NODE_SIZE },
	{ "available: ", parse_available, MAP_NODES },
	{ "MemTotal:", parse_meminfo, MAP_SIZE },
	{ "CPU(s):", parse_lscpu, MAP_CPUS },
	{ "Socket(s):", parse_lscpu, MAP_PACKAGES },
	{ "NUMA node(s):", parse_lscpu, MAP_NODES },
	{ NULL, NULL, MAP_NONE },
};
