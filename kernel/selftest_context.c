// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * selftest_context.c - work in process, softirq and IPI context, waited for.
 */
#include "selftest.h"

const char *const context_names[NR_CONTEXTS] = { "process", "softirq", "IPI" };

static void errand_in_softirq(struct tasklet_struct *tasklet)
{
	struct errand *errand = from_tasklet(errand, tasklet, tasklet);

	errand->fn(errand->arg);
	complete(&errand->done);
}

void errand_init(struct errand *errand)
{
	tasklet_setup(&errand->tasklet, errand_in_softirq);
	init_completion(&errand->done);
}

void errand_run(struct errand *errand, enum context context, void (*fn)(void *), void *arg)
{
	unsigned int next;

	errand->fn = fn;
	errand->arg = arg;
	switch (context) {
	case IN_SOFTIRQ:
		reinit_completion(&errand->done);
		tasklet_schedule(&errand->tasklet);
		wait_for_completion(&errand->done);
		/* It may still be on its way out, and the errand may be gone soon. */
		tasklet_kill(&errand->tasklet);
		break;
	case IN_IPI:
		/* It stays online, so that the call cannot fail. */
		cpus_read_lock();
		next = cpumask_next(get_cpu(), cpu_online_mask);
		if (next >= nr_cpu_ids)
			next = cpumask_first(cpu_online_mask);
		smp_call_function_single(next, fn, arg, 1);
		put_cpu();
		cpus_read_unlock();
		break;
	case IN_PROCESS:
	case NR_CONTEXTS:
		fn(arg);
		break;
	}
}
