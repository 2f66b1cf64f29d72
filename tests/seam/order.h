/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * order.h - for each leaf a call that succeeds, and what can be wrong with it, in the order in
 * which it is reported.
 */
#ifndef PAMT_TESTS_SEAM_ORDER_H
#define PAMT_TESTS_SEAM_ORDER_H

#include "rig.h"

struct order {
	struct rig rig;
	struct rig_td td;
	struct tdx_regs in; /* the call, as far as it is right still */
	uint64_t large;	    /* the 2M page */
	uint32_t id;	    /* of the last lock held from outside */
};

/* One thing that is wrong, how it comes about, and what is answered. */
struct step {
	const char *block; /* building block of the document, NULL: the leaf's own */
	const char *says;  /* the document, in the block's row or the leaf's */
	void (*make)(struct order *o, unsigned int arg);
	unsigned int arg; /* mostly the operand */
	uint64_t status;
};

struct leaf {
	const char *name; /* as the document has it */
	void (*begin)(struct order *o);
	const struct step *steps; /* the last has no make */
};
extern const struct leaf order_leaves[];
extern const size_t order_nr_leaves;

#endif
