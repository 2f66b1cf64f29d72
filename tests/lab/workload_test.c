// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * workload_test.c - TDs on threads: what a run reports, and that it finds what is left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lab/workload/workload.h"

#define SMALL_NODE_MB 512
#include "small_machine.h"

/* Three TDs of 1:2:4, of which the second is restarted; tests change what they are about. */
static struct scenario small;

static void add_td(uint32_t share)
{
	struct scenario_group *group = &small.group[small.nr_groups++];

	scenario_group_defaults(group);
	group->share = share;
	group->vcpus = 2;
	group->percent_4k = 10;
	group->flips = 8;
	group->partial = 4;
	group->restarts = small.nr_groups == 2;
}

static struct workload_config small_run(void)
{
	scenario_defaults(&small);
	small.seed = 7;
	small.fill_percent = 75;
	add_td(1);
	add_td(2);
	add_td(4);
	return (struct workload_config){
		.map = &small_map,
		.scenario = &small,
		.bytes = 128 * MB,
		.log_level = OS_LOG_ERROR,
	};
}

/* The same in every TD. */
#define IN_ALL(field, value)                                   \
	do {                                                   \
		for (uint32_t g = 0; g < small.nr_groups; g++) \
			small.group[g].field = (value);        \
	} while (0)

static struct workload_result result;
static char error[256];

static uint64_t value(os_a64_t counter) { return os_load64(&counter, OS_RELAXED); }

/* Runs it to its end; what went wrong is said, for the one time in a thousand. */
static void run(const struct workload_config *config)
{
	if (workload_run(config, &result, error, sizeof(error)))
		fail_msg("%s", error);
}

static void run_clean(const struct workload_config *config)
{
	if (workload_run(config, &result, error, sizeof(error)))
		fail_msg("%s", error);
	assert_true(workload_is_clean(&result));
	assert_int_equal(result.left_bytes, 0);
	assert_int_equal(result.pamt_busy, 0);
}

static void every_page_got_is_put(void **state)
{
	struct workload_config config = small_run();

	(void)state;
	IN_ALL(partial, 0);
	run_clean(&config);
	assert_true(result.dynamic);
	assert_int_equal(result.stats.gets_fast + result.stats.gets_slow, result.stats.puts);
	assert_int_equal(result.stats.adds, result.stats.removes);
	assert_true(result.dynamic_bytes < result.static_bytes / 50);
	assert_true(result.stats.os_bytes_peak > 0);
	/* All of the memory, and that of the TD that was restarted once more. */
	assert_true(value(result.counts.maps_2m) * 2 * MB > result.td_bytes * 3 / 4);
	assert_int_equal(result.threads, 4);
}

static void static_pamt_needs_nothing_at_run_time(void **state)
{
	struct workload_config config = small_run();

	(void)state;
	small.dynamic = false;
	run_clean(&config);
	assert_false(result.dynamic);
	assert_int_equal(result.stats.adds, 0);
	assert_int_equal(result.stats.pairs_installed_peak, 0);
}

static void one_cpu_runs_all_vcpus(void **state)
{
	struct machine_map map = small_map;
	struct workload_config config = small_run();

	(void)state;
	map.nr_cpus = 1;
	map.nr_packages = 1;
	config.map = &map;
	run_clean(&config);
	assert_int_equal(result.threads, 1);
}

static void all_memory_may_be_in_pages_of_one_size(void **state)
{
	struct workload_config config = small_run();

	(void)state;
	IN_ALL(partial, 0);
	config.bytes = 32 * MB;
	IN_ALL(percent_4k, 100);
	run_clean(&config);
	assert_int_equal(value(result.counts.maps_2m), 0);
	IN_ALL(percent_4k, 0);
	run_clean(&config);
	/* Measured pages are 4K, and with them the region that they are in. */
	assert_in_range(value(result.counts.maps_4k), 4 * 512, 4 * 512 + 64);
}

/* ------------------------------------------------------------------------------------------- */

/* What the test did wrong on purpose, and what was said about it. */
struct leak {
	region_t region;
	unsigned int named;
};

