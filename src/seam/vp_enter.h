/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * vp_enter.h - the parts of VP.ENTER.
 */
#ifndef SEAM_VP_ENTER_H
#define SEAM_VP_ENTER_H

#include "seam/guest.h"
#include "seam/vp.h"

/* zero_step.c: does one of the pages where the vCPU faulted make it fault again? *at: the first. */
bool zero_step_holds(struct call *call, const struct vp *vp, tdx_gpa_t *at);
/* The vCPU leaves with a fault: of an access, since ACCEPT says where it fails, to private memory.
 */
void zero_step_note(const struct vp *vp, const struct seam_vcpu *vcpu);

/*
 * vp_exit.c: what the host gives the guest; after a TDG.VP.VMCALL, the registers that were named
 * there.
 */
struct tdx_regs exit_entry_regs(const struct call *call, const struct vp *vp);
/* The host's registers when the vCPU has left in this way. */
tdx_status_t exit_results(struct call *call, const struct vp *vp, struct seam_vcpu *vcpu,
			  enum seam_exit how);
/* And when it was not let in, because it would fault at this page once more. */
tdx_status_t exit_again(struct call *call, const struct vp *vp, tdx_gpa_t at);

#endif
