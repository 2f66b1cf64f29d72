/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * td_init.h - what MNG.INIT makes of a TD that has its pages.
 */
#ifndef SEAM_TD_INIT_H
#define SEAM_TD_INIT_H

#include "seam/call.h"
#include "seam/td.h"

struct td_setup {
	uint32_t pwl;	     /* level of the S-EPT's root, 3 or 4 */
	bool gpaw;	     /* 52-bit guest addresses, else 48 */
	uint32_t virt_maxpa; /* bits of guest addresses, 0: not limited but by gpaw */
	uint32_t max_vcpus;
};

/* The TDCS gets its values, the S-EPT an empty root; op_state is the caller's to set. */
void td_setup(struct call *call, struct td *td, const struct td_setup *setup);

/* MNG.INIT in progress: the TD, its TDR locked exclusively, and a copy of its TD_PARAMS. */
struct td_init {
	struct td td;
	struct tdx_td_params params;
};

/* RCX: R8 says where there are event filters. */
#define MNG_INIT_FILTERS UINT64_C(1)

/* td_params.c: everything that MNG.INIT asks of TD_PARAMS. */
PAMT_MUST_CHECK tdx_status_t td_params_check(struct call *call, struct td_init *init);
/* Level of the S-EPT's root, as they have it. */
uint32_t td_pwl(const struct tdx_td_params *params);

/* td_cpuid.c: bits of an address that the TD is told of. */
uint32_t td_virt_maxpa(const struct seam *seam, const struct tdx_td_params *params);
/* The configured CPUID values; RCX: the leaf that is wrong. Then the topology in leaf 0x1f. */
PAMT_MUST_CHECK tdx_status_t td_cpuid_check(struct call *call, struct td_init *init);
PAMT_MUST_CHECK tdx_status_t td_topology_check(struct call *call, struct td_init *init);
/* What the TD's vCPUs find in CPUID; the TDCS has its other values. */
void td_cpuid_setup(const struct seam *seam, struct td_init *init);

#endif
