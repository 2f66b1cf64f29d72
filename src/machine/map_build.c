// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * map_build.c - puts a machine's map together out of the ranges that a log speaks of.
 *
 * Order: which boot; which form says what is usable; nodes; CMRs; KeyIDs and address bits; CPUs.
 * Each step writes its part of the map, and a note where it had to assume something.
 */
#include <stdlib.h>
#include <string.h>

#include "machine/map_log.h"

#define TOP	  (UINT64_C(1) << TDX_PA_BITS)
#define PAGE_MASK (TDX_PAGE_SIZE - 1)

/* ------------------------------------------------------------------------------------------- */
/* Ranges of the log                                                                            */

/* Leaves only the ranges of one boot. */
static void keep_boot(struct map_log *log, uint32_t boot)
{
	for (unsigned int form = 0; form < MAP_NR_RANGES; form++) {
		struct log_ranges *ranges = &log->of_form[form];
		uint32_t kept = 0;

		for (uint32_t i = 0; i < ranges->nr; i++)
			if (ranges->range[i].boot == boot)
				ranges->range[kept++] = ranges->range[i];
		ranges->nr = kept;
		if (ranges->boot != boot)
			ranges->lines = ranges->unknown = 0;
	}
	if (log->hkids.boot != boot)
		log->hkids.end = 0;
	if (log->pamt.boot != boot)
		log->pamt.said = false;
}

/* A log may hold several boots: the last one that says anything about memory is used. */
static void choose_boot(struct map_log *log, struct machine_map *map)
{
	if (log->first_boot < log->last_boot)
		map_note(map, "the log has several boots: the last one is used");
	keep_boot(log, log->last_boot);
}

