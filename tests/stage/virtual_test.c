// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * virtual_test.c - virtual time to the nanosecond: what lines, locks, waits and services cost, who
 * gets a lock, and that a run repeats itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <pamt/os.h>

#include "lab/compare/histogram.h"
#include "lab/workload/virtual.h"

/* Round numbers of its own, so that the table may change. */
static const struct costs costs = { .cached = 1,
				    .transfer = 10,
				    .page_alloc = 200,
				    .page_clear = 150,
				    .seamcall = 1000,
				    .pamt_add = 4000,
				    .pamt_remove = 2000,
				    .think = 2000,
				    .relax = 3 };

static struct {
	_Alignas(64) os_a64_t line[4][8];
	_Alignas(64) struct os_spin spin;
	_Alignas(64) struct os_rwlock rwlock;
	_Alignas(64) os_a16_t word;
} shared;

static struct virtual *v;
static uint64_t seen[8][8]; /* clocks, by CPU */
static uint64_t waited[8];  /* for locks, by CPU */
static char order[32];

static void see(uint32_t i) { seen[os_cpu()][i] = virtual_now(v); }

static void letter(char c)
{
	size_t at = strlen(order);

	assert_true(at + 1 < sizeof(order));
	order[at] = c;
	order[at + 1] = 0;
}

static int set_up(void **state)
{
	(void)state;
	memset(&shared, 0, sizeof(shared));
	memset(seen, 0, sizeof(seen));
	memset(waited, 0, sizeof(waited));
	order[0] = 0;
	if (stage_open(8, 1))
		return -1;
	stage_reset();
	v = virtual_create(&costs);
	return v ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	virtual_destroy(v);
	stage_close();
	return 0;
}

static enum stage_outcome run(void)
{
	struct stage_policy policy;

	virtual_policy(v, &policy);
	return stage_run(&policy);
}

static void touches(void *arg)
{
	(void)arg;
	os_load64(&shared.line[0][0], OS_RELAXED);
	see(0);
	os_load64(&shared.line[0][1], OS_RELAXED);
	see(1);
	os_store64(&shared.line[0][0], 1, OS_RELAXED);
	see(2);
	os_fetch_add64(&shared.line[0][7], 1, OS_RELAXED);
	see(3);
	stage_pass(100);
	see(4);
}

static void a_line_costs_a_transfer_once_and_then_is_here(void **state)
{
	(void)state;
	stage_start(0, touches, NULL);
	assert_int_equal(run(), STAGE_FINISHED);
	assert_int_equal(seen[0][0], 10); /* from memory */
	assert_int_equal(seen[0][1], 11); /* the same line */
	assert_int_equal(seen[0][2], 21); /* to write, it must be the writer's */
	assert_int_equal(seen[0][3], 22);
	assert_int_equal(seen[0][4], 122);
	assert_int_equal(virtual_end(v), 122);
}

static void a_line_is_still_here_in_the_next_run(void **state)
{
	(void)state;
	stage_start(0, touches, NULL);
	assert_int_equal(run(), STAGE_FINISHED);
	virtual_begin(v);
	stage_reset();
	stage_start(0, touches, NULL);
	assert_int_equal(run(), STAGE_FINISHED);
	assert_int_equal(seen[0][0], 1);
	assert_int_equal(seen[0][2], 3);
	assert_int_equal(virtual_end(v), 104);
	/* Another CPU has never had it. */
	virtual_begin(v);
	stage_reset();
	stage_start(1, touches, NULL);
	assert_int_equal(run(), STAGE_FINISHED);
	assert_int_equal(seen[1][0], 10);
}

/* As many lines as a second cache of 1 MB has. */
#define MANY 16384u

static void touches_many(void *arg)
{
	os_a64_t(*line)[8] = arg;

	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < MANY; i++)
			os_store64(&line[i][0], 1, OS_RELAXED);
		see(round);
	}
}

static void many_lines_stay_in_a_cpus_caches(void **state)
{
	os_a64_t(*line)[8] = test_calloc(MANY, sizeof(*line));

	(void)state;
	stage_start(0, touches_many, line);
	assert_int_equal(run(), STAGE_FINISHED);
	/* Where the array begins in the middle of a line, nothing changes: a word is in one. */
	assert_int_equal(seen[0][0], MANY * 10);
	assert_int_equal(seen[0][1], MANY * 11);
	test_free(line);
}

