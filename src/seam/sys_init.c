// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sys_init.c - SYS.INIT and SYS.LP.INIT: the module wakes up on a platform, then on each of its
 * logical processors.
 */
#include "seam/dispatch.h"
#include "seam/hpa.h"

/* Is the platform's list of convertible memory one that the rest of the module can rely on? */
static bool cmrs_valid(const struct seam *seam)
{
	uint64_t end = 0; /* of the one before */

	for (uint32_t i = 0; i < TDX_MAX_CMRS; i++) {
		const struct tdx_cmr *cmr = &seam->config.cmr[i];
		uint64_t last = cmr->base + cmr->size - 1;

		if (!cmr->size)
			continue;
		if (last < cmr->base || (cmr->base | cmr->size) & (TDX_PAGE_SIZE - 1) ||
		    !hpa_is_private(seam, hpa(cmr->base), 1) ||
		    !hpa_is_private(seam, hpa(last), 1) || cmr->base < end)
			return false;
		end = cmr->base + cmr->size;
	}
	return true;
}

tdx_status_t tdh_sys_init(struct call *call)
{
	struct seam *seam = call->seam;

	if (!call_lock(call, &seam->sys_lock, LOCK_SHAREX_X))
		return tdx_status(TDX_SYS_BUSY, 0);
	if (call->in.rcx)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RCX);
	if (seam_state(seam) != TDX_SYS_INIT_PENDING)
		return tdx_status(TDX_SYS_INIT_NOT_PENDING, 0);
	if (!cmrs_valid(seam))
		return tdx_status(TDX_CMR_LIST_INVALID, 0);
	if (!call_random(call))
		return tdx_status(TDX_RND_NO_ENTROPY, 0);
	/* Version 1 says where a report of a fatal error goes. This module offers none. */
	if (call->version && call->in.r8)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_R8);

	/* Relaxed, both: no LP.INIT passes its gate before the state below is stored. */
	os_store32(&seam->nr_lps_initialised, 0, OS_RELAXED);
	for (uint32_t lp = 0; lp < seam->config.nr_lps; lp++)
		os_store32(&seam->lp[lp].initialised, 0, OS_RELAXED);
	seam_set_state(seam, TDX_SYS_INIT_DONE);
	return CALL_OK;
}

tdx_status_t tdh_sys_lp_init(struct call *call)
{
	struct seam *seam = call->seam;

	if (!call_lock(call, &seam->sys_lock, LOCK_SHAREX_S))
		return tdx_status(TDX_SYS_BUSY, 0);
	if (seam_state(seam) != TDX_SYS_INIT_DONE)
		return tdx_status(TDX_SYS_LP_INIT_NOT_PENDING, 0);
	/* Relaxed: SYS.CONFIG, which counts, excludes this call with the lock. */
	if (os_xchg32(&seam->lp[call->lp].initialised, 1, OS_RELAXED))
		return tdx_status(TDX_SYS_LP_INIT_DONE, 0);
	os_fetch_add32(&seam->nr_lps_initialised, 1, OS_RELAXED);
	/* A module that takes over from another may be given other PAMT areas. */
	lp_forget_maps(&seam->lp[call->lp]);
	return CALL_OK;
}

/* Kept for hosts that still call it on each LP before the module is unloaded. */
tdx_status_t tdh_sys_lp_shutdown(struct call *call) { return CALL_OK; }
