// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * pamt_change.c - the changes that leaves make to PAMT entries. States and rules: pamt.h.
 */
#include "seam/guard.h"
#include "seam/pamt.h"

void pamt_set(struct pamt_entry *entry, enum tdx_page_type type, tdx_hpa_t owner)
{
	sharex_hp_change(&entry->head, pamt_head(type, owner), LOCK_MASK);
}

void pamt_make_node(struct pamt_entry *entry, const tdx_hpa_t pair[2], uint32_t count)
{
	/* Relaxed: ordered by the change of the head that follows. */
	os_store64(&entry->tail, hpa_to_pfn(pair[1]).v << PAMT_PAIR_SHIFT | count, OS_RELAXED);
	sharex_hp_change(&entry->head,
			 pamt_head(TDX_PT_PAMT, PAMT_NO_OWNER) |
				 (hpa_to_pfn(pair[0]).v << PAMT_PAIR_SHIFT),
			 LOCK_MASK);
}

void pamt_free_node(struct pamt_entry *node) { sharex_hp_change(&node->head, 0, ~PAMT_TYPE_MASK); }

void pamt_node_pair(const struct pamt_entry *node, tdx_hpa_t pair[2])
{
	/* Relaxed: the caller has the node locked. */
	pair[0] = pamt_pair_page(os_load64(&node->head, OS_RELAXED));
	pair[1] = pamt_pair_page(os_load64(&node->tail, OS_RELAXED));
}

void pamt_claim(struct call *call, struct pamt_page *page, enum tdx_page_type type, tdx_hpa_t owner)
{
	guard_taken(call, page->address);
	/* Relaxed, both: the unlock that follows releases them. */
	os_store64(&page->entry->tail, 0, OS_RELAXED);
	if (page->node) {
		uint64_t old = os_fetch_add64(&page->node->tail, 1, OS_RELAXED);

		if ((old & PAMT_COUNT_MASK) >= TDX_PAGES_PER_2M)
			call_fatal(call, FATAL_COUNT_ABOVE, page->address);
	}
	/* Relaxed: ordered by the shared lock of the 2M entry, which keeps AUG away until later. */
	if (page->all_free)
		os_fetch_and64(&page->all_free->head, ~PAMT_ALL_FREE, OS_RELAXED);
	sharex_hp_change(&page->entry->head, pamt_head(type, owner), LOCK_HP);
	call_lock_forget(call, &page->entry->head);
}

/* One page of the region less. Returns whether it was the last. */
static bool drop_count(struct call *call, struct pamt_page *page)
{
	/* Release: what this call did to the page is over when PAMT.REMOVE sees the count. */
	uint64_t old = os_fetch_add64(&page->node->tail, UINT64_MAX, OS_RELEASE) & PAMT_COUNT_MASK;

	if (!old)
		call_fatal(call, FATAL_COUNT_BELOW, page->address);
	return old == 1;
}

bool pamt_release(struct call *call, struct pamt_page *page)
{
	uint64_t keep = ~(PAMT_TYPE_MASK | LOCK_MASK) | LOCK_HP;
	bool last = false;

	guard_freed(call, page->address, page->level);
	/*
	 * Free, counted, unlocked. Until the count is down the lock keeps others from the page: a
	 * claim in between would count it twice. PAMT.REMOVE takes no lock of a 4K entry: while
	 * the region looks free and its count says otherwise it is module-fatal, and after the
	 * count it takes a pair to which the unlock still writes. Hosts must wait for this call
	 * to return.
	 */
	if (page->node) {
		sharex_hp_change(&page->entry->head, 0, ~PAMT_TYPE_MASK);
		last = drop_count(call, page);
	}
	if (page->level == TDX_2M && !call->seam->dpamt)
		sharex_hp_change(&page->entry->head, PAMT_ALL_FREE, LOCK_HP);
	else
		sharex_hp_change(&page->entry->head, 0, keep);
	call_lock_forget(call, &page->entry->head);
	return last;
}
