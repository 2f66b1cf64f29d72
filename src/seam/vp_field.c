// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vp_field.c - VP.RD, VP.WR: the fields of a vCPU, and where their values are.
 */
#include "seam/dispatch.h"
#include "seam/field.h"
#include "seam/vp.h"

#define IN_TDVPS(member) FIELD_AT(FIELD_IN_TDVPS, struct tdvps, member)

const struct field_value vp_field_values[NR_VP_FIELDS] = {
	[VP_FIELD_VMCS_POSTED_INTERRUPT_VECTOR] = IN_TDVPS(posted_intr_vector),
	[VP_FIELD_VMCS_POSTED_INTERRUPT_DESCRIPTOR] = IN_TDVPS(posted_intr_descriptor),
	[VP_FIELD_VMCS_PIN_CONTROLS] = IN_TDVPS(pin_controls),
	[VP_FIELD_VMCS_SHARED_EPTP] = IN_TDVPS(shared_eptp),
	[VP_FIELD_VCPU_STATE_DETAILS] = IN_TDVPS(state_details),
	[VP_FIELD_VCPU_STATE] = IN_TDVPS(state),
	[VP_FIELD_VCPU_INDEX] = IN_TDVPS(index),
	[VP_FIELD_NUM_TDVPS_PAGES] = IN_TDVPS(nr_pages),
	[VP_FIELD_PEND_NMI] = IN_TDVPS(pending_nmi),
};

/* An initialised vCPU that is or can be this LP's. */
static tdx_status_t vp_operand(struct call *call, struct vp *vp)
{
	tdx_status_t status = vp_explicit(call, call->in.rcx, TDX_OP_RCX, false, false, vp);

	if (call_failed(status))
		return status;
	status = td_build(call, &vp->td, OP_BUILT, true);
	if (call_failed(status))
		return status;
	/* Acquire: VP.INIT is complete. */
	if (os_load32(&vp->tdvps->state, OS_ACQUIRE) == TDX_VCPU_UNINITIALIZED)
		return tdx_status(TDX_VCPU_STATE_INCORRECT, TDX_VCPU_UNINITIALIZED);
	if (!vp_associate(call, vp))
		return tdx_status(TDX_VCPU_ASSOCIATED, 0);
	return CALL_OK;
}

static struct field_view view_of(const struct call *call, struct vp *vp)
{
	struct field_view view = field_view_of(call, ABI_VP, &vp->td);

	view.tdvps = vp->tdvps;
	return view;
}

tdx_status_t tdh_vp_rd(struct call *call)
{
	struct field_view view;
	tdx_status_t status;
	struct vp vp;

	status = vp_operand(call, &vp);
	if (call_failed(status))
		return status;
	view = view_of(call, &vp);
	return field_read_leaf(call, &view);
}

tdx_status_t tdh_vp_wr(struct call *call)
{
	struct field_view view;
	struct field_ref ref;
	uint64_t seen;
	tdx_status_t status;
	struct vp vp;

	status = vp_operand(call, &vp);
	if (call_failed(status))
		return status;
	view = view_of(call, &vp);
	status = field_find(&view, call->in.rdx, &ref);
	if (call_failed(status))
		return status;
	seen = field_load(&view, &ref) & field_readable(&view, ref.field);
	status = field_check_write(&view, ref.field, call->in.r8, call->in.r9, seen);
	if (call_failed(status))
		return status;
	field_change(&view, &ref, call->in.r8, call->in.r9);
	call->regs->r8 = seen;
	return CALL_OK;
}
