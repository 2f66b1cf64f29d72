// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * runner_threads.c - CPUs as POSIX threads, in real time.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "machine/clock.h"
#include "lab/workload/runner.h"
#include "port/threads/threads.h"

/* How often the caller looks whether all are done. */
#define LOOK_NS 5000000

struct runner {
	struct threads_port *port;
	uint64_t start_ns;
};

/* Nobody begins before all are there, and nobody at all if one is missing. */
struct gate {
	pthread_mutex_t lock; /* held until it is known */
	bool all;
	os_a32_t running;
};

struct cpu {
	struct runner *runner;
	const struct runner_job *job;
	pthread_t thread;
	uint32_t index;
	struct gate *gate;
};

struct runner *runner_create(struct machine *machine, const struct seam_config *seam,
			     enum os_log_level log_level, char *error, size_t error_size)
{
	struct runner *runner = calloc(1, sizeof(*runner));

	if (!runner) {
		snprintf(error, error_size, "out of memory");
		return NULL;
	}
	runner->start_ns = clock_ns();
	if (threads_port_create(machine, seam, &runner->port, error, error_size)) {
		free(runner);
		return NULL;
	}
	threads_log_level(runner->port, log_level);
	threads_bind(runner->port, 0);
	return runner;
}

void runner_destroy(struct runner *runner)
{
	if (!runner)
		return;
	threads_port_destroy(runner->port);
	free(runner);
}

int runner_offline(struct runner *runner, uint32_t cpu, int (*leaves)(void *arg), void *arg)
{
	return threads_offline(runner->port, cpu, leaves, arg);
}

int runner_online(struct runner *runner, uint32_t cpu, int (*returns)(void *arg), void *arg)
{
	return threads_online(runner->port, cpu, returns, arg);
}

const struct os_services *runner_services(const struct runner *runner)
{
	return threads_services(runner->port);
}

struct threads_port *runner_threads(const struct runner *runner) { return runner->port; }

uint64_t runner_now(const struct runner *runner) { return clock_ns() - runner->start_ns; }

uint64_t runner_waited(const struct runner *runner) { return 0; }

bool runner_is_virtual(void) { return false; }

uint64_t runner_hash(const struct runner *runner) { return 0; }

uint64_t runner_seamcalls(const struct runner *runner)
{
	uint64_t allocs, seamcalls;

	threads_counts(runner->port, &allocs, &seamcalls);
	return seamcalls;
}

void runner_spend(struct runner *runner, enum runner_work work, uint64_t pages) {}

static void *run_cpu(void *arg)
{
	struct cpu *cpu = arg;
	struct gate *gate = cpu->gate;
	bool all;

	pthread_mutex_lock(&gate->lock);
	all = gate->all;
	pthread_mutex_unlock(&gate->lock);
	if (!all)
		return NULL;
	threads_bind(cpu->runner->port, cpu->index);
	cpu->job->run(cpu->job->arg, cpu->index);
	/* Release: all of it is done when the caller sees it. */
	os_fetch_add32(&gate->running, UINT32_MAX, OS_RELEASE);
	return NULL;
}

/* Until all are done. This thread only watches meanwhile. */
static void watch(struct runner *runner, const struct runner_job *job, const os_a32_t *running)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	uint64_t due = runner_now(runner) + job->watch_ns;

	while (os_load32(running, OS_ACQUIRE)) {
		nanosleep(&pause, NULL);
		if (!job->watch || runner_now(runner) < due)
			continue;
		job->watch(job->arg);
		due = runner_now(runner) + job->watch_ns;
	}
}

/* Threads of its own for each run: creating and joining them is what orders two runs. */
int runner_run(struct runner *runner, const struct runner_job *job, char *error, size_t error_size)
{
	struct cpu *cpus = calloc(job->nr, sizeof(*cpus));
	struct gate gate = { .lock = PTHREAD_MUTEX_INITIALIZER, .running = { job->nr } };
	uint32_t started = 0;

	pthread_mutex_lock(&gate.lock);
	for (; cpus && started < job->nr; started++) {
		cpus[started] = (struct cpu){
			.runner = runner, .job = job, .index = started, .gate = &gate
		};
		if (pthread_create(&cpus[started].thread, NULL, run_cpu, &cpus[started]))
			break;
	}
	gate.all = started == job->nr;
	pthread_mutex_unlock(&gate.lock);
	if (gate.all)
		watch(runner, job, &gate.running);
	else
		snprintf(error, error_size,
			 "%u threads could not be started, only %u: no memory, or too many "
			 "threads (ulimit -v, ulimit -u)",
			 job->nr, started);
	for (uint32_t i = 0; i < started; i++)
		pthread_join(cpus[i].thread, NULL);
	free(cpus);
	threads_bind(runner->port, 0);
	return gate.all ? 0 : -1;
}

void runner_choose_lists(struct runner *runner, bool fixed, bool scattered) {}
