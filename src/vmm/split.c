// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * split.c - a 2M mapping becomes 512 of 4K and back: DEMOTE and PROMOTE by way of the backing,
 * which moves the region's word and the page pair with them.
 *
 *              split                          merge
 *   LEAF, 2M     | BLOCK, TRACK                 ^ PROMOTE
 *   blocked      | DEMOTE, which takes an       | BLOCK, TRACK of the LINK
 *                v S-EPT page and the pair      |
 *   LINK to 512 LEAF of 4K                    LINK to 512 LEAF of 4K, alike, one block
 *
 * What libpamt does meanwhile: before DEMOTE the region is LARGE, afterwards USED with 512 users,
 * and its pair is one that came out of the stock; PROMOTE is the opposite and gives the pair back.
 * In both the region's word is LOCKED for the SEAMCALL only. All 512 users are published at once,
 * so that a zap of a single 4K page can follow at any time and puts one of them.
 *
 * Both are done under the MMU lock for writing: no fault is in the node that appears or goes. The
 * node for a split is in the stock before the lock is taken, the one of a merge is freed after it
 * is dropped.
 *
 * A merge is refused with -OS_EBUSY, and nothing is changed, where one of the 512 is missing, is
 * blocked, lies elsewhere, or differs in whether it is pending. Whether the guest has accepted
 * all or only some of those that were pending is known to the module alone, which refuses then.
 */
#include "vmm/td.h"

/*
 * The DEMOTE itself, of a leaf that is blocked and tracked. It needs three pages, all out of the
 * stock: one for the new S-EPT page, and the pair that the region has not got as a 2M page, which
 * the backing adds to the registers.
 */
static int demote(struct td *td, struct mirror_slot *slot, struct mirror_node *node)
{
	tdx_hpa_t block = mirror_page(slot->seen);
	bool pending = slot->seen.v & MIRROR_PENDING;
	struct tdx_regs regs = td_on_slot(td, TDH_MEM_PAGE_DEMOTE, slot);
	tdx_hpa_t page;
	int error;

	error = td_alloc_page(td, &td->stock, &page);
	if (error)
		return error;
	regs.r8 = page.v;
	error = td_issue(td, &(struct td_call){ td_leaf_split, hpa_to_pfn(block), &td->stock },
			 &regs, TD_ISSUE_BARRING);
	if (error) {
		td_free_page(td, page, false);
		return error;
	}
	/*
	 * The backing has published 512 users already, so that each 4K entry can be zapped and put
	 * like any other from the moment it appears. The module has unblocked them all.
	 */
	mirror_prepare_child(node, slot, page, MIRROR_NONE);
	for (unsigned int i = 0; i < MIRROR_ENTRIES; i++) {
		tdx_hpa_t at = hpa(block.v + i * TDX_PAGE_SIZE);

		node->entry[i].v = mirror_make_leaf(at, pending).v; /* not published yet: plain */
	}
	mirror_set(slot, mirror_make_link(node));
	return 0;
}

/* BLOCK, TRACK, DEMOTE: the module changes an entry's kind only while no TLB can have it. */
static int split_slot(struct td *td, struct mirror_slot *slot, struct mirror_node *node)
{
	int error = 0;

	if (mirror_state(slot->seen) == MIRROR_LEAF)
		error = td_block(td, slot);
	if (error)
		return error;
	error = td_track(td);
	if (error)
		return error;
	error = demote(td, slot, node);
	/* Back to a mapping in use; if even that fails, the next access finds it blocked. */
	if (error)
		td_unblock_slot(td, slot);
	return error;
}

int td_split_locked(struct td *td, tdx_gpa_t at)
{
	struct mirror_slot slot;
	struct mirror_node *node;
	int error = td_stock_topup(td, &td->stock, 1, 1);

	OS_INVARIANT(os_mutex_is_held(&td->mutex));
	if (error)
		return error;
	node = td_stock_node(&td->stock);
	os_write_lock(&td->mmu_lock);
	error = td_walk_open(td, at, TDX_2M, &slot);
	if (!error && slot.node->level == TDX_2M && mirror_is_leaf(slot.seen)) {
		error = split_slot(td, &slot, node);
		if (!error) {
			node = NULL;
			td_count(&td->counts.splits, 1);
			td_count(&td->counts.sept_pages, 1);
		}
	}
	os_write_unlock(&td->mmu_lock);
	if (node)
		td_stock_return_node(&td->stock, node);
	return error;
}

