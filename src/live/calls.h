/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * calls.h - SEAMCALLs out of events: what went in and what came out are put together.
 *
 * in, out:	before and behind a CALL of the assembler routine. They belong together by thread
 *(of the idle threads: by CPU), the last one in is the first one out: an interrupt's call lies
 *inside that of the thread it interrupts. A thread may move to another CPU in between; which of the
 *two the module saw is not known then. enter, exit: KVM's tracepoints around VP.ENTER. They belong
 *together by vCPU.
 */
#ifndef PAMT_LIVE_CALLS_H
#define PAMT_LIVE_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <pamt/tdx.h>

enum call_event_kind { CALL_IN, CALL_OUT, CALL_ENTER, CALL_EXIT, CALL_EVENT_KINDS };

struct call_event {
	enum call_event_kind kind;
	uint32_t cpu;
	uint64_t ns;
	uint64_t who;	      /* thread, or vCPU: an address */
	struct tdx_regs regs; /* in: RAX is the leaf; out: RAX is the status, RDI the leaf */
};

struct live_call {
	uint64_t in_ns, out_ns;
	uint32_t cpu; /* at the end */
	bool moved;   /* began on another one */
	struct tdx_regs in, out;
};

struct calls {
	/* Told of each call when it is over. */
	void (*call)(void *ctx, const struct live_call *call);
	void *ctx;
	/* What has begun and not ended, in the order of beginnings. */
	size_t nr_open, room;
	struct call_event *open;
	uint64_t told, moved;
	uint64_t
		without_begin; /* ends only: it began before the recording, or its event was lost */
	uint64_t without_end;  /* given up: a VP.ENTER that KVM says nothing more about, a gap */
	bool no_memory;
};

/* Events of all CPUs, in order of their time. */
void calls_event(struct calls *calls, const struct call_event *event);
/* Events of this CPU are missing here: what began on it is given up. */
void calls_gap(struct calls *calls, uint32_t cpu);
void calls_free(struct calls *calls);

#endif
