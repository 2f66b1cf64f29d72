// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * machine.c - a simulated machine: its map, memory and allocator together, and which allocation
 * of the code that runs on it is to fail.
 */
#include <stdlib.h>
#include <string.h>

#include "machine/allocator.h"
#include "machine/machine.h"
#include "machine/memory.h"

struct machine {
	struct machine_map map;
	struct memory *memory;
	struct allocator *allocator;
	struct machine_faults faults;
	uint64_t allocs;
};

/* A copy whose ranges are those inside CMRs: what lies outside is no memory that TDs could have. */
static bool copy_map(struct machine_map *to, const struct machine_map *from)
{
	*to = *from;
	to->ranges = calloc(from->nr_ranges + TDX_MAX_CMRS, sizeof(*to->ranges));
	if (!to->ranges)
		return false;
	if (from->nr_cmrs)
		map_in_cmrs(from, to->ranges, &to->nr_ranges);
	else
		memcpy(to->ranges, from->ranges, from->nr_ranges * sizeof(*to->ranges));
	return true;
}

struct machine *machine_create(const struct machine_map *map)
{
	struct machine *machine = calloc(1, sizeof(*machine));

	if (!machine)
		return NULL;
	machine->memory = memory_create();
	if (copy_map(&machine->map, map))
		machine->allocator = allocator_create(&machine->map);
	if (machine->memory && machine->allocator)
		return machine;
	machine_destroy(machine);
	return NULL;
}

void machine_destroy(struct machine *machine)
{
	if (!machine)
		return;
	memory_destroy(machine->memory);
	allocator_destroy(machine->allocator);
	free(machine->map.ranges);
	free(machine);
}

const struct machine_map *machine_map(const struct machine *machine) { return &machine->map; }

struct memory *machine_memory(struct machine *machine) { return machine->memory; }

struct allocator *machine_allocator(struct machine *machine) { return machine->allocator; }

uint32_t machine_node_of(const struct machine *machine, uint32_t cpu)
{
	return machine->map.nr_nodes ? cpu % machine->map.nr_nodes : 0;
}

void machine_set_faults(struct machine *machine, const struct machine_faults *faults)
{
	machine->faults = *faults;
	/* Relaxed, here and below: a counter on its own, nothing else is published with it. */
	__atomic_store_n(&machine->allocs, 0, __ATOMIC_RELAXED);
}

bool machine_alloc_fails(struct machine *machine)
{
	const struct machine_faults *faults = &machine->faults;
	uint64_t n = __atomic_add_fetch(&machine->allocs, 1, __ATOMIC_RELAXED);

	if (!faults->fail_at || n < faults->fail_at)
		return false;
	return n == faults->fail_at ||
	       (faults->fail_every && (n - faults->fail_at) % faults->fail_every == 0);
}

uint64_t machine_allocs(const struct machine *machine)
{
	return __atomic_load_n(&machine->allocs, __ATOMIC_RELAXED);
}
