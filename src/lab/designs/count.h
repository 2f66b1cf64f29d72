/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * count.h - what the designs of the Linux series are made of: a count per region in a dense array
 * of 32-bit atomics from physical address 0, pairs out of the page allocator, and the invariant
 * that goes with them.
 *
 * The state of each of these designs begins with struct counts, so that the functions below that
 * take a state serve all of them.
 */
#ifndef PAMT_LAB_COUNT_H
#define PAMT_LAB_COUNT_H

#include "lab/designs/page_pair.h"

struct counts {
	struct design_state of;
	uint64_t nr;
	os_a32_t *count;
};

int counts_begin(void *state);
void counts_end(void *state);
static inline os_a32_t *count_of(const struct counts *counts, region_t region)
{
	return &counts->count[region.v];
}

/* atomic_inc_not_zero(), atomic_add_unless(-1, 1). False: the count was 0, or 1. */
bool count_inc_not_zero(os_a32_t *count);
bool count_dec_not_one(os_a32_t *count);

/*
 * A count that is raised and lowered without a lock while the region is in use; 0 to 1 and 1 to 0
 * under the lock that is given.
 */
int counts_get(struct counts *counts, struct os_spin *lock, tdx_pfn_t page,
	       struct pamt_cache *cache);
void counts_put(struct counts *counts, struct os_spin *lock, tdx_pfn_t page);

/* Pairs that Linux draws ahead of each fault: as many as the S-EPT has levels, which are five. */
#define COUNTS_TOPUP_PAIRS 5u

/*
 * Members of struct vmm_backing.
 *
 * Control pages are pages with a get. 2M pages are not counted. split() follows the huge-page
 * series (v3 of January 2026, and v5): a pair out of the caller's cache goes into R12 and R13, the
 * call is made without the lock, and then the count goes from 0 to 512 in one step. That series
 * never issues PROMOTE, so merge() refuses.
 */
int counts_topup(void *state, struct pamt_cache *cache, uint32_t control, uint32_t pairs);
int counts_alloc_page(void *state, uint32_t node, struct pamt_cache *cache, tdx_hpa_t *page);
void counts_free_page(void *state, tdx_hpa_t page, bool last);
/* counts_split() under a lock; NULL: none. */
int counts_split_under(struct counts *counts, struct os_spin *lock, tdx_pfn_t first,
		       struct tdx_regs *regs, struct pamt_cache *cache);
int counts_split(void *state, tdx_pfn_t first, struct tdx_regs *regs, struct pamt_cache *cache);
int counts_refuse_merge(void *state, tdx_pfn_t first, struct tdx_regs *regs);

/* What .backing of most of these designs is, but for get, put, split and merge. */
#define COUNTS_BACKING                                                                         \
	.topup = counts_topup, .cache_free = pair_cache_free, .alloc_page = counts_alloc_page, \
	.free_page = counts_free_page, .map_2m = pair_call, .remove_2m = pair_call

/* A count that is not 0 means that a pair is installed, at every instant. */
const char *counts_check(void *state);
/* Nobody uses anything: no count, no pair. */
const char *counts_check_end(void *state);
/* "the count of region A", "the lock". lock may be NULL. */
bool counts_name_of(const struct counts *counts, const void *lock, const void *addr, char text[64]);

/* The state of a design with one lock for all edges, and nothing else. */
struct counts_locked {
	struct counts counts;
	struct os_spin lock;
};
bool counts_locked_name_of(void *state, const void *addr, char text[64]);

#endif
