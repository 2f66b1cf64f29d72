/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * workers.h - work in numbered units, done by several processes. A process per core, since the
 * stage has room for one system under test per process; and since a unit that crashes must not
 * take the others with it.
 */
#ifndef PAMT_LAB_EXPLORE_WORKERS_H
#define PAMT_LAB_EXPLORE_WORKERS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORKERS_MAX 256u

/* Memory that all processes share, zeroed. NULL with errno. */
void *workers_share(size_t bytes);
void workers_unshare(void *memory, size_t bytes);

struct workers {
	uint32_t nr_workers; /* 0: one for each CPU that this process may use */
	uint32_t nr_units;
	/* Does unit i, in some process; the result goes into shared memory. */
	void (*unit)(void *ctx, uint32_t i);
	/* In the parent: unit i ended its process, by this signal or 0 for an exit. */
	void (*crashed)(void *ctx, uint32_t i, int signal);
	/* In the parent, now and then; false: no further units are begun. May be NULL. */
	bool (*tick)(void *ctx, uint32_t units_done);
	/* Not 0: units are given up where they are, and no others begun. May be NULL. */
	const volatile sig_atomic_t *stop;
	/* In the parent, with stop: unit i was not done, or not to its end. */
	void (*given_up)(void *ctx, uint32_t i);
	void *ctx;
};

/*
 * Was it ended by somebody else? Code under test can do to itself what a mistake does; a user, a
 * batch system, or the kernel for want of memory or time sends the other signals.
 */
bool workers_outside(int signal);
#define WORKERS_KILLED "a process was killed; is there too little memory for so many (--jobs)?"
/* In a worker: which one, below WORKERS_MAX; one that takes a crashed one's place has its number.
 */
uint32_t workers_self(void);
/*
 * Return: 0, or -1 with errno if no process could be made; ECHILD: one was ended between two units,
 * so that not all may be done.
 */
int workers_run(const struct workers *workers);
/* What that errno means, as one line. */
const char *workers_why(void);

#endif
