// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * record_events.c - data of the tool's own events into call events.
 */
#include <stddef.h>
#include <string.h>

#include "live/record_events.h"

const char *const record_event_name[CALL_EVENT_KINDS] = {
	[CALL_IN] = "in",
	[CALL_OUT] = "out",
	[CALL_ENTER] = "enter",
	[CALL_EXIT] = "exit",
};

#define REG(name) offsetof(struct call_event, regs.name)

/* The kernel's structure of registers for SEAMCALL. */
static const uint16_t args[] = { REG(rcx), REG(rdx), REG(r8),  REG(r9),	 REG(r10),
				 REG(r11), REG(r12), REG(r13), REG(r14), REG(r15),
				 REG(rbx), REG(rdi), REG(rsi) };

#define WHO offsetof(struct call_event, who)

/* A field, its words, and where they go: to one place, or to those of args. */
struct part {
	const char *field;
	uint16_t bytes, to;
	uint8_t args;
};

static const struct part parts[CALL_EVENT_KINDS][RECORD_EVENT_PARTS] = {
	[CALL_IN] = { { "common_pid", 4, WHO, 0 }, { "fn", 8, REG(rax), 0 }, { "in", 48, 0, 6 } },
	[CALL_OUT] = { { "common_pid", 4, WHO, 0 },
		       { "fn", 8, REG(rdi), 0 },
		       { "rax", 8, REG(rax), 0 },
		       { "rcx", 8, REG(rcx), 0 },
		       { "rdx", 8, REG(rdx), 0 },
		       { "r8", 8, REG(r8), 0 },
		       { "r9", 8, REG(r9), 0 },
		       { "r10", 8, REG(r10), 0 },
		       { "r11", 8, REG(r11), 0 } },
	/* RCX of the structure is of an earlier call: what goes in is the vCPU's own page. */
	[CALL_ENTER] = { { "vcpu", 8, WHO, 0 }, { "in", 104, 0, 13 }, { "tdvpr", 8, REG(rcx), 0 } },
	[CALL_EXIT] = { { "vcpu", 8, WHO, 0 }, { "in", 104, 0, 13 }, { "rax", 8, REG(rax), 0 } },
};

int record_layout_read(enum call_event_kind kind, const char *format, struct record_layout *layout,
		       struct why *why)
{
	struct trace_format f;

	*layout = (struct record_layout){ 0 };
	if (trace_format_read(format, &f, why))
		return -1;
	layout->id = f.id;
	for (unsigned int i = 0; i < RECORD_EVENT_PARTS && parts[kind][i].field; i++) {
		const struct part *part = &parts[kind][i];

		if (trace_format_find(&f, part->field, part->bytes, &layout->at[i], why))
			return -1;
		if (layout->at[i] + part->bytes > layout->bytes)
			layout->bytes = layout->at[i] + part->bytes;
	}
	return 0;
}

static void take(const struct part *part, const uint8_t *from, struct call_event *event)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < part->args; i++)
		memcpy((char *)event + args[i], from + i * sizeof(value), sizeof(value));
	if (part->args)
		return;
	memcpy(&value, from, part->bytes);
	memcpy((char *)event + part->to, &value, sizeof(value));
}

bool record_event(const struct record_layout layout[CALL_EVENT_KINDS],
		  const struct trace_event *raw, uint32_t cpu, struct call_event *event)
{
	uint16_t id;

	if (raw->bytes < sizeof(id))
		return false;
	memcpy(&id, raw->data, sizeof(id));
	for (enum call_event_kind kind = 0; kind < CALL_EVENT_KINDS; kind++) {
		if (layout[kind].id != id || layout[kind].bytes > raw->bytes)
			continue;
		*event = (struct call_event){ .kind = kind, .cpu = cpu, .ns = raw->ns };
		for (unsigned int i = 0; i < RECORD_EVENT_PARTS && parts[kind][i].field; i++)
			take(&parts[kind][i], raw->data + layout[kind].at[i], event);
		return true;
	}
	return false;
}
