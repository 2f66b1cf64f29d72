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

	if (!usable && map_guess_from_sizes(log, map))
		return -1;
	if (!usable && log->of_form[MAP_E820].nr)
		usable = &log->of_form[MAP_E820];
	if (!usable)
		return map_none(log);
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
		return map_none_usable(log, usable, sources[usable - log->of_form].name);
	return build_nodes(log, nodes, options->nr_nodes, map);
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
	if (build_ranges(log, options, map) || map_build_cmrs(log, map) ||
	    map_count_outside(log, map) || map_build_keys(log, options, map))
		return -1;
	map_build_cpus(log, options, map);
	map->log_dynamic = log->dynamic;
	map->log_pamt_kb = log->pamt.said ? log->pamt.kb : MAP_NO_PAMT_KB;
	return 0;
}
