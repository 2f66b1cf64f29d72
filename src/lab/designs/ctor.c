// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * ctor.c - control pages out of an object cache whose constructor backs them; guest pages as in v6.
 *
 * Follows the proposal of a kmem_cache with a constructor for S-EPT pages, discussed with Kai Huang
 * on v2 and v3, and turned down: a constructor cannot fail, and the cache keeps what it has once
 * constructed, so that PAMT memory is in use with zero TDs and a leak cannot be told from that.
 *
 * As the slab allocator does it: pages come as slabs of eight, all constructed when the slab is
 * made, and go back to the cache's free list. A cache with a constructor has nothing that is called
 * when a slab goes, so that slabs here never go. Where the constructor gets no pair the page is in
 * the list all the same, and the SEAMCALL that it is given to fails.
 */
#include <stdio.h>

#include "lab/designs/count.h"

#define SLAB_ORDER 3u

/* A page of the cache's. Whose page it is matters only while it is free. */
struct object {
	struct object *next;
	tdx_hpa_t page;
};

struct ctor {
	struct counts counts;
	struct os_spin lock;	  /* of the edges of counts */
	struct os_spin list_lock; /* both lists: as many objects as pages */
	struct object *free, *taken;
};

/*
 * In a vCPU's cache both kinds lie side by side: pages for pairs, and pages out of the slabs, which
 * are marked. Bit 0 of an address is free for that.
 */
#define CONSTRUCTED UINT64_C(1)

/* ------------------------------------------------------------------------------------------- */
/* Slabs                                                                                        */

static bool pop(struct ctor *ctor, tdx_hpa_t *page)
{
	os_irq_t flags = os_spin_lock(&ctor->list_lock);
	struct object *object = ctor->free;

	if (object) {
		*page = object->page;
		ctor->free = object->next;
		object->next = ctor->taken;
		ctor->taken = object;
	}
	os_spin_unlock(&ctor->list_lock, flags);
	return object;
}

static void push(struct ctor *ctor, tdx_hpa_t page)
{
	os_irq_t flags = os_spin_lock(&ctor->list_lock);
	struct object *object = ctor->taken;

	/* Any of those that were taken: there is one for each page out. */
	ctor->taken = object->next;
	object->page = page;
	object->next = ctor->free;
	ctor->free = object;
	os_spin_unlock(&ctor->list_lock, flags);
}

/* The constructor: whatever happens, nobody is told. */
static void construct(struct ctor *ctor, tdx_hpa_t page)
{
	(void)!counts_get(&ctor->counts, &ctor->lock, hpa_to_pfn(page), NULL);
}

static int make_slab(struct ctor *ctor)
{
	const struct os_services *os = ctor->counts.of.os;
	tdx_hpa_t slab = os->alloc_pages(os->ctx, SLAB_ORDER, OS_ANY_NODE);
	struct object *object;
	os_irq_t flags;

	if (hpa_is_none(slab))
		return -OS_ENOMEM;
	for (uint64_t i = 0; i < UINT64_C(1) << SLAB_ORDER; i++) {
		tdx_hpa_t page = hpa(slab.v + i * TDX_PAGE_SIZE);

		object = os->alloc(os->ctx, sizeof(*object));
		if (!object) {
			/* What has no object is nobody's; a slab is made of those that have. */
			os->free_pages(os->ctx, page, 0);
			continue;
		}
		construct(ctor, page);
		object->page = page;
		flags = os_spin_lock(&ctor->list_lock);
		object->next = ctor->free;
		ctor->free = object;
		os_spin_unlock(&ctor->list_lock, flags);
	}
	return 0;
}

static int take_object(struct ctor *ctor, tdx_hpa_t *page)
{
	int error = 0;

	while (!error && !pop(ctor, page))
		error = make_slab(ctor);
	return error;
}

/* ------------------------------------------------------------------------------------------- */
/* The table                                                                                    */

static int topup(void *state, struct pamt_cache *cache, uint32_t control, uint32_t pairs)
{
	struct ctor *ctor = state;
	uint32_t nr = 0;

	for (uint32_t i = 0; i < cache->nr_pages; i++)
		nr += cache->page[i].v & CONSTRUCTED;
	for (; nr < control && cache->nr_pages < PAMT_CACHE_PAGES; nr++) {
		tdx_hpa_t page;

		if (take_object(ctor, &page))
			return -OS_ENOMEM;
		cache->page[cache->nr_pages++] = hpa(page.v | CONSTRUCTED);
	}
	/* Guest pages need one pair at a time, but five are drawn, as ever. */
	return pair_topup(state, cache, nr + 2 * COUNTS_TOPUP_PAIRS);
}

