/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * scenario.h - a small machine, and two TDs of 16 MB with two vCPUs each that go every way there
 * is once, on one thread and always in the same order.
 */
#ifndef PAMT_TESTS_VMM_SCENARIO_H
#define PAMT_TESTS_VMM_SCENARIO_H

#include "lab/workload/stand.h"
#include "script.h"

#define SCENARIO_TDS	2u
#define SCENARIO_VCPUS	2u
#define SCENARIO_CPUS	3u
#define SCENARIO_BYTES	(UINT64_C(16) << 20) /* of each TD */
#define SCENARIO_MEMORY (UINT64_C(128) << 20)
#define SCENARIO_IMAGE	UINT64_C(0x5a5a5a5a5a5a5a5a) /* every word of the measured pages */
/* Measured pages, from GPA 0 on. */
#define SCENARIO_INITIAL 4u

/* The first 2M region of every TD is mapped in 4K pages, the others as 2M. */
#define MB UINT64_C(0x100000)

/*
 * SEAMCALLs that do not reach the module: nr of them from the at-th on, counted from 1 since
 * scenario_create(), answer status. What the first of them was is noted.
 */
struct scenario_fault {
	uint64_t at, nr, status;
	uint32_t leaf;
	uint64_t rcx;
	bool in_2m;	   /* RCX is an address in a region without a page pair */
	uint64_t children; /* pages that depend on the TDR of the TD that is being ended */
	bool ending;	   /* inside td_destroy() */
	bool same;	   /* all of them were the same call */
};

struct scenario {
	struct stand stand;
	struct os_services services; /* the port's, with a SEAMCALL that may fail */
	struct scenario_fault fault;
	os_a64_t seamcalls;
	struct td *ending;
	struct machine_map map;
	struct map_range range;
	uint64_t free_at_start;
	bool up;
	struct td *td[SCENARIO_TDS];
	struct vcpu *vcpu[SCENARIO_TDS][SCENARIO_VCPUS];
	struct script *script[SCENARIO_CPUS]; /* of the vCPU that runs on this CPU */
	tdx_hpa_t image;
	uint64_t idle_seen;    /* pairs that were idle when TDs were through with them */
	uint64_t offline_seen; /* regions that could be taken offline */
	uint64_t lost_pages;   /* that td_destroy() gave up */
	struct td_counts counts;
	uint64_t retries; /* of MapGPA, in the last script that ran */
	char error[256];
};

/* The machine, with its module, and no host yet. All of these: 0, or -1 with a line in error. */
int scenario_create(struct scenario *s, bool dynamic);
void scenario_destroy(struct scenario *s);

/* Host and vmm. */
int scenario_bring_up(struct scenario *s);
/* TD i in TD_RUNNABLE; TD 0 has a 4-level S-EPT, TD 1 one of five. */
int scenario_build(struct scenario *s, unsigned int i);
/* Runs steps on vCPU v of TD i, on this CPU of the machine, to their end. */
int scenario_run(struct scenario *s, unsigned int i, unsigned int v, uint32_t cpu,
		 const struct script_step *steps);
/* Every entry of TD i's mirror against the module's S-EPT (MEM.SEPT.RD). Nothing runs. */
int scenario_check_mirror(struct scenario *s, unsigned int i);
void scenario_end_td(struct scenario *s, unsigned int i);
/* Ends what TDs there are. */
void scenario_end(struct scenario *s);

/*
 * All of it: boot reservation, bring-up, both TDs built and run, conversions, splits, a merge, a
 * hole, pairs kept and given back, memory that is to go, a restart.
 * Stops at the first failure; scenario_end() is the caller's in any case.
 */
int scenario_all(struct scenario *s);

/* With zero TDs and nothing lost: libpamt holds nothing, and no region of the PAMT has a pair. */
int scenario_check_empty(struct scenario *s);

/*
 * cmocka fixtures: a host that is up; the same with static PAMT; with TD 0 built. The teardown
 * compares mirrors with the module, ends all TDs and fails if anything is left or lost; _lossy only
 * cleans up after a test that lost pages on purpose and has looked itself.
 */
int scenario_set_up(void **state);
int scenario_set_up_static(void **state);
int scenario_set_up_td(void **state);
int scenario_tear_down(void **state);
int scenario_tear_down_lossy(void **state);

/* In a cmocka test: a step of the scenario that must succeed. */
#define check(s, call)                              \
	do {                                        \
		if (call)                           \
			fail_msg("%s", (s)->error); \
	} while (0)

#endif
