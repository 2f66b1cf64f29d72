// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vp_enter.c - VP.ENTER: a vCPU runs until something makes it leave.
 *
 * While it is inside, the TDVPR and its TDR stay locked shared, so that the leaves which end a TD
 * or its vCPU find them busy; OP_STATE is let go just before. And the vCPU is counted in the epoch
 * in which it entered. The order at the entry is what TLB tracking rests on: under the epoch's
 * lock, shared, the epoch is read and the vCPU counted; a TRACK either comes before and its new
 * epoch is seen, or after and the count is.
 *
 * The zero-step rule: a host could let a vCPU fault at one instruction again and again, to learn
 * from its timing. From the seventh fault without progress on the vCPU notes where it faults, and
 * it is not run any more until all these pages are mapped.
 */
#include "seam/dispatch.h"
#include "seam/guest.h"
#include "seam/vp.h"

/* RCX: the host has put right what made the vCPU leave; L1 goes on, not L2. */
#define RCX_RECOVERABLE (UINT64_C(1) << 52)
#define RCX_RESUME_L1	(UINT64_C(1) << 53)
#define RCX_RESERVED	UINT64_C(0xffc0000000000fff)

/* An interrupt that no host minds: Linux's request to reschedule. */
#define ANY_VECTOR 0xfdu

/* Faults without progress that are not noted. */
#define FREE_FAULTS 6u

/* ------------------------------------------------------------------------------------------- */
/* In.                                                                                          */

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

/* ------------------------------------------------------------------------------------------- */
/* The zero-step rule.                                                                          */

/* Does one of the pages where the vCPU faulted make it fault again? *at: the first of them. */
static bool would_fault(struct call *call, const struct vp *vp, tdx_gpa_t *at)
{
	for (uint32_t i = 0; i < vp->tdvps->nr_epf && i < TDX_MAX_EPF; i++) {
		*at = gpa(vp->tdvps->epf[i].v & ~(TDX_PAGE_SIZE - 1));
		if (guest_would_fault(call, &vp->td, *at))
			return true;
	}
	return false;
}

static bool is_noted(const struct tdvps *tdvps, tdx_gpa_t at)
{
	for (uint32_t i = 0; i < tdvps->nr_epf; i++)
		if (tdvps->epf[i].v == at.v)
			return true;
	return false;
}

/* The vCPU leaves with a fault: of an access, since ACCEPT says where it fails, to private memory.
 */
static void note_fault(const struct vp *vp, const struct seam_vcpu *vcpu)
{
	tdx_gpa_t at = gpa(vcpu->exit_gpa.v & ~(TDX_PAGE_SIZE - 1));
	struct tdvps *tdvps = vp->tdvps;

	if (at.v >> vp->td.tdcs->shared_bit & 1 || vcpu->exit_extended == TDX_EPT_EXTENDED_ACCEPT)
		return;
	if (vcpu->progress)
		tdvps->nr_faults = tdvps->nr_epf = 0;
	if (tdvps->nr_faults < FREE_FAULTS)
		tdvps->nr_faults++;
	else if (tdvps->nr_epf < TDX_MAX_EPF && !is_noted(tdvps, at))
		tdvps->epf[tdvps->nr_epf++] = at;
}

/* ------------------------------------------------------------------------------------------- */
/* Out: the host's registers.                                                                   */

#define GPR_MASK UINT64_C(0xffff)

static uint64_t *gpr(struct tdx_regs *regs, uint32_t number)
{
	return (uint64_t *)regs + (number < GPR_RSP ? number : number - 1);
}

static bool keeps_rbp(const struct vp *vp)
{
	return vp->td.tdcs->config_flags & TDX_CONFIG_NO_RBP_MOD;
}

/* Nothing of what the host or the guest had there. */
static void clear_regs(struct tdx_regs *regs, const struct vp *vp)
{
	for (uint32_t i = GPR_RCX; i < NR_GPR; i++)
		if (i != GPR_RSP && !(i == GPR_RBP && keeps_rbp(vp)))
			*gpr(regs, i) = 0;
}

