/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * module.h - the TDX module as the lab sees it: SEAMCALLs, and a look at one region's 2M entry.
 *
 * Two stand behind it: softseam, and the model (pamt_model.c), which knows the PAMT rules and
 * nothing else and is fast enough for millions of schedules. tests/lab compares them.
 */
#ifndef PAMT_LAB_DESIGNS_MODULE_H
#define PAMT_LAB_DESIGNS_MODULE_H

#include "port/stage/box.h"

/* A region's 2M entry. */
struct lab_entry {
	enum { LAB_FREE, LAB_NODE, LAB_LARGE } kind;
	uint16_t count;	   /* of a node: 4K pages in use */
	tdx_hpa_t pair[2]; /* of a node */
};

struct lab_module {
	struct box_module box; /* what a box needs of it */
	void (*entry)(void *ctx, region_t region, struct lab_entry *entry);
	/* The module-fatal rule that was broken, NULL if none was. */
	const char *(*fatal)(void *ctx);
	/* Is this part of some region's 2M entry? */
	bool (*is_entry)(void *ctx, const void *addr);
	/* What the module keeps at an address, in words; false: nothing. May be NULL. */
	bool (*name_of)(void *ctx, const void *addr, char text[64]);
};

#endif
