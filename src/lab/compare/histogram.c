// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * histogram.c - buckets: one for each number below 64, then 32 for each power of two.
 */
#include "lab/compare/histogram.h"

#define EXACT (2 * HISTOGRAM_SUB)

static uint32_t bucket_of(uint64_t ns)
{
	uint32_t shift;

	if (ns < EXACT)
		return (uint32_t)ns;
	/* So that ns >> shift lies within 32..63. */
	shift = 58 - (uint32_t)__builtin_clzll(ns);
	return shift * HISTOGRAM_SUB + (uint32_t)(ns >> shift);
}

/* The largest number that falls into it. */
static uint64_t bucket_end(uint32_t bucket)
{
	uint32_t shift;

	if (bucket < EXACT)
		return bucket;
	shift = bucket / HISTOGRAM_SUB - 1;
	return ((uint64_t)(bucket - shift * HISTOGRAM_SUB + 1) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t ns)
{
	uint32_t bucket = bucket_of(ns);

	h->count++;
	h->total += ns;
	if (ns > h->longest)
		h->longest = ns;
	h->bucket[bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1]++;
}

uint64_t histogram_percentile(const struct histogram *h, double share)
{
	uint64_t below = 0;

	for (uint32_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
		below += h->bucket[bucket];
		if (below && (double)below >= share * (double)h->count) {
			uint64_t end = bucket_end(bucket);

			return end < h->longest ? end : h->longest;
		}
	}
	return h->longest;
}
