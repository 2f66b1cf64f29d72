// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sys_field.c - the values of the module's own metadata fields.
 */
#include "seam/cpuid.h"
#include "seam/field.h"
#include "seam/sys.h"

uint64_t sys_features0(const struct seam *seam)
{
	return SYS_FEATURES0 & ~seam->config.features0_clear;
}

static uint64_t nr_packages(const struct field_view *view, uint32_t i)
{
	return view->seam->config.nr_packages;
}

static uint64_t package_fms(const struct field_view *view, uint32_t i)
{
	return i < view->seam->config.nr_packages ? CPUID_PLATFORM_FMS : 0;
}

static uint64_t features0(const struct field_view *view, uint32_t i)
{
	return sys_features0(view->seam);
}

static uint64_t handoff_valid(const struct field_view *view, uint32_t i)
{
	return view->seam->handoff;
}

static uint64_t handoff_version(const struct field_view *view, uint32_t i)
{
	return view->seam->handoff ? SYS_HANDOFF_MAX : 0;
}

static uint64_t cmr_base(const struct field_view *view, uint32_t i)
{
	return view->seam->config.cmr[i].base;
}

static uint64_t cmr_size(const struct field_view *view, uint32_t i)
{
	return view->seam->config.cmr[i].size;
}

/*
 * How many bits the KeyID must have at least for the rest of the address to fit the 48 bits that
 * a node of Dynamic PAMT can hold.
 */
static uint64_t dpamt_hkid_bits(const struct field_view *view, uint32_t i)
{
	if (view->seam->config.max_pa <= TDX_DPAMT_MAX_PA_BITS)
		return 0;
	return view->seam->config.max_pa - TDX_DPAMT_MAX_PA_BITS;
}

/* Leaf and subleaf of the i-th configurable entry, all ones where there are no more. */
static uint64_t cpuid_field(const struct field_view *view, uint32_t i)
{
	const struct cpuid_entry *entry = cpuid_param(i);

	return entry ? entry->leaf | (uint64_t)entry->subleaf << 32 : UINT64_MAX;
}

/* What may be configured of it: EAX and EBX in the first element, ECX and EDX in the second. */
static uint64_t cpuid_value(const struct field_view *view, uint32_t i)
{
	const struct cpuid_entry *entry = cpuid_param(i / 2);
	uint32_t reg = i % 2 ? CPUID_REG_ECX : CPUID_REG_EAX, low, high;
	const uint32_t *has;

	if (!entry)
		return 0;
	low = entry->given[reg];
	high = entry->given[reg + 1];
	has = view->seam->config.features ? cpuid_features(entry) : NULL;
	if (has) {
		low |= entry->native[reg] & has[reg];
		high |= entry->native[reg + 1] & has[reg + 1];
	}
	return low | (uint64_t)high << 32;
}

static uint64_t allowed_fms(const struct field_view *view, uint32_t i)
{
	return cpuid_allowed_fms(i);
}

