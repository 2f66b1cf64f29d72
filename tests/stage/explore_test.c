// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * explore_test.c - the search covers every schedule within its bound, finds what is wrong in small
 * systems that have one mistake each, repeats itself exactly, and shortens what it finds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <pamt/os.h>

#include "lab/explore/explore.h"

/* A system of up to three CPUs with a few shared words. */
static struct shared {
	os_a64_t x, y, z;
	os_a32_t count;
	uint32_t plain;
	uint32_t inside;
	struct os_spin lock, other;
	os_a64_t far[64]; /* words of one CPU each */
} shared;

static struct toy {
	void (*cpu[3])(void *arg);
	const char *(*check)(void);
	const char *(*at_end)(void);
	bool sleeps;
} toy;

static void prepare(void *ctx)
{
	(void)ctx;
	memset(&shared, 0, sizeof(shared));
	for (uint32_t cpu = 0; cpu < 3 && toy.cpu[cpu]; cpu++)
		stage_start(cpu, toy.cpu[cpu], (void *)(uintptr_t)cpu);
}

static const char *check(void *ctx)
{
	(void)ctx;
	return toy.check ? toy.check() : NULL;
}

static void finish(void *ctx)
{
	const char *wrong = toy.at_end ? toy.at_end() : NULL;

	(void)ctx;
	if (wrong)
		stage_note(STAGE_LEAK, "%s", wrong);
}

static struct explorer *explorer;

static void make_toy(struct toy t)
{
	struct explore_system system = { .prepare = prepare,
					 .check = check,
					 .finish = finish,
					 .memory = (const char *)&shared,
					 .bytes = sizeof(shared) };

	toy = t;
	assert_int_equal(stage_open(3, 1), 0);
	explorer = explorer_create(&system);
	assert_non_null(explorer);
}

static void unmake_toy(void)
{
	explorer_destroy(explorer);
	stage_close();
}

/* ------------------------------------------------------------------------------------------- */

/* Reads and writes of three words in an order that makes every interleaving tell. */
static void muddle(void *arg)
{
	uint64_t me = (uintptr_t)arg + 1;
	uint64_t x;

	/* Also before anything that others could notice. */
	if (toy.sleeps)
		stage_sleep("nothing", NULL, 0);
	x = os_load64(&shared.x, OS_RELAXED);
	os_store64(&shared.far[8 * me], x, OS_RELAXED);
	os_store64(&shared.y, 3 * x + me, OS_RELAXED);
	os_fetch_add64(&shared.far[8 * me], 5, OS_RELAXED);
	if (toy.sleeps)
		stage_sleep("nothing", NULL, 0);
	x = os_load64(&shared.z, OS_RELAXED);
	os_store64(&shared.x, 7 * x + os_load64(&shared.y, OS_RELAXED) + me, OS_RELAXED);
	os_fetch_add64(&shared.z, me, OS_RELAXED);
}

/* What the shared words can be at the end, as a set: the sum and product of distinct hashes. */
static struct {
	uint64_t hash[4096];
	uint32_t nr;
} outcomes;

static const char *note_outcome(void)
{
	uint64_t hash = shared.x.v * 1000003 + shared.y.v * 7919 + shared.z.v;

	for (uint32_t i = 0; i < outcomes.nr; i++)
		if (outcomes.hash[i] == hash)
			return NULL;
	assert_true(outcomes.nr < sizeof(outcomes.hash) / sizeof(outcomes.hash[0]));
	outcomes.hash[outcomes.nr++] = hash;
	return NULL;
}

static void reduction_loses_no_state(bool sleeps)
{
	for (uint32_t cpus = 2; cpus <= 3; cpus++) {
		for (uint32_t bound = 0; bound <= (sleeps ? 1u : cpus == 2 ? 4u : 2u); bound++) {
			struct explore_limits limits = { .bound = bound };
			struct explore_result reduced, plain;
			uint32_t nr;

			make_toy((struct toy){ .cpu = { muddle, muddle, cpus == 3 ? muddle : NULL },
					       .at_end = note_outcome,
					       .sleeps = sleeps });
			outcomes.nr = 0;
			explore_all(explorer, &limits, &reduced);
			nr = outcomes.nr;
			outcomes.nr = 0;
			limits.plain = true;
			explore_all(explorer, &limits, &plain);
			assert_true(reduced.complete && plain.complete);
			/* The same ends, by partial order and by what is in memory. */
			assert_int_equal(reduced.count.ends, plain.count.ends);
			if (bound >= 2)
				assert_true(plain.count.schedules > reduced.count.schedules);
			assert_true(nr >= outcomes.nr);
			unmake_toy();
		}
	}
}

