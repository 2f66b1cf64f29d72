// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * static.c - PAMT as it was before Dynamic PAMT: all of it is given to the module at boot, 16 bytes
 * for each 4K page, and nothing is left to do.
 *
 * Follows mainline before the series, and RFC 00/12 of 2 May 2025, which says what that costs:
 * about 4 GB for each TB, TDs or not.
 */
#include "lab/designs/page_pair.h"

static int topup(void *state, struct pamt_cache *cache, uint32_t control, uint32_t pairs)
{
	return pair_topup(state, cache, control);
}

static void free_page(void *state, tdx_hpa_t page, bool last) { pair_free_page(state, page); }

static int get(void *state, tdx_pfn_t page, struct pamt_cache *cache) { return 0; }

static void put(void *state, tdx_pfn_t page, bool last) {}

static const char *check(void *state) { return NULL; }

static const struct vmm_backing backing = {
	.topup = topup,
	.cache_free = pair_cache_free,
	.alloc_page = pair_take_page,
	.free_page = free_page,
	.get = get,
	.put = put,
	.map_2m = pair_call,
	.remove_2m = pair_call,
	.split = pair_call_split,
	.merge = pair_call,
};

const struct design design_static = {
	.name = "static",
	.summary = "all PAMT at boot, nothing at run time",
	.follows = "mainline before the series",
	.is_static = true,
	.state_bytes = sizeof(struct design_state),
	.backing = &backing,
	.check = check,
	.check_end = check,
};
