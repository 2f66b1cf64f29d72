// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * measure.c - MR.EXTEND and MR.FINALIZE: the end of a TD's building. Nothing is hashed here; what
 * a host sees of the two leaves is all there.
 */
#include "seam/dispatch.h"
#include "seam/mem.h"

#define CHUNK_BYTES UINT64_C(256)

tdx_status_t tdh_mr_extend(struct call *call)
{
	const tdx_gpa_t at = gpa(call->in.rcx);
	struct sept_pos pos;
	struct td td;
	tdx_status_t status = td_usable(call, hpa(call->in.rdx), TDX_OP_RDX, true, &td);

	if (call_failed(status))
		return status;
	if (at.v & (CHUNK_BYTES - 1) || at.v >> td.tdcs->gpa_bits)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RCX);
	return mem_find_mapped(call, &td, at, &pos);
}

tdx_status_t tdh_mr_finalize(struct call *call)
{
	struct td td;
	tdx_status_t status = td_usable(call, hpa(call->in.rcx), TDX_OP_RCX, true, &td);

	if (call_failed(status))
		return status;
	/* Relaxed: the TDR is locked, so no VP.INIT is under way. */
	if (!os_load32(&td.tdcs->nr_vcpus, OS_RELAXED))
		return tdx_status(TDX_NO_VCPUS, 0);

	td.tdcs->op_state = TDX_OP_RUNNABLE;
	td_end_build(call->seam, td.tdcs);
	return CALL_OK;
}
