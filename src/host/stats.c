// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * stats.c - the counters of all CPUs summed.
 */
#include "host/stats.h"

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

/*
 * A sum over all CPUs is a line for each of them, and most come from elsewhere. So it is made once
 * for so many pages for each CPU: 32 KB, which cost more to get than a line.
 */
#define SAMPLE_PAGES 8u

void stats_sample_pairs(struct pamt_host *host)
{
	/* Relaxed, all: what is missed or looked at twice is a sample. */
	uint64_t pages = os_load64(&host->os_pages, OS_RELAXED);
	uint64_t last = os_load64(&host->pairs_sampled, OS_RELAXED);

	if (pages >= last && pages < last + SAMPLE_PAGES * host->os->nr_cpus)
		return;
	os_store64(&host->pairs_sampled, pages, OS_RELAXED);
	if (pages > last)
		stats_pairs(host);
}

void stats_os_pages(struct pamt_host *host, uint64_t taken, uint64_t given)
{
	uint64_t pages = os_fetch_add64(&host->os_pages, taken - given, OS_RELAXED);

	if (taken)
		raise_peak(&host->os_pages_peak, pages + taken - given);
}
