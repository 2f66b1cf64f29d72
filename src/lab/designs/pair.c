// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * pair.c - what the designs of the Linux series have in common; see pair.h.
 *
 * After v6 03/11 of 25 May 2026: a pair is two order-0 pages, the first is given back if the second
 * cannot be had, and every page is reset before the allocator gets it, used or not.
 */
#include "lab/designs/pair.h"

static int take_page(const struct os_services *os, struct design_cache *cache, hpa_t *page)
{
	if (cache) {
		if (!cache->pages.nr_pages)
			return -OS_ENOMEM;
		*page = cache->pages.page[--cache->pages.nr_pages];
		return 0;
	}
	*page = os->alloc_pages(os->ctx, 0, os_node());
	return hpa_is_none(*page) ? -OS_ENOMEM : 0;
}

int pair_alloc(const struct os_services *os, struct design_cache *cache, struct pair *pair)
{
	if (take_page(os, cache, &pair->page[0]))
		return -OS_ENOMEM;
	if (take_page(os, cache, &pair->page[1])) {
		os->free_pages(os->ctx, pair->page[0], 0);
		return -OS_ENOMEM;
	}
	return 0;
}

static void reset_and_free(const struct os_services *os, hpa_t page)
{
	os->scrub(os->ctx, page, TDX_PAGE_SIZE);
	os->free_pages(os->ctx, page, 0);
}

void pair_free(const struct os_services *os, const struct pair *pair)
{
	reset_and_free(os, pair->page[0]);
	reset_and_free(os, pair->page[1]);
}

int pair_topup(const struct os_services *os, struct design_cache *cache, uint32_t pages)
{
	while (cache->pages.nr_pages < pages) {
		hpa_t page = os->alloc_pages(os->ctx, 0, os_node());

		if (hpa_is_none(page))
			return -OS_ENOMEM;
		cache->pages.page[cache->pages.nr_pages++] = page;
	}
	return 0;
}

void pair_cache_free(const struct os_services *os, struct design_cache *cache)
{
	while (cache->pages.nr_pages)
		os->free_pages(os->ctx, cache->pages.page[--cache->pages.nr_pages], 0);
}

int pair_add(const struct os_services *os, region_t region, const struct pair *pair)
{
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_PHYMEM_PAMT_ADD, 0),
				 .rcx = tdx_hpa_size(region_to_hpa(region), TDX_2M),
				 .rdx = pair->page[0].v,
				 .r8 = pair->page[1].v };

	return os->seamcall(os->ctx, &regs).v ? -OS_EIO : 0;
}

int pair_remove(const struct os_services *os, region_t region, struct pair *pair)
{
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_PHYMEM_PAMT_REMOVE, 0),
				 .rcx = tdx_hpa_size(region_to_hpa(region), TDX_2M) };

	if (os->seamcall(os->ctx, &regs).v)
		return -OS_EIO;
	pair->page[0] = hpa(regs.rdx);
	pair->page[1] = hpa(regs.r8);
	return 0;
}

int pair_alloc_control(const struct design *design, void *state, const struct os_services *os,
		       struct design_cache *cache, hpa_t *page)
{
	int error = take_page(os, cache, page);

	if (error)
		return error;
	error = design->get(state, hpa_to_pfn(*page), cache);
	if (error)
		reset_and_free(os, *page);
	return error;
}

void pair_free_control(const struct design *design, void *state, const struct os_services *os,
		       hpa_t page)
{
	design->put(state, hpa_to_pfn(page));
	reset_and_free(os, page);
}
