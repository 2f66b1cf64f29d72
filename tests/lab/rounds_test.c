// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * rounds_test.c - scenarios as they are run, on threads and in virtual time alike: TDs come and go,
 * touch their memory in each of the ways there are, wait for memory; and a run that is stopped at
 * any point leaves nothing behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lab/workload/workload.h"

#define SMALL_NODE_MB 256
#include "small_machine.h"

static struct scenario scenario;
static struct workload_config config;
static struct workload_result result;
static char error[512];

static uint64_t value(os_a64_t counter) { return os_load64(&counter, OS_RELAXED); }

static void prepare(const char *text)
{
	if (scenario_parse(text, "test", &scenario, error, sizeof(error)))
		fail_msg("%s", error);
	config = (struct workload_config){ .map = &small_map,
					   .scenario = &scenario,
					   .log_level = OS_LOG_ERROR };
}

static void run_clean(void)
{
	if (workload_run(&config, &result, error, sizeof(error)))
		fail_msg("%s", error);
	assert_true(workload_is_clean(&result));
	/* A 2M page that is split has 512 users at once, and its pair from DEMOTE. */
	assert_int_equal(result.stats.gets_fast + result.stats.gets_slow +
				 512 * value(result.counts.splits),
			 result.stats.puts);
	assert_int_equal(result.stats.adds + value(result.counts.splits), result.stats.removes);
}

static void runs(const char *text)
{
	prepare(text);
	run_clean();
}

static void every_order_of_touching_reaches_all_memory_once(void **state)
{
	(void)state;
	runs("td a\nmemory 8M\npages 4k\nvcpus 2\n");
	assert_int_equal(value(result.counts.maps_4k), 2048);
	runs("td a\nmemory 8M\npages 4k\nvcpus 2\ntouch random\n");
	assert_int_equal(value(result.counts.maps_4k), 2048);
	runs("td a\nmemory 32M\npages thp:0.75\nvcpus 3\ntouch random\n");
	/* Region 0 begins with measured pages: it is one of those in 4K. */
	assert_int_equal(value(result.counts.maps_4k), 4 * 512);
	assert_int_equal(value(result.counts.maps_2m), 12);
}

static void favourites_leave_some_memory_untouched(void **state)
{
	(void)state;
	runs("td a\nmemory 32M\npages 4k\ntouch zipf\n");
	assert_in_range(value(result.counts.maps_4k), 1024, 8191);
}

static void flips_while_booting_come_at_their_rate(void **state)
{
	(void)state;
	runs("td a\nmemory 8M\npages 4k\nflip-rate 250\n");
	assert_int_equal(value(result.counts.conversions), 2 * 2048 / 4);
}

static void tds_come_and_go_while_others_work(void **state)
{
	(void)state;
	runs("td a\nmemory 8M\nvcpus 2\npages thp:0.5\nflips 4\npartial 2\nrestarts 1\n"
	     "td b\ncount 3\nmemory 4M\npages 4k\nflips 4\nevery 1\nstay 1\n");
	assert_int_equal(result.nr_tds, 4);
	assert_int_equal(result.nr_rounds, 6);
	assert_true(result.seconds[WORKLOAD_CHURN] > 0);
}

static const struct workload_sample *last_sample_of(uint32_t round)
{
	const struct workload_sample *last = NULL;

	for (uint32_t i = 0; i < result.nr_samples; i++)
		if (result.sample[i].round == round)
			last = &result.sample[i];
	assert_non_null(last);
	return last;
}

static void a_balloon_takes_memory_and_its_pairs_for_good(void **state)
{
	static const char *const touches[] = { "linear", "random" };
	char text[256];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		snprintf(text, sizeof(text),
			 "rounds 3\ntd a\nmemory 64M\nvcpus 2\npages 4k\ntouch %s\n"
			 "balloon 75%% from 3\n",
			 touches[i]);
		runs(text);
		/* All of it once, and what was given up not again. */
		assert_int_equal(value(result.counts.maps_4k), 64 * MB / TDX_PAGE_SIZE);
		assert_int_equal(value(result.counts.zaps_4k), 48 * MB / TDX_PAGE_SIZE);
		assert_int_equal(last_sample_of(2)->td_bytes, 64 * MB - 16 * TDX_PAGE_SIZE);
		assert_int_equal(last_sample_of(4)->td_bytes, 16 * MB - 16 * TDX_PAGE_SIZE);
	}
	/* One vCPU's pages lie one after the other; a region at each end may be shared. */
	runs("rounds 3\ntd a\nmemory 64M\npages 4k\nballoon 75% from 3\n");
	assert_true(last_sample_of(4)->pairs + 22 <= last_sample_of(2)->pairs);
	/* Busy vCPUs, pieces of 2M pages, and a second life with what was kept. */
	runs("rounds 5\ntd a\nmemory 64M\nvcpus 4\npages thp:0.5\nflips 9\npartial 9\n"
	     "balloon 50% from 3\n"
	     "td b\nmemory 32M\npages 4k\ntouch zipf\nflips 9\nrestarts 1\nballoon 50% from 3\n");
	assert_in_range(last_sample_of(5)->td_bytes, 32 * MB - 32 * TDX_PAGE_SIZE, 48 * MB);
}