static void the_reduction_loses_no_state_within_the_bound(void **state)
{
	(void)state;
	reduction_loses_no_state(false);
	reduction_loses_no_state(true);
}

static void increment_around_a_sleep(void *arg)
{
	uint64_t x = os_load64(&shared.x, OS_RELAXED);

	(void)arg;
	stage_sleep("nothing", NULL, 0);
	os_store64(&shared.x, x + 1, OS_RELAXED);
}

static const char *two_increments(void) { return shared.x.v == 2 ? NULL : "an update is lost"; }

/* What others do while a service takes its time needs no preemption. */
static void a_service_that_sleeps_lets_others_in(void **state)
{
	struct explore_limits limits = { .bound = 0 };
	struct explore_result result;

	(void)state;
	make_toy((struct toy){ .cpu = { increment_around_a_sleep, increment_around_a_sleep },
			       .at_end = two_increments });
	explore_all(explorer, &limits, &result);
	assert_int_equal(result.violation.wrong, STAGE_LEAK);
	unmake_toy();
}

static void without_preemption_there_is_one_end_for_each_order_of_cpus(void **state)
{
	struct explore_limits limits = { .bound = 0 };
	struct explore_result result;

	(void)state;
	make_toy((struct toy){ .cpu = { muddle, muddle, muddle } });
	explore_all(explorer, &limits, &result);
	assert_true(result.complete);
	assert_int_equal(result.count.ends, 6);
	unmake_toy();
}

/* ------------------------------------------------------------------------------------------- */
/* In parts                                                                                     */

static const uint32_t part_numbers[] = { 1, 2, 3, 7 };

/* All parts of so many: the sum of what they did. */
static void explore_parts(uint32_t parts, struct explore_limits limits, struct explore_result *sum)
{
	struct explore_result result;

	memset(sum, 0, sizeof(*sum));
	sum->complete = true;
	limits.parts = parts;
	for (limits.part = 0; limits.part < parts; limits.part++) {
		explore_all(explorer, &limits, &result);
		assert_int_equal(result.violation.wrong, STAGE_OK);
		sum->complete &= result.complete;
		sum->count.schedules += result.count.schedules;
		sum->count.restarts += result.count.restarts;
		sum->count.hash += result.count.hash;
	}
}

static void parts_lose_no_schedule_and_no_state(void **state)
{
	struct explore_limits limits = { 0 };
	struct explore_result whole, sum;
	uint32_t nr;

	(void)state;
	for (limits.bound = 0; limits.bound <= 3; limits.bound++) {
		make_toy((struct toy){ .cpu = { muddle, muddle }, .at_end = note_outcome });
		for (uint32_t i = 0; i < 4; i++) {
			limits.plain = true;
			outcomes.nr = 0;
			explore_all(explorer, &limits, &whole);
			nr = outcomes.nr;
			/* Nothing is left out: each schedule is in one part. */
			explore_parts(part_numbers[i], limits, &sum);
			assert_int_equal(sum.count.schedules, whole.count.schedules);
			assert_true(sum.count.hash == whole.count.hash);
			assert_int_equal(outcomes.nr, nr);
			limits.plain = false;
			outcomes.nr = 0;
			explore_parts(part_numbers[i], limits, &sum);
			assert_true(sum.complete);
			assert_int_equal(outcomes.nr, nr);
		}
		unmake_toy();
	}
}

/* Touches z only if x changes five times between its reads, which no random run brings about. */
static void look_for_changes(void *arg)
{
	uint64_t last = 0, changes = 0;

	(void)arg;
	for (int i = 0; i < 6; i++) {
		uint64_t x = os_load64(&shared.x, OS_RELAXED);

		changes += x != last;
		last = x;
	}
	if (changes == 5)
		os_fetch_add64(&shared.z, 10, OS_RELAXED);
}

