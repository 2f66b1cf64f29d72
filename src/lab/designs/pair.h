/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * pair.h - page pairs as Linux has them: two single pages from the page allocator, wherever they
 * lie, or from a cache filled ahead; and the two SEAMCALLs.
 */
#ifndef PAMT_LAB_PAIR_H
#define PAMT_LAB_PAIR_H

#include "lab/designs/design.h"

struct pair {
	hpa_t page[2];
};

/* NULL cache: from the allocator, may sleep. Else out of the cache only. 0 or -OS_ENOMEM. */
int pair_alloc(const struct os_services *os, struct design_cache *cache, struct pair *pair);
/* Scrubbed and given to the allocator; unused pages of a cache as well. Any context. */
void pair_free(const struct os_services *os, const struct pair *pair);
int pair_topup(const struct os_services *os, struct design_cache *cache, uint32_t pages);
void pair_cache_free(const struct os_services *os, struct design_cache *cache);

/* The SEAMCALLs on the whole region that a page lies in. 0 or -OS_EIO. */
int pair_add(const struct os_services *os, region_t region, const struct pair *pair);
/* On success *pair is what the module gave back; on failure it is untouched. */
int pair_remove(const struct os_services *os, region_t region, struct pair *pair);

/* A page for the module itself: one page and a get of its region. */
int pair_alloc_control(const struct design *design, void *state, const struct os_services *os,
		       struct design_cache *cache, hpa_t *page);
void pair_free_control(const struct design *design, void *state, const struct os_services *os,
		       hpa_t page);
#endif