static void what_a_balloon_has_taken_is_there_for_others(void **state)
{
	static const char text[] = "td a\nmemory 240M\nnode 0\nballoon 50%% from 2\n"
				   "td b\nmemory 240M\nnode 1\n"
				   "td c\nmemory 100M\nnode 0\narrive %u\n";
	char later[256];

	(void)state;
	snprintf(later, sizeof(later), text, 1);
	prepare(later);
	assert_int_equal(workload_run(&config, &result, error, sizeof(error)), -1);
	assert_non_null(strstr(error, " MB in round 2: at most "));
	snprintf(later, sizeof(later), text, 2);
	runs(later);
	assert_int_equal(value(result.counts.zaps_2m), 60);
}

static void memory_of_the_host_goes_and_is_used_again_when_it_is_back(void **state)
{
	static const char text[] = "offline-memory 64M at 4224M from 2 to 4\n"
				   "td a\nmemory 460M\nnode any\narrive %u\nstay 3\n%s";
	char later[256];

	(void)state;
	/* As much as fits with all of it, and not without. */
	snprintf(later, sizeof(later), text, 2, "");
	prepare(later);
	assert_int_equal(workload_run(&config, &result, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "TDs of together 460 MB in round 3: at most 4"));
	assert_true(result.refused);
	prepare(later);
	scenario.overcommit = true;
	run_clean();
	assert_true(result.starved > 0);
	assert_int_equal(last_sample_of(6)->td_bytes, 460 * MB);
	snprintf(later, sizeof(later), text, 3, "");
	runs(later);
}

static void memory_in_use_does_not_go_and_is_not_lost(void **state)
{
	static const char text[] = "offline-memory 64M at 4192M from %u\nrounds 4\n"
				   "td a\nmemory 200M\nnode 0\nballoon 75%% from 2\n";
	char later[256];

	(void)state;
	snprintf(later, sizeof(later), text, 2);
	prepare(later);
	assert_int_equal(workload_run(&config, &result, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "line 1: memory from 0x106000000 to 0x10a000000 cannot go"));
	assert_non_null(strstr(error, "EBUSY"));
	assert_true(workload_is_clean(&result));
	/* A balloon has taken it. */
	snprintf(later, sizeof(later), text, 3);
	runs(later);
}

/*
 * The pool's own regions become idle ones when a shrink gives their chunks back, and their pairs
 * lie in other chunks: one shrink leaves some.
 */
static void what_is_kept_for_later_does_not_keep_memory_from_going(void **state)
{
	(void)state;
	runs("idle 1000\nrounds 5\noffline-memory 32M at 4160M from 4\n"
	     "td a\nmemory 128M\npages 4k\nnode 0\nstay 1\n");
	assert_true(last_sample_of(3)->pairs > 32);
	assert_int_equal(last_sample_of(4)->pairs, 0);
}

static void memory_outside_every_tdmr_is_refused_with_its_line(void **state)
{
	(void)state;
	prepare("seed 1\noffline-memory 2M at 4T from 1 to 2\ntd a\nmemory 8M\n");
	assert_int_equal(workload_run(&config, &result, error, sizeof(error)), -1);
	assert_string_equal(error,
			    "line 2: offline-memory from 0x40000000000 to 0x40000200000: "
			    "some of it is in no TDMR, or reserved there, as PAMT is; that is "
			    "fixed at bring-up, and it could not come back");
	assert_true(result.refused);
}

static void idle_regions_are_kept_for_the_next_td_and_go_at_the_end(void **state)
{
	static const char text[] = "td a\nmemory 16M\npages 4k\nrestarts 4\n";
	uint64_t adds;

	(void)state;
	runs(text);
	adds = result.stats.adds;
	prepare(text);
	scenario.idle_limit = 1000;
	run_clean();
	assert_true(result.stats.adds < adds);
}

static void memory_in_pieces_is_mapped_in_4k(void **state)
{
	(void)state;
	runs("aged 90%\nbackground 8M\ntd a\nmemory 160M\nnode 1\n");
	assert_true(value(result.counts.fallbacks) > 0);
	assert_true(value(result.counts.maps_2m) > 0);
}

static void without_memory_guests_wait_where_that_is_allowed(void **state)
{
	static const char text[] = "td first\nmemory 256M\nstay 1\n"
				   "td second\nmemory 256M\npages thp:0.9\narrive 1\nstay 3\n";

	(void)state;
	prepare(text);
	assert_int_equal(workload_run(&config, &result, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "at most "));
	prepare(text);
	scenario.overcommit = true;
	run_clean();
	assert_true(result.starved > 0);
}

