// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bare_counts.c - get and put by counts alone; a file of its own, so that they are called as
 * libpamt's are, and not inlined into the loop that measures them.
 */
#include "lab/bench/bare_counts.h"

int bare_counts_get(struct bare_counts *bare, tdx_pfn_t page, struct pamt_cache *cache)
{
	uint64_t region = page.v >> (TDX_2M_SHIFT - TDX_PAGE_SHIFT);
	uint32_t old;

	if (region >= bare->nr)
		return -OS_EINVAL;
	old = __atomic_load_n(&bare->count[region], __ATOMIC_RELAXED);
	do {
		if (!old)
			return -OS_ENOMEM;
		/* Acquire: after the pair was installed. */
	} while (!__atomic_compare_exchange_n(&bare->count[region], &old, old + 1, false,
					      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return 0;
}

void bare_counts_put(struct bare_counts *bare, tdx_pfn_t page)
{
	uint64_t region = page.v >> (TDX_2M_SHIFT - TDX_PAGE_SHIFT);
	uint32_t old;

	if (region >= bare->nr)
		return;
	old = __atomic_load_n(&bare->count[region], __ATOMIC_RELAXED);
	do {
		if (old <= 1)
			return;
		/* Release: the use of the page is before the REMOVE of whoever is last. */
	} while (!__atomic_compare_exchange_n(&bare->count[region], &old, old - 1, false,
					      __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}
