// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * hook.c - guest memory is backed where it is allocated, according to the size that it is allocated
 * with; control pages as in v6.
 *
 * Follows the proposal of a hook in guest_memfd (kvm_arch_gmem_prepare(), and its counterpart when
 * memory is freed), discussed by Kai Huang and Sean Christopherson on v2 and v3, and turned down:
 * the size of a page may change between its allocation and its mapping, and again later, when
 * transparent huge pages are split and collapsed or the guest accepts in another size; the guest's
 * side does not know of the hook, nor the hook of that.
 *
 * So here the hook backs 4K pages and leaves 2M blocks alone, and those who map know nothing of
 * pairs: DEMOTE is made without one, and one that PROMOTE gives back is nobody's.
 */
#include "lab/designs/count.h"

static int prepare(void *state, tdx_pfn_t first, enum tdx_size size)
{
	struct counts_locked *hook = state;

	return size == TDX_4K ? counts_get(&hook->counts, &hook->lock, first, NULL) : 0;
}

static void invalidate(void *state, tdx_pfn_t first, enum tdx_size size)
{
	struct counts_locked *hook = state;

	/* Relaxed: a page of a 2M block that was split was never counted, nor is the rest of it. */
	if (size == TDX_4K && os_load32(count_of(&hook->counts, pfn_to_region(first)), OS_RELAXED))
		counts_put(&hook->counts, &hook->lock, first);
}

static int get(void *state, tdx_pfn_t page, struct pamt_cache *cache) { return 0; }

static void put(void *state, tdx_pfn_t page, bool last) {}

static int alloc_page(void *state, uint32_t node, struct pamt_cache *cache, tdx_hpa_t *page)
{
	struct counts_locked *hook = state;
	int error = pair_take_page(state, node, cache, page);

	if (error)
		return error;
	error = counts_get(&hook->counts, &hook->lock, hpa_to_pfn(*page), cache);
	if (error)
		pair_free_page(state, *page);
	return error;
}

static void free_page(void *state, tdx_hpa_t page, bool last)
{
	struct counts_locked *hook = state;

	counts_put(&hook->counts, &hook->lock, hpa_to_pfn(page));
	pair_free_page(state, page);
}

static const struct vmm_backing backing = {
	.take = prepare,
	.give = invalidate,
	.topup = counts_topup,
	.cache_free = pair_cache_free,
	.alloc_page = alloc_page,
	.free_page = free_page,
	.get = get,
	.put = put,
	.map_2m = pair_call,
	.remove_2m = pair_call,
	.split = pair_call_split,
	.merge = pair_call,
};

const struct design design_hook = {
	.name = "hook",
	.summary = "guest memory backed when it is allocated, by its size then",
	.follows = "proposal of a guest_memfd hook, discussed by Kai Huang and Sean Christopherson",
	.state_bytes = sizeof(struct counts_locked),
	.begin = counts_begin,
	.end = counts_end,
	.backing = &backing,
	.check = counts_check,
	.check_end = counts_check_end,
	.name_of = counts_locked_name_of,
};
