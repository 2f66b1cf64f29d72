// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * workload_stop.c - how a workload ends before its time: something failed, or on request.
 */
#include <stdarg.h>
#include <stdio.h>

#include "lab/workload/workload_internal.h"

void workload_fail(struct worker *worker, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!worker->failed)
		vsnprintf(worker->error, sizeof(worker->error), format, args);
	va_end(args);
	worker->failed = true;
	if (worker->load->config->count_failures && !worker->load->broken) {
		/* Relaxed: a figure. */
		os_fetch_add64(&worker->load->failures, 1, OS_RELAXED);
		return;
	}
	/* Relaxed: the others stop soon. */
	os_store32(&worker->load->stop, 1, OS_RELAXED);
}

bool workload_stopped(const struct workload *load) { return os_load32(&load->stop, OS_RELAXED); }

void workload_stop(struct workload *load)
{
	/* Relaxed, both: soon is enough, and stopped is read when nothing runs. */
	os_store32(&load->stopped, 1, OS_RELAXED);
	os_store32(&load->stop, 1, OS_RELAXED);
}

void workload_step(struct workload *load)
{
	/* Only counted where it is asked for: one line for all CPUs would be felt. */
	if (load->config->stop_at &&
	    os_fetch_add64(&load->steps, 1, OS_RELAXED) + 1 == load->config->stop_at)
		workload_stop(load);
}
