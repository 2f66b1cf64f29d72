/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * trace_format.h - how the data of an event are laid out (events/GROUP/NAME/format).
 */
#ifndef PAMT_LIVE_TRACE_FORMAT_H
#define PAMT_LIVE_TRACE_FORMAT_H

#include <stdint.h>

#include "live/why.h"

#define TRACE_FIELDS	 32u
#define TRACE_MOST_BYTES 4096u /* of an event: it is within a page */

struct trace_field {
	char name[32];
	uint32_t offset, size; /* bytes */
};

struct trace_format {
	char name[64];
	uint32_t id, nr;
	struct trace_field field[TRACE_FIELDS];
};

int trace_format_read(const char *text, struct trace_format *format, struct why *why);
/* Where a field of this size is. Return: -1: there is no such field. */
int trace_format_find(const struct trace_format *format, const char *name, uint32_t size,
		      uint32_t *offset, struct why *why);

#endif
