// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vp.c - VP.CREATE, ADDCX, FLUSH: a vCPU's pages, and the LP that it belongs to.
 */
#include "seam/dispatch.h"
#include "seam/hpa.h"
#include "seam/vp.h"

/* What is used as a number of elements. */
static bool tdvps_is_sane(const struct tdvps *tdvps)
{
	return tdvps->nr_pages >= 1 && tdvps->nr_pages <= TDX_MAX_TDVPS &&
	       tdvps->index < TDX_MAX_VCPUS && tdvps->nr_epf <= TDX_MAX_EPF;
}

tdx_status_t vp_explicit(struct call *call, struct pamt_operand operand, bool tdr_exclusive,
			 struct vp *vp)
{
	tdx_status_t status = pamt_explicit(call, operand, TDX_PT_TDVPR, &vp->page);

	if (call_failed(status))
		return status;
	vp->address = operand.address;
	vp->tdvps = module_map(call->seam, operand.address, OS_WRITE);
	if (!tdvps_is_sane(vp->tdvps))
		return call_fatal(call, FATAL_CONTROL, operand.address);
	return td_implicit(call, pamt_owner(vp->page.head), tdr_exclusive, &vp->td);
}

bool vp_associate(struct call *call, struct vp *vp)
{
	uint32_t lp = 0;

	/* Acquire: what the vCPU did on its last LP, until its VP.FLUSH there, is over. */
	if (!os_cas32(&vp->tdvps->lp, &lp, call->lp + 1, OS_ACQUIRE))
		return lp == call->lp + 1;
	/* Relaxed: VPFLUSHDONE, which asks, has the TDR exclusively. */
	os_fetch_add32(&vp->td.tdcs->nr_assoc, 1, OS_RELAXED);
	return true;
}

bool vp_has_pages(const struct vp *vp, const struct tdcs *tdcs)
{
	return vp->tdvps->nr_pages >= TDX_MIN_TDVPS + tdcs->nr_l2_vms * TDX_TDVPS_PER_L2_VM;
}

tdx_status_t vp_use(struct call *call, tdx_hpa_t address, uint32_t vcpu_states, struct vp *vp)
{
	tdx_status_t status =
		vp_explicit(call, (struct pamt_operand){ address, TDX_OP_RCX, false }, false, vp);
	uint32_t state;

	if (call_failed(status))
		return status;
	status = td_build(call, &vp->td, true);
	if (call_failed(status))
		return status;
	if (!vp_has_pages(vp, vp->td.tdcs))
		return tdx_status(TDX_TDCX_NUM_INCORRECT, 0);
	/* Acquire: VP.INIT is complete, and what the vCPU did on its last LP is over. */
	state = os_load32(&vp->tdvps->state, OS_ACQUIRE);
	if (state >= 32 || !(1u << state & vcpu_states))
		return tdx_status(TDX_VCPU_STATE_INCORRECT, state);
	if (!vp_associate(call, vp))
		return tdx_status(TDX_VCPU_ASSOCIATED, 0);
	return CALL_OK;
}

tdx_status_t tdh_vp_create(struct call *call)
{
	struct pamt_page page;
	struct tdvps *tdvps;
	struct td td;
	tdx_status_t status = td_usable(call, hpa(call->in.rdx), TDX_OP_RDX, false, &td);

	if (call_failed(status))
		return status;
	status = pamt_free_4k(call, hpa(call->in.rcx), TDX_OP_RCX, &page);
	if (call_failed(status))
		return status;

	tdvps = module_map(call->seam, hpa(call->in.rcx), OS_WRITE);
	os_memset(tdvps, 0, TDX_PAGE_SIZE);
	tdvps->nr_pages = 1;
	pamt_claim(call, &page, TDX_PT_TDVPR, td.address);
	td_add_children(call, &td, 1);
	return CALL_OK;
}

tdx_status_t vp_check_state(const struct vp *vp, enum tdx_vcpu_state wanted)
{
	/* Acquire: pairs with the release of whoever brought it about. */
	uint32_t state = os_load32(&vp->tdvps->state, OS_ACQUIRE);

	if (state != wanted)
		return tdx_status(TDX_VCPU_STATE_INCORRECT, state);
	return CALL_OK;
}

tdx_status_t tdh_vp_addcx(struct call *call)
{
	const struct os_services *os = call->seam->os;
	struct pamt_page page;
	struct vp vp;
	tdx_status_t status = vp_explicit(
		call, (struct pamt_operand){ hpa(call->in.rdx), TDX_OP_RDX, true }, false, &vp);

	if (call_failed(status))
		return status;
	status = td_build(call, &vp.td, true);
	if (call_failed(status))
		return status;
	status = vp_check_state(&vp, TDX_VCPU_UNINITIALIZED);
	if (call_failed(status))
		return status;
	if (vp.tdvps->nr_pages >= TDX_MAX_TDVPS)
		return tdx_status(TDX_TDCX_NUM_INCORRECT, 0);
	status = pamt_free_4k(call, hpa(call->in.rcx), TDX_OP_RCX, &page);
	if (call_failed(status))
		return status;

	os->zero(os->ctx, hpa(call->in.rcx), TDX_PAGE_SIZE);
	pamt_claim(call, &page, TDX_PT_TDCX, vp.td.address);
	td_add_children(call, &vp.td, 1);
	vp.tdvps->tdcx[vp.tdvps->nr_pages++ - 1] = hpa(call->in.rcx);
	return CALL_OK;
}

tdx_status_t tdh_vp_flush(struct call *call)
{
	struct tdcs *tdcs;
	struct vp vp;
	tdx_status_t status = vp_explicit(
		call, (struct pamt_operand){ hpa(call->in.rcx), TDX_OP_RCX, true }, false, &vp);

	if (call_failed(status))
		return status;
	if (vp.td.tdr->lifecycle != TDX_KEYS_CONFIGURED)
		return tdx_status(TDX_TD_KEYS_NOT_CONFIGURED, 0);
	tdcs = td_tdcs(call, vp.td.tdr);
	if (!tdcs || !vp_has_pages(&vp, tdcs))
		return tdx_status(TDX_TDCX_NUM_INCORRECT, 0);
	/* Relaxed: ordered by the TDVPR's lock. */
	if (os_load32(&vp.tdvps->lp, OS_RELAXED) != call->lp + 1)
		return tdx_status(TDX_VCPU_NOT_ASSOCIATED, 0);

	/* Release: pairs with vp_associate() on the next LP. */
	os_store32(&vp.tdvps->lp, 0, OS_RELEASE);
	/* Release: VPFLUSHDONE that sees the number sees all that the vCPU did. */
	os_fetch_add32(&tdcs->nr_assoc, UINT32_MAX, OS_RELEASE);
	return CALL_OK;
}