static int by_base(const void *a, const void *b)
{
	const struct log_range *x = a, *y = b;

	if (x->base != y->base)
		return x->base < y->base ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

/*
 * Sorts, drops repeated lines, and refuses overlaps. Ranges of one node may overlap where that
 * contradicts nothing (by_node).
 */
static int sort_ranges(const struct map_log *log, struct log_ranges *ranges, const char *what,
		       bool by_node)
{
	uint32_t kept = 0;

	if (ranges->nr)
		qsort(ranges->range, ranges->nr, sizeof(*ranges->range), by_base);
	for (uint32_t i = 0; i < ranges->nr; i++) {
		const struct log_range *range = &ranges->range[i];
		struct log_range *last = kept ? &ranges->range[kept - 1] : NULL;

		if (!last || range->base >= last->end) {
			ranges->range[kept++] = *range;
			continue;
		}
		if (by_node && range->node == last->node) {
			last->end = range->end > last->end ? range->end : last->end;
			continue;
		}
		if (range->base == last->base && range->end == last->end &&
		    range->node == last->node)
			continue;
		return log_fail(
			log, range->line > last->line ? range->line : last->line,
			"%s [0x%llx, 0x%llx) overlaps [0x%llx, 0x%llx) in line %llu; "
			"allowed: no overlap",
			what, (unsigned long long)range->base, (unsigned long long)range->end,
			(unsigned long long)last->base, (unsigned long long)last->end,
			(unsigned long long)(range->line > last->line ? last->line : range->line));
	}
	ranges->nr = kept;
	return 0;
}

/* ------------------------------------------------------------------------------------------- */
/* Usable memory and nodes                                                                      */

/* What each form that can say what memory is usable is called, and what is to be said of it. */
static const struct {
	const char *name, *note;
} sources[MAP_NR_RANGES] = {
	[MAP_MODIFIED] = { "modified", "the \"modified:\" table counts: the kernel's last one" },
	[MAP_USER] = { "user", "the \"user:\" table counts, not the firmware's: the command "
			       "line leaves memory out" },
	[MAP_EXTENDED] = { "extended", "the \"extended:\" table counts, not the firmware's" },
	[MAP_E820] = { "BIOS-e820", NULL },
	[MAP_XEN] = { "Xen e820", "no BIOS-e820 lines: memory as the hypervisor has it" },
	[MAP_EFI] = { "efi", "no BIOS-e820 lines: memory as the EFI has it" },
	[MAP_IOMEM] = { "System RAM", NULL },
	[MAP_FIRMWARE] = { "/sys/firmware/memmap", NULL },
	[MAP_LSMEM] = { "lsmem", "memory as lsmem has it: ends are rounded to its blocks" },
	[MAP_NODE] = { "node", "no BIOS-e820 lines: memory as the node lines have it" },
	[MAP_CMR] = { "CMR", "no BIOS-e820 lines: all memory in CMRs is taken as usable" },
	[MAP_SRAT] = { "SRAT", "no BIOS-e820 lines: memory as the SRAT lines have it" },
};

/* Where lines may be missing, and memory with them. */
static void note_cuts(const struct map_log *log, unsigned int form, struct machine_map *map)
{
	const struct log_ranges *ranges = &log->of_form[form];

	if (log->cut_head)
		map_note(map,
			 "the first line is the rest of one: memory of it, and of lines before "
			 "it, is not counted");
	if (log->cut_tail)
		map_note(map,
			 "the last line (%llu) ends without a newline, right after memory: memory "
			 "of "
			 "it, and of lines behind it, is not counted",
			 (unsigned long long)log->cut_tail);
	if (form <= MAP_E820 && ranges->lowest > MAP_LOW_LIMIT)
		map_note(map,
			 "the %s table begins at 0x%llx: its first lines may be missing "
			 "(journalctl -k -b has them)",
			 sources[form].name, (unsigned long long)ranges->lowest);
}

/* The table that counts; NULL: no line of the log is about ranges of memory. */
static const struct log_ranges *choose_usable(struct map_log *log, struct machine_map *map)
{
	for (unsigned int form = 0; form < MAP_NR_RANGES; form++) {
		const struct log_ranges *ranges = &log->of_form[form];

		if (!ranges->lines && !ranges->nr)
			continue;
		if (sources[form].note)
			map_note(map, "%s", sources[form].note);
		if (ranges->unknown)
			map_note(map,
				 "%u %s line%s of a type that is not known ('%s' in line %llu): "
				 "not taken for memory",
				 ranges->unknown, sources[form].name,
				 ranges->unknown == 1 ? "" : "s", ranges->unknown_type,
				 (unsigned long long)ranges->unknown_line);
		note_cuts(log, form, map);
		if (log->limited && form == MAP_E820)
			map_note(map,
				 "mem= or memmap= on the command line, but no \"user:\" table: "
				 "there may be less memory");
		return ranges;
	}
	return NULL;
}

/* Only sizes are known: laid out as firmware usually does. False: no size is known either. */
static int guess_from_sizes(struct map_log *log, struct machine_map *map)
{
	uint64_t next = 0;
	bool any = false;

	for (uint32_t node = 0; node < MAP_MAX_NODES; node++) {
		uint64_t bytes = log->node_size[node] & ~PAGE_MASK;

		if (!bytes)
			continue;
		any = true;
		if (bytes > TOP || next > TOP)
			return log_fail(log, 0, "memory above 52 bits");
		if (log_lay_out(log, bytes, node, &next))
			return -1;
	}
	if (!any && log->size > TOP)
		return log_fail(log, 0, "memory above 52 bits");
	if (!any && log->size && log_lay_out(log, log->size & ~PAGE_MASK, 0, &next))
		return -1;
	if (!any)
		log->of_form[MAP_NODE].nr = 0; /* of nodes nothing is known */
	if (next)
		map_note(map, "guessed from sizes alone, as firmware usually lays memory out; "
			      "they leave out what the kernel keeps for itself");
	return 0;
}

/*
 * What a PAMT of so many KB is the PAMT of: 4104 KB for each GB, and a page more for each TDMR (or
 * for each 256 GB of a large one); with Dynamic PAMT 40 KB, which does not tell how many TDMRs.
 */
static void tell_pamt(const struct map_log *log, char *text, size_t size)
{
	uint64_t kb = log->pamt.kb, gb = kb / 4104, pages = kb % 4104 / 4;

	if (log->dynamic) {
		snprintf(text, size, " and %llu KB of dynamic PAMT: about %llu GB",
			 (unsigned long long)kb, (unsigned long long)(kb / 40));
		return;
	}
	snprintf(text, size, " and %llu KB of PAMT", (unsigned long long)kb);
	if (gb && pages && pages <= TDX_MAX_TDMRS && kb % 4 == 0)
		snprintf(text + strlen(text), size - strlen(text),
			 ": static, of %llu GB in %s%llu TDMRs; dynamic it would be %llu KB",
			 (unsigned long long)gb, gb > 256 ? "up to " : "",
			 (unsigned long long)pages, (unsigned long long)(40 * gb + 4 * pages));
}

static int no_map(const struct map_log *log)
{
	char pamt[128] = "", keys[64] = "";

	if (log->hkids.end)
		snprintf(keys, sizeof(keys), "KeyIDs %llu to %llu",
			 (unsigned long long)log->hkids.base,
			 (unsigned long long)log->hkids.end - 1);
	if (log->pamt.said)
		tell_pamt(log, pamt, sizeof(pamt));
	return log_fail(log, 0,
			"no memory map in it%s%s%s%s; wanted: the whole dmesg, /proc/iomem read "
			"by root, or lsmem",
			*keys || *pamt ? " (only " : "", keys,
			*keys ? pamt : pamt + (*pamt ? 5 : 0), *keys || *pamt ? ")" : "");
}

static int nothing_usable(const struct map_log *log, const struct log_ranges *ranges)
{
	const char *name = sources[ranges - log->of_form].name;

	if (ranges->unknown)
		return log_fail(log, ranges->unknown_line,
				"no usable memory above 1 MB in %u %s lines; '%s' is no type that "
				"is known",
				ranges->lines, name, ranges->unknown_type);
	return log_fail(log, 0, "no usable memory above 1 MB in %u %s line%s", ranges->lines, name,
			ranges->lines == 1 ? "" : "s");
}

/* Adds [base, end), inwards to whole pages, to the last range if it goes on there. */
static void add_range(struct machine_map *map, uint64_t base, uint64_t end, uint32_t node)
{
	struct map_range *last = map->nr_ranges ? &map->ranges[map->nr_ranges - 1] : NULL;

	base = (base + PAGE_MASK) & ~PAGE_MASK;
	end &= ~PAGE_MASK;
	if (base >= end)
		return;
	if (last && last->node == node && last->base + last->size == base)
		last->size = end - last->base;
	else
		map->ranges[map->nr_ranges++] = (struct map_range){ base, end - base, node };
}

/*
 * Splits usable ranges where nodes change. What no node claims belongs to the node before it, and
 * what lies before all of them to the first.
 */
static void add_ranges(struct machine_map *map, const struct log_ranges *usable,
		       const struct log_ranges *nodes)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < usable->nr; i++) {
		uint64_t base = usable->range[i].base, end = usable->range[i].end;

		while (base < end) {
			uint64_t stop = end;

			while (n + 1 < nodes->nr && nodes->range[n + 1].base <= base)
				n++;
			if (n + 1 < nodes->nr && nodes->range[n + 1].base < end)
				stop = nodes->range[n + 1].base;
			add_range(map, base, stop, nodes->nr ? nodes->range[n].node : 0);
			base = stop;
		}
	}
}