static void owns(void *arg)
{
	(void)arg;
	os_load_own16(&shared.word);
	see(0);
	os_store16(&shared.word, 1, OS_RELAXED);
	see(1);
}

static void a_line_that_is_read_to_be_written_comes_once(void **state)
{
	(void)state;
	stage_start(0, owns, NULL);
	assert_int_equal(run(), STAGE_FINISHED);
	assert_int_equal(seen[0][0], 10);
	assert_int_equal(seen[0][1], 11);
}

static void write_at(void *arg)
{
	stage_pass((uintptr_t)arg);
	os_store64(&shared.line[0][0], 1, OS_RELAXED);
	see(0);
	stage_pass(1000);
	os_load64(&shared.line[0][0], OS_RELAXED);
	see(1);
	os_load64(&shared.line[0][0], OS_RELAXED);
	see(2);
}

static void writers_of_one_line_wait_in_line(void **state)
{
	(void)state;
	stage_start(0, write_at, (void *)100);
	stage_start(1, write_at, (void *)103);
	stage_start(2, write_at, (void *)104);
	assert_int_equal(run(), STAGE_FINISHED);
	assert_int_equal(seen[0][0], 110);
	assert_int_equal(seen[1][0], 120); /* 7 behind CPU 0, then its own transfer */
	assert_int_equal(seen[2][0], 130);
	/* CPU 2 wrote last: the others read it from there, itself from here. */
	assert_int_equal(seen[0][1], 1120);
	assert_int_equal(seen[1][1], 1130);
	assert_int_equal(seen[2][1], 1131);
	assert_int_equal(seen[0][2], 1121);
}

static void hold_at(void *arg)
{
	os_irq_t flags;

	stage_pass((uintptr_t)arg);
	flags = os_spin_lock(&shared.spin);
	see(0);
	waited[os_cpu()] = virtual_waited(v);
	letter((char)('0' + os_cpu()));
	stage_pass(50);
	os_spin_unlock(&shared.spin, flags);
	see(1);
}

static void a_lock_goes_to_who_came_first(void **state)
{
	(void)state;
	stage_start(3, hold_at, (void *)100);
	stage_start(1, hold_at, (void *)130);
	stage_start(2, hold_at, (void *)120);
	/* Comes when the lock is free again, but others were called for it. */
	stage_start(0, hold_at, (void *)165);
	assert_int_equal(run(), STAGE_FINISHED);
	assert_string_equal(order, "3210");
	assert_int_equal(seen[3][0], 110);
	assert_int_equal(seen[3][1], 161); /* held 50, the line is its own */
	assert_int_equal(seen[2][0], 171); /* one transfer after that */
	assert_int_equal(waited[2], seen[2][0] - 120);
	assert_int_equal(waited[0], seen[0][0] - 165);
	assert_int_equal(waited[3], 0);
}

static void read_at(void *arg)
{
	stage_pass((uintptr_t)arg);
	os_read_lock(&shared.rwlock);
	letter('r');
	stage_pass(50);
	os_read_unlock(&shared.rwlock);
}

static void write_lock_at(void *arg)
{
	stage_pass((uintptr_t)arg);
	os_write_lock(&shared.rwlock);
	letter('W');
	stage_pass(50);
	letter('w');
	os_write_unlock(&shared.rwlock);
}

static void readers_that_wait_together_go_together(void **state)
{
	(void)state;
	stage_start(0, write_lock_at, (void *)100);
	stage_start(1, read_at, (void *)110);
	stage_start(2, read_at, (void *)111);
	stage_start(3, write_lock_at, (void *)112);
	stage_start(4, read_at, (void *)113);
	assert_int_equal(run(), STAGE_FINISHED);
	assert_string_equal(order, "WwrrWwr");
	/* Three holds of 50 by writers and readers in turn, and one more reader: not five. */
	assert_true(virtual_end(v) < 100 + 4 * 50 + 100);
}

static void wait_for_word(void *arg)
{
	(void)arg;
	os_wait_change16(&shared.word, 0);
	see(0);
}

static void change_word(void *arg)
{
	stage_pass((uintptr_t)arg);
	os_store16(&shared.word, 1, OS_RELEASE);
	see(0);
}

