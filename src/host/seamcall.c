// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * seamcall.c - how bring-up calls the module: once, or again while it is merely busy.
 */
#include "host/state.h"

/*
 * The hardware random generator refills within a few dozen reads, and during bring-up nobody but
 * another CPU's short call holds a lock of the module. What is still busy after this many tries
 * is broken.
 */
#define CALL_TRIES 64

/* What passes by itself. Everything else is an answer. */
static const uint64_t transient[] = {
	TDX_RND_NO_ENTROPY,
	TDX_OPERAND_BUSY,
	TDX_OPERAND_BUSY_HOST_PRIORITY,
	TDX_SYS_BUSY,
};

static tdx_status_t host_call(struct pamt_host *host, struct tdx_regs *regs)
{
	return host->os->seamcall(host->os->ctx, regs);
}

static bool is_transient(tdx_status_t status)
{
	for (size_t i = 0; i < sizeof(transient) / sizeof(transient[0]); i++)
		if (tdx_status_is(status, transient[i]))
			return true;
	return false;
}

tdx_status_t host_call_retry(struct pamt_host *host, struct tdx_regs *regs)
{
	/* A call that fails may have cleared its output registers. */
	const struct tdx_regs input = *regs;
	tdx_status_t status = host_call(host, regs);

	for (int i = 1; i < CALL_TRIES && is_transient(status); i++) {
		os_relax();
		*regs = input;
		status = host_call(host, regs);
	}
	return status;
}
