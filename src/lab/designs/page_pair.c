// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * page_pair.c - what the designs of the Linux series have in common; see page_pair.h.
 *
 * After v6 03/11 of 25 May 2026: a pair is two order-0 pages, the first is given back if the second
 * cannot be had, and every page is reset before the allocator gets it, used or not.
 */
#include "lab/designs/page_pair.h"

static const struct os_services *os_of(void *state) { return ((struct design_state *)state)->os; }

/* Near if it can be had, as the allocator of Linux does it. */
static tdx_hpa_t alloc_near(void *state, uint32_t node)
{
	const struct os_services *os = os_of(state);
	tdx_hpa_t page = os->alloc_pages(os->ctx, 0, node);

	if (hpa_is_none(page) && node != OS_ANY_NODE)
		page = os->alloc_pages(os->ctx, 0, OS_ANY_NODE);
	return page;
}

int pair_take_page(void *state, uint32_t node, struct pamt_cache *cache, tdx_hpa_t *page)
{
	if (cache) {
		if (!cache->nr_pages)
			return -OS_ENOMEM;
		*page = cache->page[--cache->nr_pages];
		return 0;
	}
	*page = alloc_near(state, node);
	return hpa_is_none(*page) ? -OS_ENOMEM : 0;
}

int pair_alloc(void *state, struct pamt_cache *cache, struct page_pair *pair)
{
	const struct os_services *os = os_of(state);

	if (pair_take_page(state, os_node(), cache, &pair->page[0]))
		return -OS_ENOMEM;
	if (pair_take_page(state, os_node(), cache, &pair->page[1])) {
		os->free_pages(os->ctx, pair->page[0], 0);
		return -OS_ENOMEM;
	}
	return 0;
}

void pair_free_page(void *state, tdx_hpa_t page)
{
	const struct os_services *os = os_of(state);

	os->scrub(os->ctx, page, TDX_PAGE_SIZE);
	os->free_pages(os->ctx, page, 0);
}

void pair_free(void *state, const struct page_pair *pair)
{
	pair_free_page(state, pair->page[0]);
	pair_free_page(state, pair->page[1]);
}

int pair_topup(void *state, struct pamt_cache *cache, uint32_t pages)
{
	if (pages > PAMT_CACHE_PAGES)
		return -OS_ERANGE;
	while (cache->nr_pages < pages) {
		tdx_hpa_t page = alloc_near(state, os_node());

		if (hpa_is_none(page))
			return -OS_ENOMEM;
		cache->page[cache->nr_pages++] = page;
	}
	return 0;
}

void pair_cache_free(void *state, struct pamt_cache *cache)
{
	const struct os_services *os = os_of(state);

	while (cache->nr_pages)
		os->free_pages(os->ctx, cache->page[--cache->nr_pages], 0);
}

tdx_status_t pair_add(void *state, region_t region, const struct page_pair *pair)
{
	const struct os_services *os = os_of(state);
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_PHYMEM_PAMT_ADD, 0),
				 .rcx = tdx_hpa_size(region_to_hpa(region), TDX_2M),
				 .rdx = pair->page[0].v,
				 .r8 = pair->page[1].v };

	return os->seamcall(os->ctx, &regs);
}

tdx_status_t pair_remove(void *state, region_t region, struct page_pair *pair)
{
	const struct os_services *os = os_of(state);
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_PHYMEM_PAMT_REMOVE, 0),
				 .rcx = tdx_hpa_size(region_to_hpa(region), TDX_2M) };
	tdx_status_t status = os->seamcall(os->ctx, &regs);

	if (!status.v) {
		pair->page[0] = hpa(regs.rdx);
		pair->page[1] = hpa(regs.r8);
	}
	return status;
}

int pair_call(void *state, tdx_pfn_t first, struct tdx_regs *regs)
{
	const struct os_services *os = os_of(state);

	return tdx_status_ok(os->seamcall(os->ctx, regs)) ? 0 : -OS_EIO;
}

int pair_call_split(void *state, tdx_pfn_t first, struct tdx_regs *regs, struct pamt_cache *cache)
{
	return pair_call(state, first, regs);
}
