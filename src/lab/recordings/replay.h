/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * replay.h - executes a recording against the software module and compares.
 *
 * Each `machine` line makes new simulated memory and a new module on it, and brings that module to
 * the state in which recordings begin: SYS.INIT, then SYS.LP.INIT on every logical processor.
 * Calls, accepts and checks are compared and counted. The other lines only set something up; one
 * that cannot be done (a lock that is not to be had, a TD that does not exist) is a difference as
 * well, since everything after it would be about another state.
 */
#ifndef PAMT_LAB_RECORDINGS_REPLAY_H
#define PAMT_LAB_RECORDINGS_REPLAY_H

#include "lab/recordings/vector.h"
#include "machine/memory.h"

/* A register, an outcome or a field of a check, as recorded and as found. */
struct replay_value {
	const char *name; /* "rax", "type"; static */
	uint64_t expected, got;
	bool status; /* completion statuses: worth explaining */
};

#define REPLAY_VALUES VECTOR_REGS

struct replay_difference {
	const struct vector_item *item; /* in the struct vector that was replayed */
	/*
	 * What was to happen and what did, where that is more than values: "returns",
	 * "fatal 343: ...", "the lock is taken". Equal strings where only values differ.
	 */
	char expected[96], got[96];
	unsigned int nr_values;
	struct replay_value value[REPLAY_VALUES]; /* those that differ, rax always */
};

struct replay_result {
	uint64_t passed, failed; /* calls, accepts, checks; failed also counts failed set-up */
	struct replay_difference first; /* if failed */
};

/* What became of an item that was executed. */
struct replay_outcome {
	bool good;		    /* as recorded, or set up */
	bool fatal;		    /* call: the module stopped */
	struct tdx_regs regs;	    /* call: after it */
	enum seam_debug_accept how; /* accept */
	tdx_status_t status;	    /* accept that returned */
};

/* Somebody who looks on. Functions that are NULL are not called. */
struct replay_watcher {
	void *ctx;
	bool first_only; /* nothing is executed behind the first difference */
	/* A new machine has begun; the last one, if any, is gone. */
	void (*machine)(void *ctx, const struct vector_machine *machine, struct seam *seam,
			struct memory *memory);
	/* An item of any kind but machine was executed. */
	void (*item)(void *ctx, const struct vector_item *item,
		     const struct replay_outcome *outcome);
	/* It was not as recorded. */
	void (*difference)(void *ctx, const struct replay_difference *difference);
};

/*
 * replay_run - replays one recording.
 * @vector: the recording
 * @watcher: told of everything that happens, or NULL
 * Return: 0 with *result filled, whether or not there were differences; -1 with one line in error
 * if a machine of the recording is not possible (its geometry, or no memory for it).
 */
int replay_run(const struct vector *vector, const struct replay_watcher *watcher,
	       struct replay_result *result, char *error, size_t error_size);

#endif
