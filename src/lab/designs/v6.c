// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * v6.c - a lock-free path while the region is in use, and a global lock for its edges; pairs out of
 * a cache of each vCPU, five at a time.
 *
 * Follows v6 06/11 of 25 May 2026, "Optimize tdx_pamt_get/put()": a count that is not 0 is raised
 * without the lock; 0 to 1 and 1 to 0 happen under it, the latter by a decrement that takes the
 * lock only when it would reach 0. The count is read again under the lock, since another get may
 * have come first. The cache is that of 08/11, filled as in 09/11.
 */
#include "lab/designs/count.h"

static int get(void *state, tdx_pfn_t page, struct pamt_cache *cache)
{
	return counts_get(state, &((struct counts_locked *)state)->lock, page, cache);
}

static void put(void *state, tdx_pfn_t page, bool last)
{
	counts_put(state, &((struct counts_locked *)state)->lock, page);
}

static const struct vmm_backing backing = {
	COUNTS_BACKING, .get = get, .put = put, .split = counts_split, .merge = counts_refuse_merge,
};

const struct design design_v6 = {
	.name = "v6",
	.summary = "no lock while the region is in use, a global lock for 0 to 1 and 1 to 0",
	.follows = "v6 06/11, 08/11 and 09/11, 25 May 2026",
	.state_bytes = sizeof(struct counts_locked),
	.begin = counts_begin,
	.end = counts_end,
	.backing = &backing,
	/* At every instant: the counts are read without the lock. */
	.check = counts_check,
	.check_end = counts_check_end,
	.name_of = counts_locked_name_of,
};
