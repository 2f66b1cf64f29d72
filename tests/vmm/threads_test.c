// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * threads_test.c - vCPUs on threads of their own: what is done to their memory makes them leave
 * the guest, and they can be stopped.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "scenario.h"

/* A vCPU on CPU 1, with a script. */
struct runner {
	struct scenario *s;
	pthread_t thread;
	struct script script;
	enum vcpu_exit exit;
};

static void *run(void *arg)
{
	struct runner *runner = arg;
	struct scenario *s = runner->s;

	threads_bind(s->stand.port, 1);
	s->script[1] = &runner->script;
	runner->exit = vcpu_run(s->vcpu[0][1]);
	return NULL;
}

static void start(struct runner *runner, struct scenario *s, const struct script_step *steps)
{
	runner->s = s;
	script_start(&runner->script, steps);
	assert_int_equal(pthread_create(&runner->thread, NULL, run, runner), 0);
}

static void wait_until_it_spins(struct runner *runner)
{
	while (!os_load32(&runner->script.spinning, OS_ACQUIRE))
		os_relax();
}

static const struct script_step accept_and_spin[] = {
	{ SCRIPT_ACCEPT, 0, 8 * MB },
	{ SCRIPT_WRITE, 6 * MB, 8 },
	{ SCRIPT_SPIN, 0, 0 },
	{ SCRIPT_END, 0, 0 },
};

static void a_vcpu_that_never_leaves_by_itself_is_stopped(void **state)
{
	struct scenario *s = *state;
	struct runner runner;

	start(&runner, s, accept_and_spin);
	wait_until_it_spins(&runner);
	td_stop(s->td[0]);
	pthread_join(runner.thread, NULL);
	assert_int_equal(runner.exit, VCPU_STOPPED);
	/* And so it is with the others, and for good. */
	assert_int_equal(vcpu_run(s->vcpu[0][0]), VCPU_STOPPED);
}

static void a_zap_waits_until_spinning_vcpus_have_left_once(void **state)
{
	struct scenario *s = *state;
	struct runner runner;
	struct td_counts counts;

	start(&runner, s, accept_and_spin);
	wait_until_it_spins(&runner);
	/* 4K, 2M, split, merge: each makes it leave, and none of them stops it. */
	assert_int_equal(td_zap(s->td[0], gpa(0x8000), 0x4000), 0);
	assert_int_equal(td_zap(s->td[0], gpa(2 * MB), 2 * MB), 0);
	assert_int_equal(td_split(s->td[0], gpa(6 * MB)), 0);
	assert_int_equal(td_merge(s->td[0], gpa(6 * MB)), 0);
	assert_int_equal(td_convert(s->td[0], gpa(4 * MB), 0x1000, true), 0);
	td_sum_counts(s->td[0], &counts);
	assert_true(os_load64(&counts.tracks, OS_RELAXED) >= 5);
	td_stop(s->td[0]);
	pthread_join(runner.thread, NULL);
	assert_int_equal(runner.exit, VCPU_STOPPED);
	assert_null(runner.script.wrong);
}

/* One vCPU accepts all it can, the other takes pieces of it away all the time. */
static void zaps_and_faults_of_the_same_memory_get_along(void **state)
{
	static const struct script_step steps[] = {
		{ SCRIPT_ACCEPT, 0, 16 * MB },	       { SCRIPT_TO_SHARED, 2 * MB, 4 * MB },
		{ SCRIPT_TO_PRIVATE, 2 * MB, 4 * MB }, { SCRIPT_ACCEPT, 2 * MB, 4 * MB },
		{ SCRIPT_TO_SHARED, 9 * MB, 4 * MB },  { SCRIPT_ACCEPT_4K, 9 * MB, 0x10000 },
		{ SCRIPT_ACCEPT, 0, 16 * MB },	       { SCRIPT_END, 0, 0 },
	};
	struct scenario *s = *state;
	struct runner runner;
	uint64_t random = 1;

	for (unsigned int round = 0; round < 4; round++) {
		start(&runner, s, steps);
		for (unsigned int i = 0; i < 60; i++) {
			uint64_t at, bytes;
			int error;

			random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
			at = (random >> 33) % (15 * MB) & ~UINT64_C(0xfff);
			bytes = ((random >> 20) % 64 + 1) * TDX_PAGE_SIZE;
			error = td_zap(s->td[0], gpa(at), bytes);
			assert_true(!error || error == -OS_EAGAIN);
			error = td_split(s->td[0], gpa(at + MB));
			assert_true(!error || error == -OS_EAGAIN);
			error = td_merge(s->td[0], gpa(at + MB));
			assert_true(!error || error == -OS_EBUSY || error == -OS_EAGAIN);
		}
		pthread_join(runner.thread, NULL);
		assert_null(runner.script.wrong);
		assert_int_equal(runner.exit, VCPU_HALTED);
	}
	assert_int_equal(os_load64(&s->stand.vmm.caller.counts.of[CALL_PAMT], OS_RELAXED), 0);
}

