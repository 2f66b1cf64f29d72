/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * guest.h - a vCPU while it runs, and what a guest does to its S-EPT.
 *
 * A guest walks the S-EPT without the tree's lock, as hardware does. What keeps the pages it meets
 * in place is the epoch: a host that takes one away has blocked the entry above it and waited
 * until no vCPU that entered before is inside.
 */
#ifndef SEAM_GUEST_H
#define SEAM_GUEST_H

#include "seam/call.h"
#include "seam/sept.h"

struct seam_vcpu {
	struct call *call;
	const struct td *td;
	struct tdvps *tdvps;
	struct tdx_regs entry; /* what the host gave */
	bool progress;	       /* something went through since the entry */
	/* What the last thing that could not be done inside the TD was: for the host's registers.
	 */
	tdx_gpa_t exit_gpa;
	uint64_t exit_qualification, exit_extended;
	struct tdx_regs vmcall; /* rcx: mask */
};

/* Would an access to this private page leave the TD? The tree is locked. */
bool guest_would_fault(struct call *call, const struct td *td, tdx_gpa_t gpa);

/* What a guest's ACCEPT has come to, as recordings have it. */
enum seam_debug_accept accept_end(enum seam_exit how);

/* TDG.MEM.PAGE.ACCEPT; SEAM_EXIT_NONE: *status is the answer. */
enum seam_exit guest_accept(struct call *call, const struct td *td, uint64_t rcx,
			    tdx_status_t *status);

#endif
