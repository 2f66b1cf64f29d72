// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cpuid.c - the table of CPUID leaves.
 */
#include "seam/cpuid.h"

#define NO_SUBLEAF CPUID_NO_SUBLEAF

/* clang-format off */
static const struct cpuid_entry entries[CPUID_ENTRIES] = {
	{ .leaf = 0x1, .subleaf = NO_SUBLEAF, .param = 1,
	  .given = { 0xfff3fff, 0xff0000, 0, 0 }, .native = { 0, 0, 0x31044d88, 0xb8445080 },
	  .fixed = { 0, 0, 0x80000000, 0x200 } },
	{ .leaf = 0x4, .subleaf = 0, .param = 2,
	  .given = { 0xffffc3ff, 0xfffff000, 0xffffffff, 7 } },
	{ .leaf = 0x4, .subleaf = 1, .param = 3,
	  .given = { 0xffffc3ff, 0xfffff000, 0xffffffff, 7 } },
	{ .leaf = 0x4, .subleaf = 2, .param = 4,
	  .given = { 0xffffc3ff, 0xfffff000, 0xffffffff, 7 } },
	{ .leaf = 0x4, .subleaf = 3, .param = 5,
	  .given = { 0xffffc3ff, 0xfffff000, 0xffffffff, 7 } },
	{ .leaf = 0x7, .subleaf = 0, .param = 6,
	  .native = { 0, 0xdc2b9b18, 0x2417f65, 0x4005411c }, .fixed = { 2, 0, 0, 0 } },
	{ .leaf = 0x7, .subleaf = 1, .param = 7, .native = { 0x4881db0, 0, 0, 0x24430 } },
	{ .leaf = 0xa, .subleaf = NO_SUBLEAF, .param = 8 },
	{ .leaf = 0x1c, .subleaf = NO_SUBLEAF, .param = 9, .native = { 0xff, 0, 0, 0 } },
	{ .leaf = 0x80000008, .subleaf = NO_SUBLEAF, .param = 10,
	  .given = { 0xff, 0, 0, 0 }, .native = { 0, 0x200, 0, 0 } },
	{ .leaf = 0x0, .subleaf = NO_SUBLEAF, .fixed = { 0x23, 0, 0, 0 } },
	{ .leaf = 0x3, .subleaf = NO_SUBLEAF },
	{ .leaf = 0x4, .subleaf = 4 },
	{ .leaf = 0x6, .subleaf = NO_SUBLEAF, .fixed = { 4, 0, 0, 0 } },
	{ .leaf = 0x7, .subleaf = 2, .param = 11, .native = { 0, 0, 0, 0x28 } },
	{ .leaf = 0x8, .subleaf = NO_SUBLEAF },
	{ .leaf = 0xd, .subleaf = 0 },
	{ .leaf = 0xd, .subleaf = 1 },
	{ .leaf = 0xd, .subleaf = 2 },
	{ .leaf = 0xd, .subleaf = 3 },
	{ .leaf = 0xd, .subleaf = 4 },
	{ .leaf = 0xd, .subleaf = 5 },
	{ .leaf = 0xd, .subleaf = 6 },
	{ .leaf = 0xd, .subleaf = 7 },
	{ .leaf = 0xd, .subleaf = 8 },
	{ .leaf = 0xd, .subleaf = 9 },
	{ .leaf = 0xd, .subleaf = 10 },
	{ .leaf = 0xd, .subleaf = 11 },
	{ .leaf = 0xd, .subleaf = 12 },
	{ .leaf = 0xd, .subleaf = 13 },
	{ .leaf = 0xd, .subleaf = 14 },
	{ .leaf = 0xd, .subleaf = 15 },
	{ .leaf = 0xd, .subleaf = 16 },
	{ .leaf = 0xd, .subleaf = 17 },
	{ .leaf = 0xd, .subleaf = 18 },
	{ .leaf = 0xe, .subleaf = NO_SUBLEAF },
	{ .leaf = 0x11, .subleaf = NO_SUBLEAF },
	{ .leaf = 0x12, .subleaf = NO_SUBLEAF },
	{ .leaf = 0x13, .subleaf = NO_SUBLEAF },
	{ .leaf = 0x14, .subleaf = 0 },
	{ .leaf = 0x14, .subleaf = 1 },
	{ .leaf = 0x15, .subleaf = NO_SUBLEAF, .fixed = { 1, 0, 0x17d7840, 0 } },
	{ .leaf = 0x19, .subleaf = NO_SUBLEAF, .param = 19 },
	{ .leaf = 0x1d, .subleaf = 0 },
	{ .leaf = 0x1d, .subleaf = 1 },
	{ .leaf = 0x1e, .subleaf = NO_SUBLEAF },
	{ .leaf = 0x1f, .subleaf = 0, .param = 13, .given = { 0x1f, 0xffff, 0xffff, 0 } },
	{ .leaf = 0x1f, .subleaf = 1, .param = 14, .given = { 0x1f, 0xffff, 0xffff, 0 } },
	{ .leaf = 0x1f, .subleaf = 2, .param = 15, .given = { 0x1f, 0xffff, 0xffff, 0 } },
	{ .leaf = 0x1f, .subleaf = 3, .param = 16, .given = { 0x1f, 0xffff, 0xffff, 0 } },
	{ .leaf = 0x1f, .subleaf = 4, .param = 17, .given = { 0x1f, 0xffff, 0xffff, 0 } },
	{ .leaf = 0x1f, .subleaf = 5, .param = 18, .given = { 0x1f, 0xffff, 0xffff, 0 } },
	{ .leaf = 0x20, .subleaf = NO_SUBLEAF },
	{ .leaf = 0x21, .subleaf = 0, .fixed = { 0, 0x65746e49, 0x20202020, 0x5844546c } },
	{ .leaf = 0x80000000, .subleaf = NO_SUBLEAF, .fixed = { 0x80000008, 0, 0, 0 } },
	{ .leaf = 0x80000001, .subleaf = NO_SUBLEAF },
	{ .leaf = 0x80000006, .subleaf = NO_SUBLEAF, .fixed = { 0, 0, 0x7040, 0 } },
	{ .leaf = 0x80000007, .subleaf = NO_SUBLEAF },
	{ .leaf = 0x22, .subleaf = NO_SUBLEAF },
	{ .leaf = 0x23, .subleaf = 0, .param = 12, .native = { 0xf, 0, 0, 0 } },
	{ .leaf = 0x23, .subleaf = 1 },
	{ .leaf = 0x23, .subleaf = 2 },
	{ .leaf = 0x23, .subleaf = 3 },
	{ .leaf = 0x5, .subleaf = NO_SUBLEAF },
	{ .leaf = 0xb, .subleaf = 0 },
	{ .leaf = 0xb, .subleaf = 1 },
	{ .leaf = 0xb, .subleaf = 2 },
	{ .leaf = 0x1a, .subleaf = NO_SUBLEAF },
	{ .leaf = 0x18, .subleaf = 0, .param = 20, .given = { 0, 0, 0, 0x3ffc000 } },
	{ .leaf = 0x18, .subleaf = 1, .param = 21, .given = { 0, 0, 0, 0x3ffc000 } },
	{ .leaf = 0x18, .subleaf = 2, .param = 22, .given = { 0, 0, 0, 0x3ffc000 } },
	{ .leaf = 0x18, .subleaf = 3, .param = 23, .given = { 0, 0, 0, 0x3ffc000 } },
	{ .leaf = 0x2, .subleaf = NO_SUBLEAF, .fixed = { 0xfeff01, 0, 0, 0 } },
	{ .leaf = 0x18, .subleaf = 4, .param = 24, .given = { 0, 0, 0, 0x3ffc000 } },
	{ .leaf = 0x18, .subleaf = 5, .param = 25, .given = { 0, 0, 0, 0x3ffc000 } },
	{ .leaf = 0x18, .subleaf = 6, .param = 26, .given = { 0, 0, 0, 0x3ffc000 } },
	{ .leaf = 0x18, .subleaf = 7, .param = 27, .given = { 0, 0, 0, 0x3ffc000 } },
	{ .leaf = 0x18, .subleaf = 8, .param = 28, .given = { 0, 0, 0, 0x3ffc000 } },
	{ .leaf = 0x80000002, .subleaf = NO_SUBLEAF,
	  .fixed = { 0x65746e49, 0x58204454, 0x6c202020, 0 } },
};
/* clang-format on */

