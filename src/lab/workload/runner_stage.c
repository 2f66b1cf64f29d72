// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * runner_stage.c - CPUs as fibers, in virtual time.
 *
 * Clocks go on from run to run: a run begins, for every CPU, when the last one of the run before
 * has ended. What happens between two runs takes no time.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lab/workload/costs.h"
#include "lab/workload/runner.h"
#include "lab/workload/virtual.h"
#include "port/stage/server.h"

struct cpu {
	struct runner *runner;
	uint32_t index;
};

struct runner {
	struct server *server;
	const struct costs *costs;
	const struct runner_job *job; /* of the run that is on; NULL: none */
	struct virtual *virtual;
	uint64_t begin; /* of this run, ns */
	uint64_t due;	/* when watch() is to be called next */
	uint64_t hash;
	struct cpu *cpus;
};

struct runner *runner_create(struct machine *machine, const struct seam_config *seam,
			     enum os_log_level log_level, char *error, size_t error_size)
{
	const struct machine_map *map = machine_map(machine);
	struct server_config config = { .seam = *seam, .cost = costs_of_leaf };
	struct runner *runner;

	config.log_level = log_level;
	if (map->nr_cpus > STAGE_MAX_CPUS || stage_open(map->nr_cpus, map->nr_nodes)) {
		snprintf(error, error_size, "in virtual time a machine has 1 to %u CPUs",
			 STAGE_MAX_CPUS);
		return NULL;
	}
	runner = calloc(1, sizeof(*runner));
	if (runner) {
		runner->costs = costs_table();
		runner->cpus = calloc(map->nr_cpus, sizeof(*runner->cpus));
		runner->virtual = virtual_create(runner->costs);
	}
	if (!runner || !runner->cpus || !runner->virtual) {
		snprintf(error, error_size, "out of memory");
		goto fail;
	}
	if (server_create(machine, &config, &runner->server, error, error_size)) {
		runner->server = NULL;
		goto fail;
	}
	return runner;
fail:
	if (runner) {
		virtual_destroy(runner->virtual);
		free(runner->cpus);
	}
	free(runner);
	stage_close();
	return NULL;
}

void runner_destroy(struct runner *runner)
{
	if (!runner)
		return;
	server_destroy(runner->server);
	virtual_destroy(runner->virtual);
	free(runner->cpus);
	free(runner);
	stage_close();
}

int runner_offline(struct runner *runner, uint32_t cpu, int (*leaves)(void *arg), void *arg)
{
	return server_offline(runner->server, cpu, leaves, arg);
}

int runner_online(struct runner *runner, uint32_t cpu, int (*returns)(void *arg), void *arg)
{
	return server_online(runner->server, cpu, returns, arg);
}

const struct os_services *runner_services(const struct runner *runner)
{
	return server_services(runner->server);
}

struct threads_port *runner_threads(const struct runner *runner) { return NULL; }

uint64_t runner_now(const struct runner *runner)
{
	return runner->begin + (stage_now() ? virtual_now(runner->virtual) : 0);
}

uint64_t runner_waited(const struct runner *runner)
{
	return stage_now() ? virtual_waited(runner->virtual) : 0;
}

bool runner_is_virtual(void) { return true; }
uint64_t runner_hash(const struct runner *runner) { return runner->hash; }
uint64_t runner_seamcalls(const struct runner *runner) { return server_seamcalls(runner->server); }

void runner_spend(struct runner *runner, enum runner_work work, uint64_t pages)
{
	const struct costs *costs = runner->costs;

	if (!stage_now())
		return;
	stage_pass(work == RUNNER_THINK ? costs->think
					: costs->seamcall + pages * costs->page_clear);
	/* Here no lock is held: a guest runs, and what looks on may take what it needs. */
	if (!runner->job->watch || runner_now(runner) < runner->due)
		return;
	runner->due = runner_now(runner) + runner->job->watch_ns;
	runner->job->watch(runner->job->arg);
}

static void run_cpu(void *arg)
{
	struct cpu *cpu = arg;

	cpu->runner->job->run(cpu->runner->job->arg, cpu->index);
}

int runner_run(struct runner *runner, const struct runner_job *job, char *error, size_t error_size)
{
	struct stage_policy policy;
	int failed = 0;

	virtual_begin(runner->virtual);
	runner->job = job;
	runner->due = runner->begin + job->watch_ns;
	stage_reset();
	for (uint32_t i = 0; i < job->nr; i++) {
		runner->cpus[i] = (struct cpu){ .runner = runner, .index = i };
		stage_start(i, run_cpu, &runner->cpus[i]);
	}
	virtual_policy(runner->virtual, &policy);
	if (stage_run(&policy) != STAGE_FINISHED) {
		snprintf(error, error_size, "%s", stage_violation()->text);
		failed = -1;
	}
	stage_pretend(0);
	server_drain(runner->server);
	runner->begin += virtual_end(runner->virtual);
	runner->hash = virtual_mix(runner->hash, virtual_hash(runner->virtual));
	runner->job = NULL;
	return failed;
}

void runner_choose_lists(struct runner *runner, bool fixed, bool scattered)
{
	struct page_lists_kind kind = { .fixed = fixed, .scattered = scattered };

	server_choose_lists(runner->server, kind);
}
