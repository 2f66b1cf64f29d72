// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vp.c - VP.CREATE, ADDCX, INIT, FLUSH: a vCPU's pages, its birth, and its leaving an LP.
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

/* The TDVPR operand, locked as asked, and its TD, the TDR locked as asked. */
static tdx_status_t vp_explicit(struct call *call, struct pamt_operand operand, bool tdr_exclusive,
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

/* The vCPU belongs to this LP from now on; false: it is another's. */
static bool associate(struct call *call, struct vp *vp)
{
	uint32_t lp = 0;

	/* Acquire: what the vCPU did on its last LP, until its VP.FLUSH there, is over. */
	if (!os_cas32(&vp->tdvps->lp, &lp, call->lp + 1, OS_ACQUIRE))
		return lp == call->lp + 1;
	/* Relaxed: VPFLUSHDONE, which asks, has the TDR exclusively. */
	os_fetch_add32(&vp->td.tdcs->nr_assoc, 1, OS_RELAXED);
	return true;
}

/* All pages that it needs: some more for each L2 VM of its TD. */
static bool has_pages(const struct vp *vp, const struct tdcs *tdcs)
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
	if (!has_pages(vp, vp->td.tdcs))
		return tdx_status(TDX_TDCX_NUM_INCORRECT, 0);
	/* Acquire: VP.INIT is complete, and what the vCPU did on its last LP is over. */
	state = os_load32(&vp->tdvps->state, OS_ACQUIRE);
	if (state >= 32 || !(1u << state & vcpu_states))
		return tdx_status(TDX_VCPU_STATE_INCORRECT, state);
	if (!associate(call, vp))
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

static tdx_status_t check_state(const struct vp *vp, enum tdx_vcpu_state wanted)
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
	status = check_state(&vp, TDX_VCPU_UNINITIALIZED);
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

/* ------------------------------------------------------------------------------------------- */
/* INIT and FLUSH.                                                                              */

/* Version 1: R8 is the vCPU's x2APIC id, which no other vCPU of the TD has. The TDR is locked. */
static tdx_status_t check_x2apic_id(struct call *call, const struct tdcs_vcpus *vcpus, uint32_t nr)
{
	if (call->in.r8 > UINT32_MAX)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_R8);
	for (uint32_t i = 0; i < nr; i++)
		if (vcpus->x2apic_id[i] == (uint32_t)call->in.r8)
			return tdx_status(TDX_X2APIC_ID_NOT_UNIQUE, (uint32_t)call->in.r8);
	return CALL_OK;
}

/* The number of the next vCPU. False: there are as many as there may be. */
static bool next_index(struct tdcs *tdcs, uint32_t *index)
{
	*index = os_load32(&tdcs->nr_vcpus, OS_RELAXED);
	/* Relaxed: the number is all that two VP.INITs of one TD share. */
	while (*index < tdcs->max_vcpus)
		if (os_cas32(&tdcs->nr_vcpus, index, *index + 1, OS_RELAXED))
			return true;
	return false;
}

static tdx_status_t check_init(struct call *call, struct vp *vp, struct tdcs_vcpus *vcpus)
{
	uint32_t nr = os_load32(&vp->td.tdcs->nr_vcpus, OS_RELAXED);
	tdx_status_t status;

	if (!has_pages(vp, vp->td.tdcs))
		return tdx_status(TDX_TDCX_NUM_INCORRECT, 0);
	status = check_state(vp, TDX_VCPU_UNINITIALIZED);
	if (call_failed(status))
		return status;
	if (nr >= vp->td.tdcs->max_vcpus)
		return tdx_status(TDX_MAX_VCPUS_EXCEEDED, 0);
	if (call->version) {
		status = check_x2apic_id(call, vcpus, nr);
		if (call_failed(status))
			return status;
	}
	/* Version 0 shares the TD with other VP.INITs, so the last number may be gone by now. */
	if (!next_index(vp->td.tdcs, &vp->tdvps->index))
		return tdx_status(TDX_MAX_VCPUS_EXCEEDED, 0);
	return CALL_OK;
}

/* A vCPU whose id nobody has named: relaxed, several VP.INITs of one TD may say the same. */
static void forget_topology(struct tdcs *tdcs)
{
	os_store16(&tdcs->topology_enum_configured, 0, OS_RELAXED);
	os_store16(&tdcs->ve_reduction_valid, 0, OS_RELAXED);
}

/* As a vCPU begins: what the guest is told in registers, and what the host has not said yet. */
static void reset_state(struct tdvps *tdvps, const struct tdcs *tdcs)
{
	tdvps->posted_intr_vector = UINT16_MAX;
	tdvps->posted_intr_descriptor = UINT64_MAX;
	tdvps->gpr[GPR_RBX] = tdcs->shared_bit + 1;
	tdvps->gpr[GPR_RSI] = tdvps->index;
	tdvps->dr6 = 0xffff0ff0;
	tdvps->l2_cr0_mask = UINT64_C(0xffffffff7ffffffe);
	tdvps->l2_cr0_shadow = 0x20;
	tdvps->l2_cr4_mask = UINT64_MAX;
	tdvps->l2_cr4_shadow = 0x2040;
}

tdx_status_t tdh_vp_init(struct call *call)
{
	struct tdcs_vcpus *vcpus;
	struct tdvps *tdvps;
	struct vp vp;
	tdx_status_t status =
		vp_explicit(call, (struct pamt_operand){ hpa(call->in.rcx), TDX_OP_RCX, true },
			    call->version, &vp);

	if (call_failed(status))
		return status;
	status = td_build(call, &vp.td, true);
	if (call_failed(status))
		return status;
	vcpus = td_map_page(call, vp.td.tdr, TDCS_PAGE_VCPU, OS_WRITE);
	status = check_init(call, &vp, vcpus);
	if (call_failed(status))
		return status;

	tdvps = vp.tdvps;
	if (call->version)
		tdvps->x2apic_id = vcpus->x2apic_id[tdvps->index] = (uint32_t)call->in.r8;
	else
		forget_topology(vp.td.tdcs);
	tdvps->gpr[GPR_RCX] = tdvps->gpr[GPR_R8] = call->in.rdx;
	reset_state(tdvps, vp.td.tdcs);
	associate(call, &vp);
	/* Release: whoever finds it READY sees the rest. */
	os_store32(&tdvps->state, TDX_VCPU_READY, OS_RELEASE);
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
	if (!tdcs || !has_pages(&vp, tdcs))
		return tdx_status(TDX_TDCX_NUM_INCORRECT, 0);
	/* Relaxed: ordered by the TDVPR's lock. */
	if (os_load32(&vp.tdvps->lp, OS_RELAXED) != call->lp + 1)
		return tdx_status(TDX_VCPU_NOT_ASSOCIATED, 0);

	/* Release: pairs with associate() on the next LP. */
	os_store32(&vp.tdvps->lp, 0, OS_RELEASE);
	/* Release: VPFLUSHDONE that sees the number sees all that the vCPU did. */
	os_fetch_add32(&tdcs->nr_assoc, UINT32_MAX, OS_RELEASE);
	return CALL_OK;
}