static void who_waits_for_a_word_wakes_when_it_changes(void **state)
{
	(void)state;
	stage_start(0, wait_for_word, NULL);
	stage_start(1, change_word, (void *)500);
	assert_int_equal(run(), STAGE_FINISHED);
	assert_int_equal(seen[1][0], 510);
	assert_int_equal(seen[0][0], 520);
}

static void a_word_that_nobody_changes_is_a_deadlock_here_too(void **state)
{
	(void)state;
	stage_start(0, wait_for_word, NULL);
	assert_int_equal(run(), STAGE_FAILED);
	assert_int_equal(stage_violation()->wrong, STAGE_DEADLOCK);
}

static void softirq(void *arg)
{
	(void)arg;
	letter('i');
	stage_pass(30);
}

static void raise_with_interrupts_off(void *arg)
{
	os_irq_t flags = os_irq_save();

	(void)arg;
	stage_softirq(os_cpu(), softirq, NULL);
	stage_pass(10);
	letter('(');
	os_irq_restore(flags);
	letter(')');
	stage_pass(10);
	letter('e');
	see(0);
}

static void a_softirq_takes_its_cpus_time(void **state)
{
	(void)state;
	stage_start(0, raise_with_interrupts_off, NULL);
	assert_int_equal(run(), STAGE_FINISHED);
	assert_string_equal(order, "()ie");
	assert_int_equal(seen[0][0], 50);
}

static void the_earliest_clock_goes_next(void *arg)
{
	uintptr_t step = (uintptr_t)arg;

	for (int i = 0; i < 3; i++) {
		stage_pass(step);
		letter((char)('a' + os_cpu()));
	}
}

static void turns_are_in_order_of_time(void **state)
{
	(void)state;
	stage_start(0, the_earliest_clock_goes_next, (void *)30); /* 30 60 90 */
	stage_start(1, the_earliest_clock_goes_next, (void *)20); /* 20 40 60 */
	stage_start(2, the_earliest_clock_goes_next, (void *)50); /* 50 100 150 */
	assert_int_equal(run(), STAGE_FINISHED);
	assert_string_equal(order, "babcabacc");
}

/* ------------------------------------------------------------------------------------------- */

static void percentiles_are_within_a_bucket(void **state)
{
	static struct histogram h;

	(void)state;
	for (uint64_t i = 1; i <= 100000; i++)
		histogram_add(&h, i);
	assert_int_equal(h.count, 100000);
	assert_int_equal(h.longest, 100000);
	for (double share = 0.01; share < 1; share += 0.01) {
		double exact = share * 100000;
		double found = (double)histogram_percentile(&h, share);

		assert_true(found >= exact * 0.999 && found <= exact * 1.04 + 1);
	}
	assert_int_equal(histogram_percentile(&h, 1), 100000);
}

static void the_table_is_read(void **state)
{
	const struct costs *table = costs_table();

	(void)state;
	assert_int_equal(table->cached, 5);
	assert_int_equal(table->transfer, 100);
	assert_int_equal(table->pamt_add, 4000);
	assert_int_equal(costs_of_leaf(TDH_PHYMEM_PAMT_ADD), 4000);
	assert_int_equal(costs_of_leaf(TDH_PHYMEM_PAMT_REMOVE), 2000);
	assert_int_equal(costs_of_leaf(TDH_MEM_PAGE_AUG), 1000);
	assert_non_null(strstr(costs_text(), "pamt_remove"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_line_costs_a_transfer_once_and_then_is_here),
		TEST(a_line_that_is_read_to_be_written_comes_once),
		TEST(a_line_is_still_here_in_the_next_run),
		TEST(many_lines_stay_in_a_cpus_caches),
		TEST(writers_of_one_line_wait_in_line),
		TEST(a_lock_goes_to_who_came_first),
		TEST(readers_that_wait_together_go_together),
		TEST(who_waits_for_a_word_wakes_when_it_changes),
		TEST(a_word_that_nobody_changes_is_a_deadlock_here_too),
		TEST(a_softirq_takes_its_cpus_time),
		TEST(turns_are_in_order_of_time),
		cmocka_unit_test(percentiles_are_within_a_bucket),
		cmocka_unit_test(the_table_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
