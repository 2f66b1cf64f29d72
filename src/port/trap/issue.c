// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * issue.c - a SEAMCALL of the threads port as the instruction, which the trap serves.
 *
 * A program that is linked with this has the trap from beginning to end. It has interpose.c too:
 * test frameworks set handlers of their own around every test.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/threads/issue.h"
#include "port/trap/interpose.h"

struct destination {
	struct seam *seam;
	uint32_t lp;
};

__attribute__((constructor)) static void install(void)
{
	int error = trap_install(interpose_displaced());

	if (error) {
		fprintf(stderr, "pamt: SEAMCALL cannot be caught: %s\n", strerror(-error));
		abort();
	}
}

static bool serve(void *ctx, struct tdx_regs *regs)
{
	struct destination *to = ctx;

	/* A module that is dead takes no call, as on hardware. */
	if (seam_is_fatal(to->seam, NULL))
		return false;
	seam_call(to->seam, to->lp, regs);
	return true;
}

tdx_status_t threads_issue(struct seam *seam, uint32_t lp, struct tdx_regs *regs)
{
	struct destination to = { seam, lp };
	const struct trap_target target = { serve, &to };
	const struct trap_target *before = trap_set_thread_target(&target);

	if (trap_seamcall(regs))
		regs->rax = TDX_SEAMCALL_VMFAILINVALID;
	trap_set_thread_target(before);
	return (tdx_status_t){ regs->rax };
}