/*
 * Shares the memory of a log that knows no nodes out to nr nodes, in equal parts, large ones cut
 * where a GB begins.
 */
static void split_evenly(struct machine_map *map, const struct map_range *from, uint32_t nr_from,
			 uint32_t nr)
{
	uint64_t total = 0, done = 0, share, cut;

	for (uint32_t i = 0; i < nr_from; i++)
		total += from[i].size;
	share = (total / nr + PAGE_MASK) & ~PAGE_MASK;
	cut = share < 8 * TDX_1G_SIZE ? TDX_PAGE_SIZE : TDX_1G_SIZE;
	map->nr_ranges = 0;
	for (uint32_t i = 0; i < nr_from; i++) {
		uint64_t base = from[i].base, end = base + from[i].size;

		while (base < end) {
			/* By what is done so far, so that rounding does not add up. */
			uint64_t node = done / share;
			uint64_t stop = base + (node + 1) * share - done;

			stop = (stop + cut - 1) & ~(cut - 1);
			if (stop > end || node >= nr - 1)
				stop = end;
			add_range(map, base, stop, node < nr ? (uint32_t)node : nr - 1);
			done += stop - base;
			base = stop;
		}
	}
}

/* The number of nodes; where the log says nothing of them, memory is shared out. */
static int build_nodes(struct map_log *log, const struct log_ranges *nodes, uint32_t asked,
		       struct machine_map *map)
{
	uint32_t most = 0, nr = map->nr_ranges;
	struct map_range *whole;

