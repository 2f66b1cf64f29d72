// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * guard_note.c - guard mode: which call took a page, and junk in pages that are given back.
 *
 * A table of words remembers which call took a page: 63:24 page number, 23:16 leaf, 15:0 logical
 * processor + 1. A page has PROBES places; where all are taken, the call is not remembered. Every
 * change is one atomic store or compare-and-swap, and a lost race costs a name in a report.
 */
#include "seam/guard.h"
#include "seam/hpa.h"

#define ENTRIES_BITS	 15
#define PROBES		 8u
#define TAKEN_PAGE_SHIFT 24
#define JUNK		 0xa7

_Static_assert(GUARD_ENTRIES == 1u << ENTRIES_BITS, "as many as a hash can name");

static os_a64_t *place(struct guard *guard, tdx_pfn_t page, uint32_t probe)
{
	uint64_t hash = page.v * UINT64_C(0x9e3779b97f4a7c15) >> (64 - ENTRIES_BITS);

	return &guard->entry[(hash + probe) % GUARD_ENTRIES];
}

/* The place that holds the page; NULL: none. */
os_a64_t *guard_find(struct guard *guard, tdx_pfn_t page)
{
	for (uint32_t i = 0; i < PROBES; i++) {
		os_a64_t *entry = place(guard, page, i);

		/* Relaxed, as all in this table: words that stand for themselves. */
		if (os_load64(entry, OS_RELAXED) >> TAKEN_PAGE_SHIFT == page.v)
			return entry;
	}
	return NULL;
}

void guard_note_taken(struct call *call, tdx_hpa_t address)
{
	tdx_pfn_t page = hpa_to_pfn(address);
	uint64_t value =
		page.v << TAKEN_PAGE_SHIFT | (call->leaf & 0xff) << 16 | ((call->lp + 1) & 0xffff);
	struct guard *guard = call->seam->guard;
	os_a64_t *entry = guard_find(guard, page);

	if (entry) {
		os_store64(entry, value, OS_RELAXED);
		return;
	}
	for (uint32_t i = 0; i < PROBES; i++) {
		uint64_t empty = 0;

		if (os_cas64(place(guard, page, i), &empty, value, OS_RELAXED))
			return;
	}
}

void guard_note_freed(struct call *call, tdx_hpa_t address, uint32_t level)
{
	os_a64_t *entry = guard_find(call->seam->guard, hpa_to_pfn(address));

	if (entry)
		os_store64(entry, 0, OS_RELAXED);
	/*
	 * What was encrypted with a key that is gone reads as junk. Large pages are left as they
	 * are: their memory is mostly not there at all.
	 */
	if (level == TDX_4K)
		os_memset(module_map(call->seam, address, OS_WRITE), JUNK, TDX_PAGE_SIZE);
}
