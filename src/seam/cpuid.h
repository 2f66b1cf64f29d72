/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * cpuid.h - the CPUID leaves of a TD: which there are, what of them the host may configure in
 * TD_PARAMS, and what the others say.
 *
 * The CPU itself is the one of the recordings: family and model of a server, of all else nothing
 * but topology and address widths. With seam_config.features it has what TDs see of a server's.
 */
#ifndef SEAM_CPUID_H
#define SEAM_CPUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPUID_NO_SUBLEAF UINT32_MAX
#define CPUID_ENTRIES	 79u /* leaves and subleaves of a TD */
#define CPUID_PARAMS	 28u /* of them in TD_PARAMS */

enum cpuid_reg { CPUID_REG_EAX, CPUID_REG_EBX, CPUID_REG_ECX, CPUID_REG_EDX, CPUID_REGS };

/* Family, model and stepping of this platform, as EAX of leaf 1 has them. */
#define CPUID_PLATFORM_FMS 0xc06f2u
/* Those that a TD may be told it runs on, the platform's first; 0 at the end. */
#define CPUID_ALLOWED_FMS 2u
uint32_t cpuid_allowed_fms(uint32_t i);
/* What of EAX is no stepping. */
#define CPUID_STEPPING 0xfu

/* Frequency of the crystal, and of the TSC, in Hz. */
#define CPUID_CRYSTAL_HZ 25000000u
#define CPUID_TSC_HZ	 2000000000u

/* Leaves of the topology, and the levels of which they tell. */
#define CPUID_TOPOLOGY	   0x1fu
#define CPUID_TOPOLOGY_OLD 0xbu
#define CPUID_LEVELS	   6u
#define CPUID_OLD_LEVELS   3u

/*
 * Leaves that are 0 wherever a TD may ask for them, though it has no entry for some: bit n is leaf
 * n, bit 52 + n is leaf 0x80000000 + n.
 */
#define CPUID_FIXED0 UINT64_C(0x0380000508cfd308)
bool cpuid_is_fixed0(uint32_t code);

/* Bytes of the extended state of x87 and SSE, all that this CPU says of it. */
#define CPUID_XBUFF_BYTES 0x240u

struct cpuid_entry {
	uint32_t leaf, subleaf;
	uint8_t param;		     /* index in TD_PARAMS, + 1; 0: not there */
	uint32_t given[CPUID_REGS];  /* bits that TD_PARAMS decides */
	uint32_t native[CPUID_REGS]; /* bits that it may ask for, and gets if the CPU has them */
	uint32_t fixed[CPUID_REGS];  /* bits that are always set */
};

/* In the order in which MNG.RD goes through them, NULL at the end. */
const struct cpuid_entry *cpuid_at(uint32_t i);
uint32_t cpuid_place(const struct cpuid_entry *entry);
/* NULL: a TD has no such leaf or subleaf. */
const struct cpuid_entry *cpuid_find(uint32_t leaf, uint32_t subleaf);
/* The i-th of TD_PARAMS, NULL at the end. */
const struct cpuid_entry *cpuid_param(uint32_t i);

/* What a server's CPU has of that entry, in the order of enum cpuid_reg; NULL: nothing. */
const uint32_t *cpuid_features(const struct cpuid_entry *entry);

/* What the CPU says of a level. */
const uint32_t *cpuid_level(uint32_t i);

/*
 * The code of a CPUID_VALUES field: bit 0 which two registers (EAX and EBX, ECX and EDX), 7:1
 * subleaf, 8 there are no subleaves, 15:9 leaf, 16 bit 31 of the leaf.
 */
#define CPUID_CODE_SECOND 1u
/* Of the entry's first two registers. */
uint32_t cpuid_code(const struct cpuid_entry *entry);
/* The place of the entry to which a code belongs, CPUID_ENTRIES if there is none. */
uint32_t cpuid_by_code(uint32_t code);

#endif