static void make_changes(void *arg)
{
	(void)arg;
	for (int i = 0; i < 5; i++)
		os_fetch_add64(&shared.x, 1, OS_RELAXED);
	os_fetch_add64(&shared.z, os_load64(&shared.z, OS_RELAXED) + 1, OS_RELAXED);
}

static void what_is_shared_late_is_explored_by_the_part_that_notices(void **state)
{
	struct explore_limits limits = { .bound = 9 };
	struct explore_result whole, sum;
	uint32_t nr;

	(void)state;
	make_toy((struct toy){ .cpu = { look_for_changes, make_changes }, .at_end = note_outcome });
	outcomes.nr = 0;
	explore_all(explorer, &limits, &whole);
	assert_true(whole.complete && whole.count.restarts);
	nr = outcomes.nr;
	for (uint32_t i = 0; i < 4; i++) {
		outcomes.nr = 0;
		explore_parts(part_numbers[i], limits, &sum);
		assert_true(sum.complete && sum.count.restarts);
		assert_int_equal(outcomes.nr, nr);
	}
	unmake_toy();
}

/* What was kept, some of many. */
static struct {
	struct explore_progress progress[64];
	uint32_t nr;
} kept;

static void keep(void *ctx, const struct explore_progress *progress)
{
	(void)ctx;
	if (kept.nr < 64)
		kept.progress[kept.nr++] = *progress;
}

static void same_result(const struct explore_result *a, const struct explore_result *b)
{
	assert_true(a->complete && b->complete);
	assert_int_equal(a->count.schedules, b->count.schedules);
	assert_int_equal(a->count.merged, b->count.merged);
	assert_int_equal(a->count.steps, b->count.steps);
	assert_int_equal(a->count.states, b->count.states);
	assert_int_equal(a->count.ends, b->count.ends);
	assert_int_equal(a->count.restarts, b->count.restarts);
	assert_true(a->count.hash == b->count.hash);
}

/* From wherever it was put aside, by another explorer, to the same end. */
static void goes_on_from_everywhere(struct toy t, struct explore_limits limits)
{
	struct explore_result result, again;

	limits.keep = keep;
	make_toy(t);
	kept.nr = 0;
	explore_all(explorer, &limits, &result);
	unmake_toy();
	assert_true(kept.nr > 5);
	limits.keep = NULL;
	for (uint32_t i = 0; i < kept.nr; i++) {
		make_toy(t);
		limits.from = &kept.progress[i];
		explore_all(explorer, &limits, &again);
		same_result(&result, &again);
		unmake_toy();
	}
}

static void a_search_that_was_put_aside_ends_the_same(void **state)
{
	(void)state;
	goes_on_from_everywhere((struct toy){ .cpu = { muddle, muddle, muddle } },
				(struct explore_limits){ .bound = 2, .epoch = 2000 });
	goes_on_from_everywhere(
		(struct toy){ .cpu = { muddle, muddle, muddle } },
		(struct explore_limits){ .bound = 2, .epoch = 2000, .part = 1, .parts = 3 });
	/* Some of these lie behind the word that is shared late. */
	goes_on_from_everywhere(
		(struct toy){ .cpu = { look_for_changes, make_changes } },
		(struct explore_limits){ .bound = 9, .epoch = 500, .part = 1, .parts = 2 });
}

static void epochs_lose_no_state(void **state)
{
	struct explore_limits limits = { .bound = 2 };
	struct explore_result result;
	uint32_t nr;

	(void)state;
	make_toy((struct toy){ .cpu = { muddle, muddle, muddle }, .at_end = note_outcome });
	outcomes.nr = 0;
	explore_all(explorer, &limits, &result);
	nr = outcomes.nr;
	outcomes.nr = 0;
	limits.epoch = 1000;
	explore_all(explorer, &limits, &result);
	assert_true(result.complete);
	assert_int_equal(outcomes.nr, nr);
	unmake_toy();
}

