// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * v6.c - a lock-free path while the region is in use, and a global lock for its edges.
 *
 * Follows v6 06/11 of 25 May 2026, "Optimize tdx_pamt_get/put()": a count that is not 0 is raised
 * without the lock; 0 to 1 and 1 to 0 happen under it, the latter by a decrement that takes the
 * lock only when it would reach 0. The count is read again under the lock, since another get may
 * have come first.
 */
#include "lab/designs/count.h"

struct v6 {
	struct counts counts;
	struct os_spin lock;
};

static int create(const struct design_env *env, void **state)
{
	struct v6 *v = env->os->alloc(env->os->ctx, sizeof(*v));

	*state = v;
	return v ? counts_create(env, &v->counts) : -OS_ENOMEM;
}

static void destroy(void *state)
{
	struct v6 *v = state;

	counts_destroy(&v->counts);
	v->counts.os->free(v->counts.os->ctx, v);
}

/* 0 to 1 under the lock. *unused: the pair was not needed after all. */
static int install(struct v6 *v, region_t region, const struct pair *pair, bool *unused)
{
	os_a32_t *count = count_of(&v->counts, region);
	os_irq_t flags = os_spin_lock(&v->lock);
	int error = 0;

	*unused = true;
	if (!count_inc_not_zero(count)) {
		error = pair_add(v->counts.os, region, pair);
		/* Release: whoever sees the 1 without the lock sees the pair installed. */
		if (!error)
			os_store32(count, 1, OS_RELEASE);
		*unused = error;
	}
	os_spin_unlock(&v->lock, flags);
	return error;
}

static int get(void *state, pfn_t page, struct design_cache *cache)
{
	struct v6 *v = state;
	region_t region = pfn_to_region(page);
	struct pair pair;
	bool unused;
	int error;

	if (count_inc_not_zero(count_of(&v->counts, region)))
		return 0;
	error = pair_alloc(v->counts.os, cache, &pair);
	if (error)
		return error;
	error = install(v, region, &pair, &unused);
	if (unused)
		pair_free(v->counts.os, &pair);
	return error;
}

static void put(void *state, pfn_t page)
{
	struct v6 *v = state;
	region_t region = pfn_to_region(page);
	os_a32_t *count = count_of(&v->counts, region);
	struct pair pair;
	os_irq_t flags;

	if (count_dec_not_one(count))
		return;
	flags = os_spin_lock(&v->lock);
	if (os_fetch_add32(count, (uint32_t)-1, OS_RELEASE) != 1) {
		/* Somebody came meanwhile. */
		os_spin_unlock(&v->lock, flags);
		return;
	}
	if (pair_remove(v->counts.os, region, &pair)) {
		os_store32(count, 1, OS_RELEASE);
		os_spin_unlock(&v->lock, flags);
		return;
	}
	os_spin_unlock(&v->lock, flags);
	pair_free(v->counts.os, &pair);
}

static int topup(void *state, struct design_cache *cache, uint32_t control, uint32_t pairs)
{
	struct v6 *v = state;

	return pair_topup(v->counts.os, cache, 3 * control + 2 * pairs);
}

static void cache_free(void *state, struct design_cache *cache)
{
	pair_cache_free(((struct v6 *)state)->counts.os, cache);
}

static int alloc_page(void *state, struct design_cache *cache, hpa_t *page)
{
	return pair_alloc_control(&design_v6, state, ((struct v6 *)state)->counts.os, cache, page);
}

static void free_page(void *state, hpa_t page)
{
	pair_free_control(&design_v6, state, ((struct v6 *)state)->counts.os, page);
}

static int call_2m(void *state, pfn_t first, struct tdx_regs *call)
{
	return pair_call_2m(((struct v6 *)state)->counts.os, call);
}

/* Here the counts must be right at every instant: they are read without the lock. */
static const char *check(void *state) { return counts_check(state); }
static const char *check_end(void *state) { return counts_check_end(state); }

static bool name_of(void *state, const void *addr, char text[64])
{
	struct v6 *v = state;

	return counts_name_of(&v->counts, &v->lock, addr, text);
}

const struct design design_v6 = {
	.name = "v6",
	.summary = "no lock while the region is in use, a global lock for 0 to 1 and 1 to 0",
	.follows = "v6 06/11, 25 May 2026",
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
