// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * issue.c - one leaf on a TD, by SEAMCALL or through the backing, tried again while it finds
 * contention, with the vCPUs barred where they are the reason.
 *
 *   PLAIN    under the MMU lock for reading, or none. A vCPU in the way cannot be barred here, as
 *            it may wait for this very lock: the caller gets -OS_EAGAIN and starts again.
 *   BARRING  under the lock for writing: when a vCPU has not got out of the way by itself, all are
 *            kept out for the second try.
 *   SURE     nobody is in the way any more (the TD ends), and a failure would lose pages: it is
 *            tried a second time whatever it answered.
 */
#include "vmm/td.h"

struct tdx_regs td_on_slot(struct td *td, enum tdx_leaf leaf, const struct mirror_slot *slot)
{
	return (struct tdx_regs){
		.rax = TDX_RAX(leaf, 0),
		.rcx = tdx_gpa_level(mirror_gpa(slot), slot->node->level),
		.rdx = td->tdr.v,
	};
}

static int leaf_seamcall(struct td *td, struct tdx_regs *regs)
{
	const struct os_services *os = td->vmm->os;
	tdx_status_t status = os->seamcall(os->ctx, regs);

	return tdx_status_ok(status) ? 0 : -OS_EIO;
}

static struct pamt_cache *cache_of(struct td_stock *stock) { return stock ? &stock->pages : NULL; }

int td_leaf_give_4k(struct td *td, tdx_pfn_t page, struct tdx_regs *regs, struct td_stock *stock)
{
	return td->vmm->backing->call(td->vmm->backing_state, page, regs, cache_of(stock));
}

int td_leaf_map_2m(struct td *td, tdx_pfn_t first, struct tdx_regs *regs, struct td_stock *stock)
{
	return td->vmm->backing->map_2m(td->vmm->backing_state, first, regs);
}

int td_leaf_remove_2m(struct td *td, tdx_pfn_t first, struct tdx_regs *regs, struct td_stock *stock)
{
	return td->vmm->backing->remove_2m(td->vmm->backing_state, first, regs);
}

int td_leaf_split(struct td *td, tdx_pfn_t first, struct tdx_regs *regs, struct td_stock *stock)
{
	return td->vmm->backing->split(td->vmm->backing_state, first, regs, cache_of(stock));
}

int td_leaf_merge(struct td *td, tdx_pfn_t first, struct tdx_regs *regs, struct td_stock *stock)
{
	return td->vmm->backing->merge(td->vmm->backing_state, first, regs);
}

/*
 * Until it is done, or has failed, or, with -OS_EBUSY in *why, a vCPU is in the way. The backing's
 * own refusals (the call was not made) come back as they are and leave *why 0.
 */
static int issue_until(struct td *td, const struct td_call *call, struct tdx_regs *regs, int *why)
{
	struct call_tries tries = CALL_TRIES_INIT;
	struct tdx_regs in = *regs;
	int error;

	*why = 0;
	do {
		*regs = in;
		error = call->leaf ? call->leaf(td, call->first, regs, call->stock)
				   : leaf_seamcall(td, regs);
		if (error != -OS_EIO)
			return error;
		*why = call_again(&td->vmm->caller, &tries, TDX_RAX_LEAF(in.rax), regs);
	} while (*why > 0);
	/* The backing said -OS_EIO, so the status says why; a success here would be its bug. */
	OS_INVARIANT(*why < 0);
	return *why == -OS_EBUSY ? -OS_EAGAIN : *why;
}

/*
 * Barring all vCPUs costs as much as a TLB flush, so it comes only after the vCPU in the way had
 * its chance to be quick. With the MMU lock held for writing no vCPU gets past its next fault, and
 * those outside wait: whatever the guest held in the module is free then.
 */
int td_issue(struct td *td, const struct td_call *call, struct tdx_regs *regs,
	     enum td_issue_how how)
{
	struct tdx_regs in = *regs;
	int why, error;

	error = issue_until(td, call, regs, &why);
	if (!error || how == TD_ISSUE_PLAIN)
		return error;
	if (how == TD_ISSUE_BARRING && why != -OS_EBUSY)
		return error;
	*regs = in;
	if (how == TD_ISSUE_BARRING)
		td_bar(td);
	error = issue_until(td, call, regs, &why);
	if (how == TD_ISSUE_BARRING)
		td_unbar(td);
	return error;
}