/* A place in the search that is none is noticed, whatever it says. */
static void a_place_of_another_search_is_refused(void **state)
{
	struct explore_limits limits = { .bound = 2, .epoch = 2000, .keep = keep };
	struct explore_progress *p = &kept.progress[0];
	struct explore_progress good;
	struct explore_result result;

	(void)state;
	make_toy((struct toy){ .cpu = { muddle, muddle, muddle } });
	kept.nr = 0;
	explore_all(explorer, &limits, &result);
	assert_true(kept.nr > 0);
	good = *p;
	limits.keep = NULL;
	limits.from = p;
	for (uint32_t i = 0; i < 5; i++) {
		*p = good;
		if (i == 0)
			p->prefix = 0;
		if (i == 1)
			p->prefix = UINT32_MAX;
		if (i == 2)
			p->decision[0].chosen = 999;
		if (i == 3)
			p->decision[p->nr_decisions / 2].chosen =
				5; /* a softirq, of which there is none */
		if (i == 4)
			p->late[p->nr_late++] = UINT64_C(1) << 60;
		explore_all(explorer, &limits, &result);
		assert_true(result.unfit && !result.complete);
	}
	unmake_toy();
}

/* ------------------------------------------------------------------------------------------- */

static void add_in_two_steps(void *arg)
{
	uint32_t count = os_load32(&shared.count, OS_RELAXED);

	(void)arg;
	os_store32(&shared.count, count + 1, OS_RELAXED);
}

static const char *count_is_two(void) { return shared.count.v == 2 ? NULL : "an update is lost"; }

static void a_lost_update_is_found_with_one_preemption(void **state)
{
	struct explore_limits limits = { .bound = 1, .plain = true };
	struct explore_result result;

	(void)state;
	make_toy((struct toy){ .cpu = { add_in_two_steps, add_in_two_steps },
			       .at_end = count_is_two });
	explore_all(explorer, &limits, &result);
	assert_int_equal(result.violation.wrong, STAGE_LEAK);
	assert_string_equal(result.violation.text, "an update is lost");
	unmake_toy();
}

static void a_schedule_repeats_the_violation(void **state)
{
	struct explore_limits limits = { .bound = 2 };
	struct explore_result result, again;

	(void)state;
	make_toy((struct toy){ .cpu = { add_in_two_steps, add_in_two_steps },
			       .at_end = count_is_two });
	explore_all(explorer, &limits, &result);
	assert_int_equal(result.violation.wrong, STAGE_LEAK);
	explore_minimise(explorer, &result);
	/* CPU 0 up to between its load and store, then CPU 1 through. */
	assert_true(result.schedule.nr <= 2);
	for (int i = 0; i < 3; i++) {
		explore_one(explorer, &result.schedule, 0, &again);
		assert_int_equal(again.violation.wrong, STAGE_LEAK);
	}
	unmake_toy();
}

/* A turn whose last step was the last of the run was counted as one that could not be taken to its
 * end. */
static void a_turn_that_ends_with_the_run_is_taken(void **state)
{
	struct explore_schedule schedule = { .nr = 1, .turn = { { .actor = 0, .steps = 1 } } };
	struct explore_result result;

	(void)state;
	make_toy((struct toy){ .cpu = { add_in_two_steps } });
	explore_one(explorer, &schedule, 0, &result);
	assert_int_equal(result.lost, 0);
	schedule.turn[0].steps = (uint32_t)result.count.steps;
	explore_one(explorer, &schedule, 0, &result);
	assert_int_equal(result.lost, 0);
	schedule.turn[0].steps++;
	explore_one(explorer, &schedule, 0, &result);
	assert_int_equal(result.lost, 1);
	unmake_toy();
}

static void critical_section(void *arg)
{
	struct os_spin *lock = (uintptr_t)arg ? &shared.other : &shared.lock;
	os_irq_t flags = os_spin_lock(lock);

	shared.inside++;
	os_fetch_add64(&shared.x, 1, OS_RELAXED);
	shared.inside--;
	os_spin_unlock(lock, flags);
}

static void critical_section_right(void *arg)
{
	(void)arg;
	critical_section((void *)0);
}

static const char *one_inside(void) { return shared.inside > 1 ? "two are inside" : NULL; }