	for (uint32_t i = 0; i < nodes->nr; i++)
		most = nodes->range[i].node > most ? nodes->range[i].node : most;
	if (!asked && !nodes->nr && log->nr_nodes)
		asked = log->nr_nodes;
	map->nr_nodes = asked ? asked : most + 1;
	if (map->nr_nodes <= most)
		return log_fail(log, 0,
				"%u nodes asked for, but it has memory of node %u; "
				"allowed: %u nodes or more",
				asked, most, most + 1);
	if (nodes->nr)
		return 0;
	map_note(map,
		 asked > 1 ? "no node lines: memory is shared out evenly to %u nodes"
			   : "no node lines: %u node",
		 map->nr_nodes);
	if (map->nr_nodes == 1)
		return 0;
	whole = malloc((nr + 1) * sizeof(*whole));
	if (!whole)
		return log_fail(log, 0, "no memory");
	memcpy(whole, map->ranges, nr * sizeof(*whole));
	split_evenly(map, whole, nr, map->nr_nodes);
	free(whole);
	return 0;
}

static int build_ranges(struct map_log *log, const struct map_options *options,
			struct machine_map *map)
{
	const struct log_ranges *usable = choose_usable(log, map), *nodes;
	const struct map_range *last;

	if (!usable && guess_from_sizes(log, map))
		return -1;
	if (!usable && log->of_form[MAP_E820].nr)
		usable = &log->of_form[MAP_E820];
	if (!usable)
		return no_map(log);
	for (uint32_t i = 0; i < usable->nr; i++)
		if (usable->range[i].end > TOP)
			return log_fail(log, usable->range[i].line,
					"memory above 52 bits; allowed: addresses below "
					"0x10000000000000");
	nodes = &log->of_form[log->of_form[MAP_NODE].nr ? MAP_NODE : MAP_SRAT];
	/* Each range of a node may cut one of usable memory, and so may each node asked for. */
	map->ranges = calloc(usable->nr + nodes->nr + MAP_MAX_NODES + 1, sizeof(*map->ranges));
	if (!map->ranges)
		return log_fail(log, 0, "no memory");
	add_ranges(map, usable, nodes);
	last = map->nr_ranges ? &map->ranges[map->nr_ranges - 1] : NULL;
	if (!last || last->base + last->size <= MAP_LOW_LIMIT)
		return nothing_usable(log, usable);
	return build_nodes(log, nodes, options->nr_nodes, map);
}

/* ------------------------------------------------------------------------------------------- */
/* CMRs                                                                                         */

/* A hole between two usable ranges: where it ends, and how large it is. */
struct hole {
	uint64_t end, size;
};

/*
 * The largest holes, as many as there may be between CMRs; returns how many. Of equal ones the
 * highest. Memory is one range where a hole is not among them.
 */
static uint32_t largest_holes(const struct machine_map *map, struct hole *hole)
{
	uint64_t end = 0;
	uint32_t nr = 0;

	for (uint32_t i = 0; i < map->nr_ranges; i++) {
		const struct map_range *range = &map->ranges[i];
		struct hole next = { range->base, range->base - end };
		uint32_t least = 0;
		bool first = end <= MAP_LOW_LIMIT;

		end = range->base + range->size;
		if (first || !next.size)
			continue;
		if (nr < TDX_MAX_CMRS - 1) {
			hole[nr++] = next;
			continue;
		}
		for (uint32_t j = 1; j < nr; j++)
			if (hole[j].size < hole[least].size)
				least = j;
		if (next.size >= hole[least].size) {
			/* They stay in ascending order. */
			memmove(&hole[least], &hole[least + 1], (nr - 1 - least) * sizeof(*hole));
			hole[nr - 1] = next;
		}
	}
	return nr;
}

/* CMRs out of the usable ranges above 1 MB, joined over the smallest holes until they are few. */
static void assume_cmrs(struct machine_map *map)
{
	const struct map_range *last = &map->ranges[map->nr_ranges - 1];
	struct hole hole[TDX_MAX_CMRS];
	uint32_t nr = largest_holes(map, hole), i = 0;
	uint64_t base;

	while (map->ranges[i].base + map->ranges[i].size <= MAP_LOW_LIMIT)
		i++;
	base = map->ranges[i].base > MAP_LOW_LIMIT ? map->ranges[i].base : MAP_LOW_LIMIT;
	for (i = 0; i < nr; i++) {
		map->cmr[i] = (struct tdx_cmr){ base, hole[i].end - hole[i].size - base };
		base = hole[i].end;
	}
	map->cmr[nr] = (struct tdx_cmr){ base, last->base + last->size - base };
	map->nr_cmrs = nr + 1;
	map->cmrs_assumed = true;
	map_note(map, "no CMR lines: %u CMRs are assumed, made from the usable memory",
		 map->nr_cmrs);
}

