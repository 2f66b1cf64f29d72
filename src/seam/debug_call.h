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

/* The type of a page by its address, TDs by their TDR; without a lock. */
enum tdx_page_type debug_type_of(struct seam *seam, tdx_hpa_t pa);
struct tdr *debug_find_tdr(struct seam *seam, tdx_hpa_t address);
/* With its TDCS; and one that has an S-EPT. */
bool debug_find_td(struct call *call, tdx_hpa_t address, struct td *td);
bool debug_find_td_sept(struct call *call, tdx_hpa_t address, struct td *td);
/* The word of a lock by name; NULL: there is no such lock. */
os_a64_t *debug_find_lock(struct call *call, enum seam_debug_lock what, uint64_t arg, uint64_t map);

#endif
