// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * mapping.c - how mappings appear: S-EPT pages linked, initial pages added, faults served.
 *
 * Everything here runs with the MMU lock held for reading where it touches the mirror, many
 * threads at once; an entry is changed by the thread that froze it.
 *
 * One fault, and where it can end
 * -------------------------------
 *   top up     stock for the worst case, guest memory: may sleep, holds nothing.
 *              -OS_ENOMEM: nothing was changed, what was drawn stays in the stock.
 *   walk       down to the wanted level. An entry FROZEN on the way is another fault's:
 *              -OS_EAGAIN. Blocked: TD_FAULT_BLOCKED, the caller opens it under the write lock.
 *              SHARED: TD_FAULT_SHARED. A leaf already: TD_FAULT_THERE, the race was lost.
 *   link       for each S-EPT page that is missing: freeze, SEPT.ADD, publish the node. Of this
 *              nothing is taken back when a later step fails: an empty S-EPT page is no harm, and
 *              the next fault finds it.
 *   map        freeze, back the page (libpamt), AUG, thaw to LEAF. The backing comes before the
 *              SEAMCALL, since the module looks for the pair; and if the SEAMCALL fails it is
 *              given back before the thaw, so that whoever sees the entry as NONE again
 *              may start from the beginning.
 *
 * FROZEN is short: from the compare-and-swap to the end of one SEAMCALL with its retries. Whoever
 * finds it does not wait under the lock, but returns and lets the guest fault again: the reader
 * that waited would keep a writer out, and the writer may be what the holder's vCPU waits for.
 *
 * 2M or 4K
 * --------
 * The policy says what is wanted. 2M cannot be had where an S-EPT page for 4K entries stands
 * already, where the system has no 2M block, and where libpamt or the module refuses the region.
 * All of that is answered with a 4K page for this fault (fallbacks counts them); the following
 * faults in the region find the S-EPT page and need not try.
 */
#include "vmm/td.h"

/* SEPT.ADD below a frozen slot; fill is what its entries stand for. */
static int add_sept_page(struct td *td, struct mirror_slot *slot, enum mirror_state fill,
			 struct td_stock *stock)
{
	struct mirror_node *node = td_stock_node(stock);
	struct tdx_regs regs = td_on_slot(td, TDH_MEM_SEPT_ADD, slot);
	tdx_hpa_t page;
	int error;

	/* Out of the stock: under the MMU lock nothing can be allocated. */
	if (!node)
		return -OS_ENOMEM;
	error = td_alloc_page(td, stock, &page);
	if (error) {
		td_stock_return_node(stock, node);
		return error;
	}
	regs.r8 = page.v;
	error = td_issue_4k(td, page, &regs, stock);
	if (error) {
		/* The module took nothing: both are as good as before. */
		td_free_page(td, page, false);
		td_stock_return_node(stock, node);
		return error;
	}
	/* Only now can others find it, and issue SEAMCALLs on what is below. */
	mirror_prepare_child(node, slot, page, fill);
	mirror_thaw(slot, mirror_make_link(node));
	return 0;
}

/* What a fault makes of an entry that it did not expect. 0: go on. */
static int look_at(struct mirror_entry seen, bool through_shared)
{
	switch (mirror_state(seen)) {
	case MIRROR_FROZEN:
		return -OS_EAGAIN;
	case MIRROR_LINK_BLOCKED:
	case MIRROR_LEAF_BLOCKED:
		return TD_FAULT_BLOCKED;
	case MIRROR_SHARED:
		return through_shared ? 0 : TD_FAULT_SHARED;
	default:
		return 0;
	}
}

