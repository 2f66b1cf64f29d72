// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * workload_cpu.c - CPUs that go offline and come back between two rounds, as the scenario says, and
 * where their vCPUs run meanwhile.
 *
 * A CPU goes with vCPUs bound to it, of TDs that stay: the vmm flushes them there. Until it is back
 * each of them runs on a stand-in: the next CPU of the same node that is there, or any other.
 */
#include <stdio.h>

#include "lab/workload/error.h"
#include "lab/workload/workload_internal.h"

static int leaves(void *arg) { return vmm_cpu_leaves(arg); }
static int returns(void *arg) { return vmm_cpu_returns(arg); }

int workload_check_cpus(const struct workload *load, char *error, size_t error_size)
{
	const struct scenario *s = load->scenario;

	for (uint32_t i = 0; i < s->nr_offline; i++) {
		if (s->offline[i].cpu < load->stand.os->nr_cpus)
			continue;
		snprintf(error, error_size,
			 "line %u: offline %u: this machine has %u CPUs, from 0 on",
			 s->offline[i].line, s->offline[i].cpu, load->stand.os->nr_cpus);
		load->result->refused = true;
		return -1;
	}
	return 0;
}

/* Of those with a worker. nr_workers: there is none. */
static uint32_t stand_in(const struct workload *load, uint32_t home)
{
	uint32_t nr = load->nr_workers, nodes = load->stand.os->nr_nodes;

	for (uint32_t i = 1; i < nr; i++) {
		uint32_t cpu = (home + i) % nr;

		if (!load->workers[cpu].offline && cpu % nodes == home % nodes)
			return cpu;
	}
	for (uint32_t i = 1; i < nr; i++)
		if (!load->workers[(home + i) % nr].offline)
			return (home + i) % nr;
	return nr;
}

/* False: some vCPU has no CPU to run on. */
static bool move_vcpus(struct workload *load)
{
	for (uint32_t t = 0; t < load->nr_tenants; t++) {
		struct workload_td *tenant = &load->tenants[t];

		for (uint32_t v = 0; v < tenant->group->vcpus; v++) {
			uint32_t home = tenant->homes[v];
			uint32_t cpu = load->workers[home].offline ? stand_in(load, home) : home;

			if (cpu == load->nr_workers)
				return false;
			tenant->cpus[v] = cpu;
			load->workers[cpu].used = true;
		}
	}
	return true;
}

static bool move_cpu(struct workload *load, const struct scenario_offline *o, bool goes)
{
	struct runner *runner = load->stand.runner;
	int error = goes ? runner_offline(runner, o->cpu, leaves, &load->stand.vmm)
			 : runner_online(runner, o->cpu, returns, &load->stand.vmm);

	if (error) {
		workload_fail(&load->workers[0], "line %u: CPU %u cannot %s: %s", o->line, o->cpu,
			      goes ? "go offline" : "come back",
			      error == -OS_EBUSY ? "it is the last one of its package"
						 : error_text(error));
		return false;
	}
	if (o->cpu < load->nr_workers)
		load->workers[o->cpu].offline = goes;
	return true;
}

bool workload_move_cpus(struct workload *load, uint32_t round)
{
	const struct scenario *s = load->scenario;
	bool moved = false;

	/* Who comes back first, so that a package always has one. */
	for (uint32_t i = 0; i < 2 * s->nr_offline; i++) {
		const struct scenario_offline *o = &s->offline[i % s->nr_offline];
		bool goes = i >= s->nr_offline;

		if (round != (goes ? o->from : o->to))
			continue;
		if (!move_cpu(load, o, goes))
			return false;
		moved = true;
	}
	if (!moved || move_vcpus(load))
		return true;
	workload_fail(&load->workers[0], "no CPU is left to run vCPUs on");
	return false;
}
