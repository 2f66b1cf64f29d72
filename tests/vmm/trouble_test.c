// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * trouble_test.c - what the vmm does when the module's locks are held by somebody else, for a
 * while or for good: retries, blocked entries that heal, and losses that are exactly as td.h says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "scenario.h"
#include "seam/debug.h"

#define LOCK_ID 1

static const struct script_step accept_all[] = { { SCRIPT_ACCEPT, 0, 8 * MB },
						 { SCRIPT_END, 0, 0 } };

static struct seam *seam_of(struct scenario *s) { return threads_seam(s->stand.port); }

static struct mirror_entry entry_at(const struct scenario *s, uint64_t at, unsigned int level)
{
	struct mirror_slot slot;

	mirror_walk(&s->td[0]->mirror, gpa(at), level, &slot);
	return slot.seen;
}

static uint64_t judged(const struct scenario *s, enum call_verdict verdict)
{
	return os_load64(&s->stand.vmm.caller.counts.of[verdict], OS_RELAXED);
}

/* ------------------------------------------------------------------------------------------- */
/* Held for a while                                                                             */

static void a_fault_that_finds_the_tree_locked_for_long_fails_and_leaves_no_trace(void **state)
{
	struct scenario *s = *state;

	assert_int_equal(
		seam_debug_lock(seam_of(s),
				(struct seam_debug_name){ SEAM_DEBUG_SEPT, s->td[0]->tdr.v, 0 },
				true, LOCK_ID),
		0);
	/* td_fault() alone, since vcpu_run() would come back for as long as it may. */
	assert_int_equal(td_fault(s->vcpu[0][0], gpa(0x9000)), -OS_EAGAIN);
	assert_true(judged(s, CALL_AGAIN) >= CALL_TRIES);
	assert_int_equal(mirror_state(entry_at(s, 0x9000, 0)), MIRROR_NONE);
	assert_int_equal(seam_debug_release(seam_of(s), LOCK_ID), 0);
	check(s, scenario_run(s, 0, 0, 0, accept_all));
	assert_int_equal(judged(s, CALL_PAMT), 0);
}

static void a_2m_fault_in_the_same_trouble_ends_as_4k(void **state)
{
	struct scenario *s = *state;
	struct td_counts counts;

	check(s, scenario_run(s, 0, 0, 0, accept_all));
	assert_int_equal(
		seam_debug_lock(seam_of(s),
				(struct seam_debug_name){ SEAM_DEBUG_SEPTE, s->td[0]->tdr.v,
							  tdx_gpa_level(gpa(10 * MB), TDX_2M) },
				true, LOCK_ID),
		0);
	assert_int_equal(td_fault(s->vcpu[0][0], gpa(10 * MB)), -OS_EAGAIN);
	td_sum_counts(s->td[0], &counts);
	assert_int_equal(os_load64(&counts.fallbacks, OS_RELAXED), 1);
	assert_int_equal(seam_debug_release(seam_of(s), LOCK_ID), 0);
	assert_int_equal(td_fault(s->vcpu[0][0], gpa(10 * MB)), 0);
}

static void a_zap_that_fails_leaves_the_page_blocked_and_the_next_access_heals_it(void **state)
{
	struct scenario *s = *state;

	check(s, scenario_run(s, 0, 0, 0,
			      (const struct script_step[]){ { SCRIPT_ACCEPT, 0, 8 * MB },
							    { SCRIPT_WRITE, 2 * MB, 21 },
							    { SCRIPT_END, 0, 0 } }));
	/* TRACK finds the epoch locked, barred vCPUs or not. */
	assert_int_equal(
		seam_debug_lock(seam_of(s),
				(struct seam_debug_name){ SEAM_DEBUG_EPOCH, s->td[0]->tdr.v, 0 },
				true, LOCK_ID),
		0);
	assert_int_equal(td_zap(s->td[0], gpa(2 * MB), 2 * MB), -OS_EAGAIN);
	assert_int_equal(mirror_state(entry_at(s, 2 * MB, 1)), MIRROR_LEAF_BLOCKED);
	assert_int_equal(seam_debug_release(seam_of(s), LOCK_ID), 0);
	check(s, scenario_run(s, 0, 0, 0,
			      (const struct script_step[]){ { SCRIPT_EXPECT, 2 * MB, 21 },
							    { SCRIPT_END, 0, 0 } }));
	assert_int_equal(mirror_state(entry_at(s, 2 * MB, 1)), MIRROR_LEAF);
}

