/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * step.h - what the steps of bring-up share: how one says why it failed.
 */
#ifndef PAMT_HOST_STEP_H
#define PAMT_HOST_STEP_H

#include "host/state.h"

/* Records what went wrong, the SEAMCALL's status included, and returns error. */
static inline int step_fail(struct pamt_host *host, enum pamt_step step, int error,
			    tdx_status_t status, const char *reason)
{
	host->error = (struct pamt_error){
		.step = step, .error = error, .base = HPA_NONE, .status = status, .reason = reason
	};
	return error;
}

PAMT_MUST_CHECK int step_metadata(struct pamt_host *host);   /* metadata.c */
PAMT_MUST_CHECK int step_sys_config(struct pamt_host *host); /* sys_config.c */

#endif