/*
 * The features of a server that a TD may have, less those of AVX-512 and AMX. What is not for TDs
 * (VMX, SMX, SpeedStep and the like) is not here.
 */
static const struct {
	uint32_t leaf, subleaf;
	uint32_t has[CPUID_REGS];
} features[] = {
	{ 0x1, NO_SUBLEAF, { 0, 0, 0x77fa221f, 0xbfabfbff } },
	{ 0x7, 0, { 0, 0x219c27c9, 0x1b410004, 0xbc004410 } },
	{ 0x7, 2, { 0, 0, 0, 0x17 } },
	/* XCR0 of x87 and SSE, bytes of their state; XSAVEOPT, XSAVEC, XGETBV of 1, XSAVES */
	{ 0xd, 0, { 0x3, CPUID_XBUFF_BYTES, CPUID_XBUFF_BYTES, 0 } },
	{ 0xd, 1, { 0xf, CPUID_XBUFF_BYTES, 0, 0 } },
	{ 0x80000001, NO_SUBLEAF, { 0, 0, 0x121, 0x2c100800 } },
	{ 0x80000007, NO_SUBLEAF, { 0, 0, 0, 0x100 } },
	{ 0x80000008, NO_SUBLEAF, { 0, 0x200, 0, 0 } },
};

const uint32_t *cpuid_features(const struct cpuid_entry *entry)
{
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (features[i].leaf == entry->leaf && features[i].subleaf == entry->subleaf)
			return features[i].has;
	return NULL;
}

