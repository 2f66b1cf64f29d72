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

void map_note(struct machine_map *map, const char *format, ...)
{
	size_t used = strlen(map->notes);
	va_list args;
	int more;

	if (used + 2 >= sizeof(map->notes))
		return;
	va_start(args, format);
	more = vsnprintf(map->notes + used, sizeof(map->notes) - used - 1, format, args);
	va_end(args);
	if (more > 0)
		strcat(map->notes, "\n");
}

/* ------------------------------------------------------------------------------------------- */
/* Ranges of the log                                                                            */

/* Leaves only the ranges of one boot. */
static void keep_boot(struct map_log *log, uint32_t boot)
{
	for (unsigned int form = MAP_E820; form <= MAP_CMR; form++) {
		struct log_ranges *ranges = &log->of_form[form];
		uint32_t kept = 0;

		for (uint32_t i = 0; i < ranges->nr; i++)
			if (ranges->range[i].boot == boot)
				ranges->range[kept++] = ranges->range[i];
		ranges->nr = kept;
	}
	if (log->hkids.boot != boot)
		log->hkids.end = 0;
	if (log->pamt.boot != boot)
		log->pamt.said = false;
}

/* A log may hold several boots: the last one that says anything about memory is used. */
static void choose_boot(struct map_log *log, struct machine_map *map)
{
	uint32_t first = UINT32_MAX, last = 0;

	for (unsigned int form = MAP_E820; form <= MAP_CMR; form++) {
		const struct log_ranges *ranges = &log->of_form[form];

		for (uint32_t i = 0; i < ranges->nr; i++) {
			uint32_t boot = ranges->range[i].boot;

			first = boot < first ? boot : first;
			last = boot > last ? boot : last;
		}
	}
	if (first < last)
		map_note(map, "the log has several boots: the last one is used");
	keep_boot(log, last);
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

/* The forms that can say what memory is usable, the best first. */
static const struct {
	enum map_form form;
	const char *note;
} usable_forms[] = {
	{ MAP_E820, NULL },
	{ MAP_IOMEM, NULL },
	{ MAP_NODE, "no BIOS-e820 lines: memory as the node lines have it" },
	{ MAP_CMR, "no BIOS-e820 lines: all memory in CMRs is taken as usable" },
	{ MAP_SRAT, "no BIOS-e820 lines: memory as the SRAT lines have it" },
};

static const struct log_ranges *choose_usable(struct map_log *log, struct machine_map *map)
{
	for (unsigned int i = 0; i < sizeof(usable_forms) / sizeof(*usable_forms); i++) {
		const struct log_ranges *ranges = &log->of_form[usable_forms[i].form];

		if (!ranges->nr)
			continue;
		if (usable_forms[i].note)
			map_note(map, "%s", usable_forms[i].note);
		return ranges;
	}
	return &log->of_form[MAP_E820];
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
	const struct log_ranges *usable = choose_usable(log, map);
	const struct log_ranges *nodes =
		&log->of_form[log->of_form[MAP_NODE].nr ? MAP_NODE : MAP_SRAT];
	const struct map_range *last;

	for (uint32_t i = 0; i < usable->nr; i++)
		if (usable->range[i].end > TOP)
			return log_fail(log, usable->range[i].line,
					"memory above 52 bits; allowed: addresses below "
					"0x10000000000000");
	/* Each range of a node may cut one of usable memory, and so may each node asked for. */
	map->ranges = calloc(usable->nr + nodes->nr + MAP_MAX_NODES + 1, sizeof(*map->ranges));
	if (!map->ranges)
		return log_fail(log, 0, "no memory");
	add_ranges(map, usable, nodes);
	last = map->nr_ranges ? &map->ranges[map->nr_ranges - 1] : NULL;
	if (!last || last->base + last->size <= MAP_LOW_LIMIT)
		return log_fail(log, 0, "no usable memory above 1 MB");
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

/* ------------------------------------------------------------------------------------------- */
/* KeyIDs, address bits, CPUs                                                                   */

/* Bits that the numbers 0 .. n-1 need. */
static uint32_t bits_for(uint64_t n) { return n < 2 ? 1 : 64 - (uint32_t)__builtin_clzll(n - 1); }

static uint64_t highest_end(const struct machine_map *map)
{
	const struct map_range *range = &map->ranges[map->nr_ranges - 1];
	const struct tdx_cmr *cmr = &map->cmr[map->nr_cmrs - 1];
	uint64_t a = range->base + range->size, b = cmr->base + cmr->size;

	return a > b ? a : b;
}

/*
 * KeyIDs stand in the address bits at the top of max_pa, so no memory may reach into them. Where
 * the log says nothing of KeyIDs: 6 bits, [32, 64), as parts in the field have, or what is left.
 */
static int build_keys(struct map_log *log, const struct map_options *options,
		      struct machine_map *map)
{
	uint32_t address_bits = bits_for(highest_end(map)), bits;

	map->max_pa = options->max_pa ? options->max_pa : TDX_PA_BITS;
	if (log->hkids.end) {
		bits = bits_for(log->hkids.end);
		map->hkid_min = (uint16_t)log->hkids.base;
		map->hkid_max = (uint16_t)(log->hkids.end - 1);
	} else {
		bits = 6;
		if (address_bits + 2 <= map->max_pa && address_bits + bits > map->max_pa)
			bits = map->max_pa - address_bits;
		map->hkid_min = (uint16_t)(1u << (bits - 1));
		map->hkid_max = (uint16_t)((1u << bits) - 1);
		map->hkids_assumed = true;
		map_note(map, "no KeyID line: private KeyIDs [%u, %u) are assumed", map->hkid_min,
			 map->hkid_max + 1);
	}
	map->hkid_bits = bits;
	if (address_bits + bits > map->max_pa)
		return log_fail(log, 0,
				"memory needs %u address bits and KeyIDs %u; allowed: %u together "
				"(max-pa)",
				address_bits, bits, map->max_pa);
	return 0;
}

static void build_cpus(const struct map_log *log, const struct map_options *options,
		       struct machine_map *map)
{
	uint32_t nodes = map->nr_nodes, cpus;

	map->nr_packages = nodes < TDX_MAX_PACKAGES ? nodes : TDX_MAX_PACKAGES;
	if (options->nr_packages)
		map->nr_packages = options->nr_packages;
	cpus = log->nr_cpus ? log->nr_cpus : 8 * map->nr_packages;
	if (options->nr_cpus)
		cpus = options->nr_cpus;
	map->nr_cpus = cpus < map->nr_packages ? map->nr_packages : cpus;
	if (!options->nr_cpus || !options->nr_packages || !options->max_pa)
		map_note(map, "%u CPUs in %u package%s, max-pa %u%s", map->nr_cpus,
			 map->nr_packages, map->nr_packages == 1 ? "" : "s", map->max_pa,
			 options->nr_cpus || options->nr_packages || options->max_pa
				 ? ""
				 : " are assumed");
}

static int check_options(const struct map_log *log, const struct map_options *options)
{
	const struct {
		const char *name;
		uint32_t value, least, most;
	} checks[] = {
		{ "max-pa", options->max_pa, MAP_MIN_PA, TDX_PA_BITS },
		{ "cpus", options->nr_cpus, 1, MAP_MAX_CPUS },
		{ "packages", options->nr_packages, 1, TDX_MAX_PACKAGES },
		{ "nodes", options->nr_nodes, 1, MAP_MAX_NODES },
	};

	for (unsigned int i = 0; i < sizeof(checks) / sizeof(*checks); i++)
		if (checks[i].value &&
		    (checks[i].value < checks[i].least || checks[i].value > checks[i].most))
			return log_fail(log, 0, "%u %s; allowed: %u to %u", checks[i].value,
					checks[i].name, checks[i].least, checks[i].most);
	if (options->nr_cpus && options->nr_cpus < options->nr_packages)
		return log_fail(log, 0, "%u cpus in %u packages; allowed: at least one each",
				options->nr_cpus, options->nr_packages);
	return 0;
}

int map_build(struct map_log *log, const struct map_options *options, struct machine_map *map)
{
	static const struct {
		const char *what;
		bool by_node;
	} kinds[] = {
		[MAP_E820] = { "usable memory", false },
		[MAP_IOMEM] = { "System RAM", false },
		[MAP_NODE] = { "memory of a node", true },
		[MAP_SRAT] = { "memory of a node", true },
		[MAP_CMR] = { "CMR", false },
	};

	if (check_options(log, options))
		return -1;
	choose_boot(log, map);
	for (unsigned int form = MAP_E820; form <= MAP_CMR; form++)
		if (sort_ranges(log, &log->of_form[form], kinds[form].what, kinds[form].by_node))
			return -1;
	if (build_ranges(log, options, map) || build_cmrs(log, map) ||
	    build_keys(log, options, map))
		return -1;
	build_cpus(log, options, map);
	map->log_pamt_kb = log->pamt.said ? log->pamt.kb : MAP_NO_PAMT_KB;
	return 0;
}
