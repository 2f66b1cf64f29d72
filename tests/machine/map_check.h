/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * map_check.h - what holds of every map, wherever it comes from.
 */
#ifndef PAMT_TESTS_MAP_CHECK_H
#define PAMT_TESTS_MAP_CHECK_H

#include <string.h>

#include "machine/map.h"

/* NULL, or what is wrong with the map. */
static inline const char *map_fault(const struct machine_map *map)
{
	uint64_t end = 0, cmr_end = 0, top;

	for (uint32_t i = 0; i < map->nr_ranges; i++) {
		const struct map_range *range = &map->ranges[i];

		if (range->base < end || !range->size)
			return "ranges are empty or not ascending";
		if ((range->base | range->size) & (TDX_PAGE_SIZE - 1))
			return "a range is not made of 4K pages";
		if (range->node >= map->nr_nodes)
			return "a range of a node that is not there";
		end = range->base + range->size;
	}
	if (end <= MAP_LOW_LIMIT)
		return "no memory above 1 MB";
	if (!map->nr_cmrs || map->nr_cmrs > TDX_MAX_CMRS)
		return "too few or too many CMRs";
	for (uint32_t i = 0; i < map->nr_cmrs; i++) {
		if (map->cmr[i].base < cmr_end || !map->cmr[i].size)
			return "CMRs are empty or not ascending";
		if ((map->cmr[i].base | map->cmr[i].size) & (TDX_PAGE_SIZE - 1))
			return "a CMR is not made of 4K pages";
		if (map->cmrs_assumed && map->cmr[i].base < MAP_LOW_LIMIT)
			return "an assumed CMR below 1 MB";
		cmr_end = map->cmr[i].base + map->cmr[i].size;
	}
	top = end > cmr_end ? end : cmr_end;
	if (map->max_pa < MAP_MIN_PA || map->max_pa > TDX_PA_BITS || !map->hkid_bits ||
	    top > UINT64_C(1) << (map->max_pa - map->hkid_bits))
		return "memory reaches into the KeyID bits";
	if (!map->hkid_min || map->hkid_min > map->hkid_max || map->hkid_max >> map->hkid_bits)
		return "KeyIDs do not fit their bits";
	if (!map->nr_packages || map->nr_packages > TDX_MAX_PACKAGES ||
	    map->nr_cpus < map->nr_packages || map->nr_cpus > MAP_MAX_CPUS || !map->nr_nodes ||
	    map->nr_nodes > MAP_MAX_NODES)
		return "CPUs, packages or nodes out of bounds";
	if (!memchr(map->notes, '\0', sizeof(map->notes)) ||
	    !memchr(map->name, '\0', sizeof(map->name)))
		return "unterminated text";
	return NULL;
}

#endif