static void a_node_that_is_not_there_is_said_so(void **state)
{
	(void)state;
	prepare("td a\nmemory 8M\nnode 2\n");
	assert_int_equal(workload_run(&config, &result, error, sizeof(error)), -1);
	assert_string_equal(error, "td a: node 2: this machine has 2, from 0 on");
}

static void samples_tell_the_course_of_it(void **state)
{
	uint64_t most = 0;

	(void)state;
	runs("td a\ncount 2\nmemory 16M\npages 4k\nevery 1\n");
	assert_true(result.nr_samples >= result.nr_rounds);
	for (uint32_t i = 0; i < result.nr_samples; i++) {
		if (i)
			assert_true(result.sample[i].ns >= result.sample[i - 1].ns);
		if (result.sample[i].td_bytes > most)
			most = result.sample[i].td_bytes;
	}
	/* Measured pages are accepted from the beginning. */
	assert_int_equal(most, 32 * MB - 2 * 16 * TDX_PAGE_SIZE);
	assert_int_equal(result.sample[result.nr_samples - 1].tds, 0);
	assert_int_equal(result.sample[result.nr_samples - 1].pamt_bytes, 0);
}

/* ------------------------------------------------------------------------------------------- */

static const char stopped_text[] = "td a\nmemory 4M\nvcpus 2\npages thp:0.5\nflips 3\npartial 2\n"
				   "restarts 1\n"
				   "td b\nmemory 4M\npages thp:0.5\nflips 2\nevery 1\nstay 1\n";

/*
 * Each fault, vCPU, measured page, TD that comes or goes is such a point. The first and the last of
 * them are tried one by one, of the many faults in between one in seventeen, and fewer of all
 * where a sanitizer makes each run slow.
 */
static void a_run_stopped_at_any_point_leaves_nothing(void **state)
{
	uint64_t edge = *workload_sanitizer() ? 20 : 100, stride = *workload_sanitizer() ? 61 : 17;
	uint64_t points = 0, steps, at;

	(void)state;
	prepare(stopped_text);
	config.stop_at = UINT64_MAX;
	run_clean();
	assert_false(result.stopped);
	steps = result.steps;
	assert_true(steps > 500);
	for (at = 1; at <= steps; at += at < edge || at > steps - edge / 2 ? 1 : stride, points++) {
		prepare(stopped_text);
		config.stop_at = at;
		if (workload_run(&config, &result, error, sizeof(error)))
			fail_msg("stopped at step %llu: %s", (unsigned long long)at, error);
		if (!workload_is_clean(&result))
			fail_msg("stopped at step %llu: something is left", (unsigned long long)at);
		/* On threads the last steps of two runs are not the same ones. */
		if (runner_is_virtual())
			assert_true(result.stopped);
	}
	printf("figure: runs stopped at %llu of %llu points, %s\n", (unsigned long long)points,
	       (unsigned long long)steps, runner_is_virtual() ? "virtual time" : "threads");
}

static void the_same_seed_gives_the_same_run_to_the_bit(void **state)
{
	static struct workload_result first;

	(void)state;
	if (!runner_is_virtual())
		skip();
	runs("background 4M\naged 30%\ntd a\nmemory 8M\nvcpus 2\npages thp:0.5\ntouch random\n"
	     "flips 8\npartial 4\nrestarts 1\ntd b\ncount 2\nmemory 4M\npages 4k\ntouch zipf\n");
	first = result;
	run_clean();
	/* The pointer is to a constant; everything else is figures. */
	assert_memory_equal(&first, &result, sizeof(result));
	scenario.seed++;
	run_clean();
	assert_int_not_equal(first.hash, result.hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_order_of_touching_reaches_all_memory_once),
		cmocka_unit_test(favourites_leave_some_memory_untouched),
		cmocka_unit_test(flips_while_booting_come_at_their_rate),
		cmocka_unit_test(tds_come_and_go_while_others_work),
		cmocka_unit_test(a_balloon_takes_memory_and_its_pairs_for_good),
		cmocka_unit_test(what_a_balloon_has_taken_is_there_for_others),
		cmocka_unit_test(memory_of_the_host_goes_and_is_used_again_when_it_is_back),
		cmocka_unit_test(memory_in_use_does_not_go_and_is_not_lost),
		cmocka_unit_test(what_is_kept_for_later_does_not_keep_memory_from_going),
		cmocka_unit_test(memory_outside_every_tdmr_is_refused_with_its_line),
		cmocka_unit_test(idle_regions_are_kept_for_the_next_td_and_go_at_the_end),
		cmocka_unit_test(memory_in_pieces_is_mapped_in_4k),
		cmocka_unit_test(without_memory_guests_wait_where_that_is_allowed),
		cmocka_unit_test(a_node_that_is_not_there_is_said_so),
		cmocka_unit_test(samples_tell_the_course_of_it),
		cmocka_unit_test(a_run_stopped_at_any_point_leaves_nothing),
		cmocka_unit_test(the_same_seed_gives_the_same_run_to_the_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
