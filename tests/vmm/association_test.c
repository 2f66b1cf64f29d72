// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * association_test.c - CPUs that go offline and come back while TDs have vCPUs bound to them.
 *
 * Each test ends its TD while CPU 2 is gone: on_each_cpu() does not get there any more, so that a
 * vCPU left bound to it would cost the whole TD, which the teardown would notice.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../port/warnings.h"
#include "scenario.h"

#define GOING 2u /* each package keeps a CPU: 0 and 1 */

static const struct script_step accept_some[] = { { SCRIPT_ACCEPT, 0, 4 * MB },
						  { SCRIPT_END, 0, 0 } };
static const struct script_step accept_more[] = { { SCRIPT_ACCEPT, 4 * MB, 4 * MB },
						  { SCRIPT_END, 0, 0 } };

/* Is CPU GOING there? */
static bool gone;
/* What the module answers there to SYS.RD, if not 0. */
static uint64_t answer;
static const struct os_services *port;
static tdx_status_t (*scenario_seamcall)(void *ctx, struct tdx_regs *regs);

struct visit {
	int (*fn)(void *arg);
	void *arg;
};

static int visit(void *arg)
{
	struct visit *visit = arg;

	return gone && os_cpu() == GOING ? 0 : visit->fn(visit->arg);
}

static int on_each_cpu(void *ctx, int (*fn)(void *arg), void *arg)
{
	return port->on_each_cpu(ctx, visit, &(struct visit){ fn, arg });
}

static tdx_status_t seamcall(void *ctx, struct tdx_regs *regs)
{
	assert_false(gone && os_cpu() == GOING && !answer);
	if (answer && TDX_RAX_LEAF(regs->rax) == TDH_SYS_RD) {
		regs->rax = answer;
		return (tdx_status_t){ answer };
	}
	return scenario_seamcall(ctx, regs);
}

static int set_up(void **state)
{
	struct scenario *s;

	if (scenario_set_up_td(state))
		return -1;
	s = *state;
	gone = false;
	answer = 0;
	port = threads_services(s->stand.port);
	scenario_seamcall = s->services.seamcall;
	s->services.on_each_cpu = on_each_cpu;
	s->services.seamcall = seamcall;
	return 0;
}

static int go(struct scenario *s)
{
	int error;

	threads_bind(s->stand.port, GOING);
	error = vmm_cpu_leaves(&s->stand.vmm);
	threads_bind(s->stand.port, 0);
	gone = !error;
	return error;
}

static int come(struct scenario *s)
{
	int error;

	gone = false;
	threads_bind(s->stand.port, GOING);
	error = vmm_cpu_returns(&s->stand.vmm);
	threads_bind(s->stand.port, 0);
	gone = error;
	return error;
}

static void a_cpu_that_goes_takes_no_td_with_it(void **state)
{
	struct scenario *s = *state;

	check(s, scenario_run(s, 0, 0, GOING, accept_some));
	check(s, scenario_run(s, 0, 1, GOING, accept_more));
	assert_int_equal(go(s), 0);
	scenario_end_td(s, 0);
	assert_int_equal(s->lost_pages, 0);
}

static void a_vcpu_whose_cpu_is_gone_runs_elsewhere(void **state)
{
	struct scenario *s = *state;

	check(s, scenario_run(s, 0, 0, GOING, accept_some));
	assert_int_equal(go(s), 0);
	check(s, scenario_run(s, 0, 0, 1, accept_more));
	/* And comes back with it. */
	assert_int_equal(come(s), 0);
	check(s, scenario_run(s, 0, 0, GOING, accept_some));
	assert_int_equal(go(s), 0);
}

static void nothing_enters_on_a_cpu_that_goes_until_it_is_back(void **state)
{
	struct scenario *s = *state;
	const struct td_config config = { .max_vcpus = 1 };
	struct script script;
	struct vcpu *vcpu;
	struct td *td;

	threads_bind(s->stand.port, GOING);
	assert_int_equal(vmm_cpu_leaves(&s->stand.vmm), 0);
	assert_int_equal(vcpu_run(s->vcpu[0][0]), VCPU_CPU_LEAVES);
	/* Nor is a new one bound to it. */
	assert_int_equal(td_create(&s->stand.vmm, &config, &td), 0);
	assert_int_equal(td_add_vcpu(td, &vcpu), -OS_EAGAIN);
	assert_int_equal(td_destroy(td), 0);
	assert_int_equal(vmm_cpu_returns(&s->stand.vmm), 0);
	script_start(&script, accept_some);
	s->script[GOING] = &script;
	assert_int_equal(vcpu_run(s->vcpu[0][0]), VCPU_HALTED);
	threads_bind(s->stand.port, 0);
}

/* A vCPU on the CPU that goes, with a guest that would stay for ever. */
struct runner {
	struct scenario *s;
	struct script script;
	enum vcpu_exit exit;
};

static void *run(void *arg)
{
	struct runner *runner = arg;
	struct scenario *s = runner->s;

	threads_bind(s->stand.port, GOING);
	s->script[GOING] = &runner->script;
	runner->exit = vcpu_run(s->vcpu[0][0]);
	return NULL;
}

static void a_vcpu_that_is_inside_is_made_to_leave(void **state)
{
	static const struct script_step spin[] = { { SCRIPT_ACCEPT, 0, 2 * MB },
						   { SCRIPT_SPIN, 0, 0 },
						   { SCRIPT_END, 0, 0 } };
	struct scenario *s = *state;
	struct runner runner = { .s = s };
	pthread_t thread;

	script_start(&runner.script, spin);
	assert_int_equal(pthread_create(&thread, NULL, run, &runner), 0);
	while (!os_load32(&runner.script.spinning, OS_ACQUIRE))
		os_relax();
	assert_int_equal(go(s), 0);
	pthread_join(thread, NULL);
	assert_int_equal(runner.exit, VCPU_CPU_LEAVES);
	check(s, scenario_run(s, 0, 0, 1, accept_more));
}

static void a_cpu_stays_if_a_vcpu_cannot_be_flushed(void **state)
{
	struct scenario *s = *state;

	check(s, scenario_run(s, 0, 0, GOING, accept_some));
	/* What is refused once is asked for again. */
	s->fault = (struct scenario_fault){
		.at = os_load64(&s->seamcalls, OS_RELAXED) + 1,
		.nr = 2,
		.status = TDX_OPERAND_INVALID,
	};
	assert_int_equal(go(s), -OS_EIO);
	assert_int_equal(s->fault.leaf, TDH_VP_FLUSH);
	/* It stays in use, and may try again. */
	check(s, scenario_run(s, 0, 0, GOING, accept_more));
	assert_int_equal(go(s), 0);
}

static void a_cpu_that_the_module_does_not_know_is_refused(void **state)
{
	struct scenario *s = *state;

	assert_int_equal(go(s), 0);
	answer = TDX_SYS_LP_INIT_NOT_DONE;
	count_warnings(&s->services);
	assert_int_equal(come(s), -OS_ENODEV);
	assert_true(nr_warnings > 0);
	answer = 0;
	assert_int_equal(come(s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, scenario_tear_down)
		TEST(a_cpu_that_goes_takes_no_td_with_it),
		TEST(a_vcpu_whose_cpu_is_gone_runs_elsewhere),
		TEST(nothing_enters_on_a_cpu_that_goes_until_it_is_back),
		TEST(a_vcpu_that_is_inside_is_made_to_leave),
		TEST(a_cpu_stays_if_a_vcpu_cannot_be_flushed),
		TEST(a_cpu_that_the_module_does_not_know_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