int td_link_down(struct td *td, const struct td_link *to, struct mirror_slot *slot)
{
	enum mirror_state was;
	int error;

	OS_INVARIANT(os_read_is_held(&td->mmu_lock));
	mirror_walk(&td->mirror, to->at, td->mirror.levels - 1, slot);
	for (;;) {
		error = look_at(slot->seen, to->through_shared);
		if (error)
			return error;
		if (slot->node->level == to->level || mirror_is_leaf(slot->seen))
			return 0;
		/* NONE, or SHARED and wanted: an S-EPT page is due. */
		if (!mirror_is_link(slot->seen)) {
			was = mirror_state(slot->seen);
			if (!mirror_freeze(slot))
				return -OS_EAGAIN;
			error = add_sept_page(td, slot, was, to->stock);
			if (error) {
				mirror_thaw(slot, mirror_make(was));
				return error;
			}
			td_count(&to->counts->sept_pages, 1);
		}
		mirror_descend(to->at, slot);
	}
}

/* AUG, or PAGE.ADD from source, of a 4K page at a slot that is NONE. */
static int map_4k(struct td *td, struct mirror_slot *slot, tdx_hpa_t page, tdx_hpa_t source,
		  struct td_stock *stock)
{
	const struct vmm_backing *backing = td->vmm->backing;
	bool aug = hpa_is_none(source);
	struct tdx_regs regs = td_on_slot(td, aug ? TDH_MEM_PAGE_AUG : TDH_MEM_PAGE_ADD, slot);
	int error;

	if (!mirror_freeze(slot))
		return -OS_EAGAIN;
	regs.r8 = page.v;
	regs.r9 = aug ? 0 : source.v;
	/*
	 * Backed first: the module refuses a page of a region without a pair. If one is missing
	 * it comes out of the stock, so that this neither sleeps nor fails for want of memory.
	 */
	error = backing->get(td->vmm->backing_state, hpa_to_pfn(page), &stock->pages);
	if (!error) {
		error = td_issue_4k(td, page, &regs, stock);
		/* The module did not take the page, so nobody uses it: one user less. */
		if (error)
			td_put(td, page, TDX_4K, false);
	}
	mirror_thaw(slot, error ? mirror_make(MIRROR_NONE) : mirror_make_leaf(page, aug));
	return error;
}

/*
 * AUG of a 2M page at a slot that is NONE. -OS_ERANGE: the page was refused, by the backing (the
 * region is in use otherwise, part of it is no TD's to have, a pair is in the way) or by the
 * module. 4K pages are the answer to all of these; what is really wrong shows there again.
 */
static int map_2m(struct td *td, struct mirror_slot *slot, tdx_hpa_t page, struct td_stock *stock)
{
	struct tdx_regs regs = td_on_slot(td, TDH_MEM_PAGE_AUG, slot);
	int error;

	if (!mirror_freeze(slot))
		return -OS_EAGAIN;
	regs.r8 = page.v;
	error = td_issue(td, &(struct td_call){ td_leaf_map_2m, hpa_to_pfn(page), stock }, &regs,
			 TD_ISSUE_PLAIN);
	mirror_thaw(slot, error ? mirror_make(MIRROR_NONE) : mirror_make_leaf(page, true));
	return error ? -OS_ERANGE : 0;
}

/* A page that is to be mapped; source: PAGE.ADD from there, HPA_NONE: AUG. */
struct new_page {
	tdx_gpa_t at;
	enum tdx_size size;
	tdx_hpa_t page, source;
};

/* TD_FAULT_THERE and others: the page is still the caller's. */
static int map_page(struct td *td, const struct new_page *new, struct td_stock *stock,
		    struct td_counts *counts)
{
	const struct td_link to = {
		.at = new->at, .level = new->size, .stock = stock, .counts = counts
	};
	struct mirror_slot slot;
	int error;

	/*
	 * For reading: other vCPUs fault at the same time, each in entries of its own. What this
	 * keeps away are zaps, which take nodes out of the tree.
	 */
	os_read_lock(&td->mmu_lock);
	error = td_link_down(td, &to, &slot);
	if (!error && new->size == TDX_2M && mirror_is_link(slot.seen))
		error = -OS_ERANGE; /* mapped in 4K already: 2M does not fit */
	if (!error && mirror_is_leaf(slot.seen))
		error = TD_FAULT_THERE;
	if (!error && new->size == TDX_2M)
		error = map_2m(td, &slot, new->page, stock);
	else if (!error)
		error = map_4k(td, &slot, new->page, new->source, stock);
	os_read_unlock(&td->mmu_lock);
	return error;
}

