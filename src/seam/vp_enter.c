// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vp_enter.c - VP.ENTER: a vCPU runs until something makes it leave.
 *
 * While it is inside, the TDVPR and its TDR stay locked shared, so that the leaves which end a TD
 * or its vCPU find them busy; OP_STATE is let go just before. And the vCPU is counted in the epoch
 * in which it entered. The order at the entry is what TLB tracking rests on: under the epoch's
 * lock, shared, the epoch is read and the vCPU counted; a TRACK either comes before and its new
 * epoch is seen, or after and the count is.
 */
#include "seam/dispatch.h"
#include "seam/vp_enter.h"

/* RCX: the host has put right what made the vCPU leave; L1 goes on, not L2. */
#define RCX_RECOVERABLE (UINT64_C(1) << 52)
#define RCX_RESUME_L1	(UINT64_C(1) << 53)
#define RCX_RESERVED	UINT64_C(0xffc0000000000fff)

/* Counts the vCPU in the current epoch. The epoch's lock is held. */
static void count_in(struct vp *vp, uint32_t *parity)
{
	/* Acquire: what was blocked before this epoch began is seen blocked. */
	uint64_t epoch = os_load64(&vp->td.tdcs->epoch, OS_ACQUIRE);

	vp->tdvps->epoch = epoch;
	*parity = epoch & 1;
	/* Acquire-release: the count is up before the guest's first access. */
	os_fetch_add64(&vp->td.tdcs->refcount[*parity], 1, OS_ACQ_REL);
}

static void count_out(const struct vp *vp, uint32_t parity)
{
	/* Release: the guest's accesses are over when this is seen. */
	os_fetch_add64(&vp->td.tdcs->refcount[parity], UINT64_MAX, OS_RELEASE);
}

/* The checks, in their order. The vCPU is this LP's from the second on, whatever follows. */
static tdx_status_t decode(struct call *call, struct vp *vp, uint32_t *parity)
{
	uint64_t rcx = call->in.rcx;
	tdx_status_t status;

	if (rcx & RCX_RESERVED)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RCX);
	status = vp_use(call, hpa(rcx & ~(RCX_RECOVERABLE | RCX_RESUME_L1)), 1u << TDX_VCPU_READY,
			vp);
	if (call_failed(status))
		return status;
	/* No exit asks for the host's help here, and there is no L2. */
	if (rcx & (RCX_RECOVERABLE | RCX_RESUME_L1))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RCX);
	if (!call_lock(call, &vp->td.tdcs->epoch_lock, LOCK_SHAREX_S))
		return status_operand(TDX_OPERAND_BUSY, TDX_OP_TD_EPOCH);
	count_in(vp, parity);
	call_unlock(call, &vp->td.tdcs->epoch_lock, LOCK_SHAREX_S);
	return CALL_OK;
}

static enum seam_exit run(struct call *call, const struct vp *vp, struct seam_vcpu *vcpu)
{
	const struct seam_config *config = &call->seam->config;
	enum seam_exit how = SEAM_EXIT_INTERRUPT;

	*vcpu = (struct seam_vcpu){
		.call = call,
		.td = &vp->td,
		.tdvps = vp->tdvps,
		.entry = exit_entry_regs(call, vp),
	};
	/* Relaxed: the vCPU is this LP's. */
	os_store32(&vp->tdvps->state, TDX_VCPU_ACTIVE, OS_RELAXED);
	if (config->guest)
		how = config->guest(config->guest_ctx, vcpu);
	/* Release: what it did is over when it is seen READY. */
	os_store32(&vp->tdvps->state, TDX_VCPU_READY, OS_RELEASE);
	return how;
}

tdx_status_t tdh_vp_enter(struct call *call)
{
	struct seam_vcpu vcpu;
	enum seam_exit how;
	uint32_t parity;
	struct vp vp;
	bool noted;
	tdx_gpa_t at;
	tdx_status_t status = decode(call, &vp, &parity);

	if (call_failed(status))
		return status;
	noted = vp.tdvps->nr_epf;
	if (noted && !call_lock(call, &vp.td.tdcs->locks, LOCK_SECOND_S)) {
		count_out(&vp, parity);
		return status_operand(TDX_OPERAND_BUSY, TDX_OP_SEPT_TREE);
	}
	if (noted && zero_step_holds(call, &vp, &at)) {
		count_out(&vp, parity);
		return exit_again(call, &vp, at);
	}

	call_unlock(call, &vp.td.tdcs->locks, LOCK_SHAREX_HP_S);
	if (noted)
		call_unlock(call, &vp.td.tdcs->locks, LOCK_SECOND_S);
	how = run(call, &vp, &vcpu);
	status = exit_results(call, &vp, &vcpu, how);
	count_out(&vp, parity);
	return status;
}
