// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * issue.c - a SEAMCALL of the threads port as a plain call of the module.
 */
#include "port/threads/issue.h"

tdx_status_t threads_issue(struct seam *seam, uint32_t lp, struct tdx_regs *regs)
{
	return seam_call(seam, lp, regs);
}
