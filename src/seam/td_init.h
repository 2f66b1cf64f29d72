/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * td_init.h - what MNG.INIT makes of a TD that has its pages.
 */
#ifndef SEAM_TD_INIT_H
#define SEAM_TD_INIT_H

#include "seam/td.h"

struct td_setup {
	uint32_t pwl;	     /* level of the S-EPT's root, 3 or 4 */
	bool gpaw;	     /* 52-bit guest addresses, else 48 */
	uint32_t virt_maxpa; /* bits of guest addresses, 0: not limited but by gpaw */
	uint32_t max_vcpus;
};

/* The TDCS gets its values, the S-EPT an empty root; op_state is the caller's to set. */
void td_setup(const struct seam *seam, struct td *td, const struct td_setup *setup);

#endif