static void a_zap_that_failed_can_be_made_again(void **state)
{
	struct scenario *s = *state;

	check(s, scenario_run(s, 0, 0, 0, accept_all));
	assert_int_equal(
		seam_debug_lock(seam_of(s),
				(struct seam_debug_name){ SEAM_DEBUG_EPOCH, s->td[0]->tdr.v, 0 },
				true, LOCK_ID),
		0);
	assert_int_equal(td_zap(s->td[0], gpa(0), 8 * MB), -OS_EAGAIN);
	assert_int_equal(seam_debug_release(seam_of(s), LOCK_ID), 0);
	assert_int_equal(td_zap(s->td[0], gpa(0), 8 * MB), 0);
	assert_int_equal(mirror_state(entry_at(s, 2 * MB, 1)), MIRROR_NONE);
}

static void a_td_with_blocked_pages_is_ended_like_any_other(void **state)
{
	struct scenario *s = *state;

	check(s, scenario_run(s, 0, 0, 0, accept_all));
	assert_int_equal(
		seam_debug_lock(seam_of(s),
				(struct seam_debug_name){ SEAM_DEBUG_EPOCH, s->td[0]->tdr.v, 0 },
				true, LOCK_ID),
		0);
	assert_int_equal(td_zap(s->td[0], gpa(0), 8 * MB), -OS_EAGAIN);
	assert_int_equal(td_split(s->td[0], gpa(4 * MB)), -OS_EAGAIN);
	assert_int_equal(seam_debug_release(seam_of(s), LOCK_ID), 0);
}

static void a_split_that_fails_leaves_the_2m_page_in_use(void **state)
{
	struct scenario *s = *state;
	tdx_hpa_t page;

	check(s, scenario_run(s, 0, 0, 0,
			      (const struct script_step[]){ { SCRIPT_ACCEPT, 0, 8 * MB },
							    { SCRIPT_WRITE, 2 * MB, 21 },
							    { SCRIPT_END, 0, 0 } }));
	page = mirror_page(entry_at(s, 2 * MB, 1));
	/* Another CPU inside the region: DEMOTE cannot have it, which must never be. */
	assert_int_equal(seam_debug_hold(seam_of(s), page, TDX_2M, false, LOCK_ID), 0);
	assert_int_equal(td_split(s->td[0], gpa(2 * MB)), -OS_EAGAIN);
	assert_int_equal(mirror_state(entry_at(s, 2 * MB, 1)), MIRROR_LEAF);
	assert_true(judged(s, CALL_PAMT) > 0);
	assert_int_equal(seam_debug_release(seam_of(s), LOCK_ID), 0);
	check(s, scenario_run(s, 0, 0, 0,
			      (const struct script_step[]){ { SCRIPT_EXPECT, 2 * MB, 21 },
							    { SCRIPT_END, 0, 0 } }));
	assert_int_equal(td_split(s->td[0], gpa(2 * MB)), 0);
	/* The same for the way back. */
	assert_int_equal(seam_debug_hold(seam_of(s), page, TDX_2M, false, LOCK_ID), 0);
	assert_int_equal(td_merge(s->td[0], gpa(2 * MB)), -OS_EAGAIN);
	assert_int_equal(mirror_state(entry_at(s, 2 * MB, 1)), MIRROR_LINK);
	assert_int_equal(seam_debug_release(seam_of(s), LOCK_ID), 0);
	assert_int_equal(td_merge(s->td[0], gpa(2 * MB)), 0);
}

/* ------------------------------------------------------------------------------------------- */
/* Held for good                                                                                */

