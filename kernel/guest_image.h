/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * guest_image.h - the first pages of a TD that runs under softseam.ko: the orders of its program,
 * and what each vCPU remembers. The host adds them measured, at GPA 0; all that the guest knows it
 * reads from there, so that the module keeps nothing for it.
 */
#ifndef PAMT_KERNEL_GUEST_IMAGE_H
#define PAMT_KERNEL_GUEST_IMAGE_H

#include <pamt/tdx.h>

#define GUEST_IMAGE_MAGIC UINT64_C(0x65676d69746d6170)
#define GUEST_IMAGE_VCPUS 64u
/* One page of orders, one of state for each vCPU. */
#define GUEST_IMAGE_PAGES(vcpus) (1u + (vcpus))

/* Page 0. */
struct guest_orders {
	uint64_t magic;
	uint64_t bytes; /* of the TD's memory, from GPA 0; multiple of 2M */
	uint32_t vcpus;
	uint32_t percent_4k; /* of the regions are accepted in 4K pages */
	uint32_t flips;	     /* per vCPU: whole mappings turned shared and private again */
	uint32_t seed;
	uint32_t pages_4k; /* of a region in 4K pages so many are accepted; 0: all */
	uint32_t port;	   /* each vCPU writes to when it is done; 0: none */
	uint32_t farewell; /* what it writes, 16 bits; 0: the number of flips, 32 bits */
};

/* The register of a PC that switches it off, as QEMU's has it. */
#define GUEST_POWER_PORT 0x604u
#define GUEST_POWER_OFF	 0x2000u
/* And the one that resets it, which is always there. */
#define GUEST_RESET_PORT 0xcf9u
#define GUEST_RESET	 0x06u

/* In the 32 bits that are written to the port: else it is the number of flips that were done. */
#define GUEST_SAYS_FAILED (UINT32_C(1) << 31)

enum guest_phase { GUEST_ACCEPT, GUEST_FLIP, GUEST_DONE, GUEST_FAILED };

/* Page 1 + index of the vCPU. All zero at first. */
struct guest_state {
	uint32_t phase;
	uint32_t flip_step;
	uint64_t cursor; /* next GPA to accept, less the beginning of the share */
	uint64_t random;
	uint64_t flip_at, flip_bytes; /* under conversion; bytes 0: none */
	uint64_t flip_done;	      /* of these, as far as the host came */
	uint32_t flips_done;
	uint8_t asked, said; /* the host, in the last exit; to the port */
	uint8_t asked_for_reset;
	uint64_t error, error_at; /* of a failure: a status, and where */
};

/* Is this region (GPA >> 21) to be mapped in 4K pages? The image's own is. */
static inline bool guest_region_4k(uint32_t percent_4k, uint64_t region)
{
	return !region || region * percent_4k % 100 < percent_4k;
}

#endif
