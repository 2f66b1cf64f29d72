// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * mng_init.c - MNG.INIT: the TD takes the shape that its TD_PARAMS ask for.
 */
#include "seam/cpuid.h"
#include "seam/dispatch.h"
#include "seam/hpa.h"
#include "seam/sept.h"
#include "seam/sys.h"
#include "seam/td_init.h"

void td_setup(struct call *call, struct td *td, const struct td_setup *setup)
{
	struct tdcs *tdcs = td->tdcs;

	tdcs->pwl = setup->pwl;
	tdcs->shared_bit = setup->gpaw ? 51 : 47;
	tdcs->virt_maxpa = (uint16_t)setup->virt_maxpa;
	tdcs->gpa_bits = tdcs->shared_bit;
	if (setup->virt_maxpa && setup->virt_maxpa < tdcs->gpa_bits)
		tdcs->gpa_bits = setup->virt_maxpa;
	tdcs->max_vcpus = setup->max_vcpus;
	/* Relaxed: the TDR is locked exclusively. */
	os_store64(&tdcs->epoch, 1, OS_RELAXED);
	os_store32(&tdcs->hp_lock_timeout, CPUID_TSC_HZ, OS_RELAXED); /* one second */
	os_store16(&tdcs->topology_enum_configured, 1, OS_RELAXED);
	os_store16(&tdcs->ve_reduction_valid, 1, OS_RELAXED);
	sept_new_tables(call, tdcs);
	sept_clear_page(td_map_page(call, td->tdr, TDCS_PAGE_SEPT, OS_FILL));
}

static void keep_params(const struct seam *seam, struct td_init *init)
{
	const struct tdx_td_params *params = &init->params;
	struct tdcs *tdcs = init->td.tdcs;

	tdcs->attributes = params->attributes;
	tdcs->xfam = params->xfam;
	tdcs->config_flags = params->config_flags;
	tdcs->nr_l2_vms = params->num_l2_vms;
	tdcs->eptp = params->eptp_controls |
		     hpa_with_key(seam, init->td.tdr->tdcx[TDCS_PAGE_SEPT], init->td.tdr->hkid).v;
	tdcs->tsc_frequency = params->tsc_frequency;
	tdcs->tsc_multiplier =
		((uint64_t)params->tsc_frequency << 48) / (CPUID_TSC_HZ / CPUID_CRYSTAL_HZ);
	os_memcpy(tdcs->mrconfigid, params->mrconfigid, sizeof(tdcs->mrconfigid));
	os_memcpy(tdcs->mrowner, params->mrowner, sizeof(tdcs->mrowner));
	os_memcpy(tdcs->mrownerconfig, params->mrownerconfig, sizeof(tdcs->mrownerconfig));
}

tdx_status_t tdh_mng_init(struct call *call)
{
	struct seam *seam = call->seam;
	struct td_init init;
	tdx_status_t status;

	call->regs->rcx = 0;
	status = td_usable(call, hpa(call->in.rcx & ~MNG_INIT_FILTERS), TDX_OP_RCX, true, &init.td);
	if (call_failed(status))
		return status;
	if (!hpa_is_shared(seam, hpa(call->in.rdx), TDX_TD_PARAMS_ALIGN, sizeof(init.params)))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RDX);
	/* A copy: the host may change its own page any time. */
	os_memcpy(&init.params, module_map(seam, hpa_strip(seam, hpa(call->in.rdx)), OS_READ),
		  sizeof(init.params));
	call_has_read(call, hpa(call->in.rdx), &init.params, sizeof(init.params));
	status = td_params_check(call, &init);
	if (call_failed(status))
		return status;

	td_setup(call, &init.td,
		 &(struct td_setup){
			 .pwl = td_pwl(&init.params),
			 .gpaw = init.params.config_flags & TDX_CONFIG_GPAW,
			 .virt_maxpa = td_virt_maxpa(seam, &init.params),
			 .max_vcpus = init.params.max_vcpus,
		 });
	keep_params(seam, &init);
	td_cpuid_setup(seam, &init);
	td_begin_build(seam, &init.td);
	return CALL_OK;
}
