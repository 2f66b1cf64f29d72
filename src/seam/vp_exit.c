// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vp_exit.c - what a host finds in its registers when a vCPU has left, and what it gives back with
 * them; of the guest's registers, those that the guest named.
 */
#include "seam/vp_enter.h"

/* An interrupt that no host minds: Linux's request to reschedule. */
#define ANY_VECTOR 0xfdu

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

tdx_status_t exit_again(struct call *call, const struct vp *vp, tdx_gpa_t at)
{
	clear_regs(call->regs, vp);
	return ept_results(call->regs, TDX_EPT_VIOLATION_WRITE, 0, at);
}

tdx_status_t exit_results(struct call *call, const struct vp *vp, struct seam_vcpu *vcpu,
			  enum seam_exit how)
{
	struct tdx_regs *regs = call->regs;
	uint32_t vector = call->seam->config.interrupt_vector;

	clear_regs(regs, vp);
	vp->tdvps->vmcall_mask = 0;
	switch (how) {
	case SEAM_EXIT_EPT:
		zero_step_note(vp, vcpu);
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

struct tdx_regs exit_entry_regs(const struct call *call, const struct vp *vp)
{
	struct tdx_regs in = call->in, regs = { .rcx = vp->tdvps->vmcall_mask };

	for (uint32_t i = GPR_RCX + 1; i < NR_GPR; i++)
		if (i != GPR_RSP && vp->tdvps->vmcall_mask >> i & 1)
			*gpr(&regs, i) = *gpr(&in, i);
	return regs;
}
