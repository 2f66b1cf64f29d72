/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * machine.h - a simulated machine: physical memory, NUMA nodes, page allocator.
 *
 * Built from a struct machine_map (map.h: what a real server's log says). Memory has no backing
 * until it is written; see memory.h for how. The allocator is allocator.h. Ports make os_services
 * out of a machine.
 */
#ifndef PAMT_MACHINE_H
#define PAMT_MACHINE_H

#include <stdint.h>
#include <pamt/tdx.h>

#include "machine/map.h"

struct machine;

/* Which allocation is to fail: all kinds are counted together, from 1; 0: none. */
struct machine_faults {
	uint64_t fail_at;    /* the n-th allocation from now fails */
	uint64_t fail_every; /* and every further n-th, 0: only once */
};

struct machine *machine_create(const struct machine_map *map);
void machine_destroy(struct machine *machine);

const struct machine_map *machine_map(const struct machine *machine);
struct memory *machine_memory(struct machine *machine);
struct allocator *machine_allocator(struct machine *machine);

#endif
