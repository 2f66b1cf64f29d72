// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * accounting.c - what the host has and what it did, put together for the caller.
 */
#include "host/pool.h"

static uint64_t magazines(struct pamt_host *host, uint32_t node)
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < host->os->nr_cpus; i++) {
		struct magazine *m = &host->cpu[i].magazine;
		os_irq_t irq = os_spin_lock(&m->lock);

		for (uint32_t j = 0; j < m->nr; j++)
			pages += node_of_region(host, hpa_to_region(m->page[j])) == node;
		os_spin_unlock(&m->lock, irq);
	}
	return pages;
}

void pamt_node_stats(struct pamt_host *host, uint32_t node, struct pamt_node_stats *stats)
{
	struct pool *pool;
	uint64_t used;
	os_irq_t irq;

	*stats = (struct pamt_node_stats){ 0 };
	if (!has_regions(host) || node >= host->os->nr_nodes)
		return;
	pool = &host->pool[node];
	irq = os_spin_lock(&pool->lock);
	used = pool->all.held - pool->all.free;
	stats->os_bytes = pool->all.held << TDX_PAGE_SHIFT;
	for (uint32_t i = 0; i <= CHUNK_MAX_ORDER; i++)
		stats->chunks[i] = pool->all.of_order[i];
	os_spin_unlock(&pool->lock, irq);
	stats->used_bytes = (used - min64(used, magazines(host, node))) << TDX_PAGE_SHIFT;
}

/* Counters that are handed on as they are. */
static const struct {
	enum cpu_stat stat;
	size_t offset;
} plain[] = {
	{ STAT_GETS_FAST, offsetof(struct pamt_stats, gets_fast) },
	{ STAT_GETS_SLOW, offsetof(struct pamt_stats, gets_slow) },
	{ STAT_ADDS, offsetof(struct pamt_stats, adds) },
	{ STAT_REMOVES, offsetof(struct pamt_stats, removes) },
	{ STAT_WAITS, offsetof(struct pamt_stats, waits) },
	{ STAT_BUSY, offsetof(struct pamt_stats, busy) },
	{ STAT_REMOVE_BUSY, offsetof(struct pamt_stats, remove_busy) },
	{ STAT_REMOVE_NOT_EMPTY, offsetof(struct pamt_stats, remove_not_empty) },
	{ STAT_REMOVE_NO_PAIR, offsetof(struct pamt_stats, remove_no_pair) },
	{ STAT_LEAKED, offsetof(struct pamt_stats, leaked_regions) },
	{ STAT_UNBALANCED, offsetof(struct pamt_stats, unbalanced_puts) },
	{ STAT_QUARANTINED, offsetof(struct pamt_stats, quarantined) },
};

static void add_pools(struct pamt_host *host, struct pamt_stats *stats)
{
	uint64_t known;

	for (uint32_t node = 0; node < host->os->nr_nodes; node++) {
		struct pamt_node_stats part;

		pamt_node_stats(host, node, &part);
		stats->used_bytes += part.used_bytes;
		for (uint32_t i = 0; i <= CHUNK_MAX_ORDER; i++)
			stats->chunks[i] += part.chunks[i];
	}
	stats->pages_spare =
		(stats->os_bytes - min64(stats->os_bytes, stats->used_bytes)) >> TDX_PAGE_SHIFT;
	/* What is out and neither installed nor a control page nor refused is in some cache. */
	known = 2 * stats->pairs_installed + stats->control_pages + stats->quarantined;
	stats->pages_cached = (stats->used_bytes >> TDX_PAGE_SHIFT) -
			      min64(stats->used_bytes >> TDX_PAGE_SHIFT, known);
}

void pamt_stats(struct pamt_host *host, struct pamt_stats *stats)
{
	const struct pamt_layout *l;

	host_is_given(host);
	l = &host->layout;
	*stats = (struct pamt_stats){ .static_bytes = l->pamt_bytes,
				      .bitmap_bytes = l->bitmap_bytes,
				      .table_bytes = l->table_bytes,
				      .given_up_bytes = l->given_up_bytes };
	if (!host->cpu)
		return;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		*(uint64_t *)((char *)stats + plain[i].offset) = stat_sum(host, plain[i].stat);
	stats->puts = stat_sum(host, STAT_PUTS_FAST) + stat_sum(host, STAT_PUTS_SLOW);
	stats->leaf_regions = stat_sum(host, STAT_MAPS_2M) + stat_sum(host, STAT_MERGES) -
			      stat_sum(host, STAT_RELEASES_2M) - stat_sum(host, STAT_SPLITS);
	stats->pairs_installed = stats_pairs(host);
	/* Relaxed, all: numbers for people. */
	stats->pairs_installed_peak = os_load64(&host->pairs_peak, OS_RELAXED);
	stats->pairs_idle = os_load64(&host->idle, OS_RELAXED);
	stats->control_pages = os_load64(&host->control_pages, OS_RELAXED);
	stats->os_bytes = os_load64(&host->os_pages, OS_RELAXED) << TDX_PAGE_SHIFT;
	stats->os_bytes_peak = os_load64(&host->os_pages_peak, OS_RELAXED) << TDX_PAGE_SHIFT;
	if (host->pool)
		add_pools(host, stats);
	else
		stats->used_bytes = stats->os_bytes;
}
