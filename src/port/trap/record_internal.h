/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * record_internal.h - a recorder and its parts; record.c says how they work together.
 */
#ifndef PAMT_PORT_TRAP_RECORD_INTERNAL_H
#define PAMT_PORT_TRAP_RECORD_INTERNAL_H

#include <pthread.h>
#include <sys/types.h>

#include "abi/call_line.h"
#include "port/trap/record.h"
#include "seam/debug.h"

/* A line that waits for one before it; text: NULL while it is not known. */
struct line {
	struct line *next;
	char *text;
};

/* A logical processor that is in the module. */
struct visit {
	struct tdx_regs in;
	const os_a64_t *busy; /* what it did not get; NULL: nothing */
	bool second;	      /* the second lock of that word */
	bool written;	      /* its line */
	struct line *place;   /* VP.ENTER: where its line will be; NULL: another call */
	tdx_hpa_t tdr;
	bool entered; /* the stay has been said */
	uint32_t id;  /* its number */
	bool progress;
	bool company; /* the call before this one was somebody else's */
};

/* A lock that the recording says is held. */
struct held {
	struct held *next;
	struct seam_debug_word lock;
	uint32_t id;
};

#define LINE_BYTES 1024u /* a call: 30 registers of 20 characters */

/* Somebody who waits for the turn, on the stack. */
struct waiter {
	struct waiter *next;
	pthread_cond_t woken;
	bool turn; /* it has come */
};

struct recorder {
	int fd;
	struct seam *seam;
	struct seam_watch watch;
	enum seam_exit (*guest)(void *guest_ctx, struct seam_vcpu *vcpu);
	void *guest_ctx;

	/* The turn. */
	pthread_mutex_t lock;
	bool taken;
	struct waiter *waiters, **last_waiter;

	/* From here on: of whoever has the turn. */
	struct line *first, **last;
	struct held *held;
	uint32_t next_id, nr_stays;
	uint32_t lp; /* whose turn it is */
	bool dead;   /* the module has stopped */
	bool ended;  /* nothing is written any more */
	pid_t pid;   /* whose file it is; 0: no call has been made */
	char machine[2 * LINE_BYTES];
	struct record_troubles troubles;
	uint32_t nr_lps;
	struct visit visit[]; /* by LP; the last one is of numbers that are none */
};

/* record_turn.c */
void record_take_turn(struct recorder *r);
void record_pass_turn(struct recorder *r);

/*
 * record_line.c. add_line: behind all others, to be known later if text is NULL; NULL: no memory.
 * write_known: what nothing waits for any more. put_line: a line that is known.
 */
struct line *record_add_line(struct recorder *r, const char *text);
void record_drop_first(struct recorder *r);
void record_write_line(struct recorder *r, const char *text);
void record_write_known(struct recorder *r);
void record_put_line(struct recorder *r, const char *text);
/* " id=N", the end of the line, and the line. */
void record_put_id(struct recorder *r, struct words *line, const char *text, uint32_t id);
/* "enter TDR id=N", "exit id=N", "release id=N" */
void record_put_event(struct recorder *r, const char *name, const uint64_t *tdr, uint32_t id);

/* record_lock.c: locks that somebody had and that are free now. */
void record_say_releases(struct recorder *r);
/* Somebody else has the lock: says so, unless that has been said. */
void record_say_held(struct recorder *r, const struct seam_debug_word *lock);
/* The same of the lock that the visitor did not get. */
void record_say_busy(struct recorder *r, const struct visit *visit);

#endif
