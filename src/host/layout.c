// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * layout.c - pamt_plan(): what bring-up would give the module, without a module.
 */
#include "host/plan.h"

void plan_free_lists(struct plan *p)
{
	const struct os_services *os = p->os;

	if (p->memory)
		os->free(os->ctx, p->memory);
	if (p->blocked)
		os->free(os->ctx, p->blocked);
	if (p->given_up)
		os->free(os->ctx, p->given_up);
	p->memory = NULL;
	p->blocked = p->given_up = NULL;
	p->nr_memory = p->nr_blocked = p->nr_given_up = 0;
}

int pamt_plan(const struct os_services *os, const struct pamt_host_config *config,
	      const struct tdx_cmr *cmrs, uint32_t nr_cmrs, struct pamt_layout *layout,
	      struct pamt_error *error)
{
	static int (*const steps[])(struct plan * p) = { plan_memory, plan_tdmrs, plan_pamt,
							 plan_reserved };
	struct module_info module;
	struct plan p = {
		.os = os, .config = config, .module = &module, .error = error, .layout = layout
	};
	tdx_hpa_t pamt[TDX_MAX_TDMRS];
	int ret;

	*layout =
		(struct pamt_layout){ .dynamic = config->dynamic &&
						 config->hkid_start_bit <= TDX_DPAMT_MAX_PA_BITS };
	*error = (struct pamt_error){ .base = HPA_NONE };
	module_info_defaults(&module);
	ret = module_info_set_cmrs(&module, cmrs, nr_cmrs);
	if (ret)
		return plan_fail(&p, PAMT_STEP_METADATA, ret, (struct span){ 0 },
				 "CMRs are missing, out of order, out of range or too many");
	for (uint32_t i = 0; !ret && i < sizeof(steps) / sizeof(steps[0]); i++)
		ret = steps[i](&p);

	/* The chunks go back, but the caller wants to know where they were. */
	for (uint32_t i = 0; i < layout->nr_tdmrs; i++)
		pamt[i] = layout->tdmr[i].pamt_base;
	plan_free_pamt(&p);
	for (uint32_t i = 0; i < layout->nr_tdmrs; i++)
		layout->tdmr[i].pamt_base = pamt[i];
	plan_free_lists(&p);
	return ret;
}