static void a_page_that_cannot_be_reclaimed_is_lost_with_the_tdr_and_nothing_else(void **state)
{
	struct scenario *s = *state;
	struct pamt_stats stats;
	tdx_hpa_t page;

	check(s, scenario_run(s, 0, 0, 0, accept_all));
	page = mirror_page(entry_at(s, 0x8000, 0));
	assert_int_equal(seam_debug_hold(seam_of(s), page, TDX_4K, false, LOCK_ID), 0);
	scenario_end_td(s, 0);
	assert_int_equal(seam_debug_release(seam_of(s), LOCK_ID), 0);
	assert_int_equal(s->lost_pages, 2);
	pamt_stats(s->stand.host, &stats);
	assert_int_equal(stats.control_pages, 1);
	assert_int_equal(stats.leaf_regions, 0);
	assert_int_equal(stats.gets_fast + stats.gets_slow, stats.puts + 1);
	/* The KeyID is free all the same, and another TD can be had. */
	check(s, scenario_build(s, 0));
	check(s, scenario_run(s, 0, 0, 0, accept_all));
	scenario_end_td(s, 0);
	assert_int_equal(s->lost_pages, 2);
}

static void a_2m_page_that_cannot_be_reclaimed_stays_a_leaf(void **state)
{
	struct scenario *s = *state;
	struct pamt_stats stats;

	check(s, scenario_run(s, 0, 0, 0, accept_all));
	assert_int_equal(seam_debug_hold(seam_of(s), mirror_page(entry_at(s, 4 * MB, 1)), TDX_2M,
					 false, LOCK_ID),
			 0);
	scenario_end_td(s, 0);
	assert_int_equal(seam_debug_release(seam_of(s), LOCK_ID), 0);
	assert_int_equal(s->lost_pages, 512 + 1);
	pamt_stats(s->stand.host, &stats);
	assert_int_equal(stats.leaf_regions, 1);
	assert_int_equal(stats.gets_fast + stats.gets_slow, stats.puts);
}

static void without_its_key_id_freed_all_of_a_td_is_lost(void **state)
{
	struct scenario *s = *state;
	uint64_t children;

	check(s, scenario_run(s, 0, 0, 0, accept_all));
	assert_int_equal(seam_debug_chldcnt(seam_of(s), s->td[0]->tdr, &children), 0);
	assert_int_equal(seam_debug_lock(seam_of(s),
					 (struct seam_debug_name){ SEAM_DEBUG_KOT, 0, 0 }, true,
					 LOCK_ID),
			 0);
	scenario_end_td(s, 0);
	assert_int_equal(s->lost_pages, children + 1);
	assert_int_equal(os_load64(&s->stand.vmm.leaked_hkids, OS_RELAXED), 1);
	assert_int_equal(seam_debug_release(seam_of(s), LOCK_ID), 0);
	/* The next TD gets another KeyID. */
	check(s, scenario_build(s, 0));
	assert_int_equal(s->td[0]->hkid, s->stand.config.global_hkid + 2);
}

/* ------------------------------------------------------------------------------------------- */

#define in_td(test) cmocka_unit_test_setup_teardown(test, scenario_set_up_td, scenario_tear_down)
#define losing(test) \
	cmocka_unit_test_setup_teardown(test, scenario_set_up_td, scenario_tear_down_lossy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_td(a_fault_that_finds_the_tree_locked_for_long_fails_and_leaves_no_trace),
		in_td(a_2m_fault_in_the_same_trouble_ends_as_4k),
		in_td(a_zap_that_fails_leaves_the_page_blocked_and_the_next_access_heals_it),
		in_td(a_zap_that_failed_can_be_made_again),
		in_td(a_td_with_blocked_pages_is_ended_like_any_other),
		in_td(a_split_that_fails_leaves_the_2m_page_in_use),
		losing(a_page_that_cannot_be_reclaimed_is_lost_with_the_tdr_and_nothing_else),
		losing(a_2m_page_that_cannot_be_reclaimed_stays_a_leaf),
		losing(without_its_key_id_freed_all_of_a_td_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