/* Does a 4K mapping's S-EPT page stand where 2M is wanted? Saves taking 2M of memory in vain. */
static bool is_4k_already(struct td *td, tdx_gpa_t at)
{
	struct mirror_slot slot;
	bool link;

	os_read_lock(&td->mmu_lock);
	mirror_walk(&td->mirror, at, TDX_2M, &slot);
	link = slot.node->level == TDX_2M && mirror_is_link(slot.seen);
	os_read_unlock(&td->mmu_lock);
	return link;
}

/* 2M at this GPA. -OS_ERANGE: to be had in 4K only, for whatever reason. */
static int fault_2m(struct vcpu *vcpu, tdx_gpa_t at)
{
	struct td *td = vcpu->td;
	tdx_hpa_t page;
	int error;

	at.v &= ~(TDX_2M_SIZE - 1);
	if (is_4k_already(td, at))
		return -OS_ERANGE;
	page = td_alloc_memory(td, TDX_2M);
	if (hpa_is_none(page))
		return -OS_ERANGE; /* no 2M block left; 4K pages there may be */
	error = map_page(td, &(struct new_page){ at, TDX_2M, page, HPA_NONE }, &vcpu->stock,
			 &vcpu->counts);
	if (!error)
		td_count(&vcpu->counts.maps_2m, 1);
	else
		td_free_memory(td, page, TDX_2M);
	return error;
}

static int fault_4k(struct vcpu *vcpu, tdx_gpa_t at)
{
	struct td *td = vcpu->td;
	tdx_hpa_t page = td_alloc_memory(td, TDX_4K);
	int error;

	if (hpa_is_none(page))
		return -OS_ENOMEM;
	error = map_page(td, &(struct new_page){ at, TDX_4K, page, HPA_NONE }, &vcpu->stock,
			 &vcpu->counts);
	if (!error)
		td_count(&vcpu->counts.maps_4k, 1);
	else
		td_free_memory(td, page, TDX_4K);
	return error;
}

int td_fault(struct vcpu *vcpu, tdx_gpa_t at)
{
	struct td *td = vcpu->td;
	enum tdx_size size = TDX_2M;
	int error;

	td_count(&vcpu->counts.faults, 1);
	if (at.v >= td_limit(td))
		return -OS_EINVAL;
	if (td->config.page_size)
		size = td->config.page_size(td->config.arg, at);
	/* All that may be needed, before the lock. What is not used stays for the next fault. */
	error = td_stock_for_fault(td, &vcpu->stock);
	if (error)
		return error;
	if (size == TDX_2M) {
		error = fault_2m(vcpu, at);
		if (error != -OS_ERANGE)
			return error;
		td_count(&vcpu->counts.fallbacks, 1);
		/* The try may have used up S-EPT pages. */
		error = td_stock_for_fault(td, &vcpu->stock);
		if (error)
			return error;
	}
	return fault_4k(vcpu, at);
}

int td_add_page(struct td *td, tdx_gpa_t at, tdx_hpa_t source)
{
	tdx_hpa_t page;
	int error;

	if (td->state != TD_BUILDING || at.v % TDX_PAGE_SIZE || at.v >= td_limit(td))
		return -OS_EINVAL;
	/* There is no vCPU whose stock could serve: the TD's own, which the mutex protects. */
	os_mutex_lock(&td->mutex);
	error = td_stock_for_fault(td, &td->stock);
	if (error)
		goto out;
	page = td_alloc_memory(td, TDX_4K);
	if (hpa_is_none(page)) {
		error = -OS_ENOMEM;
		goto out;
	}
	error = map_page(td, &(struct new_page){ at, TDX_4K, page, source }, &td->stock,
			 &td->counts);
	if (!error)
		td_count(&td->counts.maps_4k, 1);
	else
		td_free_memory(td, page, TDX_4K);
	if (error == TD_FAULT_THERE)
		error = -OS_EBUSY;
out:
	os_mutex_unlock(&td->mutex);
	return error;
}
