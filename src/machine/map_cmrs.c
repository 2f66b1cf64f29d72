// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * map_cmrs.c - the CMRs of a machine: as its log has them, or assumed; and what lies outside them.
 */
#include <string.h>

#include "machine/map_log.h"

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

int map_build_cmrs(struct map_log *log, struct machine_map *map)
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

/* What is below 1 MB is left out anyway. */
int map_count_outside(const struct map_log *log, struct machine_map *map)
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
