/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * trace_page.h - events out of the pages of a kernel's ring buffer (per_cpu/cpuN/trace_pipe_raw).
 */
#ifndef PAMT_LIVE_TRACE_PAGE_H
#define PAMT_LIVE_TRACE_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "live/why.h"

#define TRACE_PAGE_BYTES 4096u

struct trace_event {
	uint64_t ns; /* by the clock of the instance */
	const uint8_t *data;
	size_t bytes;
};

struct trace_reader {
	/* Told of the events of a page, in their order. */
	void (*event)(void *ctx, const struct trace_event *event);
	void *ctx;
	bool gap; /* events before this page were overwritten before anybody read them */
};

/* Return: -1: the page is broken; what was good before that has been told. */
int trace_page(const uint8_t *page, size_t bytes, struct trace_reader *reader, struct why *why);

#endif
