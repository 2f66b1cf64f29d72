/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * allocator.h - page allocator of the simulated machine, by NUMA node: blocks of order 0..9 and
 * contiguous ranges. Thread-safe. All state outside the pages.
 */
#ifndef PAMT_MACHINE_ALLOCATOR_H
#define PAMT_MACHINE_ALLOCATOR_H

#include <stdbool.h>
#include <stdint.h>
#include <pamt/os.h>

#include "machine/map.h"

struct allocator;

struct allocator *allocator_create(const struct machine_map *map);
void allocator_destroy(struct allocator *allocator);
hpa_t allocator_alloc(struct allocator *a, unsigned int order, uint32_t node);
void allocator_free(struct allocator *a, hpa_t block, unsigned int order);
hpa_t allocator_alloc_range(struct allocator *a, uint64_t bytes, uint64_t align, hpa_t low,
			    hpa_t high, uint32_t node, bool from_top);
void allocator_free_range(struct allocator *a, hpa_t base, uint64_t bytes);
void allocator_exclude(struct allocator *a, hpa_t base, uint64_t bytes);
uint64_t allocator_free_bytes(const struct allocator *a, uint32_t node); /* OS_ANY_NODE: all */

#endif
