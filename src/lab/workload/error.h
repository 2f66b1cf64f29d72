/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * error.h - -errno of libpamt and the vmm in words.
 */
#ifndef PAMT_LAB_WORKLOAD_ERROR_H
#define PAMT_LAB_WORKLOAD_ERROR_H

/* "no memory (-ENOMEM)". error: an OS_E* value, with either sign. */
const char *error_text(int error);

#endif
