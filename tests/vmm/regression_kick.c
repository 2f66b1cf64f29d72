// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * regression_kick.c - an interrupt is the CPU's that it was sent to.
 *
 * The end of a TD flushes its vCPUs on every CPU, and in the threads port one thread then acts as
 * each CPU in turn. When its SEAMCALL returned it took, in passing, whatever interrupt was pending
 * for that CPU. If that was a kick, sent in the moment between a vCPU's announcement that it goes
 * in and its VP.ENTER, the guest was never made to leave: the flush that waited for it kicked again
 * after a while, which hid the loss and cost the time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "scenario.h"

static const struct script_step nothing[] = { { SCRIPT_END, 0, 0 } };

static uint64_t exits(struct scenario *s)
{
	struct td_counts counts;

	td_sum_counts(s->td[0], &counts);
	return os_load64(&counts.exits, OS_RELAXED);
}

static int call_module(void *arg)
{
	struct scenario *s = arg;
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_PHYMEM_PAGE_RDMD, 0), .rcx = TDX_1G_SIZE };

	s->stand.os->seamcall(s->stand.os->ctx, &regs);
	return 0;
}

static void who_acts_as_a_cpu_leaves_its_interrupts_alone(void **state)
{
	struct scenario *s = *state;
	const struct os_services *os = s->stand.os;
	uint64_t before = exits(s);

	/* A guest that does nothing leaves once, and once more if it was kicked before. */
	check(s, scenario_run(s, 0, 0, 1, nothing));
	assert_int_equal(exits(s) - before, 1);
	before = exits(s);
	os->kick(os->ctx, 1);
	assert_int_equal(os->on_each_cpu(os->ctx, call_module, s), 0);
	check(s, scenario_run(s, 0, 0, 1, nothing));
	assert_int_equal(exits(s) - before, 2);
	/* And it has been taken then. */
	before = exits(s);
	check(s, scenario_run(s, 0, 0, 1, nothing));
	assert_int_equal(exits(s) - before, 1);
}

/* CACHE.WB looks for interrupts: one that is not its own thread's to take must not stop it. */
static int write_back(void *arg)
{
	struct scenario *s = arg;
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_PHYMEM_CACHE_WB, 0) };

	s->stand.os->seamcall(s->stand.os->ctx, &regs);
	return tdx_status_is((tdx_status_t){ regs.rax }, TDX_INTERRUPTED_RESUMABLE);
}

static void an_interrupt_that_waits_does_not_stop_who_acts_as_the_cpu(void **state)
{
	struct scenario *s = *state;
	const struct os_services *os = s->stand.os;

	os->kick(os->ctx, 1);
	assert_int_equal(os->on_each_package(os->ctx, write_back, s), 0);
	check(s, scenario_run(s, 0, 0, 1, nothing));
}

#define in_td(test) cmocka_unit_test_setup_teardown(test, scenario_set_up_td, scenario_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_td(who_acts_as_a_cpu_leaves_its_interrupts_alone),
		in_td(an_interrupt_that_waits_does_not_stop_who_acts_as_the_cpu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