static void an_invariant_is_checked_between_any_two_steps(void **state)
{
	struct explore_limits limits = { .bound = 2 };
	struct explore_result result;

	(void)state;
	make_toy((struct toy){
		.cpu = { critical_section_right, critical_section_right, critical_section_right },
		.check = one_inside });
	explore_all(explorer, &limits, &result);
	assert_int_equal(result.violation.wrong, STAGE_OK);
	assert_true(result.complete);
	unmake_toy();
	/* The same with a lock that is not the same. */
	make_toy(
		(struct toy){ .cpu = { critical_section, critical_section }, .check = one_inside });
	explore_all(explorer, &limits, &result);
	assert_int_equal(result.violation.wrong, STAGE_INVARIANT);
	unmake_toy();
}

static void take_crosswise(void *arg)
{
	bool first = (uintptr_t)arg;
	os_irq_t outer = os_spin_lock(first ? &shared.lock : &shared.other);
	os_irq_t inner = os_spin_lock(first ? &shared.other : &shared.lock);

	os_spin_unlock(first ? &shared.other : &shared.lock, inner);
	os_spin_unlock(first ? &shared.lock : &shared.other, outer);
}

static void a_deadlock_is_found(void **state)
{
	struct explore_limits limits = { .bound = 1 };
	struct explore_result result;

	(void)state;
	make_toy((struct toy){ .cpu = { take_crosswise, take_crosswise } });
	explore_all(explorer, &limits, &result);
	assert_int_equal(result.violation.wrong, STAGE_DEADLOCK);
	unmake_toy();
}

static void spin_for_ever(void *arg)
{
	(void)arg;
	while (!os_load64(&shared.x, OS_RELAXED))
		os_relax();
}

static void spin_for_a_while(void *arg)
{
	(void)arg;
	for (int tries = 0; tries < 100 && !os_load64(&shared.x, OS_RELAXED); tries++)
		os_relax();
}

static void a_livelock_is_found_and_a_bounded_spin_is_none(void **state)
{
	struct explore_limits limits = { .bound = 1 };
	struct explore_result result;

	(void)state;
	make_toy((struct toy){ .cpu = { spin_for_ever, spin_for_ever } });
	explore_all(explorer, &limits, &result);
	assert_int_equal(result.violation.wrong, STAGE_LIVELOCK);
	unmake_toy();
	make_toy((struct toy){ .cpu = { spin_for_a_while, spin_for_a_while } });
	explore_all(explorer, &limits, &result);
	assert_int_equal(result.violation.wrong, STAGE_OK);
	assert_true(result.complete);
	unmake_toy();
}

/* ------------------------------------------------------------------------------------------- */

/* Needs two changes of CPU at the right places in a run of some twenty steps. */
static void deep(void *arg)
{
	for (uint64_t i = 0; i < 4; i++)
		os_fetch_add64(&shared.far[8 * (uintptr_t)arg], 1, OS_RELAXED);
	if ((uintptr_t)arg) {
		if (os_load64(&shared.x, OS_RELAXED) == 1)
			os_store64(&shared.y, 1, OS_RELAXED);
		return;
	}
	os_store64(&shared.x, 1, OS_RELAXED);
	if (os_load64(&shared.y, OS_RELAXED) == 1)
		os_store64(&shared.z, 1, OS_RELAXED);
	os_store64(&shared.x, 2, OS_RELAXED);
}

static const char *never_deep(void) { return shared.z.v ? "the deep place is reached" : NULL; }

static void random_schedules_find_what_needs_two_changes(void **state)
{
	struct explore_limits limits = { .schedules = 5000, .pct_depth = 3, .seed = 1 };
	struct explore_result result;

	(void)state;
	make_toy((struct toy){ .cpu = { deep, deep }, .check = never_deep });
	explore_random(explorer, &limits, 0, &result);
	assert_int_equal(result.violation.wrong, STAGE_INVARIANT);
	unmake_toy();
}

static void the_same_seed_gives_the_same_hash_and_another_one_another(void **state)
{
	struct explore_limits limits = { .schedules = 500, .pct_depth = 3, .seed = 42 };
	struct explore_result one, two, halves[2];

	(void)state;
	make_toy((struct toy){ .cpu = { muddle, muddle, muddle } });
	explore_random(explorer, &limits, 0, &one);
	explore_random(explorer, &limits, 0, &two);
	assert_true(one.count.hash == two.count.hash);
	assert_int_equal(one.count.schedules, 500);
	/* In two halves, as two processes would do it. */
	limits.schedules = 250;
	explore_random(explorer, &limits, 0, &halves[0]);
	explore_random(explorer, &limits, 250, &halves[1]);
	assert_true(halves[0].count.hash + halves[1].count.hash == one.count.hash);
	limits.schedules = 500;
	limits.seed = 43;
	explore_random(explorer, &limits, 0, &two);
	assert_true(one.count.hash != two.count.hash);
	unmake_toy();
}