/* The last page of a kind goes to the end, where pages are taken from. */
static bool bring_up_front(struct pamt_cache *cache, uint64_t kind)
{
	for (uint32_t i = cache->nr_pages; i--;)
		if ((cache->page[i].v & CONSTRUCTED) == kind) {
			tdx_hpa_t page = cache->page[i];

			cache->page[i] = cache->page[cache->nr_pages - 1];
			cache->page[cache->nr_pages - 1] = page;
			return true;
		}
	return false;
}

static void cache_free(void *state, struct pamt_cache *cache)
{
	struct ctor *ctor = state;

	while (bring_up_front(cache, CONSTRUCTED))
		push(ctor, hpa(cache->page[--cache->nr_pages].v & ~CONSTRUCTED));
	pair_cache_free(state, cache);
}

static int alloc_page(void *state, uint32_t node, struct pamt_cache *cache, tdx_hpa_t *page)
{
	if (!cache)
		return take_object(state, page);
	if (!bring_up_front(cache, CONSTRUCTED))
		return -OS_ENOMEM;
	*page = hpa(cache->page[--cache->nr_pages].v & ~CONSTRUCTED);
	return 0;
}

static void free_page(void *state, tdx_hpa_t page, bool last) { push(state, page); }

/*
 * A pair is taken from the end of the cache: two pages that are not constructed have to be there,
 * or there is none to be had, which matters only if the region has none.
 */
static void offer_pair(struct pamt_cache *cache)
{
	tdx_hpa_t first;

	if (!cache || !bring_up_front(cache, 0))
		return;
	first = cache->page[--cache->nr_pages];
	bring_up_front(cache, 0);
	cache->page[cache->nr_pages++] = first;
}

static bool has_pair(const struct pamt_cache *cache)
{
	uint32_t nr = cache->nr_pages;

	return nr >= 2 && !((cache->page[nr - 1].v | cache->page[nr - 2].v) & CONSTRUCTED);
}

static int get(void *state, tdx_pfn_t page, struct pamt_cache *cache)
{
	struct ctor *ctor = state;

	if (count_inc_not_zero(count_of(&ctor->counts, pfn_to_region(page))))
		return 0;
	offer_pair(cache);
	if (cache && !has_pair(cache))
		return -OS_ENOMEM;
	return counts_get(&ctor->counts, &ctor->lock, page, cache);
}

static void put(void *state, tdx_pfn_t page, bool last)
{
	struct ctor *ctor = state;

	counts_put(&ctor->counts, &ctor->lock, page);
}

static int split(void *state, tdx_pfn_t first, struct tdx_regs *regs, struct pamt_cache *cache)
{
	offer_pair(cache);
	if (cache && !has_pair(cache))
		return -OS_ENOMEM;
	return counts_split(state, first, regs, cache);
}

/* ------------------------------------------------------------------------------------------- */

static bool name_of(void *state, const void *addr, char text[64])
{
	struct ctor *ctor = state;

	if (addr != &ctor->list_lock)
		return counts_name_of(state, &ctor->lock, addr, text);
	snprintf(text, 64, "the lock of the slabs");
	return true;
}

static const struct vmm_backing backing = {
	.topup = topup,
	.cache_free = cache_free,
	.alloc_page = alloc_page,
	.free_page = free_page,
	.get = get,
	.put = put,
	.split = split,
	.map_2m = pair_call,
	.remove_2m = pair_call,
	.merge = counts_refuse_merge,
};

const struct design design_ctor = {
	.name = "ctor",
	.summary = "control pages backed by the constructor of a slab cache, guest pages as in v6",
	.follows = "proposal of a kmem_cache for S-EPT pages, discussed by Kai Huang on v2 and v3",
	.state_bytes = sizeof(struct ctor),
	.begin = counts_begin,
	.end = counts_end,
	.backing = &backing,
	.check = counts_check,
	.check_end = counts_check_end,
	.name_of = name_of,
};
