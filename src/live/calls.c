// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * calls.c - SEAMCALLs out of events.
 */
#include <stdlib.h>
#include <string.h>

#include "live/calls.h"

/* What the routine leaves in RDI where the instruction itself faulted. */
#define FAULTED UINT64_C(0x8000ff0000000000)

static bool same(const struct call_event *begin, const struct call_event *end)
{
	if (begin->who != end->who || begin->kind + 1 != end->kind)
		return false;
	/* The idle threads of all CPUs are thread 0. */
	return begin->kind != CALL_IN || end->who || begin->cpu == end->cpu;
}

static void drop(struct calls *calls, size_t i)
{
	memmove(&calls->open[i], &calls->open[i + 1],
		(--calls->nr_open - i) * sizeof(*calls->open));
}

static void begin(struct calls *calls, const struct call_event *event)
{
	if (calls->nr_open == calls->room) {
		size_t room = calls->room ? 2 * calls->room : 64;
		struct call_event *open = realloc(calls->open, room * sizeof(*open));

		if (!open) {
			calls->no_memory = true;
			return;
		}
		calls->open = open;
		calls->room = room;
	}
	calls->open[calls->nr_open++] = *event;
}

/* A vCPU that enters again has left before, whatever was said of it. */
static void give_up_entry(struct calls *calls, uint64_t vcpu)
{
	for (size_t i = calls->nr_open; i--;) {
		if (calls->open[i].kind != CALL_ENTER || calls->open[i].who != vcpu)
			continue;
		drop(calls, i);
		calls->without_end++;
	}
}

static void over(struct calls *calls, const struct call_event *in, const struct call_event *out)
{
	struct live_call call = {
		.in_ns = in->ns,
		.out_ns = out->ns,
		.cpu = out->cpu,
		.moved = in->cpu != out->cpu,
		.in = in->regs,
		.out = out->regs,
	};

	if (out->kind == CALL_OUT)
		call.out.rdi = in->regs.rdi;
	calls->told++;
	calls->moved += call.moved;
	calls->call(calls->ctx, &call);
}

static void end(struct calls *calls, const struct call_event *event)
{
	for (size_t i = calls->nr_open; i--;) {
		struct call_event in = calls->open[i];

		if (!same(&in, event))
			continue;
		drop(calls, i);
		if (in.kind == CALL_IN && event->regs.rdi != in.regs.rax &&
		    event->regs.rdi != FAULTED) {
			calls->without_end++;
			continue; /* the end of this one was lost */
		}
		over(calls, &in, event);
		return;
	}
	calls->without_begin++;
}

void calls_event(struct calls *calls, const struct call_event *event)
{
	switch (event->kind) {
	case CALL_ENTER:
		give_up_entry(calls, event->who);
		begin(calls, event);
		break;
	case CALL_IN:
		begin(calls, event);
		break;
	default:
		end(calls, event);
	}
}

void calls_gap(struct calls *calls, uint32_t cpu)
{
	for (size_t i = calls->nr_open; i--;) {
		if (calls->open[i].cpu != cpu)
			continue;
		drop(calls, i);
		calls->without_end++;
	}
}

void calls_free(struct calls *calls)
{
	free(calls->open);
	calls->open = NULL;
	calls->nr_open = calls->room = 0;
}
