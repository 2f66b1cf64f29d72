/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * count.h - a count per region, as Linux has it: a dense array of 32-bit atomics from physical
 * address 0, and the invariant that goes with it.
 */
#ifndef PAMT_LAB_COUNT_H
#define PAMT_LAB_COUNT_H

#include "lab/designs/pair.h"

struct counts {
	const struct design_env *env;
	const struct os_services *os;
	uint64_t nr;
	os_a32_t *count;
};

int counts_create(const struct design_env *env, struct counts *counts);
void counts_destroy(struct counts *counts);
static inline os_a32_t *count_of(const struct counts *counts, region_t region)
{
	return &counts->count[region.v];
}

/* A count that is not 0 means that a pair is installed, at every instant. */
const char *counts_check(const struct counts *counts);
/* Nobody uses anything: no count, no pair. */
const char *counts_check_end(const struct counts *counts);

/* "the count of region A", "the lock": design.h's name_of. lock may be NULL. */
bool counts_name_of(const struct counts *counts, const void *lock, const void *addr, char text[64]);

/* atomic_inc_not_zero(), atomic_add_unless(-1, 1). False: the count was 0, or 1. */
bool count_inc_not_zero(os_a32_t *count);
bool count_dec_not_one(os_a32_t *count);

#endif
