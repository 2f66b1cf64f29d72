// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * control.c - caches of pool pages, and control pages out of them.
 *
 * With static PAMT every page of TDX memory is backed already: then there is no pool, and pages
 * come from the OS one by one.
 */
#include "host/marks.h"
#include "host/pool.h"
#include "host/probe.h"

#include "host/region.h"

/* ------------------------------------------------------------------------------------------- */
/* Static PAMT                                                                                  */

#define MAX_REJECTS 8u

/* A page that the module will take: not every page of the OS lies in a TDMR and unreserved. */
static tdx_hpa_t static_alloc(struct pamt_host *host, uint32_t node)
{
	const struct os_services *os = host->os;
	tdx_hpa_t reject[MAX_REJECTS], page = HPA_NONE;
	uint32_t rejects = 0;

	while (hpa_is_none(page) && rejects < MAX_REJECTS) {
		page = os->alloc_pages(os->ctx, 0, node);
		if (hpa_is_none(page) && node != OS_ANY_NODE)
			page = os->alloc_pages(os->ctx, 0, OS_ANY_NODE);
		if (hpa_is_none(page))
			break;
		if (!pages_are_tdx(host, hpa_to_pfn(page), 1)) {
			reject[rejects++] = page;
			page = HPA_NONE;
		}
	}
	while (rejects--)
		os->free_pages(os->ctx, reject[rejects], 0);
	if (!hpa_is_none(page))
		stats_os_pages(host, 1, 0);
	return page;
}

static void static_free(struct pamt_host *host, const tdx_hpa_t *pages, uint32_t nr)
{
	const struct os_services *os = host->os;

	for (uint32_t i = 0; i < nr; i++) {
		os->scrub(os->ctx, pages[i], TDX_PAGE_SIZE);
		os->free_pages(os->ctx, pages[i], 0);
	}
	stats_os_pages(host, 0, nr);
}

static int draw(struct pamt_host *host, uint32_t node, tdx_hpa_t *pages, uint32_t nr, uint32_t *got)
{
	if (has_regions(host))
		return pool_draw(host, node, pages, nr, got);
	for (*got = 0; *got < nr; (*got)++) {
		pages[*got] = static_alloc(host, node);
		if (hpa_is_none(pages[*got]))
			return -OS_ENOMEM;
	}
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

int pamt_cache_topup(struct pamt_host *host, struct pamt_cache *cache, uint32_t control,
		     uint32_t pairs)
{
	uint32_t got = 0, want;
	int ret = 0;

	if (control > PAMT_CACHE_PAGES || pairs > PAMT_CACHE_PAGES / 2)
		return -OS_ERANGE;
	want = control + (has_regions(host) ? 2 * pairs : 0);
	if (want > PAMT_CACHE_PAGES)
		return -OS_ERANGE;
	if (cache->nr_pages < want) {
		ret = draw(host, os_node(), cache->page + cache->nr_pages, want - cache->nr_pages,
			   &got);
		PROBE(topup, want - cache->nr_pages, got);
		cache->nr_pages += got;
	} else if (has_regions(host) && !os_counted64(&this_cpu(host)->trims_wanted)) {
		return 0;
	}
	if (has_regions(host))
		pool_trim(host, UINT64_MAX);
	return ret;
}

void pamt_cache_free(struct pamt_host *host, struct pamt_cache *cache)
{
	if (!has_regions(host)) {
		static_free(host, cache->page, cache->nr_pages);
		cache->nr_pages = 0;
		return;
	}
	pool_give_direct(host, cache->page, cache->nr_pages);
	cache->nr_pages = 0;
	/* Where a PAMT.REMOVE was refused it is tried again. */
	if (no_td(host))
		region_shrink_idle(host, 0);
	pool_trim_spare(host, UINT64_MAX);
	pool_free_spare(host);
}

int pamt_alloc_page(struct pamt_host *host, uint32_t node, struct pamt_cache *cache,
		    tdx_hpa_t *page)
{
	uint32_t got;
	int ret;

	host_is_given(host);
	if (cache) {
		if (!cache->nr_pages)
			return -OS_ENOMEM;
		*page = cache->page[--cache->nr_pages];
	} else {
		ret = draw(host, node, page, 1, &got);
		if (ret)
			return ret;
		if (has_regions(host))
			pool_trim(host, UINT64_MAX);
	}
	/* Relaxed: a number; that it is zero means something only while nobody calls. */
	os_fetch_add64(&host->control_pages, 1, OS_RELAXED);
	marks_set(host, MARK_CONTROL, hpa_to_pfn(*page), 1);
	return 0;
}

/*
 * Takes one from the number of control pages. False: there is none, so that this one is not one;
 * who sees the number between the two steps finds it not zero, and leaves what a last page leaves
 * to this CPU (free_stranger()). One step: many CPUs free at the same time when TDs end.
 */
static bool uncount(struct pamt_host *host)
{
	if (os_fetch_add64(&host->control_pages, (uint64_t)-1, OS_RELAXED))
		return true;
	os_fetch_add64(&host->control_pages, 1, OS_RELAXED);
	return false;
}

static void free_stranger(struct pamt_host *host, tdx_hpa_t page)
{
	count(host, STAT_UNBALANCED);
	host->os->log(host->os->ctx, OS_LOG_ERROR, "0x%llx is freed, which is no control page",
		      (unsigned long long)page.v);
	if (has_regions(host))
		pool_trim_last(host, POOL_TRIM_ANY);
}

void pamt_free_page(struct pamt_host *host, tdx_hpa_t page)
{
	if (page.v % TDX_PAGE_SIZE || !pages_are_tdx(host, hpa_to_pfn(page), 1) || !uncount(host)) {
		free_stranger(host, page);
		return;
	}
	if (!has_regions(host)) {
		static_free(host, &page, 1);
		return;
	}
	/* Past the magazine: a page that was never handed out is noticed here. */
	if (!marks_clear(host, MARK_CONTROL, hpa_to_pfn(page), 1) ||
	    !pool_give_direct(host, &page, 1)) {
		os_fetch_add64(&host->control_pages, 1, OS_RELAXED);
		return;
	}
	pool_trim_spare(host, POOL_TRIM_ANY);
}
