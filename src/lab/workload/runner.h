/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * runner.h - the logical CPUs of a simulated machine, for whoever has work for them: POSIX threads
 * in real time (runner_threads.c, in `pamt`), or fibers of one thread in virtual time
 * (runner_stage.c, in `pamt-lab`). A program is linked with one of the two; everything above is
 * the same source for both.
 *
 * With fibers a run of the same work on the same machine is the same to the bit.
 */
#ifndef PAMT_LAB_WORKLOAD_RUNNER_H
#define PAMT_LAB_WORKLOAD_RUNNER_H

#include <pamt/os.h>
#include <pamt/seam.h>

#include "machine/machine.h"

struct runner;
struct threads_port;

/*
 * A port over this machine, with a module of its own; the caller is CPU 0. In virtual time there
 * can be one runner in a process. NULL: one line in error says why.
 */
struct runner *runner_create(struct machine *machine, const struct seam_config *seam,
			     enum os_log_level log_level, char *error, size_t error_size);
void runner_destroy(struct runner *runner);
const struct os_services *runner_services(const struct runner *runner);
/* The threads port; NULL where there is none. */
struct threads_port *runner_threads(const struct runner *runner);

/* What CPUs 0 .. nr-1 do, all at once. */
struct runner_job {
	uint32_t nr;
	void (*run)(void *arg, uint32_t cpu);
	/*
	 * Called about every watch_ns while they run, to look on: in real time by the caller of
	 * runner_run(), in virtual time by one of the CPUs, in the middle of a guest. May be NULL.
	 */
	void (*watch)(void *arg);
	uint64_t watch_ns;
	void *arg;
};
/*
 * Returns when all have returned. 0; -1 with one line in error: in real time none has run then, in
 * virtual time some may not have.
 */
int runner_run(struct runner *runner, const struct runner_job *job, char *error, size_t error_size);

/*
 * The CPU goes offline, or comes back, with this function called on it; as threads_offline(). Not
 * while a job runs.
 */
int runner_offline(struct runner *runner, uint32_t cpu, int (*leaves)(void *arg), void *arg);
int runner_online(struct runner *runner, uint32_t cpu, int (*returns)(void *arg), void *arg);

/* ns since the runner was created; on a CPU in virtual time, by that CPU's clock. */
uint64_t runner_now(const struct runner *runner);
/* In virtual time, on a CPU: ns of this run that it has waited for locks and words; else 0. */
uint64_t runner_waited(const struct runner *runner);
bool runner_is_virtual(void);
/*
 * In virtual time, before the first job: each single page is from another place in memory
 * (scattered), or CPUs fetch them in batches that do not grow (fixed).
 */
void runner_choose_lists(struct runner *runner, bool fixed, bool scattered);
uint64_t runner_seamcalls(const struct runner *runner);
/* In virtual time, a hash over every turn so far: who, and when; else 0. */
uint64_t runner_hash(const struct runner *runner);

/* What a guest does without the host: in real time it takes the time that it takes. */
enum runner_work {
	RUNNER_THINK,  /* between two faults: its own work, and the host's path to and fro */
	RUNNER_ACCEPT, /* ACCEPT of so many 4K pages, in one call */
};
void runner_spend(struct runner *runner, enum runner_work work, uint64_t pages);

#endif
