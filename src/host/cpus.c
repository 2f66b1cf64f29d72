// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cpus.c - per-CPU state: memory for it, and the counters summed over it.
 */
#include "host/stats.h"

void *alloc_aligned(struct pamt_host *host, size_t bytes, void **memory)
{
	uintptr_t at;

	*memory = host->os->alloc(host->os->ctx, bytes + CPU_STRIDE);
	if (!*memory)
		return NULL;
	at = ((uintptr_t)*memory + CPU_STRIDE - 1) & ~(uintptr_t)(CPU_STRIDE - 1);
	return (void *)at;
}

int cpus_create(struct pamt_host *host)
{
	host->cpu = alloc_aligned(host, sizeof(*host->cpu) * host->os->nr_cpus, &host->cpu_memory);
	return host->cpu ? 0 : -OS_ENOMEM;
}

void cpus_destroy(struct pamt_host *host)
{
	if (host->cpu_memory)
		host->os->free(host->os->ctx, host->cpu_memory);
	host->cpu_memory = NULL;
	host->cpu = NULL;
}

uint64_t stat_sum(const struct pamt_host *host, enum cpu_stat stat)
{
	uint64_t sum = 0;

	/* Relaxed: a number for people; exact only while nobody counts, as the header says. */
	for (uint32_t i = 0; i < host->os->nr_cpus; i++)
		sum += os_load64(&host->cpu[i].stat[stat], OS_RELAXED);
	return sum;
}

/* Keeps the highest value seen. Relaxed: a number for people. */
static void raise_peak(os_a64_t *peak, uint64_t value)
{
	uint64_t old = os_load64(peak, OS_RELAXED);

	while (old < value && !os_cas64(peak, &old, value, OS_RELAXED))
		;
}

uint64_t stats_pairs(struct pamt_host *host)
{
	/* Those that left are read first, so that a pair in motion is never counted negative. */
	uint64_t gone = stat_sum(host, STAT_REMOVES) + stat_sum(host, STAT_REMOVE_NO_PAIR) +
			stat_sum(host, STAT_MERGES);
	uint64_t pairs = stat_sum(host, STAT_ADDS) + stat_sum(host, STAT_SPLITS) - gone;

	raise_peak(&host->pairs_peak, pairs);
	return pairs;
}

void stats_os_pages(struct pamt_host *host, uint64_t taken, uint64_t given)
{
	uint64_t pages = os_fetch_add64(&host->os_pages, taken - given, OS_RELAXED);

	if (taken)
		raise_peak(&host->os_pages_peak, pages + taken - given);
}