const struct cpuid_entry *cpuid_at(uint32_t i) { return i < CPUID_ENTRIES ? &entries[i] : NULL; }

const struct cpuid_entry *cpuid_param(uint32_t i)
{
	for (uint32_t at = 0; at < CPUID_ENTRIES; at++)
		if (entries[at].param == i + 1)
			return &entries[at];
	return NULL;
}

uint32_t cpuid_code(const struct cpuid_entry *entry)
{
	uint32_t code = (entry->leaf & 0x7f) << 9 | entry->leaf >> 31 << 16;

	if (entry->subleaf == NO_SUBLEAF)
		return code | 1u << 8 | 0x7f << 1;
	return code | entry->subleaf << 1;
}

static uint32_t code_leaf(uint32_t code) { return (code >> 9 & 0x7f) | (code >> 16 & 1) << 31; }

bool cpuid_is_fixed0(uint32_t code)
{
	const uint32_t leaf = code_leaf(code), bit = leaf >> 31 ? 52 + (leaf & 0x7f) : leaf;

	return bit < 64 && CPUID_FIXED0 >> bit & 1;
}

uint32_t cpuid_by_code(uint32_t code)
{
	const uint32_t leaf = code_leaf(code);
	const uint32_t subleaf = code >> 1 & 0x7f;
	uint32_t at = 0;

	while (at < CPUID_ENTRIES &&
	       !(entries[at].leaf == leaf &&
		 (entries[at].subleaf == NO_SUBLEAF || entries[at].subleaf == subleaf)))
		at++;
	return at;
}

uint32_t cpuid_place(const struct cpuid_entry *entry) { return (uint32_t)(entry - entries); }

const struct cpuid_entry *cpuid_find(uint32_t leaf, uint32_t subleaf)
{
	for (uint32_t at = 0; at < CPUID_ENTRIES; at++)
		if (entries[at].leaf == leaf && entries[at].subleaf == subleaf)
			return &entries[at];
	return NULL;
}

uint32_t cpuid_allowed_fms(uint32_t i)
{
	static const uint32_t fms[CPUID_ALLOWED_FMS] = { CPUID_PLATFORM_FMS, 0x806f8 };

	return i < CPUID_ALLOWED_FMS ? fms[i] : 0;
}

const uint32_t *cpuid_level(uint32_t i)
{
	/* Two threads of a core, 64 cores of a package. */
	static const uint32_t levels[CPUID_LEVELS][CPUID_REGS] = {
		{ 1, 2, 0x100, 0 }, { 7, 128, 0x201, 0 }, { 0, 0, 2, 0 },
		{ 0, 0, 3, 0 },	    { 0, 0, 4, 0 },	  { 0, 0, 5, 0 },
	};

	return levels[i];
}
