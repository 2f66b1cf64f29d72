// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * regression_map_gpa.c - a guest decided what the host spent, and a long zap could not be ended.
 *
 * MapGPA takes any range of the guest's address space, and the host served it whole in one exit.
 * For each gigabyte of it there was an S-EPT page with marks: a TD with nothing in it that asked
 * for 127 TB took 130,315 control pages, half a gigabyte of the host's memory, and the CPU for as
 * long. Now a mark is set on the largest entry that the range covers; one exit does a bounded
 * amount of work, and the guest is told to go on from there; and the TD has an end of memory
 * beyond which nothing is converted.
 *
 * A zap went through its range 2M by 2M a second time, to find S-EPT pages to remove: 33 million
 * times the MMU lock for 64 TB where nothing was mapped, in a loop that nobody could leave. It
 * walks what exists, and looks between two rounds whether its thread is being killed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "scenario.h"

#define TB (UINT64_C(1) << 40)

static uint64_t control_pages(const struct scenario *s)
{
	struct pamt_stats stats;

	pamt_stats(s->stand.host, &stats);
	return stats.control_pages;
}

/* ------------------------------------------------------------------------------------------- */
/* What is asked for and what it costs                                                          */

static const struct script_step all_shared[] = {
	{ SCRIPT_TO_SHARED, 16 * MB, 127 * TB },
	{ SCRIPT_END, 0, 0 },
};

static void marks_of_127_tb_cost_the_edges_only(void **state)
{
	struct scenario *s = *state;
	uint64_t before = control_pages(s);

	check(s, scenario_run(s, 0, 0, 0, all_shared));
	/* Three levels at either edge. */
	assert_true(control_pages(s) - before <= 6);
}

static const struct script_step all_there_and_back[] = {
	{ SCRIPT_TO_SHARED, 16 * MB, 100 * TB },
	/* Out of the middle of a mark; all else below it stays as it was. */
	{ SCRIPT_TO_PRIVATE, 40 * TB + 0x1000, 0x2000 },
	{ SCRIPT_ACCEPT_4K, 40 * TB + 0x1000, 0x2000 },
	{ SCRIPT_WRITE, 40 * TB + 0x2000, 7 },
	{ SCRIPT_TO_SHARED, 40 * TB, 2 * MB },
	{ SCRIPT_TO_PRIVATE, 16 * MB, 100 * TB },
	{ SCRIPT_ACCEPT, 40 * TB, 4 * MB },
	{ SCRIPT_EXPECT, 40 * TB + 0x2000, 0 },
	{ SCRIPT_END, 0, 0 },
};

static enum mirror_state state_at(const struct td *td, uint64_t at)
{
	struct mirror_slot slot;

	mirror_walk(&td->mirror, gpa(at), TDX_4K, &slot);
	return mirror_state(slot.seen);
}

static void pieces_come_out_of_large_marks(void **state)
{
	struct scenario *s = *state;
	const struct td *td;

	check(s, scenario_run(s, 0, 0, 0, all_shared));
	td = s->td[0];
	assert_int_equal(state_at(td, 16 * MB - 1), MIRROR_NONE);
	assert_int_equal(state_at(td, 16 * MB), MIRROR_SHARED);
	assert_int_equal(state_at(td, 127 * TB + 16 * MB - 1), MIRROR_SHARED);
	assert_int_equal(state_at(td, 127 * TB + 16 * MB), MIRROR_NONE);
	assert_int_equal(td_convert(s->td[0], gpa(80 * TB + 0x1000), 0x1000, false), 0);
	assert_int_equal(state_at(td, 80 * TB), MIRROR_SHARED);
	assert_int_equal(state_at(td, 80 * TB + 0x1000), MIRROR_NONE);
	assert_int_equal(state_at(td, 80 * TB + 0x2000), MIRROR_SHARED);
	assert_int_equal(td_convert(s->td[0], gpa(0), 128 * TB, false), 0);
	assert_int_equal(state_at(td, 80 * TB), MIRROR_NONE);
	assert_int_equal(state_at(td, 16 * MB), MIRROR_NONE);
	check(s, scenario_run(s, 0, 0, 0, all_there_and_back));
}

/* 64 MB, but for the image in 2M pages. */
static const struct script_step fill_and_share[] = {
	{ SCRIPT_ACCEPT, 2 * MB, 62 * MB },
	{ SCRIPT_TO_SHARED, 0x4000, 64 * MB - 0x4000 },
	{ SCRIPT_END, 0, 0 },
};

static void one_exit_converts_so_many_pages_and_no_more(void **state)
{
	struct scenario *s = *state;
	struct td_counts counts;

	check(s, scenario_run(s, 0, 0, 0, fill_and_share));
	td_sum_counts(s->td[0], &counts);
	assert_int_equal(counts.zaps_2m.v, 31);
	/* Eight 2M pages with each answer. */
	assert_int_equal(TD_CONVERT_PAGES, 8 * TDX_PAGES_PER_2M);
	assert_int_equal(s->retries, 3);
	/* For each round one. */
	assert_int_equal(counts.conversions.v, 1);
}

