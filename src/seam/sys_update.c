// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sys_update.c - one module hands over to the next while TDs live: SYS.SHUTDOWN, the loader,
 * SYS.UPDATE.
 *
 *   READY    --SYS.SHUTDOWN-->  SHUTDOWN      nobody else is inside; the handoff is complete
 *   SHUTDOWN --seam_reload()--> INIT_PENDING  the loader has put a module in place
 *   then SYS.INIT, SYS.LP.INIT on every LP
 *   INIT_DONE --SYS.UPDATE-->   READY         on with KeyIDs, TDMRs, keys, PAMT mode
 *   INIT_DONE --SYS.CONFIG-->   CONFIG_DONE   afresh: what was handed over is given up
 *
 * TDs and page metadata stand in the host's memory and need no handing over. What does is in
 * struct seam, which here is the same for both modules: the handoff is a flag that says whose the
 * contents are.
 */
#include "seam/dispatch.h"
#include "seam/sys.h"

#define SHUTDOWN_VERSION      UINT64_C(0xffff)
#define SHUTDOWN_AVOID_BUILDS (UINT64_C(1) << 16)

bool sys_others_inside(struct call *call)
{
	struct seam *seam = call->seam;

	for (uint32_t lp = 0; lp < seam->config.nr_lps; lp++)
		/*
		 * Acquire and release, by a change: an LP that enters after this read finds the
		 * state that was stored before it.
		 */
		if (lp != call->lp && os_fetch_or32(&seam->lp[lp].inside, 0, OS_ACQ_REL))
			return true;
	return false;
}

static tdx_status_t check_builds(const struct call *call)
{
	/* Relaxed: nobody else is inside. */
	uint32_t builds = os_load32(&call->seam->nr_builds, OS_RELAXED);

	if (call->in.rcx & SHUTDOWN_AVOID_BUILDS && builds)
		return tdx_status(TDX_UPDATE_COMPATIBILITY_SENSITIVE, builds << 16);
	return CALL_OK;
}

tdx_status_t tdh_sys_shutdown(struct call *call)
{
	struct seam *seam = call->seam;
	uint64_t version = call->in.rcx & SHUTDOWN_VERSION;
	tdx_status_t status;

	if (call->in.rcx & ~(SHUTDOWN_VERSION | SHUTDOWN_AVOID_BUILDS) ||
	    version > SYS_HANDOFF_MAX ||
	    version < (SYS_NO_DOWNGRADE ? SYS_HANDOFF_MAX : SYS_HANDOFF_MIN))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RCX);
	if (!call_lock(call, &seam->sys_lock, LOCK_SHAREX_X))
		return tdx_status(TDX_SYS_BUSY, 0);
	/* First the door, then a look who is inside: in between nobody slips in. */
	os_xchg32(&seam->sys_state, TDX_SYS_STATE_SHUTDOWN, OS_ACQ_REL);
	status = sys_others_inside(call) ? tdx_status(TDX_SYS_BUSY, 0) : check_builds(call);
	if (call_failed(status)) {
		seam_set_state(seam, TDX_SYS_READY);
		return status;
	}
	seam->handoff = true;
	return CALL_OK;
}

int seam_reload(struct seam *seam)
{
	if (seam_state(seam) != TDX_SYS_STATE_SHUTDOWN || seam_is_fatal(seam, NULL))
		return -OS_EINVAL;
	seam_set_state(seam, TDX_SYS_INIT_PENDING);
	return 0;
}

tdx_status_t tdh_sys_update(struct call *call)
{
	struct seam *seam = call->seam;

	if (!call_lock(call, &seam->sys_lock, LOCK_SHAREX_X))
		return tdx_status(TDX_SYS_BUSY, 0);
	/* Relaxed: LP.INIT counts under the lock, shared. */
	if (seam_state(seam) != TDX_SYS_INIT_DONE ||
	    os_load32(&seam->nr_lps_initialised, OS_RELAXED) != seam->config.nr_lps)
		return tdx_status(TDX_SYS_STATE_INCORRECT, 0);
	if (!seam->handoff)
		return tdx_status(TDX_SYS_INVALID_HANDOFF, 0);
	if (call->version > 1)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RAX);
	/* Version 1: R9 are the features that the host relies on. */
	if (call->version && call->in.r9 & ~sys_features0(seam))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_R9);
	if (call->version && call->in.r10)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_R10);

	seam->handoff = false;
	seam_set_state(seam, TDX_SYS_READY);
	return CALL_OK;
}

void seam_drop_handoff(struct seam *seam)
{
	if (!seam->handoff)
		return;
	seam->handoff = false;
	seam->nr_tdmrs = 0;
	os_memset(seam->kot, 0, sizeof(seam->kot));
	os_memset(seam->wbt, 0, sizeof(seam->wbt));
}
