/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * vp.h - a vCPU in a leaf's hands.
 *
 * A vCPU is UNINITIALIZED after VP.CREATE, READY after VP.INIT and between entries, ACTIVE while an
 * LP is in it, DISABLED for good. It is associated with the LP that initialised or last used
 * it, until VP.FLUSH there; VPFLUSHDONE of its TD waits for that.
 */
#ifndef SEAM_VP_H
#define SEAM_VP_H

#include "seam/td.h"

/* General registers as the architecture numbers them. */
#define GPR_RCX 1
#define GPR_RBX 3
#define GPR_RSP 4
#define GPR_RBP 5
#define GPR_RSI 6
#define GPR_R8	8
#define NR_GPR	16

struct vp {
	tdx_hpa_t address; /* of the TDVPR */
	struct pamt_page page;
	struct tdvps *tdvps;
	struct td td; /* its owner; tdcs as after td_implicit() */
};

/* The TDVPR operand, locked as asked, and its TD, the TDR locked as asked. */
PAMT_MUST_CHECK tdx_status_t vp_explicit(struct call *call, struct pamt_operand operand,
					 bool tdr_exclusive, struct vp *vp);
/* Has it all pages that it needs: some more for each L2 VM of its TD? */
bool vp_has_pages(const struct vp *vp, const struct tdcs *tdcs);
/* Is it in this state? */
PAMT_MUST_CHECK tdx_status_t vp_check_state(const struct vp *vp, enum tdx_vcpu_state wanted);
/* The vCPU belongs to this LP from now on; false: it is another's. */
bool vp_associate(struct call *call, struct vp *vp);

/*
 * The TDVPR operand of a leaf that uses the vCPU: the TD fit for it, the vCPU in one of those
 * states (a set of bits by enum tdx_vcpu_state), its pages there. On success it belongs to this LP,
 * whatever the leaf finds later.
 */
PAMT_MUST_CHECK tdx_status_t vp_use(struct call *call, tdx_hpa_t address, uint32_t vcpu_states,
				    struct vp *vp);

#endif
