/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * page_pair.h - page pairs as Linux has them: two single pages from the page allocator, wherever
 * they lie, or from a cache filled ahead; and the two SEAMCALLs. state: a design's.
 */
#ifndef PAMT_LAB_DESIGNS_PAGE_PAIR_H
#define PAMT_LAB_DESIGNS_PAGE_PAIR_H

#include "lab/designs/design.h"

struct page_pair {
	tdx_hpa_t page[2];
};

/* One page: out of the cache, or with NULL from the allocator, may sleep. 0 or -OS_ENOMEM. */
int pair_take_page(void *state, uint32_t node, struct pamt_cache *cache, tdx_hpa_t *page);
/* Scrubbed and given to the allocator. */
void pair_free_page(void *state, tdx_hpa_t page);

/* NULL cache: from the allocator, may sleep. Else out of the cache only. 0 or -OS_ENOMEM. */
int pair_alloc(void *state, struct pamt_cache *cache, struct page_pair *pair);
/* Scrubbed and given to the allocator; unused pages of a cache as well. Any context. */
void pair_free(void *state, const struct page_pair *pair);
int pair_topup(void *state, struct pamt_cache *cache, uint32_t pages);
void pair_cache_free(void *state, struct pamt_cache *cache);

/* The SEAMCALLs on the whole region that a page lies in. */
tdx_status_t pair_add(void *state, region_t region, const struct page_pair *pair);
/* On success *pair is what the module gave back; on failure it is untouched. */
tdx_status_t pair_remove(void *state, region_t region, struct page_pair *pair);
/* Any other SEAMCALL, once, as the vmm has it made. 0, or -OS_EIO with the status in rax. */
int pair_call(void *state, tdx_pfn_t first, struct tdx_regs *regs);
int pair_call_split(void *state, tdx_pfn_t first, struct tdx_regs *regs, struct pamt_cache *cache);

#endif
