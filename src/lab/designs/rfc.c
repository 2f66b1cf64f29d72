// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * rfc.c - a page is prepared before it is mapped and cleaned up after, with pages out of a pool of
 * the vCPU's; counts go up and down without the lock, also to zero.
 *
 * Follows "TDX: Enable Dynamic PAMT", RFC of 2 May 2025, 08/12 to 12/12: phys_prepare() and
 * phys_cleanup() around each entry of the TDP MMU that becomes present or goes, undone where the
 * SEAMCALL fails, and a pool per vCPU that is filled before the MMU lock is taken. The vmm's get
 * and put stand where these hooks stood.
 *
 * Down to zero happens outside the lock. So a get may find the count at 0 and the pair installed:
 * PAMT.ADD answers HPA_RANGE_NOT_FREE, which is taken for "mine now", and the put that comes later
 * finds a count that is not 0 and goes away. Two puts can follow one another in that window,
 * though, and the first one then removes what is gone; its error path raises the count again, and
 * the region is believed to be backed for ever.
 */
#include "lab/designs/count.h"

/* Under the lock. *unused: the pair was not needed. */
static int add_locked(struct counts_locked *rfc, region_t region, const struct page_pair *pair,
		      bool *unused)
{
	os_a32_t *count = count_of(&rfc->counts, region);
	tdx_status_t status;

	*unused = true;
	if (count_inc_not_zero(count))
		return 0;
	status = pair_add(rfc, region, pair);
	if (status.v && !tdx_status_is(status, TDX_HPA_RANGE_NOT_FREE))
		return -OS_EIO;
	*unused = status.v;
	/* Release: whoever sees the 1 without the lock sees the pair installed. */
	os_store32(count, 1, OS_RELEASE);
	return 0;
}

static int prepare(void *state, tdx_pfn_t page, struct pamt_cache *pool)
{
	struct counts_locked *rfc = state;
	region_t region = pfn_to_region(page);
	struct page_pair pair;
	os_irq_t flags;
	bool unused;
	int error;

	if (count_inc_not_zero(count_of(&rfc->counts, region)))
		return 0;
	error = pair_alloc(state, pool, &pair);
	if (error)
		return error;
	flags = os_spin_lock(&rfc->lock);
	error = add_locked(rfc, region, &pair, &unused);
	os_spin_unlock(&rfc->lock, flags);
	if (unused)
		pair_free(state, &pair);
	return error;
}

static void cleanup(void *state, tdx_pfn_t page, bool last)
{
	struct counts_locked *rfc = state;
	region_t region = pfn_to_region(page);
	os_a32_t *count = count_of(&rfc->counts, region);
	bool removed = false;
	struct page_pair pair;
	os_irq_t flags;

	/* Release: what this user did with its page comes before the REMOVE. */
	if (os_fetch_add32(count, (uint32_t)-1, OS_RELEASE) != 1)
		return;
	flags = os_spin_lock(&rfc->lock);
	/* Acquire: what the other users did; somebody may have come meanwhile. */
	if (!os_load32(count, OS_ACQUIRE)) {
		removed = !pair_remove(state, region, &pair).v;
		if (!removed)
			os_fetch_add32(count, 1, OS_RELEASE);
	}
	os_spin_unlock(&rfc->lock, flags);
	if (removed)
		pair_free(state, &pair);
}

static const struct vmm_backing backing = {
	COUNTS_BACKING,
	.get = prepare,
	.put = cleanup,
	.split = counts_split,
	.merge = counts_refuse_merge,
};

const struct design design_rfc = {
	.name = "rfc",
	.summary = "phys_prepare and phys_cleanup, a pool per vCPU, counts down to 0 unlocked",
	.follows = "RFC, 2 May 2025, 08/12 to 12/12",
	/* HPA_RANGE_NOT_FREE is part of the protocol. */
	.asks_module = true,
	.state_bytes = sizeof(struct counts_locked),
	.begin = counts_begin,
	.end = counts_end,
	.backing = &backing,
	.check = counts_check,
	.check_end = counts_check_end,
	.name_of = counts_locked_name_of,
};
