// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * mng_init.c - MNG.INIT: TD_PARAMS are checked field by field, and the TD takes its shape.
 */
#include "seam/cpuid.h"
#include "seam/dispatch.h"
#include "seam/hpa.h"
#include "seam/sept.h"
#include "seam/sys.h"
#include "seam/td_init.h"

void td_setup(const struct seam *seam, struct td *td, const struct td_setup *setup)
{
	struct tdcs *tdcs = td->tdcs;

	tdcs->pwl = setup->pwl;
	tdcs->shared_bit = setup->gpaw ? 51 : 47;
	tdcs->gpa_bits = tdcs->shared_bit;
	if (setup->virt_maxpa && setup->virt_maxpa < tdcs->gpa_bits)
		tdcs->gpa_bits = setup->virt_maxpa;
	tdcs->max_vcpus = setup->max_vcpus;
	/* Relaxed: the TDR is locked exclusively. */
	os_store64(&tdcs->epoch, 1, OS_RELAXED);
	os_store32(&tdcs->hp_lock_timeout, CPUID_TSC_HZ, OS_RELAXED); /* one second */
	/* As is: the guest's clock is the host's. */
	tdcs->tsc_multiplier = UINT64_C(1) << 48;
	os_store16(&tdcs->topology_enum_configured, 1, OS_RELAXED);
	os_store16(&tdcs->ve_reduction_valid, 1, OS_RELAXED);
	sept_clear_page(seam, td->tdr->tdcx[TDCS_PAGE_SEPT]);
}

/* ------------------------------------------------------------------------------------------- */
/* The fields of TD_PARAMS, in the order in which they report.                                  */

static bool attributes_ok(const struct tdx_td_params *params)
{
	return !(params->attributes & ~SYS_ATTRIBUTES_FIXED0);
}

/* Some features stand and fall together. */
static bool all_or_none(uint64_t value, uint64_t bits)
{
	return !(value & bits) || (value & bits) == bits;
}

static bool xfam_ok(const struct tdx_td_params *params)
{
	uint64_t xfam = params->xfam;

	if (xfam & ~SYS_XFAM_FIXED0 || (xfam & SYS_XFAM_FIXED1) != SYS_XFAM_FIXED1)
		return false;
	if (xfam & SYS_XFAM_AVX512 && !(xfam & SYS_XFAM_AVX))
		return false;
	return all_or_none(xfam, SYS_XFAM_AVX512) && all_or_none(xfam, SYS_XFAM_CET) &&
	       all_or_none(xfam, SYS_XFAM_AMX);
}

static bool max_vcpus_ok(const struct tdx_td_params *params)
{
	return params->max_vcpus >= 1 && params->max_vcpus <= TDX_MAX_VCPUS;
}

/* L2 VMs are not to be had here. */
static bool l2_vms_ok(const struct tdx_td_params *params) { return !params->num_l2_vms; }

static bool reserved0_ok(const struct tdx_td_params *params) { return !params->reserved0; }

/* Bits 1 and 2 ask for behaviour of #VE and of RBP that nothing here depends on. */
static bool config_flags_ok(const struct tdx_td_params *params)
{
	return !(params->config_flags & ~UINT64_C(7));
}

static uint32_t params_pwl(const struct tdx_td_params *params)
{
	return params->eptp_controls >> TDX_EPTP_PWL_SHIFT & 7;
}

static bool eptp_ok(const struct tdx_td_params *params)
{
	uint32_t pwl = params_pwl(params);

	if (params->eptp_controls != (TDX_EPTP_WRITE_BACK | (uint64_t)pwl << TDX_EPTP_PWL_SHIFT))
		return false;
	return pwl == 4 || (pwl == 3 && !(params->config_flags & TDX_CONFIG_GPAW));
}

/* In units of 25 MHz: 100 MHz to 10 GHz. */
static bool tsc_ok(const struct tdx_td_params *params)
{
	return params->tsc_frequency >= 4 && params->tsc_frequency <= 400;
}

static bool reserved_ok(const struct tdx_td_params *params)
{
	uint8_t any = 0;

	for (uint32_t i = 0; i < sizeof(params->reserved1); i++)
		any |= params->reserved1[i];
	for (uint32_t i = 0; i < sizeof(params->reserved2); i++)
		any |= params->reserved2[i];
	return !any;
}

static const struct {
	bool (*ok)(const struct tdx_td_params *params);
	enum tdx_operand operand;
} fields[] = {
	{ attributes_ok, TDX_OP_ATTRIBUTES }, { xfam_ok, TDX_OP_XFAM },
	{ max_vcpus_ok, TDX_OP_MAX_VCPUS },   { l2_vms_ok, TDX_OP_NUM_L2_VMS },
	{ reserved0_ok, TDX_OP_RDX },	      { config_flags_ok, TDX_OP_EXEC_CONTROLS },
	{ eptp_ok, TDX_OP_EPTP_CONTROLS },    { tsc_ok, TDX_OP_TSC_FREQUENCY },
	{ reserved_ok, TDX_OP_RDX },
};

static tdx_status_t check_params(const struct tdx_td_params *params)
{
	for (uint32_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (!fields[i].ok(params))
			return status_operand(TDX_OPERAND_INVALID, fields[i].operand);
	return CALL_OK;
}

/* ------------------------------------------------------------------------------------------- */

static void keep_params(struct tdcs *tdcs, const struct tdx_td_params *params)
{
	tdcs->attributes = params->attributes;
	tdcs->xfam = params->xfam;
	tdcs->eptp_controls = params->eptp_controls;
	tdcs->config_flags = params->config_flags;
	tdcs->tsc_frequency = params->tsc_frequency;
	os_memcpy(tdcs->mrconfigid, params->mrconfigid, sizeof(tdcs->mrconfigid));
	os_memcpy(tdcs->mrowner, params->mrowner, sizeof(tdcs->mrowner));
	os_memcpy(tdcs->mrownerconfig, params->mrownerconfig, sizeof(tdcs->mrownerconfig));
}

tdx_status_t tdh_mng_init(struct call *call)
{
	struct seam *seam = call->seam;
	struct tdx_td_params params;
	struct td td;
	/* Bit 0 of RCX would say that R8 lists event filters: not supported, so it is invalid. */
	tdx_status_t status = td_explicit(call, call->in.rcx, TDX_OP_RCX, true, &td);

	if (call_failed(status))
		return status;
	status = td_build(call, &td, OP_UNINITIALIZED, false);
	if (call_failed(status))
		return status;
	if (!hpa_is_shared(seam, call->in.rdx, TDX_TD_PARAMS_ALIGN, sizeof(params)))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RDX);
	/* A copy: the host may change its own page any time. */
	os_memcpy(&params, module_map(seam, hpa_strip(seam, call->in.rdx), OS_READ),
		  sizeof(params));
	status = check_params(&params);
	if (call_failed(status))
		return status;

	td_setup(seam, &td,
		 &(struct td_setup){
			 .pwl = params_pwl(&params),
			 .gpaw = params.config_flags & TDX_CONFIG_GPAW,
			 .virt_maxpa = seam->config.max_pa,
			 .max_vcpus = params.max_vcpus,
		 });
	keep_params(td.tdcs, &params);
	td_set_op_state(seam, &td, TDX_OP_INITIALIZED);
	return CALL_OK;
}
