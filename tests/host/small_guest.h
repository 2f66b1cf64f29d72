/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * small_guest.h - the least TD that can have 2M pages: TDR, TDCS, and the S-EPT of its first 512
 * GiB down to 2M entries. It is initialised and never finalised, so nothing needs TLB tracking.
 */
#ifndef PAMT_TESTS_SMALL_GUEST_H
#define PAMT_TESTS_SMALL_GUEST_H

#include "rig.h"

struct guest {
	struct rig *rig;
	tdx_hpa_t tdr;
	tdx_hpa_t page[1 + TDX_MIN_TDCX + 2]; /* TDR, TDCX, S-EPT */
	uint32_t nr_pages;
	tdx_hpa_t leaf_sept; /* S-EPT page under the 2M entry at GPA 0, HPA_NONE if there is none */
};

/* Control pages out of the pool. */
void guest_create(struct guest *guest, struct rig *rig, uint16_t hkid);
/* Every page of the TD must be removed already. */
void guest_end(struct guest *guest);

/* The registers of a leaf about GPA slot * 2 MiB at 2M level. */
struct tdx_regs guest_aug_2m(const struct guest *guest, uint32_t slot, tdx_pfn_t first);
struct tdx_regs guest_remove_2m(const struct guest *guest, uint32_t slot);
/* Blocks the 2M entry, so that it may be removed. */
void guest_block_2m(const struct guest *guest, uint32_t slot);
/* DEMOTE and PROMOTE; sept: page for the new 4K entries. */
struct tdx_regs guest_demote(const struct guest *guest, uint32_t slot, tdx_hpa_t sept);
struct tdx_regs guest_promote(const struct guest *guest, uint32_t slot);

#endif