/* What is not here is 0: of migration there is none. */
const struct field_value sys_field_values[NR_SYS_FIELDS] = {
	[SYS_FIELD_NUM_PKGS] = FIELD_BY(nr_packages),
	[SYS_FIELD_PKG_FMS] = FIELD_BY(package_fms),
	[SYS_FIELD_VENDOR_ID] = FIELD_FIXED(SYS_VENDOR_ID),
	[SYS_FIELD_BUILD_DATE] = FIELD_FIXED(SYS_BUILD_DATE),
	[SYS_FIELD_MINOR_VERSION] = FIELD_FIXED(SYS_VERSION_MINOR),
	[SYS_FIELD_MAJOR_VERSION] = FIELD_FIXED(SYS_VERSION_MAJOR),
	[SYS_FIELD_UPDATE_VERSION] = FIELD_FIXED(SYS_VERSION_UPDATE),
	[SYS_FIELD_MODULE_HV] = FIELD_FIXED(SYS_HANDOFF_MAX),
	[SYS_FIELD_MIN_UPDATE_HV] = FIELD_FIXED(SYS_HANDOFF_MIN),
	[SYS_FIELD_NO_DOWNGRADE] = FIELD_FIXED(SYS_NO_DOWNGRADE),
	[SYS_FIELD_NUM_HANDOFF_PAGES] = FIELD_FIXED(SYS_HANDOFF_PAGES),
	[SYS_FIELD_HANDOFF_DATA_VALID] = FIELD_BY(handoff_valid),
	[SYS_FIELD_HANDOFF_DATA_HV] = FIELD_BY(handoff_version),
	[SYS_FIELD_NUM_TDX_FEATURES] = FIELD_FIXED(1),
	[SYS_FIELD_TDX_FEATURES0] = FIELD_BY(features0),
	[SYS_FIELD_NUM_CMRS] = FIELD_FIXED(TDX_MAX_CMRS),
	[SYS_FIELD_CMR_BASE] = FIELD_BY(cmr_base),
	[SYS_FIELD_CMR_SIZE] = FIELD_BY(cmr_size),
	[SYS_FIELD_MAX_TDMRS] = FIELD_FIXED(TDX_MAX_TDMRS),
	[SYS_FIELD_MAX_RESERVED_PER_TDMR] = FIELD_FIXED(TDX_MAX_RESERVED),
	[SYS_FIELD_PAMT_4K_ENTRY_SIZE] = FIELD_FIXED(TDX_PAMT_ENTRY_BYTES),
	[SYS_FIELD_PAMT_2M_ENTRY_SIZE] = FIELD_FIXED(TDX_PAMT_ENTRY_BYTES),
	[SYS_FIELD_PAMT_1G_ENTRY_SIZE] = FIELD_FIXED(TDX_PAMT_ENTRY_BYTES),
	[SYS_FIELD_PAMT_PAGE_BITMAP_ENTRY_BITS] = FIELD_FIXED(1),
	[SYS_FIELD_MIN_DYNAMIC_PAMT_NUM_HKID_BITS] = FIELD_BY(dpamt_hkid_bits),
	[SYS_FIELD_TDR_BASE_SIZE] = FIELD_FIXED(TDX_PAGE_SIZE),
	[SYS_FIELD_TDCS_BASE_SIZE] = FIELD_FIXED(TDX_MIN_TDCX * TDX_PAGE_SIZE),
	[SYS_FIELD_TDCS_SIZE_PER_L2_VM] = FIELD_FIXED(TDX_PAGE_SIZE),
	[SYS_FIELD_TDVPS_BASE_SIZE] = FIELD_FIXED(TDX_MIN_TDVPS * TDX_PAGE_SIZE),
	[SYS_FIELD_TDVPS_SIZE_PER_L2_VM] = FIELD_FIXED(TDX_TDVPS_PER_L2_VM * TDX_PAGE_SIZE),
	[SYS_FIELD_ATTRIBUTES_FIXED0] = FIELD_FIXED(SYS_ATTRIBUTES_FIXED0),
	[SYS_FIELD_ATTRIBUTES_FIXED1] = FIELD_FIXED(SYS_ATTRIBUTES_FIXED1),
	[SYS_FIELD_XFAM_FIXED0] = FIELD_FIXED(SYS_XFAM_FIXED0),
	[SYS_FIELD_XFAM_FIXED1] = FIELD_FIXED(SYS_XFAM_FIXED1),
	[SYS_FIELD_NUM_CPUID_CONFIG] = FIELD_FIXED(CPUID_PARAMS),
	[SYS_FIELD_CONFIG_FLAGS_FIXED0] = FIELD_FIXED(SYS_CONFIG_FLAGS_FIXED0),
	[SYS_FIELD_MAX_VCPUS_PER_TD] = FIELD_FIXED(TDX_MAX_VCPUS),
	[SYS_FIELD_MIN_VIRT_MAXPA] = FIELD_FIXED(SYS_MIN_VIRT_MAXPA),
	[SYS_FIELD_MAX_EVENT_FILTERS] = FIELD_FIXED(SYS_MAX_EVENT_FILTERS),
	[SYS_FIELD_CPUID_CONFIG_LEAVES] = FIELD_BY(cpuid_field),
	[SYS_FIELD_CPUID_CONFIG_VALUES] = FIELD_BY(cpuid_value),
	[SYS_FIELD_IA32_ARCH_CAPABILITIES_CONFIG_MASK] = FIELD_FIXED(SYS_ARCH_CAPABILITIES_CONFIG),
	[SYS_FIELD_NUM_ALLOWED_FMS] = FIELD_FIXED(CPUID_ALLOWED_FMS),
	[SYS_FIELD_ALLOWED_FMS] = FIELD_BY(allowed_fms),
	[SYS_FIELD_MAX_MIGS] = FIELD_FIXED(512),
	[SYS_FIELD_NUM_IMMUTABLE_STATE_PAGES] = FIELD_FIXED(4),
	[SYS_FIELD_NUM_TD_STATE_PAGES] = FIELD_FIXED(2),
	[SYS_FIELD_NUM_VP_STATE_PAGES] = FIELD_FIXED(9),
	[SYS_FIELD_MAX_SERV_TDS] = FIELD_FIXED(1),
	[SYS_FIELD_SERVTD_ATTR_FIXED0] = FIELD_FIXED(UINT64_C(0x7ff00000001)),
	[SYS_FIELD_GUEST_L2_GPA_ATTR_MASK] = FIELD_FIXED(0x807f),
	[SYS_FIELD_VM_CTLS_FIXED0] = FIELD_FIXED(1),
	[SYS_FIELD_VCPU_L2_CTLS_FIXED0] = FIELD_FIXED(3),
	[SYS_FIELD_VCPU_L2_DEBUG_CTLS_FIXED0] = FIELD_FIXED(7),
};
