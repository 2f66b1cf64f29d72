/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * histogram.h - durations, counted in buckets of about 3 %: mean and longest exact, percentiles
 * within a bucket.
 */
#ifndef PAMT_LAB_COMPARE_HISTOGRAM_H
#define PAMT_LAB_COMPARE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB	  32u /* buckets per power of two */
#define HISTOGRAM_BUCKETS (60u * HISTOGRAM_SUB)

struct histogram {
	uint64_t count, total, longest; /* ns */
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t ns);
/* The upper end of the bucket below which `share` of the durations lie, at most the longest. */
uint64_t histogram_percentile(const struct histogram *histogram, double share);

#endif
