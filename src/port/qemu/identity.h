/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * identity.h - what makes a processor of QEMU's one of a TDX host: bits of CPUID, MSRs.
 */
#ifndef PAMT_PORT_QEMU_IDENTITY_H
#define PAMT_PORT_QEMU_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

struct identity {
	uint32_t hkid_min, hkid_max; /* private KeyIDs; those below are TME's */
	uint32_t hkid_bits;
};

/* Bits that CPUID has more than QEMU's: EAX, EBX, ECX, EDX. NULL: QEMU's answer is complete. */
struct cpuid_bits {
	uint32_t leaf, subleaf;
	uint32_t set[4];
};
const struct cpuid_bits *identity_cpuid(uint32_t leaf, uint32_t subleaf);

/* Return: false for an MSR that is QEMU's own business. */
bool identity_msr(const struct identity *identity, uint32_t msr, uint64_t *value);

#endif
