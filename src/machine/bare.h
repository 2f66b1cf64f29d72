/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * bare.h - what a module needs of the system around it, over simulated memory and nothing else: no
 * nodes, no allocator, no processors.
 *
 * A module maps, zeroes and copies pages, allocates its own objects at its creation, and logs. The
 * services of a host (pages to be had, sparse arrays, SEAMCALLs, other CPUs) are NULL. For programs
 * that make every SEAMCALL themselves: recordings, tests.
 */
#ifndef PAMT_MACHINE_BARE_H
#define PAMT_MACHINE_BARE_H

#include "machine/memory.h"

struct bare {
	struct os_services os; /* ctx is the struct bare */
	struct memory *memory;
	uint64_t key_mask; /* the KeyID's bits of an address: the same memory without them */
	uint64_t nr_logged;
	/* Is told of every page that os.map_host() maps, unless NULL. */
	void (*host_maps)(void *ctx, tdx_hpa_t at, enum os_access access);
	void *ctx; /* of host_maps */
};

/*
 * bare_init - fills in the services over a memory, for a machine with max_pa address bits,
 * hkid_bits of them the KeyID, 0 if addresses never carry one. memory stays the caller's; it may be
 * NULL here and be set before the first use.
 */
void bare_init(struct bare *bare, struct memory *memory, uint32_t nr_cpus, uint32_t max_pa,
	       uint32_t hkid_bits);

#endif
