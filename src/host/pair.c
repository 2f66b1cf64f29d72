// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * pair.c - where the pages of a pair come from, and where they go.
 */
#include "host/pair.h"

#include "host/pool.h"

int pair_draw(struct pamt_host *host, region_t region, struct pamt_cache *cache, struct pair *pair)
{
	uint32_t got = 0;
	int ret = 0;

	pair->bad = -1;
	if (cache) {
		if (cache->nr_pages < 2)
			return -OS_ENOMEM;
		while (got < 2)
			pair->page[got++] = cache->page[--cache->nr_pages];
	} else {
		ret = pool_draw(host, node_of_region(host, region), pair->page, 2, &got);
		if (ret && got)
			pool_give(host, pair->page, got);
	}
	pair->nr = ret ? 0 : 2;
	return ret;
}

static void return_pages(struct pamt_host *host, struct pamt_cache *cache, const tdx_hpa_t *pages,
			 uint32_t nr)
{
	/* There is room: out of the cache is where they came from. */
	OS_INVARIANT(!cache || cache->nr_pages + nr <= PAMT_CACHE_PAGES);
	while (cache && nr)
		cache->page[cache->nr_pages++] = pages[--nr];
	if (nr)
		pool_give(host, pages, nr);
}

void pair_return(struct pamt_host *host, struct pamt_cache *cache, struct pair *pair)
{
	return_pages(host, cache, pair->page, pair->nr);
	pair->nr = 0;
}

bool pair_try_another(struct pamt_host *host, struct pamt_cache *cache, struct pair *pair)
{
	bool first = !pair->refused;

	if (pair->bad < 0)
		return false;
	/* Whose it is nobody knows: it stays out of the pool's free pages for ever. */
	page_refused(host, pair->page[pair->bad]);
	return_pages(host, cache, &pair->page[!pair->bad], 1);
	pair->nr = 0;
	pair->refused = true;
	return first;
}

static bool give_back(struct pamt_host *host, struct freed freed)
{
	if (freed.pair)
		pool_give(host, freed.page, 2);
	return freed.pair;
}

void pair_put_users(struct pamt_host *host, region_t region, uint32_t n)
{
	give_back(host, region_put(host, region, n));
}

bool pair_remove_idle(struct pamt_host *host, region_t region)
{
	return give_back(host, region_remove_idle(host, region));
}
