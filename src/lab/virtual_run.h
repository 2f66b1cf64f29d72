/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * virtual_run.h - a design under load in virtual time: many CPUs that fault guest memory in, or
 * that make every get and put cross between unused and used.
 *
 *   linear   TDs of equal size share the CPUs; each CPU faults its part of its TD's memory in, 4K
 *            page by 4K page: think, top up the cache, get, MEM.PAGE.AUG; and when all is mapped
 *            takes it down again: MEM.PAGE.REMOVE, put. Neighbouring CPUs of a TD meet in regions.
 *   edges    each CPU has a set of regions to itself and walks through it at random: top up, get,
 *            AUG, REMOVE, put. Every get finds its region unused, every put is the last.
 *
 * Each CPU is a vCPU. Before it begins it takes its control pages, the first of a TD the TD's as
 * well; the first fault in a region links an S-EPT page. Time in these is not measured: what counts
 * is top-up, get and put, for guest pages.
 */
#ifndef PAMT_LAB_VIRTUAL_RUN_H
#define PAMT_LAB_VIRTUAL_RUN_H

#include "lab/designs/design.h"
#include "lab/virtual.h"

enum virtual_workload { VIRTUAL_LINEAR, VIRTUAL_EDGES };
enum virtual_op { VIRTUAL_TOPUP, VIRTUAL_GET, VIRTUAL_PUT, VIRTUAL_NR_OPS };

struct virtual_config {
	const struct design *design;
	enum virtual_workload workload;
	uint32_t nr_cpus, nr_nodes;
	uint32_t nr_tds;
	uint64_t td_bytes;    /* of each TD */
	uint64_t ops_per_cpu; /* edges: how many of each CPU */
	uint32_t idle_limit;
	uint64_t seed;
};

#define VIRTUAL_WORST 8

struct virtual_result {
	struct histogram op[VIRTUAL_NR_OPS];
	uint64_t end;  /* ns of virtual time */
	uint64_t hash; /* over every turn */
	uint64_t turns;
	uint64_t pages_peak; /* 4K pages of the OS in use at once */
	uint32_t nr_worst;
	struct {
		char name[64];
		struct virtual_line line;
	} worst[VIRTUAL_WORST];
	double seconds; /* that it took */
};

const char *virtual_workload_name(enum virtual_workload workload);
const char *virtual_op_name(enum virtual_op op);
/* Time spent in get, put and top-up, all CPUs together, ns. */
uint64_t virtual_cost(const struct virtual_result *result);

/* Return: 0, or -1 with one line in error. One at a time. */
int virtual_run(const struct virtual_config *config, struct virtual_result *result, char *error,
		size_t error_size);

#endif
