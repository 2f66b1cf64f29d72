// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sys_disable.c - SYS.DISABLE: the module is switched off, so that another kernel finds a machine
 * without one (kexec). Only the module that comes after 1.5.25 has it.
 *
 *   any state --SYS.DISABLE--> SHUTDOWN   from the first call on every other leaf answers
 *                                         SYS_SHUTDOWN; TDMRs are given up one after the other
 *   SHUTDOWN  --SYS.DISABLE--> SHUTDOWN   goes on where it was interrupted; in the end nothing of
 *                                         memory is the module's or a TD's
 *
 * No recording of it exists. It is what public mails say of it: interruptible, to be repeated
 * until it succeeds, and the end of the module, of which nothing is handed over.
 */
#include "seam/dispatch.h"
#include "seam/sys.h"

/* Closes the door; false: somebody else is inside, and it is open again. */
static bool begin(struct call *call)
{
	struct seam *seam = call->seam;
	const enum tdx_sys_state before = seam_state(seam);

	/* First the door, then a look who is inside: as SYS.SHUTDOWN. */
	os_xchg32(&seam->sys_state, TDX_SYS_STATE_SHUTDOWN, OS_ACQ_REL);
	if (sys_others_inside(call)) {
		seam_set_state(seam, before);
		return false;
	}
	seam->disabling = true;
	return true;
}

tdx_status_t tdh_sys_disable(struct call *call)
{
	struct seam *seam = call->seam;

	if (!call_lock(call, &seam->sys_lock, LOCK_SHAREX_X))
		return tdx_status(TDX_SYS_BUSY, 0);
	if (!seam->disabling && seam_state(seam) == TDX_SYS_STATE_SHUTDOWN)
		return tdx_status(TDX_SYS_SHUTDOWN, 0);
	if (!seam->disabling && !begin(call))
		return tdx_status(TDX_SYS_BUSY, 0);
	while (seam->nr_tdmrs) {
		seam->nr_tdmrs--;
		if (seam->nr_tdmrs && call_interrupted(call))
			return tdx_status(TDX_INTERRUPTED_RESUMABLE, 0);
	}
	seam->disabling = false;
	seam->handoff = false;
	os_memset(seam->kot, 0, sizeof(seam->kot));
	os_memset(seam->wbt, 0, sizeof(seam->wbt));
	return CALL_OK;
}
