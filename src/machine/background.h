/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * background.h - the other users of a machine's memory: long-lived pages strewn over it, as they
 * are after months of uptime, and a load that allocates and frees all the time.
 *
 * They go straight to the allocator: no failure on request hits them. The same seed on the same
 * machine gives the same blocks. One thread at a time per struct background.
 */
#ifndef PAMT_MACHINE_BACKGROUND_H
#define PAMT_MACHINE_BACKGROUND_H

#include <stdint.h>

#include "machine/machine.h"

struct background;

/* NULL: no memory to be had. */
struct background *background_create(struct machine *machine, uint64_t seed);
/* Gives all its blocks back. */
void background_destroy(struct background *background);

/*
 * background_age - breaks 2M blocks, chosen at random, until percent (0..100) of the node's free
 * memory is not in wholly free ones: of each broken block a few small blocks at random places stay
 * allocated, the rest is free. node: OS_ANY_NODE for all of them, each by itself.
 * Return: 0, or -1: no memory to remember the blocks.
 */
PAMT_MUST_CHECK int background_age(struct background *background, uint32_t node,
				   unsigned int percent);

/*
 * background_step - one step of the load: allocates or frees a block of a random order (0..9, each
 * half as often as the one before), on any node, so that in the long run about this many bytes are
 * held, those that keep memory aged included.
 * Return: 0, also where the machine has no such block; -1 as above.
 */
int background_step(struct background *background, uint64_t bytes);

/* Bytes that it holds now. */
uint64_t background_bytes(const struct background *background);

#endif
