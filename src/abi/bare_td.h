/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * bare_td.h - the SEAMCALLs by which a TD begins, in their order, for who makes one without a
 * hypervisor: measurements, explored programs, tests. What makes a call, and whose pages it gives
 * away, is the caller's.
 */
#ifndef PAMT_ABI_BARE_TD_H
#define PAMT_ABI_BARE_TD_H

#include <pamt/tdx.h>

struct bare_td {
	/* A page for the module; HPA_NONE: there is none. */
	tdx_hpa_t (*page)(void *ctx);
	/* Makes the call, which gives that page away (HPA_NONE: none). Not 0: no more are made. */
	int (*call)(void *ctx, struct tdx_regs *regs, tdx_hpa_t page);
	void *ctx;
	uint16_t hkid;
	tdx_hpa_t tdr; /* from bare_td_root() on */
};

/* All of these: 0; -1: no page; or what call() returned. */

/* MNG.CREATE, KEY.CONFIG of this package, ADDCX. */
int bare_td_root(struct bare_td *td);
/* MNG.INIT with TD_PARAMS at params. */
int bare_td_init(struct bare_td *td, tdx_hpa_t params);
/* VP.CREATE, ADDCX and INIT, of the vCPU with that x2APIC id. */
int bare_td_vcpu(struct bare_td *td, uint32_t id, tdx_hpa_t *tdvpr);

/* The plainest TD: a 4-level S-EPT, the extended state that is always there. */
void bare_td_params(struct tdx_td_params *params, uint16_t max_vcpus);

#endif
