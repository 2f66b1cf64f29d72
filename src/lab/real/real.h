/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * real.h - the hunt in real time: every public function of libpamt on real threads, at random, on
 * a machine that makes it hard.
 *
 * What the explored programs cannot have: many CPUs, many regions, the whole pool, whole TDs. What
 * they have and this has not is that a finding can be repeated step by step: here the seed says
 * what each thread does and what the machine looks like, while who is faster is up to the real
 * machine. A finding is tried again by its seed, and may need some tries.
 *
 * A round
 * -------
 * A new machine, aged: memory on all nodes but the last of several, most of it in use, what is free
 * lies in single pages and small blocks, each in a region that somebody has pages of. A host is
 * brought up on it; each thread is a CPU and does operations for a quarter of a second. Which ones,
 * all the same or each its own few, on how many threads and nodes, how much each has: that differs
 * from round to round (real_shape.c). Then each thread gives back what it has, and with nothing in
 * use everything is counted. Nodes are small, so that rounds are many.
 *
 *   bare      get and put, single and in ranges that fill whole regions; with and without cache
 *   control   caches topped up and freed, control pages taken and given back
 *   TDs       built, faulted at 4K and 2M, zapped, split, merged, converted, run on their CPU,
 *             handed from thread to thread, ended; through src/vmm
 *   pressure  shrink, idle limits, memory that asks whether it may go
 *   CPUs      go offline with vCPUs bound to them, and come back
 *   looking   verify, statistics
 *   touching  memory that libpamt has no part in, beside other threads' in its regions
 *   tides     the pool is drawn dry, and flooded while a chunk comes
 *
 * The OS takes up to 3 ms to find memory for libpamt, and to return from being given some, every
 * second time, or until others have ended some operations: a thread is away in the middle of what
 * it does, and others empty or fill the pool meanwhile (some wait for that moment), or own the
 * pages already. Other services take their time rarely, which would only make operations fewer. In
 * every other round any thread may stand still between any two instructions (real_still.c). Two
 * cores are enough.
 *
 * Who judges
 * ----------
 * An account of every page between the OS and libpamt, kept by neither (real_judge.c): a page that
 * libpamt hands out or gives to the module was taken from the OS before, and is handed out once; a
 * page that it gives back to the OS is nobody's, as the module sees it too. What functions answer:
 * -OS_ENOMEM where memory is short, never a refusal for memory that is wholly the caller's, never
 * BUSY. pamt_verify() while all run. The module, whose fatal rules end a round, in three of
 * four rounds in guard mode. At the end of a round: nothing held, nothing leaked, no page missing.
 *
 * Rounds run in a process of their own, so that a crash, a stop by an invariant and a hang are
 * findings like others.
 */
#ifndef PAMT_LAB_REAL_REAL_H
#define PAMT_LAB_REAL_REAL_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#define REAL_MAX_THREADS 64u
#define REAL_MIN_THREADS 2u

enum real_op {
	REAL_GET,
	REAL_PUT,
	REAL_CACHE,
	REAL_CONTROL,
	REAL_TD_LIFE,
	REAL_TD_FAULT,
	REAL_TD_CHANGE,
	REAL_TD_RUN,
	REAL_PRESSURE,
	REAL_CPU,
	REAL_LOOK,
	REAL_TOUCH,
	REAL_FLOOD,
	REAL_DRAIN,
	REAL_OPS, /* how many */
};

const char *real_op_name(enum real_op op);

struct real_config {
	uint64_t seed; /* of the first round; the next one has the next */
	uint64_t seconds;
	uint32_t threads;
	/* Called now and then while it runs. May be NULL. */
	void (*progress)(void *arg, uint64_t rounds, const uint64_t ops[REAL_OPS]);
	void *arg;
	/* Not 0: end, with what there is so far. May be NULL. */
	const volatile sig_atomic_t *stop;
};

struct real_result {
	bool found;
	uint64_t seed;	 /* of the round that has it */
	double seconds;	 /* until it was found, or of all rounds */
	uint64_t rounds; /* that were begun */
	uint64_t ops[REAL_OPS];
	uint64_t adds, removes; /* of pairs, in rounds that came to their end */
	char text[320];
};

/* Return: 0; -1 with a line in result->text: it could not be run. */
int real_run(const struct real_config *config, struct real_result *result);

#endif
