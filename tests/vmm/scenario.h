/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * scenario.h - a small machine and two TDs that go every way there is once, on one thread and
 * always in the same order: what tests of the vmm, and the sweep of failures, run.
 */
#ifndef PAMT_TESTS_VMM_SCENARIO_H
#define PAMT_TESTS_VMM_SCENARIO_H

#include "lab/guest.h"
#include "lab/stand.h"

#define SCENARIO_TDS	2u
#define SCENARIO_VCPUS	2u
#define SCENARIO_BYTES	(UINT64_C(16) << 20) /* of each TD */
#define SCENARIO_MEMORY (UINT64_C(256) << 20)

struct scenario {
	struct stand stand;
	struct machine_map map;
	struct map_range range;
	uint64_t free_at_start;
	struct td *td[SCENARIO_TDS];
	struct vcpu *vcpu[SCENARIO_TDS][SCENARIO_VCPUS];
	struct guest guest[SCENARIO_TDS][SCENARIO_VCPUS];
	struct guest *running;
	os_a32_t stop;
	hpa_t image;
	uint64_t lost_pages; /* that td_destroy() gave up */
	struct td_counts counts;
	char error[256];
};

/* The machine, with its module, and no host yet. -1: error says why. */
int scenario_create(struct scenario *s, bool dynamic);
void scenario_destroy(struct scenario *s);

/* Host and vmm. */
int scenario_bring_up(struct scenario *s);
/* TD i in TD_RUNNABLE; TD 0 has a 4-level S-EPT, TD 1 one of five. */
int scenario_build(struct scenario *s, unsigned int i);
/* Runs vCPU v of TD i on CPU v: it accepts its share, flips whole mappings and parts of some. */
int scenario_run_vcpu(struct scenario *s, unsigned int i, unsigned int v, bool accept,
		      uint32_t flips, uint32_t partial);
void scenario_end_td(struct scenario *s, unsigned int i);
/* Ends TDs and host. */
void scenario_end(struct scenario *s);

/*
 * All of it: bring-up, both TDs built and run, splits, merge, holes, a restart. Stops at the first
 * failure, with a line in error; scenario_end() is the caller's in any case.
 */
int scenario_all(struct scenario *s);

/*
 * What must hold with zero TDs: nothing held by libpamt but for what was lost, no node of the PAMT
 * with a pair. A line in error if not. Call it between the last TD's end and the host's.
 */
int scenario_check_empty(struct scenario *s);

#endif