/* The guest's registers that it named, and no others. */
static tdx_status_t vmcall_results(struct tdx_regs *regs, const struct vp *vp,
				   struct seam_vcpu *vcpu)
{
	uint64_t mask = vcpu->vmcall.rcx & GPR_MASK & ~(1u << 0 | 1u << GPR_RCX | 1u << GPR_RSP);

	if (keeps_rbp(vp))
		mask &= ~(UINT64_C(1) << GPR_RBP);
	for (uint32_t i = 0; i < NR_GPR; i++)
		if (mask >> i & 1)
			*gpr(regs, i) = *gpr(&vcpu->vmcall, i);
	regs->rcx = mask;
	vp->tdvps->vmcall_mask = mask;
	return tdx_status(TDX_SUCCESS, TDX_EXIT_TDCALL);
}

static tdx_status_t ept_results(struct tdx_regs *regs, uint64_t qualification, uint64_t extended,
				tdx_gpa_t at)
{
	regs->rcx = qualification;
	regs->rdx = extended;
	regs->r8 = at.v;
	return tdx_status(TDX_SUCCESS, TDX_EXIT_EPT_VIOLATION);
}

static tdx_status_t exit_results(struct call *call, const struct vp *vp, struct seam_vcpu *vcpu,
				 enum seam_exit how)
{
	struct tdx_regs *regs = call->regs;
	uint32_t vector = call->seam->config.interrupt_vector;

	clear_regs(regs, vp);
	vp->tdvps->vmcall_mask = 0;
	switch (how) {
	case SEAM_EXIT_EPT:
		note_fault(vp, vcpu);
		return ept_results(regs, vcpu->exit_qualification, vcpu->exit_extended,
				   vcpu->exit_gpa);
	case SEAM_EXIT_VMCALL:
	case SEAM_EXIT_HALT:
		return vmcall_results(regs, vp, vcpu);
	case SEAM_EXIT_NONE:
	case SEAM_EXIT_INTERRUPT:
		break;
	}
	regs->r9 = TDX_INTERRUPT_VALID | (vector ? vector : ANY_VECTOR);
	return tdx_status(TDX_SUCCESS, TDX_EXIT_INTERRUPT);
}

/* ------------------------------------------------------------------------------------------- */

/* What the host gives the guest: after a TDG.VP.VMCALL, the registers that were named there. */
static struct tdx_regs entry_regs(const struct call *call, const struct vp *vp)
{
	struct tdx_regs in = call->in, regs = { .rcx = vp->tdvps->vmcall_mask };

	for (uint32_t i = GPR_RCX + 1; i < NR_GPR; i++)
		if (i != GPR_RSP && vp->tdvps->vmcall_mask >> i & 1)
			*gpr(&regs, i) = *gpr(&in, i);
	return regs;
}

static enum seam_exit run(struct call *call, const struct vp *vp, struct seam_vcpu *vcpu)
{
	const struct seam_config *config = &call->seam->config;
	enum seam_exit how = SEAM_EXIT_INTERRUPT;

	*vcpu = (struct seam_vcpu){
		.call = call,
		.td = &vp->td,
		.tdvps = vp->tdvps,
		.entry = entry_regs(call, vp),
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
	if (noted && would_fault(call, &vp, &at)) {
		count_out(&vp, parity);
		clear_regs(call->regs, &vp);
		return ept_results(call->regs, TDX_EPT_VIOLATION_WRITE, 0, at);
	}

	call_unlock(call, &vp.td.tdcs->locks, LOCK_SHAREX_HP_S);
	if (noted)
		call_unlock(call, &vp.td.tdcs->locks, LOCK_SECOND_S);
	how = run(call, &vp, &vcpu);
	status = exit_results(call, &vp, &vcpu, how);
	count_out(&vp, parity);
	return status;
}