/*
 * The page is kept, as by a host that loses track of it. Were it given back, the next TD could get
 * it again and fail for no fault of its own: 512 pages of that region and this one are 513 users.
 */
static void take_a_page_for_good(void *arg, struct stand *stand)
{
	struct leak *leak = arg;
	tdx_hpa_t page = stand->os->alloc_pages(stand->os->ctx, 0, 1);

	assert_false(hpa_is_none(page));
	assert_int_equal(pamt_get(stand->host, hpa_to_pfn(page), NULL), 0);
	leak->region = hpa_to_region(page);
}

static void note(void *arg, const struct pamt_finding *finding)
{
	struct leak *leak = arg;

	assert_non_null(finding->what);
	leak->named += finding->region.v == leak->region.v;
}

static void a_page_that_is_never_put_is_found_and_its_region_named(void **state)
{
	struct workload_config config = small_run();
	struct leak leak = { 0 };

	(void)state;
	config.at_peak = take_a_page_for_good;
	config.finding = note;
	config.arg = &leak;
	run(&config);
	assert_false(workload_is_clean(&result));
	/*
	 * The pair's chunk may pin another region, with a pair from a third, and so on until a
	 * chunk that backs itself. Each region that is left has one pair, and no other page is out.
	 */
	assert_true(result.leaked_regions >= 1);
	assert_int_equal(result.stats.used_bytes, result.leaked_regions * 2 * TDX_PAGE_SIZE);
	assert_true(result.left_bytes >= result.stats.used_bytes + TDX_PAGE_SIZE);
	assert_int_equal(leak.named, 1);
}

static void lose_memory(void *arg, struct stand *stand)
{
	(void)arg;
	assert_false(hpa_is_none(stand->os->alloc_pages(stand->os->ctx, 3, 0)));
}

static void memory_that_is_gone_is_missed_though_no_region_is_in_use(void **state)
{
	struct workload_config config = small_run();

	(void)state;
	config.at_peak = lose_memory;
	run(&config);
	assert_false(workload_is_clean(&result));
	assert_int_equal(result.leaked_regions, 0);
	assert_int_equal(result.left_bytes, 8 * TDX_PAGE_SIZE);
}

static void too_many_tds_for_the_key_ids_are_said_so_and_nothing_is_left(void **state)
{
	struct workload_config config = small_run();

	(void)state;
	small.group[0].count = 20;
	assert_int_equal(workload_run(&config, &result, error, sizeof(error)), -1);
	assert_string_equal(error, "creating a TD failed: no private KeyID is free (-ENOSPC)");
	assert_true(workload_is_clean(&result));
}

static void more_memory_than_there_is_is_refused_at_once(void **state)
{
	struct workload_config config = small_run();

	(void)state;
	config.bytes = 2048 * MB;
	assert_int_equal(workload_run(&config, &result, error, sizeof(error)), -1);
	assert_non_null(strstr(error, " MB in round 1: at most "));
	assert_true(result.refused);
	assert_int_equal(os_load64(&result.counts.faults, OS_RELAXED), 0);
}

static os_a32_t stop;

static void stop_it(void *arg, const struct workload_progress *progress)
{
	(void)arg;
	(void)progress;
	os_store32(&stop, 1, OS_RELAXED);
}

static void a_run_that_is_stopped_leaves_nothing(void **state)
{
	struct workload_config config = small_run();

	(void)state;
	IN_ALL(flips, 1000000); /* it would last */
	config.stop = &stop;
	config.progress = stop_it;
	run_clean(&config);
	assert_true(result.stopped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_page_got_is_put),
		cmocka_unit_test(static_pamt_needs_nothing_at_run_time),
		cmocka_unit_test(one_cpu_runs_all_vcpus),
		cmocka_unit_test(all_memory_may_be_in_pages_of_one_size),
		cmocka_unit_test(a_page_that_is_never_put_is_found_and_its_region_named),
		cmocka_unit_test(memory_that_is_gone_is_missed_though_no_region_is_in_use),
		cmocka_unit_test(too_many_tds_for_the_key_ids_are_said_so_and_nothing_is_left),
		cmocka_unit_test(more_memory_than_there_is_is_refused_at_once),
		cmocka_unit_test(a_run_that_is_stopped_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
