/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * issue.h - how the threads port makes a SEAMCALL. Two files define this function, and which one a
 * program has is a matter of what it is linked with: issue.c calls the module, port/trap/issue.c
 * executes the instruction.
 */
#ifndef PAMT_PORT_THREADS_ISSUE_H
#define PAMT_PORT_THREADS_ISSUE_H

#include <pamt/seam.h>

tdx_status_t threads_issue(struct seam *seam, uint32_t lp, struct tdx_regs *regs);

#endif
