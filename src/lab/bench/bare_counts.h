/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * bare_counts.h - the least that a get and a put can be: Linux's protocol of v6 of 25 May 2026 for
 * a region that is in use, with nothing around it. What libpamt's hot path is measured against.
 *
 * A dense array of 4-byte counts, one per region; get adds one unless the count is 0, put takes one
 * away unless it is 1. The edges are not here: a region is made used by writing its count.
 */
#ifndef PAMT_LAB_BENCH_BARE_COUNTS_H
#define PAMT_LAB_BENCH_BARE_COUNTS_H

#include <pamt/host.h>

struct bare_counts {
	uint64_t nr;
	uint32_t *count;
};

/* The arguments of pamt_get(). 0, or -OS_EINVAL: no such region, -OS_ENOMEM: it is not in use. */
int bare_counts_get(struct bare_counts *bare, tdx_pfn_t page, struct pamt_cache *cache);
void bare_counts_put(struct bare_counts *bare, tdx_pfn_t page);

#endif
