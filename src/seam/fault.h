/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * fault.h - faults on request: what can go wrong without anybody's fault goes wrong when a test
 * wants it to.
 */
#ifndef SEAM_FAULT_H
#define SEAM_FAULT_H

#include "seam/module.h"

struct fault_plan {
	bool active;
	struct seam_faults plan;
	os_a64_t occasions[SEAM_NR_FAULTS];
};

/* Counts an occasion; true: the fault happens now. */
bool fault_happens(struct fault_plan *plan, enum seam_fault fault);
void faults_destroy(struct seam *seam);

/* The plan that applies to a call of this leaf, NULL: none. */
static inline struct fault_plan *fault_plan_for(const struct seam *seam, uint32_t leaf)
{
	struct fault_plan *plan = seam->faults;

	if (!plan || !plan->active)
		return NULL;
	return plan->plan.leaf == leaf || plan->plan.leaf == SEAM_ANY_LEAF ? plan : NULL;
}

#endif