static void a_part_ends_with_the_region_begun(void **state)
{
	struct scenario *s = *state;
	tdx_gpa_t at = gpa(0x5000);
	struct zap zap = { .at = at, .end = gpa(16 * MB), .op = ZAP_REMOVE, .pages = 1 };

	for (uint64_t page = 4; page < 40; page++)
		assert_int_equal(td_fault(s->vcpu[0][0], gpa(page * TDX_PAGE_SIZE)), 0);
	assert_int_equal(td_fault(s->vcpu[0][0], gpa(2 * MB)), 0);
	os_mutex_lock(&s->td[0]->mutex);
	assert_int_equal(td_zap_range(s->td[0], &zap), 0);
	os_mutex_unlock(&s->td[0]->mutex);
	assert_int_equal(zap.at.v, 2 * MB);
	assert_int_equal(state_at(s->td[0], 39 * TDX_PAGE_SIZE), MIRROR_NONE);
	assert_int_equal(state_at(s->td[0], 2 * MB), MIRROR_LEAF);
}

static const struct script_step beyond[] = {
	{ SCRIPT_BAD_MAP, 8 * MB, 16 * MB },
	{ SCRIPT_BAD_MAP, 16 * MB, 2 * MB },
	{ SCRIPT_TO_SHARED, 8 * MB, 8 * MB },
	{ SCRIPT_END, 0, 0 },
};

static const struct script_step touch_beyond[] = {
	{ SCRIPT_TOUCH, 16 * MB, 0 },
	{ SCRIPT_END, 0, 0 },
};

static void what_is_no_memory_of_the_guest_costs_nothing(void **state)
{
	struct scenario *s = *state;
	uint64_t before;

	s->td[0]->config.bytes = 16 * MB;
	check(s, scenario_run(s, 0, 0, 0, beyond));
	before = control_pages(s);
	assert_int_not_equal(scenario_run(s, 0, 1, 0, touch_beyond), 0);
	assert_int_equal(s->vcpu[0][1]->error, -OS_EINVAL);
	assert_int_equal(control_pages(s), before);
}

/* ------------------------------------------------------------------------------------------- */
/* Ending it                                                                                    */

static unsigned int asked, kill_at;

static bool stopping(void *ctx)
{
	(void)ctx;
	return ++asked >= kill_at;
}

static void a_zap_of_64_tb_takes_a_step_for_what_exists(void **state)
{
	struct scenario *s = *state;

	asked = 0;
	kill_at = UINT32_MAX;
	s->services.stopping = stopping;
	assert_int_equal(td_zap(s->td[0], gpa(2 * MB), 64 * TB), 0);
	/* It asks between any two holds of the lock. */
	assert_true(asked < 10);
}

static void a_zap_ends_when_its_thread_is_killed(void **state)
{
	struct scenario *s = *state;

	for (uint64_t at = 4 * TDX_PAGE_SIZE; at < 2 * MB; at += TDX_PAGE_SIZE)
		assert_int_equal(td_fault(s->vcpu[0][0], gpa(at)), 0);
	for (uint64_t at = 2 * MB; at < 16 * MB; at += 2 * MB)
		assert_int_equal(td_fault(s->vcpu[0][0], gpa(at)), 0);
	asked = 0;
	kill_at = 1;
	s->services.stopping = stopping;
	assert_int_equal(td_zap(s->td[0], gpa(0), 16 * MB), -OS_EINTR);
	assert_int_equal(state_at(s->td[0], 0), MIRROR_NONE);
	assert_int_equal(state_at(s->td[0], 2 * MB), MIRROR_LEAF);
	check(s, scenario_check_mirror(s, 0));
	/* Whoever is not killed goes on with it. */
	kill_at = UINT32_MAX;
	assert_int_equal(td_zap(s->td[0], gpa(0), 16 * MB), 0);
	assert_int_equal(state_at(s->td[0], 14 * MB), MIRROR_NONE);
}

#define ON_A_TD(name) cmocka_unit_test_setup_teardown(name, scenario_set_up_td, scenario_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_A_TD(marks_of_127_tb_cost_the_edges_only),
		ON_A_TD(pieces_come_out_of_large_marks),
		ON_A_TD(one_exit_converts_so_many_pages_and_no_more),
		ON_A_TD(a_part_ends_with_the_region_begun),
		ON_A_TD(what_is_no_memory_of_the_guest_costs_nothing),
		ON_A_TD(a_zap_of_64_tb_takes_a_step_for_what_exists),
		ON_A_TD(a_zap_ends_when_its_thread_is_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