/* ------------------------------------------------------------------------------------------- */

static void in_softirq(void *arg)
{
	(void)arg;
	os_fetch_add64(&shared.y, 1, OS_RELAXED);
}

/* An update in two steps that a softirq of the same CPU must not come into. */
static void raise_then_update(void *arg)
{
	bool off = (uintptr_t)arg;
	os_irq_t flags = 0;
	uint64_t y;

	stage_softirq(os_cpu(), in_softirq, NULL);
	if (off)
		flags = os_irq_save();
	y = os_load64(&shared.y, OS_RELAXED);
	os_store64(&shared.y, y + 1, OS_RELAXED);
	if (off)
		os_irq_restore(flags);
}

static void raise_then_update_safely(void *arg)
{
	(void)arg;
	raise_then_update((void *)1);
}

static const char *y_is_two(void)
{
	return shared.y.v == 2 ? NULL : "the softirq's update is lost";
}

static void a_softirq_comes_at_any_step_where_interrupts_are_on(void **state)
{
	struct explore_limits limits = { .bound = 2 };
	struct explore_result result;

	(void)state;
	make_toy((struct toy){ .cpu = { raise_then_update }, .at_end = y_is_two });
	stage_expect_softirqs(true);
	explore_all(explorer, &limits, &result);
	assert_int_equal(result.violation.wrong, STAGE_LEAK);
	unmake_toy();
	make_toy((struct toy){ .cpu = { raise_then_update_safely }, .at_end = y_is_two });
	stage_expect_softirqs(true);
	explore_all(explorer, &limits, &result);
	assert_int_equal(result.violation.wrong, STAGE_OK);
	assert_true(result.complete);
	unmake_toy();
}

static void a_schedule_is_read_as_it_is_printed(void **state)
{
	struct explore_schedule schedule;

	(void)state;
	assert_true(explore_schedule_parse("0:12 1:3 0:5", &schedule));
	assert_int_equal(schedule.nr, 3);
	assert_int_equal(schedule.turn[1].actor, 1);
	assert_int_equal(schedule.turn[2].steps, 5);
	assert_true(explore_schedule_parse("", &schedule));
	assert_false(explore_schedule_parse("0", &schedule));
	assert_false(explore_schedule_parse("0:", &schedule));
	assert_false(explore_schedule_parse("99:1", &schedule));
	assert_false(explore_schedule_parse("0:1,1:2", &schedule));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reduction_loses_no_state_within_the_bound),
		cmocka_unit_test(a_service_that_sleeps_lets_others_in),
		cmocka_unit_test(without_preemption_there_is_one_end_for_each_order_of_cpus),
		cmocka_unit_test(parts_lose_no_schedule_and_no_state),
		cmocka_unit_test(what_is_shared_late_is_explored_by_the_part_that_notices),
		cmocka_unit_test(a_search_that_was_put_aside_ends_the_same),
		cmocka_unit_test(epochs_lose_no_state),
		cmocka_unit_test(a_place_of_another_search_is_refused),
		cmocka_unit_test(a_lost_update_is_found_with_one_preemption),
		cmocka_unit_test(a_schedule_repeats_the_violation),
		cmocka_unit_test(a_turn_that_ends_with_the_run_is_taken),
		cmocka_unit_test(an_invariant_is_checked_between_any_two_steps),
		cmocka_unit_test(a_deadlock_is_found),
		cmocka_unit_test(a_livelock_is_found_and_a_bounded_spin_is_none),
		cmocka_unit_test(random_schedules_find_what_needs_two_changes),
		cmocka_unit_test(the_same_seed_gives_the_same_hash_and_another_one_another),
		cmocka_unit_test(a_softirq_comes_at_any_step_where_interrupts_are_on),
		cmocka_unit_test(a_schedule_is_read_as_it_is_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
