// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * range.c - MEM.RANGE.BLOCK, MEM.RANGE.UNBLOCK, MEM.TRACK: a range of guest memory is taken out
 * of the vCPUs' reach, in two steps and an epoch.
 *
 * BLOCK closes the S-EPT entry and notes the TD's epoch. A vCPU that entered in that epoch or
 * before may still have the old translation. TRACK begins a new epoch; when no vCPU of the noted
 * epoch is inside any more (td_tracked()), nobody has.
 */
#include "seam/dispatch.h"
#include "seam/mem.h"

static const struct mem_rule block_rule = {
	.tree_exclusive = true,
	.max_level = MEM_ROOT,
	.states = SEPT_ALLOW_BLOCK,
};

static const struct mem_rule unblock_rule = {
	.tree_exclusive = true,
	.max_level = MEM_ROOT,
	.states = SEPT_ALLOW_UNBLOCK,
};

/* The entry changes to another state and keeps its page; how far an ACCEPT came is forgotten. */
static void change_state(struct call *call, struct mem *mem, enum sept_state state)
{
	tdx_hpa_t page = sept_large_page(mem->pos.value, mem_size(mem));

	sept_commit(call, &mem->pos, sept_entry(state, page));
}

tdx_status_t tdh_mem_range_block(struct call *call)
{
	struct pamt_page page;
	struct mem mem;
	tdx_status_t status = mem_decode_entry(call, &block_rule, &mem);

	if (call_failed(status))
		return status;
	if (mem.state != SEPT_NO_STATE && sept_states[mem.state].blocked)
		return mem_entry_status(call, &mem, TDX_GPA_RANGE_ALREADY_BLOCKED);
	if (mem.state == SEPT_NO_STATE || !(1u << mem.state & block_rule.states))
		return mem_entry_status(call, &mem, TDX_EPT_ENTRY_STATE_INCORRECT);
	status = mem_find_page(call, &mem, &page);
	if (call_failed(status))
		return status;

	if (mem.state == SEPT_NL_MAPPED)
		sept_new_tables(call, mem.td.tdcs);
	change_state(call, &mem, (enum sept_state)sept_states[mem.state].after_block);
	/*
	 * The epoch is read after the entry is closed, so that a vCPU that entered later than the
	 * noted epoch finds it closed; the compare-and-swap of the entry is a full barrier on x86.
	 * The tree's lock is still held, so no leaf looks at the note before it is there.
	 */
	os_store64(&page.entry->tail, os_load64(&mem.td.tdcs->epoch, OS_ACQUIRE), OS_RELAXED);
	return CALL_OK;
}

tdx_status_t tdh_mem_range_unblock(struct call *call)
{
	struct pamt_page page;
	struct mem mem;
	tdx_status_t status = mem_decode(call, &unblock_rule, &mem);

	if (call_failed(status))
		return status;
	status = mem_find_tracked(call, &mem, &page);
	if (call_failed(status))
		return status;

	change_state(call, &mem, (enum sept_state)sept_states[mem.state].after_unblock);
	return CALL_OK;
}

tdx_status_t tdh_mem_track(struct call *call)
{
	struct tdcs *tdcs;
	struct td td;
	uint64_t epoch;
	tdx_status_t status = td_usable(call, hpa(call->in.rcx), TDX_OP_RCX, false, &td);

	if (call_failed(status))
		return status;
	tdcs = td.tdcs;
	if (!call_lock(call, &tdcs->epoch_lock, LOCK_SHAREX_X))
		return status_operand(TDX_OPERAND_BUSY, TDX_OP_TD_EPOCH);
	/* Relaxed: only the holder of the lock changes it. */
	epoch = os_load64(&tdcs->epoch, OS_RELAXED);
	/* Acquire: the accesses of vCPUs that have left are over. */
	if (os_load64(&tdcs->refcount[1 - (epoch & 1)], OS_ACQUIRE))
		return tdx_status(TDX_PREVIOUS_TLB_EPOCH_BUSY, 0);

	/* Release: whoever reads the new epoch sees all that was blocked in the old one. */
	os_store64(&tdcs->epoch, epoch + 1, OS_RELEASE);
	return CALL_OK;
}