/* Ends a TD on a CPU of its own. */
struct ender {
	struct scenario *s;
	struct td *td;
	uint32_t cpu;
	pthread_t thread;
	uint64_t leaked;
};

static void *end_td(void *arg)
{
	struct ender *ender = arg;

	threads_bind(ender->s->stand.port, ender->cpu);
	ender->leaked = td_destroy(ender->td);
	return NULL;
}

/* Another one, with measured pages in regions that all three share. */
static struct td *build_another(struct scenario *s)
{
	struct td_config config = { .node = 0, .max_vcpus = 1 };
	struct vcpu *vcpu;
	struct td *td;

	assert_int_equal(td_create(&s->stand.vmm, &config, &td), 0);
	assert_int_equal(td_add_vcpu(td, &vcpu), 0);
	for (unsigned int i = 0; i < 64; i++)
		assert_int_equal(td_add_page(td, gpa(i * TDX_PAGE_SIZE), s->image), 0);
	assert_int_equal(td_finalize(td), 0);
	return td;
}

static void tds_end_at_the_same_time_while_another_works(void **state)
{
	static const struct script_step steps[] = {
		{ SCRIPT_ACCEPT, 0, 4 * MB },	  { SCRIPT_TO_SHARED, 0, 4 * MB },
		{ SCRIPT_TO_PRIVATE, 0, 4 * MB }, { SCRIPT_ACCEPT_4K, 0, MB },
		{ SCRIPT_TO_SHARED, 0, MB },	  { SCRIPT_TO_PRIVATE, 0, MB },
		{ SCRIPT_ACCEPT_4K, 0, MB },	  { SCRIPT_END, 0, 0 },
	};
	struct scenario *s = *state;
	struct runner runner;

	for (unsigned int round = 0; round < 8; round++) {
		struct ender ender[2];

		for (uint32_t i = 0; i < 2; i++)
			ender[i] = (struct ender){ .s = s, .td = build_another(s), .cpu = i * 2 };
		start(&runner, s, steps);
		for (uint32_t i = 0; i < 2; i++)
			assert_int_equal(pthread_create(&ender[i].thread, NULL, end_td, &ender[i]),
					 0);
		for (uint32_t i = 0; i < 2; i++) {
			pthread_join(ender[i].thread, NULL);
			assert_int_equal(ender[i].leaked, 0);
		}
		pthread_join(runner.thread, NULL);
		assert_null(runner.script.wrong);
		assert_int_equal(runner.exit, VCPU_HALTED);
	}
	assert_int_equal(os_load64(&s->stand.vmm.caller.counts.of[CALL_PAMT], OS_RELAXED), 0);
}

/* Nothing of the TD's has ever run: all that a hole needs is the TD's own. */
static void a_hole_is_punched_into_a_td_whose_vcpus_never_ran(void **state)
{
	struct scenario *s = *state;
	struct td *td = build_another(s);
	struct td_counts counts;

	assert_int_equal(td_zap(td, gpa(0x3000), 0x5000), 0);
	assert_int_equal(td_zap(td, gpa(0x100000), 0x300000), 0);
	assert_int_equal(td_convert(td, gpa(0x9000), 0x1000, true), 0);
	td_sum_counts(td, &counts);
	assert_int_equal(os_load64(&counts.zaps_4k, OS_RELAXED), 6);
	assert_int_equal(td_destroy(td), 0);
}

#define in_td(test) cmocka_unit_test_setup_teardown(test, scenario_set_up_td, scenario_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_td(a_vcpu_that_never_leaves_by_itself_is_stopped),
		in_td(a_zap_waits_until_spinning_vcpus_have_left_once),
		in_td(zaps_and_faults_of_the_same_memory_get_along),
		in_td(tds_end_at_the_same_time_while_another_works),
		in_td(a_hole_is_punched_into_a_td_whose_vcpus_never_ran),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
