// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vp_enter.c - VP.ENTER: a vCPU runs until something makes it leave.
 *
 * While it is inside, the TDVPR, its TDR and OP_STATE stay locked shared, so that the leaves which
 * end a TD or its vCPU find them busy; and the vCPU is counted in the epoch in which it entered.
 * The order at the entry is what TLB tracking rests on: under the epoch's lock, shared, the epoch
 * is read and the vCPU counted; a TRACK either comes before and its new epoch is seen, or after
 * and the count is.
 */
#include "seam/dispatch.h"
#include "seam/guest.h"
#include "seam/vp.h"

/* READY becomes ACTIVE, on an LP to which the vCPU may come. Undone by leave(). */
static tdx_status_t activate(struct call *call, struct vp *vp)
{
	struct tdvps *tdvps = vp->tdvps;
	uint32_t state = TDX_VCPU_READY;

	/* Acquire: what it did on its last LP is over, and VP.INIT is complete. */
	if (!os_cas32(&tdvps->state, &state, TDX_VCPU_ACTIVE, OS_ACQUIRE))
		return tdx_status(TDX_VCPU_STATE_INCORRECT, state);
	if (vp_associate(call, vp))
		return CALL_OK;
	/* Release: as in leave(), though nothing was done. */
	os_store32(&tdvps->state, TDX_VCPU_READY, OS_RELEASE);
	return tdx_status(TDX_VCPU_ASSOCIATED, 0);
}

/* Counts the vCPU in the current epoch; *parity: of that epoch. The epoch's lock is held. */
static void count_in(struct tdcs *tdcs, uint32_t *parity)
{
	/* Acquire: what was blocked before this epoch began is seen blocked. */
	*parity = os_load64(&tdcs->epoch, OS_ACQUIRE) & 1;
	/* Acquire-release: the count is up before the guest's first access. */
	os_fetch_add64(&tdcs->refcount[*parity], 1, OS_ACQ_REL);
}

static void leave(struct vp *vp, uint32_t parity)
{
	/* Release, both: the guest's accesses are over when these are seen. */
	os_fetch_add64(&vp->td.tdcs->refcount[parity], UINT64_MAX, OS_RELEASE);
	os_store32(&vp->tdvps->state, TDX_VCPU_READY, OS_RELEASE);
}

/* The host's registers: why the vCPU left. */
static tdx_status_t exit_results(struct tdx_regs *regs, const struct seam_vcpu *vcpu,
				 enum seam_exit how)
{
	switch (how) {
	case SEAM_EXIT_EPT:
		regs->rcx = vcpu->exit_qualification;
		regs->r8 = vcpu->exit_gpa;
		return tdx_status(TDX_SUCCESS, TDX_EXIT_EPT_VIOLATION);
	case SEAM_EXIT_VMCALL:
	case SEAM_EXIT_HALT:
		*regs = vcpu->vmcall;
		return tdx_status(TDX_SUCCESS, TDX_EXIT_TDCALL);
	case SEAM_EXIT_NONE:
	case SEAM_EXIT_INTERRUPT:
		break;
	}
	return tdx_status(TDX_SUCCESS, TDX_EXIT_INTERRUPT);
}

tdx_status_t tdh_vp_enter(struct call *call)
{
	const struct seam_config *config = &call->seam->config;
	enum seam_exit how = SEAM_EXIT_INTERRUPT;
	struct seam_vcpu vcpu;
	uint32_t parity;
	struct vp vp;
	tdx_status_t status = vp_explicit(call, call->in.rcx, TDX_OP_RCX, false, false, &vp);

	if (call_failed(status))
		return status;
	status = td_build(call, &vp.td, OP_RUNNABLE, true);
	if (call_failed(status))
		return status;
	if (vp.tdvps->nr_pages < TDX_MIN_TDVPS)
		return tdx_status(TDX_TDCX_NUM_INCORRECT, 0);
	if (!call_lock(call, &vp.td.tdcs->epoch_lock, LOCK_SHAREX_S))
		return status_operand(TDX_OPERAND_BUSY, TDX_OP_TD_EPOCH);
	status = activate(call, &vp);
	if (call_failed(status))
		return status;
	count_in(vp.td.tdcs, &parity);
	sharex_unlock_shared(&vp.td.tdcs->epoch_lock);
	call_lock_forget(call, &vp.td.tdcs->epoch_lock);

	vcpu = (struct seam_vcpu){ .call = call, .td = &vp.td, .tdvps = vp.tdvps };
	if (config->guest)
		how = config->guest(config->guest_ctx, &vcpu);
	leave(&vp, parity);
	return exit_results(call->regs, &vcpu, how);
}
