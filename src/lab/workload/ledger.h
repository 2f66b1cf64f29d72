/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * ledger.h - an account of the pages that one user of a port holds, kept by neither of the two:
 * the port's services once more, with every page that is taken or given back written down.
 *
 * What libpamt says of itself can so be compared with what it did. Pages from alloc_pages() are
 * counted by the 2 MiB region that they lie in; ranges (PAMT areas at boot) are not. The user's
 * SEAMCALLs can be looked at as well. In virtual time none of this takes any.
 */
#ifndef PAMT_LAB_WORKLOAD_LEDGER_H
#define PAMT_LAB_WORKLOAD_LEDGER_H

#include <pamt/os.h>

struct ledger {
	struct os_services services; /* to be given to the user */
	const struct os_services *os;
	uint64_t nr_regions; /* addresses from 0 to the end of memory */
	os_a16_t *pages;     /* by region: 4K pages held */
	os_a64_t held;	     /* of them all */
	os_a64_t peak;	     /* the most that was held at once */
	/* Told of every SEAMCALL, when it has returned. May be NULL. */
	void (*called)(void *arg, uint32_t leaf, const struct tdx_regs *out);
	void *arg;
};

/* end: the first address above all memory. Return: 0, -1: no memory to be had. */
int ledger_create(struct ledger *ledger, const struct os_services *os, uint64_t end);
void ledger_destroy(struct ledger *ledger);

/* 4K pages held in this region; exact while nobody allocates. */
static inline uint32_t ledger_pages(const struct ledger *ledger, region_t region)
{
	/* Relaxed: a number, read when nothing runs. */
	return os_load16(&ledger->pages[region.v], OS_RELAXED);
}

#endif