int td_split(struct td *td, tdx_gpa_t at)
{
	int error;

	if (at.v >= td_shared_bit(td) || td->state != TD_RUNNABLE)
		return -OS_EINVAL;
	os_mutex_lock(&td->mutex);
	error = td_split_locked(td, at);
	os_mutex_unlock(&td->mutex);
	return error;
}

/* ------------------------------------------------------------------------------------------- */
/* The way back. Nobody else changes the count of a region of 512 pages that are all this TD's.  */

/* The block that 512 entries map in order and alike; HPA_NONE if they do not. */
static tdx_hpa_t one_block(const struct mirror_node *node, bool *pending)
{
	struct mirror_entry first = { os_load64(&node->entry[0], OS_RELAXED) };
	tdx_hpa_t block = mirror_page(first);

	*pending = first.v & MIRROR_PENDING;
	if (mirror_state(first) != MIRROR_LEAF || block.v % TDX_2M_SIZE)
		return HPA_NONE;
	for (unsigned int i = 1; i < MIRROR_ENTRIES; i++) {
		/* Relaxed: the MMU lock is held for writing. */
		uint64_t entry = os_load64(&node->entry[i], OS_RELAXED);

		if (entry != mirror_make_leaf(hpa(block.v + i * TDX_PAGE_SIZE), *pending).v)
			return HPA_NONE;
	}
	return block;
}

/* The node whose S-EPT page was freed, *last of its region? NULL, *error if nothing was merged. */
static struct mirror_node *merge_slot(struct td *td, struct mirror_slot *slot, bool *last,
				      int *error)
{
	struct mirror_node *node = mirror_child(slot->seen);
	struct tdx_regs regs = td_on_slot(td, TDH_MEM_PAGE_PROMOTE, slot);
	bool pending;
	tdx_hpa_t block = one_block(node, &pending);

	*error = -OS_EBUSY;
	if (hpa_is_none(block))
		return NULL;
	*error = td_block(td, slot);
	if (*error)
		return NULL;
	*error = td_track(td);
	if (!*error)
		*error = td_issue(td,
				  &(struct td_call){ td_leaf_merge, hpa_to_pfn(block), &td->stock },
				  &regs, TD_ISSUE_BARRING);
	if (*error) {
		/*
		 * Some accepted, some not: only the module knows, and says so here. Back to a
		 * mapping in use, as in split_slot().
		 */
		if (tdx_status_is((tdx_status_t){ regs.rax }, TDX_EPT_INVALID_PROMOTE_CONDITIONS))
			*error = -OS_EBUSY;
		td_unblock_slot(td, slot);
		return NULL;
	}
	*last = regs.rcx & TDX_HINT_BIT;
	mirror_set(slot, mirror_make_leaf(block, pending));
	return node;
}

int td_merge(struct td *td, tdx_gpa_t at)
{
	struct mirror_node *node = NULL;
	struct mirror_slot slot;
	tdx_status_t status;
	bool last = false;
	int error;

	if (at.v >= td_shared_bit(td) || td->state != TD_RUNNABLE)
		return -OS_EINVAL;
	os_mutex_lock(&td->mutex);
	os_write_lock(&td->mmu_lock);
	error = td_walk_open(td, at, TDX_2M, &slot);
	if (!error && (slot.node->level != TDX_2M || mirror_state(slot.seen) != MIRROR_LINK))
		error = -OS_EBUSY;
	if (!error)
		node = merge_slot(td, &slot, &last, &error);
	os_write_unlock(&td->mmu_lock);
	if (node) {
		td_count(&td->counts.merges, 1);
		if (vmm_write_back(td->vmm, node->page, td->hkid, &status))
			td_leak(td, node->page, 1, "S-EPT page not written back", status);
		else
			td_free_page(td, node->page, last);
		td->vmm->os->free(td->vmm->os->ctx, node);
	}
	os_mutex_unlock(&td->mutex);
	return error;
}
