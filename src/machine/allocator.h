/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * allocator.h - page allocator of the simulated machine, by NUMA node: blocks of order 0..9 and
 * contiguous ranges. Thread-safe, a lock per node. All state stands outside the pages.
 *
 * What it hands out is the usable memory of the map above 1 MB: like any kernel on this platform
 * it leaves the first megabyte alone. Contents of what is handed out are undefined.
 *
 * A free of something that is not allocated (freed before, excluded, no memory, not aligned) is a
 * bug of the caller: it stops the program and says which page.
 */
#ifndef PAMT_MACHINE_ALLOCATOR_H
#define PAMT_MACHINE_ALLOCATOR_H

#include <stdint.h>
#include <pamt/os.h>

#include "machine/map.h"

struct allocator;

#define ALLOCATOR_MAX_ORDER 9
#define ALLOCATOR_LOW_LIMIT (UINT64_C(1) << 20)

/* All of the map's memory is free. map need not outlive the call. NULL: no memory to be had. */
struct allocator *allocator_create(const struct machine_map *map);
void allocator_destroy(struct allocator *allocator);

/*
 * allocator_alloc - a block of 2^order pages (0..9), aligned to its size, from that node, or from
 * the lowest node that has one (OS_ANY_NODE). Broken 2M blocks go first. HPA_NONE: none there.
 */
tdx_hpa_t allocator_alloc(struct allocator *allocator, unsigned int order, uint32_t node);
/* A block, or a naturally aligned part of a block or of a range. */
void allocator_free(struct allocator *allocator, tdx_hpa_t block, unsigned int order);

/*
 * allocator_alloc_range - at the lowest place of all nodes that are allowed, or the highest, where
 * it fits. A range never spans two nodes. HPA_NONE: does not fit.
 */
tdx_hpa_t allocator_alloc_range(struct allocator *allocator, const struct os_range *range);
/* A range, or any part of one by 4K. */
void allocator_free_range(struct allocator *allocator, tdx_hpa_t base, uint64_t bytes);

/* Takes what is free of a range out for good; what is allocated or no memory is passed over. */
void allocator_exclude(struct allocator *allocator, tdx_hpa_t base, uint64_t bytes);

/*
 * allocator_offline - takes a range out of use: what is free is not handed out any more, and what
 * is freed does not come back. Returns the bytes that are allocated still; call it again to see
 * them go. The range is off when that is 0.
 *
 * allocator_online - ends that, for memory that was off or was still being emptied. What was ever
 * excluded stays out, or goes now if it was passed over before. Memory that is plugged in later is
 * memory of the map that was taken off at the start.
 */
uint64_t allocator_offline(struct allocator *allocator, tdx_hpa_t base, uint64_t bytes);
void allocator_online(struct allocator *allocator, tdx_hpa_t base, uint64_t bytes);

/* Free bytes of a node, OS_ANY_NODE: of all; in_2m: only those in wholly free 2M blocks. */
uint64_t allocator_free_bytes(const struct allocator *allocator, uint32_t node);
uint64_t allocator_free_2m_bytes(const struct allocator *allocator, uint32_t node);

#endif
