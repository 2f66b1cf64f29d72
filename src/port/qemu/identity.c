// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * identity.c - CPUID and MSRs of a TDX host, as one table each.
 *
 * The VMX capabilities are those of a server part as far as KVM looks at them before it offers
 * TDs: EPT with accessed and dirty bits, unrestricted guests, virtual APIC with posted interrupts,
 * VPIDs. There is no VMCS behind them.
 */
#include <stddef.h>

#include "port/qemu/identity.h"

#define BIT(n) (UINT64_C(1) << (n))
/* A VMX control capability: bits that must be 1 below, bits that may be 1 above. */
#define CONTROLS(must, may) ((uint64_t)(may) << 32 | (must))

static const struct cpuid_bits cpuid[] = {
	{ 1, 0, { 0, 0, BIT(5), BIT(27) } },		/* VMX; self-snoop */
	{ 7, 0, { 0, 0, BIT(13) | BIT(28), BIT(29) } }, /* TME; MOVDIR64B; the MSR 0x10a */
};

/* Secondary processor-based controls that may be 1. */
#define SECONDARY                                                                             \
	(BIT(0) /* APIC accesses */ | BIT(1) /* EPT */ | BIT(2) | BIT(3) /* RDTSCP */ |       \
	 BIT(4) /* x2APIC */ | BIT(5) /* VPID */ | BIT(6) | BIT(7) /* unrestricted guest */ | \
	 BIT(8) /* APIC registers */ | BIT(9) /* interrupt delivery */ | BIT(10) | BIT(11) |  \
	 BIT(12) /* INVPCID */ | BIT(17) /* PML */ | BIT(20) /* XSAVES */ | BIT(25) /* TSC */)

/* EPT: 4 levels, write-back, 2M, 1G, INVEPT, accessed and dirty bits; VPID: INVVPID. */
#define EPT_VPID                                                                                  \
	(BIT(6) | BIT(14) | BIT(16) | BIT(17) | BIT(20) | BIT(21) | BIT(25) | BIT(26) | BIT(32) | \
	 BIT(40) | BIT(41) | BIT(42) | BIT(43))

static const struct {
	uint32_t msr;
	uint64_t value;
} msrs[] = {
	{ 0x3a, BIT(0) | BIT(2) }, /* IA32_FEATURE_CONTROL: locked, VMX outside SMX */
	/*
	 * IA32_ARCH_CAPABILITIES, as on a server: no Meltdown and no L1TF, for which KVM would want
	 * address bits to spare, no MDS, no page size change, no TAA.
	 */
	{ 0x10a, BIT(0) | BIT(3) | BIT(5) | BIT(6) | BIT(8) },
	/* IA32_VMX_BASIC: revision, 1K VMCS in write-back memory, true controls. */
	{ 0x480, 0x11e57ed0 | BIT(42) | UINT64_C(6) << 50 | BIT(54) | BIT(55) },
	{ 0x481, CONTROLS(0x16, 0xff) },	     /* pin-based, posted interrupts among them */
	{ 0x482, CONTROLS(0x0401e172, 0xfff9fffe) }, /* processor-based */
	{ 0x483, CONTROLS(0x00036dff, 0x01ffffff) }, /* exit */
	{ 0x484, CONTROLS(0x000011ff, 0x0003ffff) }, /* entry */
	{ 0x485, 0x7004c1e7 },			     /* miscellaneous */
	{ 0x486, 0x80000021 },			     /* CR0: must be 1 */
	{ 0x487, 0xffffffff },			     /* CR0: may be 1 */
	{ 0x488, 0x2000 },			     /* CR4: must be 1 */
	{ 0x489, 0x3767ff | 0x1000 | 0x2000 },	     /* CR4: may be 1 */
	{ 0x48a, 0x3a },			     /* VMCS fields */
	{ 0x48b, CONTROLS(0, SECONDARY) },
	{ 0x48c, EPT_VPID },
	{ 0x48d, CONTROLS(0x16, 0xff) }, /* the true controls */
	{ 0x48e, CONTROLS(0x04006172, 0xfff9fffe) },
	{ 0x48f, CONTROLS(0x00036dfb, 0x01ffffff) },
	{ 0x490, CONTROLS(0x000011fb, 0x0003ffff) },
	{ 0x491, 0 }, /* VM functions */
};

const struct cpuid_bits *identity_cpuid(uint32_t leaf, uint32_t subleaf)
{
	for (size_t i = 0; i < sizeof(cpuid) / sizeof(cpuid[0]); i++)
		if (cpuid[i].leaf == leaf && (leaf != 7 || cpuid[i].subleaf == subleaf))
			return &cpuid[i];
	return NULL;
}

bool identity_msr(const struct identity *identity, uint32_t msr, uint64_t *value)
{
	switch (msr) {
	case 0x87: /* IA32_MKTME_KEYID_PARTITIONING: KeyIDs of TME, KeyIDs of TDs above them */
		*value = (uint64_t)(identity->hkid_max - identity->hkid_min + 1) << 32 |
			 (identity->hkid_min - 1);
		return true;
	case 0x982: /* IA32_TME_ACTIVATE: locked, enabled, bits of KeyIDs */
		*value = BIT(0) | BIT(1) | (uint64_t)identity->hkid_bits << 32;
		return true;
	}
	for (size_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
		if (msrs[i].msr == msr) {
			*value = msrs[i].value;
			return true;
		}
	}
	return false;
}
