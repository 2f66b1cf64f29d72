// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * shrink.c - memory pressure: idle regions, and what the pool has to spare.
 */
#include "host/pool.h"
#include "host/probe.h"

#include "host/pair.h"

/* Regions between two offers to let others run. */
#define RESCHED_REGIONS 4096u

/*
 * Walks the table from where the last walk stopped, once around at most, until no more than
 * `keep` regions are IDLE or `max` have been emptied. Without idle regions it costs nothing.
 */
static uint64_t walk_idle(struct pamt_host *host, uint64_t keep, uint64_t max)
{
	uint64_t nr = host->table.regions, done = 0;
	uint64_t at = os_load64(&host->idle_hand, OS_RELAXED);

	for (uint64_t i = 0; i < nr && done < max; i++) {
		os_a16_t *word;

		if (os_load64(&host->idle, OS_RELAXED) <= keep)
			break;
		at = at + 1 < nr ? at + 1 : 0;
		word = region_word(host, (region_t){ at });
		/* Relaxed: removal looks again, under LOCKED. */
		if (word && region_state(os_load16(word, OS_RELAXED)) == REGION_STATE_IDLE)
			done += pair_remove_idle(host, (region_t){ at });
		if (i % RESCHED_REGIONS == RESCHED_REGIONS - 1)
			os_resched();
	}
	os_store64(&host->idle_hand, at, OS_RELAXED);
	return done;
}

uint64_t region_shrink_idle(struct pamt_host *host, uint64_t more)
{
	/* Relaxed: a number that somebody set; whoever sets it lower walks as well. */
	uint64_t limit = os_load64(&host->idle_limit, OS_RELAXED);
	uint64_t idle = os_load64(&host->idle, OS_RELAXED);
	uint64_t done = 0;

	/* Beyond the limit: a PAMT.REMOVE was refused and is tried again. */
	if (idle > limit)
		done = walk_idle(host, limit, UINT64_MAX);
	return done + (more ? walk_idle(host, 0, more) : 0);
}

void pamt_set_idle_limit(struct pamt_host *host, uint64_t regions)
{
	host_is_given(host);
	os_store64(&host->idle_limit, regions, OS_RELAXED);
	if (!has_regions(host))
		return;
	region_shrink_idle(host, 0);
	/* Their pairs came to the pool. */
	pool_trim_spare(host, UINT64_MAX);
}

uint64_t pamt_shrinkable(struct pamt_host *host)
{
	uint64_t pages;

	if (!has_regions(host))
		return 0;
	/* Relaxed: a number for somebody who will ask for about as much. */
	pages = 2 * os_load64(&host->idle, OS_RELAXED);
	for (uint32_t node = 0; node < host->os->nr_nodes; node++) {
		struct pool *pool = &host->pool[node];
		os_irq_t irq = os_spin_lock(&pool->lock);

		/* What lies in magazines is no more than the room they were lent. */
		pages += pool->all.free + pool->lent;
		os_spin_unlock(&pool->lock, irq);
	}
	return pages;
}

uint64_t pamt_shrink(struct pamt_host *host, uint64_t pages)
{
	uint64_t given;

	if (!has_regions(host))
		return 0;
	given = pool_trim_all(host, pages);
	/* A pair is two pages; they reach the OS by way of the pool. */
	if (given < pages && region_shrink_idle(host, (pages - given) / 2 + 1))
		given += pool_trim_all(host, pages - given);
	given += pool_trim_last(host, UINT64_MAX);
	pool_free_spare(host);
	PROBE(shrink, pages, given);
	return given;
}
