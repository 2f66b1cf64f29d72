// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * keys.c - the end of a TD's KeyID: MNG.VPFLUSHDONE, PHYMEM.CACHE.WB, MNG.KEY.FREEID and
 * RECLAIMID.
 *
 * A KeyID goes ASSIGNED -VPFLUSHDONE-> FLUSHED -FREEID-> FREE. In between every package must have
 * written its caches back, by a CACHE.WB that began while the KeyID was FLUSHED; a bit for each
 * package in the KeyID's KOT entry says which have not. An interrupted CACHE.WB goes by number: if
 * a KeyID that was FLUSHED at its start is freed, given away and FLUSHED again before it is
 * resumed, it counts for the new life too.
 */
#include "seam/dispatch.h"
#include "seam/td.h"

tdx_status_t tdh_mng_vpflushdone(struct call *call)
{
	struct seam *seam = call->seam;
	struct tdcs *tdcs;
	struct kot_entry *kot;
	struct td td;
	tdx_status_t status = td_explicit(call, hpa(call->in.rcx), TDX_OP_RCX, true, &td);

	if (call_failed(status))
		return status;
	if (!call_lock(call, &seam->kot_lock, LOCK_SHAREX_X))
		return status_operand(TDX_OPERAND_BUSY, TDX_OP_KOT);
	if (td.tdr->lifecycle != TDX_KEYS_CONFIGURED && td.tdr->lifecycle != TDX_HKID_ASSIGNED)
		return tdx_status(TDX_LIFECYCLE_STATE_INCORRECT, 0);
	tdcs = td_tdcs(call, td.tdr);
	/* Acquire: what the vCPUs did on their LPs is over. */
	if (tdcs && tdcs->op_state != TDX_OP_UNINITIALIZED &&
	    os_load32(&tdcs->nr_assoc, OS_ACQUIRE))
		return tdx_status(TDX_FLUSHVP_NOT_DONE, 0);

	td_end_build(seam, tdcs);
	kot = &seam->kot[td.tdr->hkid];
	kot->state = TDX_KOT_FLUSHED;
	/* Relaxed: ordered by the KOT's lock. */
	os_store32(&kot->wb_packages, seam_all_packages(seam), OS_RELAXED);
	td.tdr->lifecycle = TDX_BLOCKED;
	return CALL_OK;
}

tdx_status_t tdh_mng_key_freeid(struct call *call)
{
	struct seam *seam = call->seam;
	struct kot_entry *kot;
	struct td td;
	tdx_status_t status = td_explicit(call, hpa(call->in.rcx), TDX_OP_RCX, true, &td);

	if (call_failed(status))
		return status;
	if (td.tdr->lifecycle != TDX_BLOCKED)
		return tdx_status(TDX_LIFECYCLE_STATE_INCORRECT, 0);
	if (!call_lock(call, &seam->kot_lock, LOCK_SHAREX_X))
		return status_operand(TDX_OPERAND_BUSY, TDX_OP_KOT);
	kot = &seam->kot[td.tdr->hkid];
	/* Relaxed: ordered by the KOT's lock. */
	if (os_load32(&kot->wb_packages, OS_RELAXED))
		return tdx_status(TDX_WBCACHE_NOT_COMPLETE, 0);

	kot->state = TDX_KOT_FREE;
	td.tdr->lifecycle = TDX_TEARDOWN;
	return CALL_OK;
}

/* Kept for hosts of old; there is nothing left to do. */
tdx_status_t tdh_mng_key_reclaimid(struct call *call) { return CALL_OK; }

/* ------------------------------------------------------------------------------------------- */
/* CACHE.WB.                                                                                    */

/* Notes the KeyIDs that this write-back will count for. False: there are none. */
static bool collect_flushed(const struct seam *seam, struct wbt *wbt)
{
	bool any = false;

	os_memset(wbt->hkids, 0, sizeof(wbt->hkids));

	for (uint32_t hkid = seam->config.hkid_min; hkid <= seam->config.hkid_max; hkid++) {
		if (seam->kot[hkid].state != TDX_KOT_FLUSHED)
			continue;
		wbt->hkids[hkid / 64] |= UINT64_C(1) << hkid % 64;
		any = true;
	}
	return any;
}

static void count_written_back(struct seam *seam, const struct wbt *wbt, uint32_t package)
{
	for (uint32_t hkid = seam->config.hkid_min; hkid <= seam->config.hkid_max; hkid++)
		if (wbt->hkids[hkid / 64] >> hkid % 64 & 1)
			/* Relaxed: other packages do the same now; FREEID has the lock. */
			os_fetch_and32(&seam->kot[hkid].wb_packages, ~(1u << package), OS_RELAXED);
}

tdx_status_t tdh_phymem_cache_wb(struct call *call)
{
	struct seam *seam = call->seam;
	uint32_t package = seam_package(seam, call->lp);
	struct wbt *wbt = &seam->wbt[package];
	bool resume = call->in.rcx;

	if (call->in.rcx > 1)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RCX);
	if (!call_lock(call, &wbt->lock, LOCK_MUTEX))
		return status_operand(TDX_OPERAND_BUSY, TDX_OP_WBCACHE);
	if (!call_lock(call, &seam->kot_lock, LOCK_SHAREX_S))
		return status_operand(TDX_OPERAND_BUSY, TDX_OP_KOT);
	if (resume && !wbt->next_block)
		return tdx_status(TDX_WBCACHE_RESUME_ERROR, 0);
	if (!resume) {
		/* What was interrupted before is given up, also if there is nothing to do now. */
		wbt->next_block = 0;
		if (!collect_flushed(seam, wbt))
			return tdx_status(TDX_NO_HKID_READY_TO_WBCACHE, 0);
	}

	while (++wbt->next_block < seam->config.cache_blocks)
		if (call_interrupted(call))
			return tdx_status(TDX_INTERRUPTED_RESUMABLE, 0);
	count_written_back(seam, wbt, package);
	wbt->next_block = 0;
	return CALL_OK;
}
