// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * td_params.c - TD_PARAMS, checked field by field in the order in which MNG.INIT reports.
 */
#include "seam/hpa.h"
#include "seam/sys.h"
#include "seam/td_init.h"

/* Some features stand and fall together. */
static bool all_or_none(uint64_t value, uint64_t bits)
{
	return !(value & bits) || (value & bits) == bits;
}

static bool both(uint64_t value, uint64_t bits) { return (value & bits) == bits; }

static bool attributes_ok(const struct td_init *init)
{
	const uint64_t attributes = init->params.attributes;

	if (attributes & ~SYS_ATTRIBUTES_FIXED0)
		return false;
	return !both(attributes, TDX_ATTR_MIGRATABLE | TDX_ATTR_DEBUG) &&
	       !both(attributes, TDX_ATTR_MIGRATABLE | TDX_ATTR_PERFMON) &&
	       !both(attributes, TDX_ATTR_PERFMON | TDX_ATTR_ICSSD);
}

static bool xfam_ok(const struct td_init *init)
{
	const uint64_t xfam = init->params.xfam;

	if (xfam & ~SYS_XFAM_FIXED0 || (xfam & SYS_XFAM_FIXED1) != SYS_XFAM_FIXED1)
		return false;
	if (xfam & SYS_XFAM_AVX512 && !(xfam & SYS_XFAM_AVX))
		return false;
	return all_or_none(xfam, SYS_XFAM_AVX512) && all_or_none(xfam, SYS_XFAM_CET) &&
	       all_or_none(xfam, SYS_XFAM_AMX);
}

static bool max_vcpus_ok(const struct td_init *init)
{
	return init->params.max_vcpus >= 1 && init->params.max_vcpus <= TDX_MAX_VCPUS;
}

static bool l2_vms_ok(const struct td_init *init)
{
	return init->params.num_l2_vms <= TDX_MAX_L2_VMS;
}

static bool reserved0_ok(const struct td_init *init) { return !init->params.reserved0; }

static bool config_flags_ok(const struct td_init *init)
{
	const uint64_t flags = init->params.config_flags;

	return !(flags & ~SYS_CONFIG_FLAGS_FIXED0) &&
	       !both(flags, TDX_CONFIG_MAXPA_VIRT | TDX_CONFIG_MAXGPA_VIRT);
}

uint32_t td_pwl(const struct tdx_td_params *params)
{
	return params->eptp_controls >> TDX_EPTP_PWL_SHIFT & 7;
}

static bool eptp_ok(const struct td_init *init)
{
	const struct tdx_td_params *params = &init->params;
	uint32_t pwl = td_pwl(params);

	if (params->eptp_controls != (TDX_EPTP_WRITE_BACK | (uint64_t)pwl << TDX_EPTP_PWL_SHIFT))
		return false;
	return pwl == 4 || (pwl == 3 && !(params->config_flags & TDX_CONFIG_GPAW));
}

/* In units of 25 MHz: 100 MHz to 10 GHz. */
static bool tsc_ok(const struct td_init *init)
{
	return init->params.tsc_frequency >= 4 && init->params.tsc_frequency <= 400;
}

static bool is_zero(const void *bytes, size_t nr)
{
	const uint8_t *byte = bytes;

	while (nr && !byte[nr - 1])
		nr--;
	return !nr;
}

static bool reserved1_ok(const struct td_init *init)
{
	return is_zero(init->params.reserved1, sizeof(init->params.reserved1));
}

static bool msr_ctls_ok(const struct td_init *init)
{
	return !(init->params.msr_config_ctls & ~TDX_MSR_ARCH_CAPABILITIES);
}

static bool reserved2_ok(const struct td_init *init)
{
	return is_zero(init->params.reserved2, sizeof(init->params.reserved2));
}

static bool reserved3_ok(const struct td_init *init)
{
	return is_zero(init->params.reserved3, sizeof(init->params.reserved3));
}

static bool arch_capabilities_ok(const struct td_init *init)
{
	const uint64_t config = init->params.arch_capabilities_config;

	if (!(init->params.msr_config_ctls & TDX_MSR_ARCH_CAPABILITIES))
		return !config;
	return !(config & ~SYS_ARCH_CAPABILITIES_CONFIG);
}

/* ------------------------------------------------------------------------------------------- */
/* Event filters.                                                                               */

