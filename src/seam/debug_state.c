// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * debug_state.c - states forced from outside, in place of leaves that need encryption or
 * measurement, or of what takes an LP a step to come to.
 */
#include "seam/debug_call.h"
#include "seam/td_init.h"

int seam_debug_force_td(struct seam *seam, tdx_hpa_t tdr, enum tdx_op_state state, unsigned int pwl,
			bool gpaw)
{
	struct debug_call debug;
	struct call *call = debug_begin_call(&debug, seam);
	struct td td;

	if (!debug_find_td(call, tdr, &td))
		return -OS_EINVAL;
	if (!td.tdcs->pwl) {
		if (pwl != 3 && pwl != 4)
			return -OS_EINVAL;
		td.tdcs->attributes = TDX_ATTR_SEPT_VE_DISABLE;
		td_setup(call, &td, &(struct td_setup){ .pwl = pwl, .gpaw = gpaw, .max_vcpus = 4 });
	}
	td.tdcs->op_state = state;
	return 0;
}

int seam_debug_num_vcpus(struct seam *seam, tdx_hpa_t tdr, uint32_t n)
{
	struct debug_call debug;
	struct td td;

	if (!debug_find_td(debug_begin_call(&debug, seam), tdr, &td))
		return -OS_EINVAL;
	os_store32(&td.tdcs->nr_vcpus, n, OS_RELAXED);
	return 0;
}

int seam_debug_assoc_vcpus(struct seam *seam, tdx_hpa_t tdr, uint32_t n)
{
	struct debug_call debug;
	struct td td;

	if (!debug_find_td(debug_begin_call(&debug, seam), tdr, &td))
		return -OS_EINVAL;
	os_store32(&td.tdcs->nr_assoc, n, OS_RELAXED);
	return 0;
}

int seam_debug_vcpu_state(struct seam *seam, tdx_hpa_t tdvpr, uint32_t state)
{
	struct tdvps *tdvps;

	if (debug_type_of(seam, tdvpr) != TDX_PT_TDVPR)
		return -OS_EINVAL;
	tdvps = module_map(seam, tdvpr, OS_WRITE);
	os_store32(&tdvps->state, state, OS_RELEASE);
	return 0;
}

int seam_debug_lp_init(struct seam *seam, uint32_t lp, bool done)
{
	if (lp >= seam->config.nr_lps)
		return -OS_EINVAL;
	/* Relaxed, both: no LP is in the module. */
	lp_forget_maps(&seam->lp[lp]);
	if (os_xchg32(&seam->lp[lp].initialised, done, OS_RELAXED) != done)
		os_fetch_add32(&seam->nr_lps_initialised, done ? 1 : UINT32_MAX, OS_RELAXED);
	return 0;
}

int seam_debug_epf(struct seam *seam, tdx_hpa_t tdvpr, const tdx_gpa_t *at, uint32_t nr)
{
	struct tdvps *tdvps;

	if (debug_type_of(seam, tdvpr) != TDX_PT_TDVPR || nr > TDX_MAX_EPF)
		return -OS_EINVAL;
	tdvps = module_map(seam, tdvpr, OS_WRITE);
	tdvps->nr_epf = nr;
	for (uint32_t i = 0; i < nr; i++)
		tdvps->epf[i] = at[i];
	return 0;
}

int seam_debug_td_fatal(struct seam *seam, tdx_hpa_t tdr, bool fatal)
{
	struct tdr *t = debug_find_tdr(seam, tdr);

	if (!t)
		return -OS_EINVAL;
	t->fatal = fatal;
	return 0;
}

int seam_debug_half_freed(struct seam *seam, tdx_hpa_t page)
{
	struct pamt_entry *entry = pamt_peek(seam, page, TDX_4K);

	if (!entry || debug_type_of(seam, page) == TDX_PT_NDA)
		return -OS_EINVAL;
	os_fetch_and64(&entry->head, ~PAMT_TYPE_MASK, OS_RELEASE);
	return 0;
}
