// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * td_test.c - TDs on softseam: life, faults, zaps, conversion, split and merge, end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "scenario.h"

static int set_up(void **state)
{
	struct scenario *s = calloc(1, sizeof(*s));

	if (!s || scenario_create(s, true) || scenario_bring_up(s)) {
		print_error("%s\n", s ? s->error : "no memory");
		return -1;
	}
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct scenario *s = *state;

	scenario_end(s);
	if (scenario_check_empty(s)) {
		print_error("%s\n", s->error);
		return -1;
	}
	stand_end_host(&s->stand);
	if (stand_free_bytes(&s->stand) != s->free_at_start) {
		print_error("memory is missing\n");
		return -1;
	}
	scenario_destroy(s);
	free(s);
	return 0;
}

#define check(s, call)                              \
	do {                                        \
		if (call)                           \
			fail_msg("%s", (s)->error); \
	} while (0)

static void all_ways_leave_nothing_behind(void **state)
{
	static const bool dynamic[] = { true, false };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct scenario *s = calloc(1, sizeof(*s));

		assert_non_null(s);
		check(s, scenario_create(s, dynamic[i]));
		check(s, scenario_all(s));
		scenario_end(s);
		assert_int_equal(s->lost_pages, 0);
		check(s, scenario_check_empty(s));
		stand_end_host(&s->stand);
		assert_int_equal(stand_free_bytes(&s->stand), s->free_at_start);
		assert_true(os_load64(&s->counts.splits, OS_RELAXED) > 0);
		assert_true(os_load64(&s->counts.merges, OS_RELAXED) > 0);
		assert_true(os_load64(&s->counts.zaps_2m, OS_RELAXED) > 0);
		assert_true(os_load64(&s->counts.zaps_4k, OS_RELAXED) > 0);
		scenario_destroy(s);
		free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_ways_leave_nothing_behind),
	};

	(void)set_up;
	(void)tear_down;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
