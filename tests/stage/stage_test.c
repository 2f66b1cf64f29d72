// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * stage_test.c - steps are taken by whom the policy names, waits and interrupts are real, and
 * mistakes of context are found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include <pamt/os.h>

#include "port/stage/stage.h"

#define MAX_CPUS 4

/* A policy that lets the actors of a list take one step each, then whoever can. */
struct script {
	const uint32_t *actor;
	uint32_t nr, at;
	uint32_t steps[2 * MAX_CPUS]; /* taken so far, by actor */
};

static struct stage_actor *follow(void *ctx, struct stage_actor *self)
{
	struct script *script = ctx;

	(void)self;
	if (script->at < script->nr) {
		struct stage_actor *actor = stage_actor(script->actor[script->at++]);

		assert_true(stage_can_run(actor));
		script->steps[actor->id]++;
		return actor;
	}
	for (uint32_t id = 0; id < 2 * stage_nr_cpus(); id++)
		if (stage_can_run(stage_actor(id)))
			return stage_actor(id);
	return stage_nobody();
}

/* What the tests' CPUs share. */
static os_a16_t word;
static os_a32_t count;
static struct os_spin spin;
static struct os_mutex mutex;
static struct os_rwlock rwlock;
static char trail[64];

static void mark(char letter)
{
	size_t at = strlen(trail);

	assert_true(at + 1 < sizeof(trail));
	trail[at] = letter;
	trail[at + 1] = 0;
}

static int set_up(void **state)
{
	(void)state;
	memset(&word, 0, sizeof(word));
	memset(&count, 0, sizeof(count));
	memset(&spin, 0, sizeof(spin));
	memset(&mutex, 0, sizeof(mutex));
	memset(&rwlock, 0, sizeof(rwlock));
	trail[0] = 0;
	if (stage_open(MAX_CPUS, 2))
		return -1;
	stage_expect_softirqs(true);
	stage_reset();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stage_close();
	return 0;
}

static enum stage_outcome run(const uint32_t *actors, uint32_t nr)
{
	struct script script = { .actor = actors, .nr = nr };
	struct stage_policy policy = { .next = follow, .ctx = &script };