#define FILTERS_NR	 UINT64_C(0xfff)
#define FILTERS_RESERVED (~UINT64_C(0) << TDX_PA_BITS)
/* An entry: 7:0 event, 47:32 umask, 63:48 the bits of umask that count. */
#define FILTER_EVENT(entry) ((uint32_t)((entry)&0xff))
#define FILTER_UMASK(entry) ((uint32_t)((entry) >> 32 & 0xffff))
#define FILTER_RESERVED	    UINT64_C(0xffffff00)
#define FILTER_UMASK_ALL    (UINT64_C(0xffff) << 48)
#define FILTER_ORDER(entry) (FILTER_UMASK(entry) << 8 | FILTER_EVENT(entry))

static bool filter_ok(uint64_t entry)
{
	return !(entry & FILTER_RESERVED) && both(entry, FILTER_UMASK_ALL) &&
	       FILTER_UMASK(entry) <= 0xff;
}

/* They are looked at one after the other, and ascend. */
static tdx_status_t check_filters(struct call *call, struct td_init *init)
{
	const struct seam *seam = call->seam;
	const uint64_t nr = call->in.r8 & FILTERS_NR;
	const tdx_hpa_t page = hpa(call->in.r8 & ~FILTERS_NR);
	const uint64_t *entries;
	uint64_t entry, before = 0;

	if (!(call->in.rcx & MNG_INIT_FILTERS && init->params.attributes & TDX_ATTR_PERFMON))
		return CALL_OK;
	if (call->in.r8 & FILTERS_RESERVED || !nr || nr > SYS_MAX_EVENT_FILTERS ||
	    !hpa_is_shared(seam, page, TDX_PAGE_SIZE, TDX_PAGE_SIZE))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_R8);
	entries = module_map(seam, hpa_strip(seam, page), OS_READ);
	for (uint32_t i = 0; i < nr; i++, before = entry) {
		/* A copy: the host may change its own page any time. */
		os_memcpy(&entry, entries + i, sizeof(entry));
		call_has_read(call, hpa(page.v + i * sizeof(entry)), &entry, sizeof(entry));
		if (!filter_ok(entry))
			return tdx_status(TDX_EVENT_FILTER_INVALID, i);
		if (i && FILTER_ORDER(entry) <= FILTER_ORDER(before))
			return tdx_status(TDX_EVENT_FILTER_ORDER_INVALID, i);
	}
	return CALL_OK;
}

/* ------------------------------------------------------------------------------------------- */
/* All of it.                                                                                   */

static tdx_status_t check_tdcx(struct call *call, struct td_init *init)
{
	if (init->td.tdr->nr_tdcx < TDX_MIN_TDCX + init->params.num_l2_vms)
		return tdx_status(TDX_TDCS_NOT_ALLOCATED, 0);
	return CALL_OK;
}

/* A field that is right or not, of an operand; or a check with a status of its own. */
static const struct {
	bool (*ok)(const struct td_init *init);
	enum tdx_operand operand;
	tdx_status_t (*check)(struct call *call, struct td_init *init);
} checks[] = {
	{ .ok = attributes_ok, .operand = TDX_OP_ATTRIBUTES },
	{ .ok = xfam_ok, .operand = TDX_OP_XFAM },
	{ .ok = max_vcpus_ok, .operand = TDX_OP_MAX_VCPUS },
	{ .ok = l2_vms_ok, .operand = TDX_OP_NUM_L2_VMS },
	{ .check = check_tdcx },
	{ .ok = reserved0_ok, .operand = TDX_OP_RDX },
	{ .ok = config_flags_ok, .operand = TDX_OP_EXEC_CONTROLS },
	{ .ok = eptp_ok, .operand = TDX_OP_EPTP_CONTROLS },
	{ .ok = tsc_ok, .operand = TDX_OP_TSC_FREQUENCY },
	{ .ok = reserved1_ok, .operand = TDX_OP_RDX },
	{ .ok = msr_ctls_ok, .operand = TDX_OP_RDX },
	{ .ok = reserved2_ok, .operand = TDX_OP_RDX },
	{ .check = check_filters },
	{ .check = td_cpuid_check },
	{ .check = td_topology_check },
	{ .ok = reserved3_ok, .operand = TDX_OP_RDX },
	{ .ok = arch_capabilities_ok, .operand = TDX_OP_ARCH_CAPABILITIES_CONFIG },
};

tdx_status_t td_params_check(struct call *call, struct td_init *init)
{
	tdx_status_t status;

	for (uint32_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		if (checks[i].ok && !checks[i].ok(init))
			return status_operand(TDX_OPERAND_INVALID, checks[i].operand);
		if (!checks[i].check)
			continue;
		status = checks[i].check(call, init);
		if (call_failed(status))
			return status;
	}
	return CALL_OK;
}
