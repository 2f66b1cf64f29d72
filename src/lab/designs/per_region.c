// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * per_region.c - the obvious improvement that does not work: one lock per region, pairs from
 * anywhere.
 *
 * After the proposal discussed by Kai Huang and Yan Zhao on v3 (September 2025) and dropped for
 * two reasons, of which the lab shows the first: the module takes the 2M entries of the two
 * donated pages as well, shared, so that an ADD of one region meets an ADD or REMOVE of the
 * region that its pair lies in, whatever the host's locks say. Otherwise as v6.
 */
#include "lab/designs/count.h"

struct per_region {
	struct counts counts;
	struct os_spin *lock; /* one per region */
};

static uint64_t lock_bytes(const struct per_region *p) { return p->counts.nr * sizeof(*p->lock); }

static struct os_spin *lock_of(void *state, tdx_pfn_t page)
{
	return &((struct per_region *)state)->lock[pfn_to_region(page).v];
}

static int begin(void *state)
{
	int error = counts_begin(state);
	struct per_region *p = state;
	const struct os_services *os = p->counts.of.os;

	if (error)
		return error;
	p->lock = os->sparse_create(os->ctx, lock_bytes(p));
	return p->lock ? os->sparse_populate(os->ctx, p->lock, 0, lock_bytes(p)) : -OS_ENOMEM;
}

static void end(void *state)
{
	struct per_region *p = state;
	const struct os_services *os = p->counts.of.os;

	os->sparse_destroy(os->ctx, p->lock, lock_bytes(p));
	counts_end(state);
}

static int get(void *state, tdx_pfn_t page, struct pamt_cache *cache)
{
	return counts_get(state, lock_of(state, page), page, cache);
}

static void put(void *state, tdx_pfn_t page, bool last)
{
	counts_put(state, lock_of(state, page), page);
}

static bool name_of(void *state, const void *addr, char text[64])
{
	struct per_region *p = state;

	for (uint32_t i = 0; i < p->counts.of.env->nr_regions; i++)
		if (addr == &p->lock[p->counts.of.env->region[i].v])
			return counts_name_of(state, addr, addr, text);
	return counts_name_of(state, NULL, addr, text);
}

static const struct vmm_backing backing = {
	COUNTS_BACKING, .get = get, .put = put, .split = counts_split, .merge = counts_refuse_merge,
};

const struct design design_per_region = {
	.name = "per-region",
	.summary = "one lock per region, pairs from anywhere",
	.follows = "proposal of Kai Huang and Yan Zhao on v3, September 2025",
	.state_bytes = sizeof(struct per_region),
	.begin = begin,
	.end = end,
	.backing = &backing,
	.check = counts_check,
	.check_end = counts_check_end,
	.name_of = name_of,
};
