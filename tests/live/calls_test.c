// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * calls_test.c - calls out of events, and which LP a CPU is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "live/calls.h"
#include "live/facts.h"

static struct live_call told[8];
static unsigned int nr_told;

static void tell(void *ctx, const struct live_call *call) { told[nr_told++ % 8] = *call; }

static void event(struct calls *calls, enum call_event_kind kind, uint32_t cpu, uint64_t ns,
		  uint64_t who, uint64_t leaf_or_status, uint64_t leaf)
{
	const struct call_event e = { .kind = kind,
				      .cpu = cpu,
				      .ns = ns,
				      .who = who,
				      .regs = { .rax = leaf_or_status, .rdi = leaf } };

	calls_event(calls, &e);
}

static struct calls begin(void)
{
	nr_told = 0;
	return (struct calls){ .call = tell };
}

static void an_interrupt_lies_inside_the_call_that_it_interrupts(void **state)
{
	struct calls calls = begin();

	event(&calls, CALL_IN, 0, 10, 7, 6, 0);
	event(&calls, CALL_IN, 0, 20, 7, 18, 0);
	event(&calls, CALL_OUT, 0, 30, 7, 1, 18);
	event(&calls, CALL_OUT, 0, 40, 7, 2, 6);
	assert_int_equal(nr_told, 2);
	assert_int_equal(told[0].in.rax, 18);
	assert_int_equal(told[0].out.rax, 1);
	assert_int_equal(told[1].in.rax, 6);
	assert_int_equal(told[1].in_ns, 10);
	assert_int_equal(told[1].out_ns, 40);
	assert_int_equal(calls.without_begin + calls.without_end + calls.nr_open, 0);
	calls_free(&calls);
}

static void a_thread_may_move_in_its_call(void **state)
{
	struct calls calls = begin();

	event(&calls, CALL_IN, 0, 10, 7, 6, 0);
	event(&calls, CALL_IN, 0, 11, 8, 6, 0);
	event(&calls, CALL_OUT, 3, 30, 7, 2, 6);
	event(&calls, CALL_OUT, 0, 40, 8, 3, 6);
	assert_int_equal(nr_told, 2);
	assert_true(told[0].moved);
	assert_int_equal(told[0].cpu, 3);
	assert_false(told[1].moved);
	assert_int_equal(told[1].out.rax, 3);
	assert_int_equal(calls.moved, 1);
	calls_free(&calls);
}

static void idle_threads_of_cpus_are_not_one(void **state)
{
	struct calls calls = begin();

	event(&calls, CALL_IN, 0, 10, 0, 18, 0);
	event(&calls, CALL_IN, 1, 11, 0, 18, 0);
	event(&calls, CALL_OUT, 0, 12, 0, 1, 18);
	event(&calls, CALL_OUT, 1, 13, 0, 2, 18);
	assert_int_equal(nr_told, 2);
	assert_int_equal(told[0].cpu, 0);
	assert_int_equal(told[0].out.rax, 1);
	assert_int_equal(told[1].in_ns, 11);
	calls_free(&calls);
}

static void halves_are_counted(void **state)
{
	struct calls calls = begin();

	event(&calls, CALL_OUT, 0, 5, 7, 0, 6);		/* began before */
	event(&calls, CALL_IN, 0, 10, 7, 6, 0);		/* its end is lost */
	event(&calls, CALL_OUT, 0, 20, 7, 0, 8);	/* and the beginning of this one */
	event(&calls, CALL_ENTER, 0, 30, 0xff00, 0, 0); /* KVM is quiet about its end */
	event(&calls, CALL_ENTER, 0, 40, 0xff00, 0, 0);
	event(&calls, CALL_EXIT, 1, 50, 0xff00, 1, 0);
	event(&calls, CALL_IN, 0, 60, 7, 6, 0); /* is not over */
	assert_int_equal(nr_told, 1);
	assert_int_equal(told[0].in_ns, 40);
	assert_int_equal(calls.without_begin, 2);
	assert_int_equal(calls.without_end, 2);
	assert_int_equal(calls.nr_open, 1);
	calls_gap(&calls, 0);
	assert_int_equal(calls.nr_open, 0);
	assert_int_equal(calls.without_end, 3);
	calls_free(&calls);
}

static void the_end_of_a_faulting_call_has_no_leaf(void **state)
{
	struct calls calls = begin();

	event(&calls, CALL_IN, 0, 10, 7, 6, 0);
	event(&calls, CALL_OUT, 0, 20, 7, 0x8000ff000000000d, 0x8000ff0000000000);
	assert_int_equal(nr_told, 1);
	assert_int_equal(told[0].out.rax, 0x8000ff000000000d);
	assert_int_equal(told[0].out.rdi, 0);
	calls_free(&calls);
}

static void lps_go_round_the_packages(void **state)
{
	static const int package[] = { 3, 3, 1, -1, 1, 3 };
	static struct facts facts;

	facts_number_lps(&facts, package, 6);
	assert_int_equal(facts.nr_packages, 2);
	assert_int_equal(facts.nr_lps, 6);
	assert_int_equal(facts.lp[2], 0); /* the first of package 1 */
	assert_int_equal(facts.lp[4], 2);
	assert_int_equal(facts.lp[3], FACTS_NO_LP);
	assert_int_equal(facts.lp[0], 1);
	assert_int_equal(facts.lp[1], 3);
	assert_int_equal(facts.lp[5], 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interrupt_lies_inside_the_call_that_it_interrupts),
		cmocka_unit_test(a_thread_may_move_in_its_call),
		cmocka_unit_test(idle_threads_of_cpus_are_not_one),
		cmocka_unit_test(halves_are_counted),
		cmocka_unit_test(the_end_of_a_faulting_call_has_no_leaf),
		cmocka_unit_test(lps_go_round_the_packages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
