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

#include <stdbool.h>
#include <stdint.h>

#include "machine/map.h"

struct machine;

struct machine *machine_create(const struct machine_map *map); /* NULL: no memory to be had */
void machine_destroy(struct machine *machine);

/* A copy of the map that it was made from; ranges: those inside the map's CMRs. */
const struct machine_map *machine_map(const struct machine *machine);
struct memory *machine_memory(struct machine *machine);
struct allocator *machine_allocator(struct machine *machine);

/*
 * Logical CPU i is in package i % packages, and on node i % nodes. Both numbers come from the map.
 */
uint32_t machine_node_of(const struct machine *machine, uint32_t cpu);

/*
 * Failure on request. A port asks machine_alloc_fails() once for every allocation of any kind that
 * the code under test makes, and answers "no memory" where that says so.
 */
struct machine_faults {
	uint64_t fail_at;    /* the n-th allocation from now fails, counted from 1; 0: none */
	uint64_t fail_every; /* and every further n-th; 0: only once */
};
/* Starts to count from 0. Not while allocations are in flight. */
void machine_set_faults(struct machine *machine, const struct machine_faults *faults);
bool machine_alloc_fails(struct machine *machine);
/* Allocations asked for since machine_set_faults(). */
uint64_t machine_allocs(const struct machine *machine);

#endif
