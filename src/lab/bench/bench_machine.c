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
	*map = (struct machine_map){ .name = "bench",
				     .nr_ranges = 2,
				     .ranges = ranges,
				     .nr_cmrs = 2,
				     .cmr = { { ranges[0].base, ranges[0].size },
					      { ranges[1].base, ranges[1].size } },
				     .hkid_min = 32,
				     .hkid_max = 63,
				     .max_pa = 46,
				     .hkid_bits = 6,
				     .nr_cpus = nr_cpus,
				     .nr_packages = 1,
				     .nr_nodes = 1,
				     .log_pamt_kb = MAP_NO_PAMT_KB };
}