	return stage_run(&policy);
}
#define RUN(...)                               \
	run((const uint32_t[]){ __VA_ARGS__ }, \
	    sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

static void letters(void *arg)
{
	for (const char *letter = arg; *letter; letter++) {
		os_fetch_add32(&count, 1, OS_RELAXED);
		mark(*letter);
	}
}

static void steps_are_taken_by_whom_the_policy_names(void **state)
{
	(void)state;
	stage_start(0, letters, (char[]){ "abc" });
	stage_start(1, letters, (char[]){ "xyz" });
	/* The first step of each begins it and ends before its first atomic. */
	assert_int_equal(RUN(0, 1, 1, 0, 1, 0, 0, 1), STAGE_FINISHED);
	assert_string_equal(trail, "xaybcz");
	assert_int_equal(count.v, 6);
}

static void identity(void *arg)
{
	uint32_t *seen = arg;

	seen[0] = os_cpu();
	seen[1] = os_node();
	os_load16(&word, OS_RELAXED);
	seen[2] = os_cpu();
}

static void each_cpu_knows_its_number_and_node(void **state)
{
	uint32_t seen[2][3];

	(void)state;
	stage_start(2, identity, seen[0]);
	stage_start(3, identity, seen[1]);
	assert_int_equal(RUN(2, 3, 2, 3), STAGE_FINISHED);
	assert_int_equal(seen[0][0], 2);
	assert_int_equal(seen[0][1], 0);
	assert_int_equal(seen[0][2], 2);
	assert_int_equal(seen[1][0], 3);
	assert_int_equal(seen[1][1], 1);
}

static void wait_then_mark(void *arg)
{
	os_wait_change16(&word, 0);
	mark(*(char *)arg);
}

static void store_then_mark(void *arg)
{
	mark('s');
	os_store16(&word, 7, OS_RELEASE);
	mark(*(char *)arg);
}

static void a_waiter_goes_on_only_when_the_word_changed(void **state)
{
	(void)state;
	stage_start(0, wait_then_mark, (char[]){ "w" });
	stage_start(1, store_then_mark, (char[]){ "t" });
	assert_int_equal(RUN(0, 1), STAGE_FINISHED);
	assert_string_equal(trail, "stw");
}

static void a_word_that_nobody_changes_is_a_deadlock(void **state)
{
	(void)state;
	stage_start(0, wait_then_mark, (char[]){ "w" });
	assert_int_equal(RUN(0), STAGE_FAILED);
	assert_int_equal(stage_violation()->wrong, STAGE_DEADLOCK);
}

static struct os_spin second;

static void take_both(void *arg)
{
	struct os_spin **lock = arg;
	os_irq_t outer = os_spin_lock(lock[0]);
	os_irq_t inner = os_spin_lock(lock[1]);

	os_spin_unlock(lock[1], inner);
	os_spin_unlock(lock[0], outer);
}

static void locks_taken_crosswise_are_a_deadlock(void **state)
{
	struct os_spin *forward[] = { &spin, &second }, *backward[] = { &second, &spin };

	(void)state;
	memset(&second, 0, sizeof(second));
	stage_start(0, take_both, forward);
	stage_start(1, take_both, backward);
	/* Begin, interrupts off, take the first. */
	assert_int_equal(RUN(0, 0, 0, 1, 1, 1), STAGE_FAILED);
	assert_int_equal(stage_violation()->wrong, STAGE_DEADLOCK);
}

static void add_unlocked(void *arg)
{
	uint32_t *plain = arg;
	os_irq_t flags = os_spin_lock(&spin);
	uint32_t was = *plain;

	os_fetch_add32(&count, 1, OS_RELAXED); /* lets others try */
	*plain = was + 1;
	os_spin_unlock(&spin, flags);
}

static void a_spin_lock_keeps_others_out(void **state)
{
	uint32_t plain = 0;

	(void)state;
	for (uint32_t cpu = 0; cpu < MAX_CPUS; cpu++)
		stage_start(cpu, add_unlocked, &plain);
	assert_int_equal(RUN(0, 1, 2, 3, 0, 1, 2, 3, 2, 2, 2), STAGE_FINISHED);
	assert_int_equal(plain, MAX_CPUS);
}

static void read_section(void *arg)
{
	os_read_lock(&rwlock);
	mark(*(char *)arg);
	os_read_unlock(&rwlock);
}

static void write_section(void *arg)
{
	os_write_lock(&rwlock);
	mark(*(char *)arg);
	os_fetch_add32(&count, 1, OS_RELAXED);
	mark(*(char *)arg);
	os_write_unlock(&rwlock);
}

static void readers_share_and_a_writer_is_alone(void **state)
{
	(void)state;
	stage_start(0, read_section, (char[]){ "a" });
	stage_start(1, read_section, (char[]){ "b" });
	stage_start(2, write_section, (char[]){ "W" });
	assert_int_equal(RUN(0, 1, 2, 0, 1, 0), STAGE_FINISHED);
	assert_string_equal(trail, "abWW");
}

static void wait_under_spin_lock(void *arg)
{
	os_irq_t flags = os_spin_lock(&spin);

	(void)arg;
	os_wait_change16(&word, 0);
	os_spin_unlock(&spin, flags);
}

static void waiting_for_a_word_under_a_spin_lock_is_a_mistake(void **state)
{
	(void)state;
	stage_start(0, wait_under_spin_lock, NULL);
	assert_int_equal(RUN(0), STAGE_FAILED);
	assert_int_equal(stage_violation()->wrong, STAGE_CONTEXT);
}

static void sleep_under_read_lock(void *arg)
{
	(void)arg;
	os_read_lock(&rwlock);
	os_mutex_lock(&mutex);
	os_mutex_unlock(&mutex);
	os_read_unlock(&rwlock);
}

static void a_mutex_under_the_mmu_lock_is_a_mistake(void **state)
{
	(void)state;
	stage_start(0, sleep_under_read_lock, NULL);
	assert_int_equal(RUN(0), STAGE_FAILED);
	assert_int_equal(stage_violation()->wrong, STAGE_CONTEXT);
}

static void forget_lock(void *arg)
{
	(void)arg;
	os_read_lock(&rwlock);
}

static void a_lock_that_is_never_given_back_is_a_mistake(void **state)
{
	(void)state;
	stage_start(0, forget_lock, NULL);
	assert_int_equal(RUN(0), STAGE_FAILED);
	assert_int_equal(stage_violation()->wrong, STAGE_CONTEXT);
}

static void with_interrupts_off(void *arg)
{
	os_irq_t flags = os_irq_save();

	(void)arg;
	mark('(');
	os_fetch_add32(&count, 1, OS_RELAXED);
	mark(')');
	os_irq_restore(flags);
	os_fetch_add32(&count, 1, OS_RELAXED);
	mark('e');
}

static void in_softirq(void *arg)
{
	(void)arg;
	mark('i');
	os_fetch_add32(&count, 1, OS_RELAXED);
	mark('j');
}

static void a_softirq_waits_for_interrupts_to_be_on(void **state)
{
	const struct stage_actor *softirq = stage_actor(MAX_CPUS);

	(void)state;
	stage_start(0, with_interrupts_off, NULL);
	assert_true(stage_softirq(0, in_softirq, NULL));
	assert_false(stage_softirq(0, in_softirq, NULL));
	assert_true(stage_can_run(softirq));
	/* Begin; off; add; on; and only now the softirq, which keeps its CPU until it is done. */
	assert_int_equal(RUN(0, 0, 0, 0, MAX_CPUS, MAX_CPUS, 0), STAGE_FINISHED);
	assert_string_equal(trail, "()ije");
}

static void take_in_softirq(void *arg)
{
	(void)arg;
	os_mutex_lock(&mutex);
}

static void a_softirq_must_not_sleep(void **state)
{
	(void)state;
	stage_softirq(1, take_in_softirq, NULL);
	assert_int_equal(RUN(MAX_CPUS + 1), STAGE_FAILED);
	assert_int_equal(stage_violation()->wrong, STAGE_CONTEXT);
}

static void stop(void *arg)
{
	(void)arg;
	os_bug("an invariant");
}

static void a_stage_can_be_used_again_after_a_violation(void **state)
{
	(void)state;
	stage_start(0, stop, NULL);
	stage_start(1, letters, (char[]){ "xyz" });
	assert_int_equal(RUN(1, 0), STAGE_FAILED);
	assert_int_equal(stage_violation()->wrong, STAGE_BUG);
	assert_string_equal(stage_violation()->text, "an invariant");
	stage_reset();
	trail[0] = 0;
	stage_start(0, letters, (char[]){ "ab" });
	stage_start(1, letters, (char[]){ "xy" });
	assert_int_equal(RUN(0, 1, 1, 0), STAGE_FINISHED);
	assert_string_equal(trail, "xaby");
}

static void outside_a_run_a_lock_is_simply_taken(void **state)
{
	os_irq_t flags = os_spin_lock(&spin);

	(void)state;
	assert_int_not_equal(spin.word, 0);
	os_spin_unlock(&spin, flags);
	assert_int_equal(spin.word, 0);
}

/* ------------------------------------------------------------------------------------------- */

#define SWITCHES 400000u

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Two CPUs that take turns at every step, or one that never loses its turn. */
static struct stage_actor *alternate(void *ctx, struct stage_actor *self)
{
	struct stage_actor *other = stage_actor(self && !self->id ? 1 : 0);

	if (!ctx && self && self->state == STAGE_READY)
		return self;
	if (stage_can_run(other))
		return other;
	return self && stage_can_run(self) ? self : stage_nobody();
}

static void count_steps(void *arg)
{
	for (uint32_t i = 0; i < SWITCHES / 2; i++)
		os_fetch_add32(arg, 1, OS_RELAXED);
}

/* Figures, not conditions: a machine may be busy. */
static void what_a_switch_and_a_step_take(void **state)
{
	bool switching = true;
	struct stage_policy policy = { .next = alternate, .ctx = &switching };
	os_a32_t steps = { 0 };
	uint64_t began, with, without;

	(void)state;
	stage_start(0, count_steps, &steps);
	stage_start(1, count_steps, &steps);
	began = now_ns();
	assert_int_equal(stage_run(&policy), STAGE_FINISHED);
	with = now_ns() - began;
	stage_reset();
	policy.ctx = NULL;
	stage_start(0, count_steps, &steps);
	stage_start(1, count_steps, &steps);
	began = now_ns();
	assert_int_equal(stage_run(&policy), STAGE_FINISHED);
	without = now_ns() - began;
	assert_int_equal(steps.v, 2 * SWITCHES);
	print_message("figure: a step: %.1f ns, with a switch: %.1f ns\n",
		      (double)without / SWITCHES, (double)with / SWITCHES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(steps_are_taken_by_whom_the_policy_names),
		TEST(each_cpu_knows_its_number_and_node),
		TEST(a_waiter_goes_on_only_when_the_word_changed),
		TEST(a_word_that_nobody_changes_is_a_deadlock),
		TEST(locks_taken_crosswise_are_a_deadlock),
		TEST(a_spin_lock_keeps_others_out),
		TEST(readers_share_and_a_writer_is_alone),
		TEST(waiting_for_a_word_under_a_spin_lock_is_a_mistake),
		TEST(a_mutex_under_the_mmu_lock_is_a_mistake),
		TEST(a_lock_that_is_never_given_back_is_a_mistake),
		TEST(a_softirq_waits_for_interrupts_to_be_on),
		TEST(a_softirq_must_not_sleep),
		TEST(a_stage_can_be_used_again_after_a_violation),
		TEST(outside_a_run_a_lock_is_simply_taken),
		TEST(what_a_switch_and_a_step_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
