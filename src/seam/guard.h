/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * guard.h - guard mode: which call took a page, and junk in pages that are given back.
 *
 * Whether a page is the module's is written in its metadata; what is kept here beside it is only
 * who took it, for the report, and only of pages that fit a table of fixed size.
 */
#ifndef SEAM_GUARD_H
#define SEAM_GUARD_H

#include "seam/call.h"

#define GUARD_ENTRIES (1u << 15)

struct guard {
	os_a64_t violations;
	struct os_spin looking;	       /* at entries without a lock of theirs */
	os_a64_t entry[GUARD_ENTRIES]; /* guard_note.c */
};

/* The word of a page that is remembered: leaf in 23:16, logical processor + 1 in 15:0; NULL. */
os_a64_t *guard_find(struct guard *guard, tdx_pfn_t page);

/* With a module in guard mode. */
void guard_note_taken(struct call *call, tdx_hpa_t address);
void guard_note_freed(struct call *call, tdx_hpa_t address, uint32_t level);
void guard_note_node_gone(struct seam *seam);

/* The call takes a page for the module or a TD. */
static inline void guard_taken(struct call *call, tdx_hpa_t address)
{
	if (call->seam->guard)
		guard_note_taken(call, address);
}

/* It gives a page back; it is still locked. */
static inline void guard_freed(struct call *call, tdx_hpa_t address, uint32_t level)
{
	if (call->seam->guard)
		guard_note_freed(call, address, level);
}

/* A region has its pair no more, whose pages are about to be given back. */
static inline void guard_node_gone(struct call *call)
{
	if (call->seam->guard)
		guard_note_node_gone(call->seam);
}

/* -OS_ENOMEM; guard mode is on afterwards. */
PAMT_MUST_CHECK int guard_create(struct seam *seam);
void guard_destroy(struct seam *seam);

#endif
