// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * static.c - PAMT as it was before Dynamic PAMT: all of it is given to the module at boot, 16 bytes
 * for each 4K page, and nothing is left to do.
 *
 * Follows mainline before the series, and RFC 00/12 of 2 May 2025, which says what that costs:
 * about 4 GB for each TB, TDs or not.
 */
#include "lab/designs/page_pair.h"

struct all_static {
	const struct os_services *os;
};

static const struct os_services *os_of(void *state) { return ((struct all_static *)state)->os; }

static int create(const struct design_env *env, void **state)
{
	struct all_static *s = env->os->alloc(env->os->ctx, sizeof(*s));

	*state = s;
	if (!s)
		return -OS_ENOMEM;
	s->os = env->os;
	return 0;
}

static void destroy(void *state) { os_of(state)->free(os_of(state)->ctx, state); }

static int topup(void *state, struct pamt_cache *cache, uint32_t control, uint32_t pairs)
{
	return pair_topup(os_of(state), cache, control);
}

static void cache_free(void *state, struct pamt_cache *cache)
{
	pair_cache_free(os_of(state), cache);
}

static int alloc_page(void *state, uint32_t node, struct pamt_cache *cache, tdx_hpa_t *page)
{
	return pair_take_page(os_of(state), node, cache, page);
}

static void free_page(void *state, tdx_hpa_t page, bool last)
{
	pair_free_page(os_of(state), page);
}

static int get(void *state, tdx_pfn_t page, struct pamt_cache *cache) { return 0; }

static void put(void *state, tdx_pfn_t page, bool last) {}

static int call_2m(void *state, tdx_pfn_t first, struct tdx_regs *regs)
{
	return pair_call(os_of(state), regs);
}

static int split(void *state, tdx_pfn_t first, struct tdx_regs *regs, struct pamt_cache *cache)
{
	return call_2m(state, first, regs);
}

static const char *check(void *state) { return NULL; }

static const struct vmm_backing backing = {
	OWN_BACKING,
	.map_2m = call_2m,
	.remove_2m = call_2m,
	.merge = call_2m,
};

const struct design design_static = {
	.name = "static",
	.summary = "all PAMT at boot, nothing at run time",
	.follows = "mainline before the series",
	.is_static = true,
	.create = create,
	.destroy = destroy,
	.backing = &backing,
	.check = check,
	.check_end = check,
};