static int build_cmrs(struct map_log *log, struct machine_map *map)
{
	const struct log_ranges *cmrs = &log->of_form[MAP_CMR];
	uint64_t most = 0;

	for (uint32_t i = 0; i < cmrs->nr && cmrs->nr > TDX_MAX_CMRS; i++)
		most = cmrs->range[i].line > most ? cmrs->range[i].line : most;
	if (cmrs->nr > TDX_MAX_CMRS)
		return log_fail(log, most, "%u CMRs; allowed: up to %u", cmrs->nr, TDX_MAX_CMRS);
	for (uint32_t i = 0; i < cmrs->nr; i++)
		map->cmr[i] = (struct tdx_cmr){ cmrs->range[i].base,
						cmrs->range[i].end - cmrs->range[i].base };
	map->nr_cmrs = cmrs->nr;
	if (!cmrs->nr)
		assume_cmrs(map);
	return 0;
}

uint64_t map_in_cmrs(const struct machine_map *map, struct map_range *to, uint32_t *nr)
{
	uint64_t bytes = 0;
	uint32_t cmr = 0;

	*nr = 0;
	for (uint32_t i = 0; i < map->nr_ranges; i++) {
		const struct map_range *range = &map->ranges[i];
		uint64_t end = range->base + range->size;

		while (cmr < map->nr_cmrs && map->cmr[cmr].base + map->cmr[cmr].size <= range->base)
			cmr++;
		for (uint32_t j = cmr; j < map->nr_cmrs && map->cmr[j].base < end; j++) {
			uint64_t cmr_end = map->cmr[j].base + map->cmr[j].size;
			uint64_t from =
				range->base > map->cmr[j].base ? range->base : map->cmr[j].base;
			uint64_t size = (end < cmr_end ? end : cmr_end) - from;

			bytes += size;
			if (to)
				to[*nr] = (struct map_range){ from, size, range->node };
			++*nr;
		}
	}
	return bytes;
}

/* Usable memory that no CMR has is of no use to TDs. What is below 1 MB is left out anyway. */
static int count_outside(const struct map_log *log, struct machine_map *map)
{
	uint64_t low = 0, all = 0, inside;
	uint32_t nr;

	for (uint32_t i = 0; i < map->nr_ranges; i++) {
		const struct map_range *range = &map->ranges[i];
		uint64_t end = range->base + range->size;

		all += range->size;
		if (range->base < MAP_LOW_LIMIT)
			low += (end < MAP_LOW_LIMIT ? end : MAP_LOW_LIMIT) - range->base;
	}
	inside = map_in_cmrs(map, NULL, &nr);
	for (uint32_t i = 0; i < map->nr_cmrs && map->cmr[i].base < MAP_LOW_LIMIT; i++)
		low = 0; /* rare: counted as inside */
	map->usable_bytes = all;
	map->outside_bytes = all - inside > low ? all - inside - low : 0;
	if (inside)
		return 0;
	return log_fail(log, 0, "no usable memory lies inside the CMRs");
}

/* ------------------------------------------------------------------------------------------- */

int map_build(struct map_log *log, const struct map_options *options, struct machine_map *map)
{
	static const struct {
		const char *what;
		bool by_node;
	} kinds[] = {
		[MAP_MODIFIED] = { "usable memory", false },
		[MAP_USER] = { "usable memory", false },
		[MAP_EXTENDED] = { "usable memory", false },
		[MAP_E820] = { "usable memory", false },
		[MAP_XEN] = { "usable memory", false },
		[MAP_EFI] = { "usable memory", false },
		[MAP_IOMEM] = { "System RAM", false },
		[MAP_FIRMWARE] = { "System RAM", false },
		[MAP_LSMEM] = { "memory of lsmem", false },
		[MAP_NODE] = { "memory of a node", true },
		[MAP_SRAT] = { "memory of a node", true },
		[MAP_CMR] = { "CMR", false },
	};

	if (map_check_options(log, options))
		return -1;
	choose_boot(log, map);
	for (unsigned int form = 0; form < MAP_NR_RANGES; form++)
		if (sort_ranges(log, &log->of_form[form], kinds[form].what, kinds[form].by_node))
			return -1;
	if (build_ranges(log, options, map) || build_cmrs(log, map) || count_outside(log, map) ||
	    map_build_keys(log, options, map))
		return -1;
	map_build_cpus(log, options, map);
	map->log_dynamic = log->dynamic;
	map->log_pamt_kb = log->pamt.said ? log->pamt.kb : MAP_NO_PAMT_KB;
	return 0;
}
