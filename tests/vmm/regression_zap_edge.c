// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * regression_zap_edge.c - a zap of some 4K pages took a whole 2M page.
 *
 * A zap first splits the 2M mappings at its two edges, then takes the MMU lock and removes what is
 * in the range. It relied on the TD's mutex for no new 2M mapping to appear across an edge in
 * between; but faults do not take that mutex. Where there was nothing to split, a vCPU could fault
 * 2M in just then, and all of it went with the range: the guest lost contents that nobody had
 * asked to take. Now the removal itself looks, and has split what it finds crossing an edge.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "scenario.h"

static const struct script_step boot[] = {
	{ SCRIPT_ACCEPT, 2 * MB, 8 * MB },     { SCRIPT_WRITE, 2 * MB, 1 },
	{ SCRIPT_WRITE, 2 * MB + 0x8000, 2 },  { SCRIPT_WRITE, 8 * MB, 3 },
	{ SCRIPT_WRITE, 10 * MB - 0x1000, 4 }, { SCRIPT_END, 0, 0 },
};

static const struct script_step look[] = {
	{ SCRIPT_EXPECT, 2 * MB, 1 },
	{ SCRIPT_EXPECT, 2 * MB + 0x8000, 2 },
	{ SCRIPT_EXPECT, 10 * MB - 0x1000, 4 },
	{ SCRIPT_END, 0, 0 },
};

/* The second half of td_zap(), as if the 2M pages had been faulted in during the first. */
static int zap_unsplit(struct td *td, uint64_t at, uint64_t end)
{
	struct zap zap = { .at = gpa(at), .end = gpa(end), .op = ZAP_REMOVE, .pages = UINT64_MAX };
	int error;

	os_mutex_lock(&td->mutex);
	error = td_zap_range(td, &zap);
	os_mutex_unlock(&td->mutex);
	assert_int_equal(zap.at.v, end);
	return error;
}

static void a_zap_takes_no_more_than_its_range(void **state)
{
	struct scenario *s = *state;
	struct td_counts counts;

	check(s, scenario_run(s, 0, 0, 0, boot));
	/* Within one 2M page; then from one into another, with two whole ones between. */
	assert_int_equal(zap_unsplit(s->td[0], 2 * MB + 0x5000, 2 * MB + 0x8000), 0);
	assert_int_equal(zap_unsplit(s->td[0], 4 * MB - 0x2000, 8 * MB + 0x1000), 0);
	check(s, scenario_run(s, 0, 0, 0, look));
	td_sum_counts(s->td[0], &counts);
	assert_int_equal(os_load64(&counts.splits, OS_RELAXED), 2);
	assert_int_equal(os_load64(&counts.zaps_4k, OS_RELAXED), 3 + 2 + 1);
	assert_int_equal(os_load64(&counts.zaps_2m, OS_RELAXED), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_zap_takes_no_more_than_its_range,
						scenario_set_up_td, scenario_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
