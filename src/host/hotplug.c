// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * hotplug.c - whether memory may come and go while the module is up.
 *
 * TDMRs are fixed when the module is configured. Memory that appears later and lies in none can
 * never be a TD's; an OS that hands out any page for TDs must not bring it online. Pages of the
 * pool, pairs and guest memory cannot be moved, so memory may leave when no region of it is used.
 */
#include "host/region.h"

/*
 * A chunk that goes may leave its region idle, with a pair out of another chunk: again until
 * nothing comes back, but not for ever where others put at the same time.
 */
#define SHRINKS 16u

/* Whole pages, and an end that is an address. */
static bool is_range(tdx_hpa_t base, uint64_t bytes)
{
	const uint64_t limit = UINT64_C(1) << TDX_PA_BITS;

	return !(base.v % TDX_PAGE_SIZE) && !(bytes % TDX_PAGE_SIZE) && base.v <= limit &&
	       bytes <= limit - base.v;
}

int pamt_may_online(struct pamt_host *host, tdx_hpa_t base, uint64_t bytes)
{
	if (!is_range(base, bytes))
		return -OS_EINVAL;
	return pages_are_tdx(host, hpa_to_pfn(base), bytes >> TDX_PAGE_SHIFT) ? 0 : -OS_EINVAL;
}

static bool has_pamt(const struct pamt_host *host, struct span s)
{
	for (uint32_t i = 0; i < host->layout.nr_tdmrs; i++) {
		const struct pamt_tdmr *t = &host->layout.tdmr[i];

		if (t->pamt_base.v < s.end && t->pamt_base.v + tdmr_pamt_bytes(t) > s.base)
			return true;
	}
	return false;
}

/* Does any region between these have a state but FREE? */
static bool regions_in_use(struct pamt_host *host, uint64_t first, uint64_t end)
{
	for (uint64_t r = first; r < end; r++) {
		os_a16_t *word = region_word(host, (region_t){ r });

		if (word && region_state(region_read(host, word)) != REGION_STATE_FREE)
			return true;
		if (r % 4096 == 0)
			os_resched();
	}
	return false;
}

int pamt_offline(struct pamt_host *host, tdx_hpa_t base, uint64_t bytes)
{
	struct span s = { base.v, base.v + bytes };

	host_is_given(host);
	if (!is_range(base, bytes))
		return -OS_EINVAL;
	if (!bytes)
		return 0;
	if (has_pamt(host, s))
		return -OS_EBUSY;
	if (!has_regions(host))
		return 0;
	/* What is kept for later only must not stand in the way. */
	for (unsigned int i = 0; i < SHRINKS && pamt_shrink(host, UINT64_MAX); i++)
		;
	/* Behind the last TDMR there is nothing of ours. */
	s.end = min64(align_up(s.end, TDX_2M_SIZE) >> TDX_2M_SHIFT, host->table.regions);
	return regions_in_use(host, s.base >> TDX_2M_SHIFT, s.end) ? -OS_EBUSY : 0;
}
