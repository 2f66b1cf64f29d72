// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * map_made.c - the map of a machine that nobody has.
 */
#include <stdio.h>

#include "machine/map.h"

void map_of_ranges(struct machine_map *map, const char *name, struct map_range *ranges, uint32_t nr)
{
	*map = (struct machine_map){
		.nr_ranges = nr,
		.ranges = ranges,
		.nr_cmrs = nr,
		.hkid_min = 32,
		.hkid_max = 63,
		.max_pa = 52,
		.hkid_bits = 6,
		.nr_cpus = 1,
		.nr_packages = 1,
		.nr_nodes = 1,
		.log_pamt_kb = MAP_NO_PAMT_KB,
	};
	snprintf(map->name, sizeof(map->name), "%s", name);
	for (uint32_t i = 0; i < nr; i++)
		map->cmr[i] = (struct tdx_cmr){ ranges[i].base, ranges[i].size };
}
