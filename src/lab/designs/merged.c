// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * merged.c - a pair and a global lock on every get.
 *
 * Follows the ten commits pushed to tip x86/tdx on 4 Sep 2026 (v6 without its 06/11), so "Handle
 * multiple callers in tdx_pamt_get/put()", v6 05/11 of 25 May 2026, with the page cache of 08/11:
 * the pair is allocated before anything is known of the region, the lock is taken, and if the
 * region turns out to be backed the pair is reset and freed again.
 */
#include "lab/designs/count.h"

struct merged {
	struct counts counts;
	struct os_spin lock;
};

static int create(const struct design_env *env, void **state)
{
	struct merged *m = env->os->alloc(env->os->ctx, sizeof(*m));

	*state = m;
	return m ? counts_create(env, &m->counts) : -OS_ENOMEM;
}

static void destroy(void *state)
{
	struct merged *m = state;

	counts_destroy(&m->counts);
	m->counts.os->free(m->counts.os->ctx, m);
}

static int get(void *state, pfn_t page, struct design_cache *cache)
{
	struct merged *m = state;
	region_t region = pfn_to_region(page);
	os_a32_t *count = count_of(&m->counts, region);
	struct pair pair;
	os_irq_t flags;
	int error = pair_alloc(m->counts.os, cache, &pair);

	if (error)
		return error;
	flags = os_spin_lock(&m->lock);
	if (count_inc_not_zero(count)) {
		os_spin_unlock(&m->lock, flags);
		pair_free(m->counts.os, &pair);
		return 0;
	}
	error = pair_add(m->counts.os, region, &pair);
	if (!error)
		os_store32(count, 1, OS_RELEASE);
	os_spin_unlock(&m->lock, flags);
	if (error)
		pair_free(m->counts.os, &pair);
	return error;
}

static void put(void *state, pfn_t page)
{
	struct merged *m = state;
	region_t region = pfn_to_region(page);
	os_a32_t *count = count_of(&m->counts, region);
	os_irq_t flags = os_spin_lock(&m->lock);
	struct pair pair;

	if (count_dec_not_one(count) || pair_remove(m->counts.os, region, &pair)) {
		/* More users; or the pair is still there, and stays for good. */
		os_spin_unlock(&m->lock, flags);
		return;
	}
	os_store32(count, 0, OS_RELAXED);
	os_spin_unlock(&m->lock, flags);
	pair_free(m->counts.os, &pair);
}

static int topup(void *state, struct design_cache *cache, uint32_t control, uint32_t pairs)
{
	struct merged *m = state;

	/* Each control page needs a pair of its own in the worst case. */
	return pair_topup(m->counts.os, cache, 3 * control + 2 * pairs);
}

static void cache_free(void *state, struct design_cache *cache)
{
	pair_cache_free(((struct merged *)state)->counts.os, cache);
}

static int alloc_page(void *state, struct design_cache *cache, hpa_t *page)
{
	return pair_alloc_control(&design_merged, state, ((struct merged *)state)->counts.os, cache,
				  page);
}

static void free_page(void *state, hpa_t page)
{
	pair_free_control(&design_merged, state, ((struct merged *)state)->counts.os, page);
}

static int call_2m(void *state, pfn_t first, struct tdx_regs *call)
{
	return pair_call_2m(((struct merged *)state)->counts.os, call);
}

/* Counts mean something only to a holder of the lock; while there is one, they are in motion. */
static const char *check(void *state)
{
	struct merged *m = state;

	return m->lock.word ? NULL : counts_check(&m->counts);
}

static const char *check_end(void *state) { return counts_check_end(state); }

static bool name_of(void *state, const void *addr, char text[64])
{
	struct merged *m = state;

	return counts_name_of(&m->counts, &m->lock, addr, text);
}

const struct design design_merged = {
	.name = "merged",
	.summary = "a pair allocated and a global lock taken on every get, as merged in Linux",
	.follows = "tip x86/tdx, 4 Sep 2026; v6 05/11 and 08/11",
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
