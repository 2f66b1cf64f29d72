// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * zero_step.c - the zero-step rule: a host could let a vCPU fault at one instruction again and
 * again, to learn from its timing. From the seventh fault without progress on the vCPU notes where
 * it faults, and it is not run any more until all these pages are mapped.
 */
#include "seam/guest.h"
#include "seam/vp_enter.h"

/* Faults without progress that are not noted. */
#define FREE_FAULTS 6u

bool zero_step_holds(struct call *call, const struct vp *vp, tdx_gpa_t *at)
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

void zero_step_note(const struct vp *vp, const struct seam_vcpu *vcpu)
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
