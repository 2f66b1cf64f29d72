// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bench_machine.c - the machine of bench_machine.h.
 */
#include "lab/bench/bench_machine.h"

#define MIB (UINT64_C(1) << 20)

void bench_machine(struct machine_map *map, struct map_range ranges[2], uint64_t below,
		   uint64_t guest, uint32_t nr_cpus)
{
	ranges[0] = (struct map_range){ MIB, below - MIB, 0 };
	ranges[1] = (struct map_range){ BENCH_GUEST, guest, 0 };
	map_of_ranges(map, "bench", ranges, 2);
	map->max_pa = 46;
	map->nr_cpus = nr_cpus;
}
