/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * record_events.h - data of the tool's own events, as the kernel laid them out, into call events.
 */
#ifndef PAMT_LIVE_RECORD_EVENTS_H
#define PAMT_LIVE_RECORD_EVENTS_H

#include "live/calls.h"
#include "live/trace_format.h"
#include "live/trace_page.h"

/* "in", "out", "enter", "exit". */
extern const char *const record_event_name[CALL_EVENT_KINDS];

#define RECORD_EVENT_PARTS 12u

/* Where in the data of an event the parts of it are. */
struct record_layout {
	uint32_t id, bytes;
	uint32_t at[RECORD_EVENT_PARTS];
};

int record_layout_read(enum call_event_kind kind, const char *format, struct record_layout *layout,
		       struct why *why);
/* false: none of these events, or too short for it. */
bool record_event(const struct record_layout layout[CALL_EVENT_KINDS],
		  const struct trace_event *raw, uint32_t cpu, struct call_event *event);

#endif
