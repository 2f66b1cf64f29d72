// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * backing.c - libpamt as the vmm's backing. It knows without the module's word when the last page
 * of a region goes.
 */
#include "vmm/backing.h"

static int topup(void *state, struct pamt_cache *cache, uint32_t control, uint32_t pairs)
{
	return pamt_cache_topup(state, cache, control, pairs);
}

static void cache_free(void *state, struct pamt_cache *cache) { pamt_cache_free(state, cache); }

static int alloc_page(void *state, uint32_t node, struct pamt_cache *cache, tdx_hpa_t *page)
{
	return pamt_alloc_page(state, node, cache, page);
}

static void free_page(void *state, tdx_hpa_t page, bool last) { pamt_free_page(state, page); }

static int get(void *state, tdx_pfn_t page, struct pamt_cache *cache)
{
	return pamt_get(state, page, cache);
}

static void put(void *state, tdx_pfn_t page, bool last) { pamt_put(state, page); }

static int map_2m(void *state, tdx_pfn_t first, struct tdx_regs *regs)
{
	return pamt_map_2m(state, first, regs);
}

static int remove_2m(void *state, tdx_pfn_t first, struct tdx_regs *regs)
{
	return pamt_remove_2m(state, first, regs);
}

static void release_2m(void *state, tdx_pfn_t first) { pamt_release_2m(state, first); }

static int split(void *state, tdx_pfn_t first, struct tdx_regs *regs, struct pamt_cache *cache)
{
	return pamt_split(state, first, regs, cache);
}

static int merge(void *state, tdx_pfn_t first, struct tdx_regs *regs)
{
	return pamt_merge(state, first, regs);
}

const struct vmm_backing vmm_libpamt = {
	.topup = topup,
	.cache_free = cache_free,
	.alloc_page = alloc_page,
	.free_page = free_page,
	.get = get,
	.put = put,
	.map_2m = map_2m,
	.remove_2m = remove_2m,
	.release_2m = release_2m,
	.split = split,
	.merge = merge,
};
