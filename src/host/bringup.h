/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * bringup.h - what the files of bring-up share.
 */
#ifndef PAMT_HOST_BRINGUP_H
#define PAMT_HOST_BRINGUP_H

#include "host/state.h"

/* Records what went wrong, the SEAMCALL's status included, and returns error. */
int bringup_fail(struct pamt_host *host, enum pamt_step step, int error, tdx_status_t status,
		 const char *reason);

int bringup_metadata(struct pamt_host *host);	/* metadata.c */
int bringup_sys_config(struct pamt_host *host); /* sys_config.c */

#endif
