/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * stats.h - counters that hot paths may touch: one set per CPU, on lines of its own, summed when
 * somebody asks.
 */
#ifndef PAMT_HOST_STATS_H
#define PAMT_HOST_STATS_H

#include "host/state.h"

/* This CPU's state, for a moment: its caller may be on another CPU soon after. */
static inline struct pamt_cpu *this_cpu(const struct pamt_host *host)
{
	return &host->cpu[os_cpu()];
}

static inline void count_by(struct pamt_host *host, enum cpu_stat stat, uint64_t n)
{
	os_count64(&this_cpu(host)->stat[stat], n);
}

static inline void count(struct pamt_host *host, enum cpu_stat stat) { count_by(host, stat, 1); }

static inline void trace(const struct pamt_host *host, const char *event, uint64_t a, uint64_t b)
{
	if (host->os->trace)
		host->os->trace(host->os->ctx, event, a, b);
}

/* Sum over CPUs; exact while nobody counts. */
uint64_t stat_sum(const struct pamt_host *host, enum cpu_stat stat);
/* Pairs that are installed now, and the peak brought up to date with it. */
uint64_t stats_pairs(struct pamt_host *host);
/* The peak alone, after the pool grew, now and then. */
void stats_sample_pairs(struct pamt_host *host);
/* Pages taken from the OS or given back to it. */
void stats_os_pages(struct pamt_host *host, uint64_t taken, uint64_t given);

#endif
