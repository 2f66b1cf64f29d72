/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * watch.h - what a running kernel asks of the TDX module, counted in the kernel.
 *
 * Histograms on the probes behind each SEAMCALL count by leaf and status; no event goes through a
 * buffer. A reading is a few files of text.
 */
#ifndef PAMT_LIVE_WATCH_H
#define PAMT_LIVE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "live/facts.h"
#include "live/tracefs.h"

struct watch_count {
	uint32_t leaf;
	uint64_t status; /* RAX */
	uint64_t calls;
};

/* All since the start. */
struct watch_reading {
	uint64_t ns; /* CLOCK_MONOTONIC */
	unsigned int nr, room;
	struct watch_count *count; /* by leaf, then by calls, the most first */
	uint64_t missed;	   /* hits of probes that were missed, or that found no room */
	uint64_t added, removed;   /* pairs of PAMT pages, with whatever leaf */
	uint64_t created, freed;   /* TDs that got a KeyID, KeyIDs that were given back */
	uint64_t regions,
		flipping; /* 2M regions that got a pair by ADD, and that got one more than once */
};

struct watch {
	struct facts facts;
	struct tracefs fs;
	bool possible; /* on failure: false: not on this machine */
};

/* Is it a failure: not a success, not a reason for which a vCPU left, not a warning? */
bool watch_failed(uint64_t status);

int watch_begin(struct watch *watch, struct why *why);
/* What is in *reading from before is freed. */
int watch_read(struct watch *watch, struct watch_reading *reading, struct why *why);
/* Return: -1: why says what stays in the kernel. */
int watch_end(struct watch *watch, struct why *why);

#endif
