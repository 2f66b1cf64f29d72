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

static int create(const struct design_env *env, void **state)
{
	struct per_region *p = env->os->alloc(env->os->ctx, sizeof(*p));
	int error;

	*state = p;
	if (!p)
		return -OS_ENOMEM;
	error = counts_create(env, &p->counts);
	if (error)
		return error;
	p->lock = env->os->sparse_create(env->os->ctx, p->counts.nr * sizeof(*p->lock));
	return p->lock ? 0 : -OS_ENOMEM;
}

static void destroy(void *state)
{
	struct per_region *p = state;

	p->counts.os->sparse_destroy(p->counts.os->ctx, p->lock, p->counts.nr * sizeof(*p->lock));
	counts_destroy(&p->counts);
	p->counts.os->free(p->counts.os->ctx, p);
}

static int get(void *state, pfn_t page, struct design_cache *cache)
{
	struct per_region *p = state;
	region_t region = pfn_to_region(page);
	os_a32_t *count = count_of(&p->counts, region);
	bool unused = true;
	struct pair pair;
	os_irq_t flags;
	int error;

	if (count_inc_not_zero(count))
		return 0;
	error = pair_alloc(p->counts.os, cache, &pair);
	if (error)
		return error;
	flags = os_spin_lock(&p->lock[region.v]);
	if (!count_inc_not_zero(count)) {
		error = pair_add(p->counts.os, region, &pair);
		if (!error)
			os_store32(count, 1, OS_RELEASE);
		unused = error;
	}
	os_spin_unlock(&p->lock[region.v], flags);
	if (unused)
		pair_free(p->counts.os, &pair);
	return error;
}

static void put(void *state, pfn_t page)
{
	struct per_region *p = state;
	region_t region = pfn_to_region(page);
	os_a32_t *count = count_of(&p->counts, region);
	struct pair pair;
	os_irq_t flags;

	if (count_dec_not_one(count))
		return;
	flags = os_spin_lock(&p->lock[region.v]);
	if (os_fetch_add32(count, (uint32_t)-1, OS_RELEASE) != 1) {
		os_spin_unlock(&p->lock[region.v], flags);
		return;
	}
	if (pair_remove(p->counts.os, region, &pair)) {
		os_store32(count, 1, OS_RELEASE);
		os_spin_unlock(&p->lock[region.v], flags);
		return;
	}
	os_spin_unlock(&p->lock[region.v], flags);
	pair_free(p->counts.os, &pair);
}

static int topup(void *state, struct design_cache *cache, uint32_t control, uint32_t pairs)
{
	struct per_region *p = state;

	return pair_topup(p->counts.os, cache, 3 * control + 2 * pairs);
}

static void cache_free(void *state, struct design_cache *cache)
{
	pair_cache_free(((struct per_region *)state)->counts.os, cache);
}

static int alloc_page(void *state, struct design_cache *cache, hpa_t *page)
{
	return pair_alloc_control(&design_per_region, state,
				  ((struct per_region *)state)->counts.os, cache, page);
}

static void free_page(void *state, hpa_t page)
{
	pair_free_control(&design_per_region, state, ((struct per_region *)state)->counts.os, page);
}

static int call_2m(void *state, pfn_t first, struct tdx_regs *call)
{
	return pair_call_2m(((struct per_region *)state)->counts.os, call);
}

static const char *check(void *state) { return counts_check(state); }
static const char *check_end(void *state) { return counts_check_end(state); }

static bool name_of(void *state, const void *addr, char text[64])
{
	struct per_region *p = state;

	for (uint32_t i = 0; i < p->counts.env->nr_regions; i++)
		if (addr == &p->lock[p->counts.env->region[i].v])
			return counts_name_of(&p->counts, addr, addr, text);
	return counts_name_of(&p->counts, NULL, addr, text);
}

const struct design design_per_region = {
	.name = "per-region",
	.summary = "one lock per region, pairs from anywhere",
	.follows = "proposal of Kai Huang and Yan Zhao on v3, September 2025",
	.create = create,
	.destroy = destroy,
	.topup = topup,
	.cache_free = cache_free,
	.get = get,
	.put = put,
	.alloc_page = alloc_page,
	.free_page = free_page,
	.map_2m = call_2m,
	.remove_2m = call_2m,
	.check = check,
	.check_end = check_end,
	.name_of = name_of,
};
