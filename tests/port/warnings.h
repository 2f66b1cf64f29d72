/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * warnings.h - lines at OS_LOG_WARN and OS_LOG_ERROR that a table of services is given: counted,
 * and not shown.
 */
#ifndef PAMT_TESTS_WARNINGS_H
#define PAMT_TESTS_WARNINGS_H

#include <pamt/os.h>

static uint64_t nr_warnings;

static inline void count_warning(void *ctx, enum os_log_level level, const char *format, ...)
{
	if (level <= OS_LOG_WARN)
		__atomic_fetch_add(&nr_warnings, 1, __ATOMIC_RELAXED);
}

/* From now on. */
static inline void count_warnings(struct os_services *services)
{
	services->log = count_warning;
	nr_warnings = 0;
}

#endif
