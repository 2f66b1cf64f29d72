/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * workload_internal.h - a workload while it runs, shared by its rounds, its TDs and its accounts.
 */
#ifndef PAMT_LAB_WORKLOAD_WORKLOAD_INTERNAL_H
#define PAMT_LAB_WORKLOAD_WORKLOAD_INTERNAL_H

#include "lab/workload/guest_program.h"
#include "lab/workload/workload.h"
#include "machine/background.h"

struct workload;

/* One logical CPU. */
struct worker {
	struct workload *load;
	uint32_t cpu;
	bool used;
	struct guest *guest; /* of the vCPU that runs here now */
	struct td_counts counts;
	double boot_longest;
	char error[256];
	bool failed;
	bool offline; /* the CPU */
} __attribute__((aligned(64)));

/*
 * One TD, and its guests. Built and ended by the CPU of its first vCPU, run by others: rounds are
 * joined in between, so that nothing here needs a lock.
 */
struct workload_td {
	struct workload *load;
	const struct scenario_group *group;
	uint32_t index; /* in its group */
	uint32_t number;
	struct td *td;
	struct td_config config;
	uint64_t bytes;
	struct vcpu **vcpus;
	struct guest *guests;
	uint32_t *homes;	     /* the CPUs that its vCPUs were dealt to */
	uint32_t *cpus;		     /* where they run: there, or elsewhere while that is offline */
	enum scenario_action action; /* in this round */
} __attribute__((aligned(64)));

struct workload {
	const struct workload_config *config;
	const struct scenario *scenario;
	struct workload_result *result;
	struct stand stand;
	uint32_t nr_workers;
	struct worker *workers;
	uint32_t nr_tenants;
	struct workload_td *tenants;
	tdx_hpa_t image; /* source of the measured pages */
	struct background *background;
	struct os_spin background_lock;
	bool gone[SCENARIO_MAX_MEMORY]; /* memory that is offline now */
	uint32_t number;		/* of the round that is on */
	enum workload_round round;
	uint64_t round_ns;  /* when it began */
	uint64_t sample_ns; /* between two samples */
	bool broken;	    /* CPUs were broken off in the middle: nothing can be ended any more */
	os_a32_t stop;	    /* of the guests: a failure, or a request */
	os_a32_t stopped;   /* that was a request */
	os_a32_t alive;	    /* TDs */
	os_a64_t steps, starved;
	os_a64_t failures;
};

/* workload_stop.c */
/* The first failure of a worker is the one that is told. */
void workload_fail(struct worker *worker, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
bool workload_stopped(const struct workload *load);
void workload_stop(struct workload *load);
/* Something that a run can be stopped at has come. */
void workload_step(struct workload *load);

/* workload_size.c: what the TD can come to have of memory in this round. */
uint64_t workload_td_bytes(const struct workload_td *tenant, uint32_t round);
/* What cannot fit is refused before anything is built, unless it is to be tried. 0 or -1. */
int workload_check_sizes(const struct workload *load, char *error, size_t error_size);

/* workload_td.c: what one CPU does with one TD in this round. */
void workload_tend(struct worker *worker, struct workload_td *tenant);
/* The vCPUs of it that run here. */
void workload_run_vcpus(struct worker *worker, struct workload_td *tenant);
enum seam_exit workload_guest(void *ctx, struct seam_vcpu *vcpu);
/* TDs and CPUs for the scenario. Return: 0 or -1 with a line in error. */
int workload_set_up(struct workload *load, char *error, size_t error_size);
void workload_clean_up(struct workload *load);

/* workload_cpu.c; between two rounds, before the one of this number. False: it failed. */
bool workload_move_cpus(struct workload *load, uint32_t round);
/* Can the machine do what the scenario says of CPUs? Return: 0, or -1 with a line in error. */
int workload_check_cpus(const struct workload *load, char *error, size_t error_size);

/* workload_memory.c; the same of memory. After the last round (UINT32_MAX) all of it comes back. */
bool workload_move_memory(struct workload *load, uint32_t round);
int workload_check_memory(const struct workload *load, char *error, size_t error_size);
/* Offline in this round. */
uint64_t workload_gone_bytes(const struct workload *load, uint32_t round);

/* workload_account.c */
void workload_sample(struct workload *load);
void workload_watch(void *arg);
void workload_verify(struct workload *load);
/* Between two rounds. */
void workload_check_bound(struct workload *load);
/* With zero TDs. What is missing now is missing for good. */
void workload_take_account(struct workload *load, uint64_t free_before);

#endif
