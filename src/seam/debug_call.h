/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * debug_call.h - what the ways in by debug.h share.
 */
#ifndef SEAM_DEBUG_CALL_H
#define SEAM_DEBUG_CALL_H

#include "seam/debug.h"
#include "seam/sept.h"

/* A call that no LP makes: for the functions that take locks. */
struct debug_call {
	struct call call;
	struct lp_maps maps;
	struct region_map page;
};
struct call *debug_begin_call(struct debug_call *debug, struct seam *seam);

/* A TD that has an S-EPT, by its TDR, without a lock. */
bool debug_find_td_sept(struct call *call, tdx_hpa_t address, struct td *td);
/* The word of a lock by name; NULL: there is no such lock. */
os_a64_t *debug_find_lock(struct call *call, enum seam_debug_lock what, uint64_t arg, uint64_t map);

#endif
