// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * trace_format.c - how the data of an event are laid out: "name: X", "ID: N", and lines like
 * "field:u64 in[6]; offset:24; size:48; signed:0;".
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "live/trace_format.h"

/* The last word of a declaration, without [N]. */
static void name_of(const char *declaration, char *name, size_t size)
{
	const char *last = strrchr(declaration, ' ');

	last = last ? last + 1 : declaration;
	snprintf(name, size, "%.*s", (int)strcspn(last, "["), last);
}

static int add_field(struct trace_format *format, const char *line, struct why *why)
{
	struct trace_field *field = &format->field[format->nr];
	char declaration[128];

	if (format->nr == TRACE_FIELDS)
		return why_not(why, "event %s: more than %u fields", format->name, TRACE_FIELDS);
	if (sscanf(line, "field:%127[^;]; offset:%" SCNu32 "; size:%" SCNu32 ";", declaration,
		   &field->offset, &field->size) != 3)
		return why_not(why, "event %s: a field that cannot be read: %.60s", format->name,
			       line);
	if (field->offset > TRACE_MOST_BYTES || field->size > TRACE_MOST_BYTES - field->offset)
		return why_not(why, "event %s: a field outside of any event: %.60s", format->name,
			       line);
	name_of(declaration, field->name, sizeof(field->name));
	format->nr++;
	return 0;
}

int trace_format_read(const char *text, struct trace_format *format, struct why *why)
{
	*format = (struct trace_format){ 0 };
	for (const char *end; *text; text = end + (*end == '\n')) {
		char line[256];

		end = text + strcspn(text, "\n");
		text += strspn(text, " \t");
		snprintf(line, sizeof(line), "%.*s", end > text ? (int)(end - text) : 0, text);
		sscanf(line, "name: %63s", format->name);
		sscanf(line, "ID: %" SCNu32, &format->id);
		if (!strncmp(line, "field:", 6) && add_field(format, line, why))
			return -1;
	}
	if (!*format->name || !format->id || !format->nr)
		return why_not(why, "no format of an event");
	return 0;
}

int trace_format_find(const struct trace_format *format, const char *name, uint32_t size,
		      uint32_t *offset, struct why *why)
{
	for (uint32_t i = 0; i < format->nr; i++) {
		if (strcmp(format->field[i].name, name) || format->field[i].size != size)
			continue;
		*offset = format->field[i].offset;
		return 0;
	}
	return why_not(why, "event %s has no field %s of %u bytes", format->name, name, size);
}
