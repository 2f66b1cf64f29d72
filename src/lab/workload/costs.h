/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * costs.h - the cost table of virtual time, as it stands in costs.txt.
 */
#ifndef PAMT_LAB_WORKLOAD_COSTS_H
#define PAMT_LAB_WORKLOAD_COSTS_H

#include <stdint.h>

/* All in ns. */
struct costs {
	uint64_t cached, transfer, page_alloc, page_clear;
	uint64_t seamcall, pamt_add, pamt_remove;
	uint64_t think, relax;
};

/* The table of costs.txt, which is part of the program. */
const struct costs *costs_table(void);
/* The file as it is, for whoever wants to read the sources of the numbers. */
const char *costs_text(void);
/* What a leaf costs. */
uint64_t costs_of_leaf(uint32_t leaf);

#endif
