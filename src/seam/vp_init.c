// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vp_init.c - VP.INIT: a vCPU gets its number, its x2APIC id and its first state.
 */
#include "seam/cpuid.h"
#include "seam/dispatch.h"
#include "seam/hpa.h"
#include "seam/vp.h"

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

	if (!vp_has_pages(vp, vp->td.tdcs))
		return tdx_status(TDX_TDCX_NUM_INCORRECT, 0);
	status = vp_check_state(vp, TDX_VCPU_UNINITIALIZED);
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
	vp_associate(call, &vp);
	/* Release: whoever finds it READY sees the rest. */
	os_store32(&tdvps->state, TDX_VCPU_READY, OS_RELEASE);
	return CALL_OK;
}
