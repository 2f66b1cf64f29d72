// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * mem_word.c - MEM.RD and MEM.WR: a debugger looks into the memory of a TD that allows it.
 *
 * No recording has the two. Order and locks are those of the module's public source.
 */
#include "seam/dispatch.h"
#include "seam/hpa.h"
#include "seam/mem.h"

#define WORD_BYTES UINT64_C(8)

/* The word that RCX names, of the TD in RDX. Its page stays while its entry is locked. */
static tdx_status_t find_word(struct call *call, enum os_access access, os_a64_t **word)
{
	const tdx_gpa_t at = gpa(call->in.rcx);
	struct sept_pos pos;
	struct td td;
	tdx_status_t status = td_usable(call, hpa(call->in.rdx), TDX_OP_RDX, false, &td);

	if (call_failed(status))
		return status;
	if (!(td.tdcs->attributes & TDX_ATTR_DEBUG))
		return tdx_status(TDX_TD_NON_DEBUG, 0);
	if (at.v & (WORD_BYTES - 1))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RCX);
	if (!call_lock(call, &td.tdcs->locks, LOCK_SECOND_S))
		return status_operand(TDX_OPERAND_BUSY, TDX_OP_SEPT_TREE);
	if (at.v >> td.tdcs->gpa_bits)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RCX);
	status = mem_find_mapped(call, &td, at, &pos);
	if (call_failed(status))
		return status;
	if (!call_lock_read(call, pos.entry, LOCK_SEPT_ENTRY, &pos.value)) {
		sept_details(call, &pos);
		return status_operand(TDX_OPERAND_BUSY, TDX_OP_RCX);
	}
	/* Another call had it in between. */
	if (sept_state(pos.value) != SEPT_MAPPED) {
		sept_details(call, &pos);
		return status_operand(TDX_EPT_ENTRY_STATE_INCORRECT, TDX_OP_RCX);
	}
	*word = pamt_map_owned(call, sept_translate(&pos, at), access);
	return CALL_OK;
}

tdx_status_t tdh_mem_rd(struct call *call)
{
	os_a64_t *word;
	tdx_status_t status = find_word(call, OS_READ, &word);

	if (call_failed(status))
		return status;
	/* Relaxed, as below: a word of the guest's, to which it may write meanwhile. */
	call->regs->r8 = os_load64(word, OS_RELAXED);
	return CALL_OK;
}

tdx_status_t tdh_mem_wr(struct call *call)
{
	os_a64_t *word;
	tdx_status_t status = find_word(call, OS_WRITE, &word);

	if (call_failed(status))
		return status;
	call->regs->r8 = os_load64(word, OS_RELAXED);
	/* On failure the guest was there first, and the next try begins with what it wrote. */
	while (!os_cas64(word, &call->regs->r8, call->in.r8, OS_RELAXED))
		;
	return CALL_OK;
}
