/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * bench_machine.h - the machine of the benches on real threads: one node, memory for everything
 * from 1 MB on, and the guests' at 4 GB, where nobody else asks first.
 */
#ifndef PAMT_LAB_BENCH_BENCH_MACHINE_H
#define PAMT_LAB_BENCH_BENCH_MACHINE_H

#include "machine/map.h"

#define BENCH_GUEST (UINT64_C(4) << 30)

/* below: where the first range ends; guest: bytes of the other. The map keeps the ranges. */
void bench_machine(struct machine_map *map, struct map_range ranges[2], uint64_t below,
		   uint64_t guest, uint32_t nr_cpus);

#endif
