/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * meter.h - a backing with a clock in front of it: how often each of its functions was called, how
 * long that took, and how much of that was waiting.
 *
 * For virtual time, where one fiber runs at a time: figures are plain numbers, and taking them
 * takes no time. What happens outside of a run (bring-up, the last clean-up) takes none either.
 */
#ifndef PAMT_LAB_COMPARE_METER_H
#define PAMT_LAB_COMPARE_METER_H

#include "lab/compare/histogram.h"
#include "lab/workload/runner.h"
#include "vmm/backing.h"

enum meter_op {
	METER_TOPUP,   /* topup() */
	METER_CONTROL, /* alloc_page(), free_page() */
	METER_GET,     /* get(); take(), for a design that backs memory there */
	METER_PUT,     /* put(); give() */
	METER_CALL,    /* call(), beyond the one SEAMCALL that every design makes there */
	METER_OPS,     /* how many */
};

/* All times in ns. */
struct meter_figure {
	uint64_t count, failed;
	uint64_t total, longest;
	uint64_t p50, p99, p999;	 /* percentiles; 0 in a sum */
	uint64_t waited, waited_longest; /* of these, for locks and words */
};

struct meter {
	struct vmm_backing backing; /* for the vmm; state: the meter */
	const struct vmm_backing *under;
	void *state;
	const struct runner *runner;
	uint64_t seamcall; /* price of one */
	struct meter_function {
		struct histogram took;
		uint64_t failed, waited, waited_longest;
	} op[METER_OPS];
};

void meter_init(struct meter *meter, const struct vmm_backing *under, void *state,
		const struct runner *runner, uint64_t seamcall);
const char *meter_op_name(enum meter_op op);
/* What was measured so far. */
void meter_read(const struct meter *meter, struct meter_figure of[METER_OPS]);
/* Over all functions: time, and waiting. */
void meter_sum(const struct meter_figure of[METER_OPS], struct meter_figure *sum);

#endif
