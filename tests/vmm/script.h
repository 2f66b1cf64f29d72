/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * script.h - a guest that does what a list says, step by step.
 */
#ifndef PAMT_TESTS_VMM_SCRIPT_H
#define PAMT_TESTS_VMM_SCRIPT_H

#include <pamt/seam.h>

enum script_op {
	SCRIPT_END,	   /* halt */
	SCRIPT_ACCEPT,	   /* [at, at + value), 2M where it can be, else 4K */
	SCRIPT_ACCEPT_4K,  /* the same, 4K only */
	SCRIPT_TOUCH,	   /* one access */
	SCRIPT_WRITE,	   /* value at at */
	SCRIPT_EXPECT,	   /* value must be there */
	SCRIPT_TO_SHARED,  /* MapGPA of [at, at + value), which must be granted */
	SCRIPT_TO_PRIVATE, /* the same, private */
	SCRIPT_BAD_MAP,	   /* MapGPA of that, which must be refused */
	SCRIPT_OTHER_CALL, /* TDG.VP.VMCALL of number value, which must be refused */
	SCRIPT_SPIN,	   /* until an interrupt comes, for ever */
};

struct script_step {
	enum script_op op;
	uint64_t at, value;
};

struct script {
	const struct script_step *step; /* ends with SCRIPT_END */
	uint64_t done;			/* bytes of the step that are accepted, or converted */
	bool asked;			/* a MapGPA or another call: the answer is due */
	uint64_t small_end;		/* below this the host has mapped 4K pages */
	uint64_t accepted_2m, accepted_4k;
	uint64_t retries;  /* of MapGPA, as the host answered */
	os_a32_t spinning; /* a SCRIPT_SPIN has begun */
	const char *wrong; /* what went another way than the script says */
	uint64_t wrong_at, wrong_value;
};

/* Starts a list from the top. */
void script_start(struct script *script, const struct script_step *steps);
enum seam_exit script_run(struct script *script, struct seam_vcpu *vcpu);

#endif
