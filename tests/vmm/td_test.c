// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * td_test.c - TDs on softseam: life, faults, zaps, conversion, split and merge, end. Each test
 * must leave nothing behind: the teardown looks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "scenario.h"
#include "seam/debug.h"

static uint64_t count(os_a64_t counter) { return os_load64(&counter, OS_RELAXED); }

static struct td_counts counts_of(const struct td *td)
{
	struct td_counts counts;

	td_sum_counts(td, &counts);
	return counts;
}

/* The mirror's entry at this GPA. */
static struct mirror_slot look(const struct td *td, uint64_t at, unsigned int level)
{
	struct mirror_slot slot;

	mirror_walk(&td->mirror, gpa(at), level, &slot);
	return slot;
}

/* ------------------------------------------------------------------------------------------- */
/* Life                                                                                         */

static void all_ways_lead_to_nothing_left(void **state)
{
	struct scenario *s = *state;

	for (unsigned int i = 0; i < SCENARIO_TDS; i++) {
		check(s, scenario_build(s, i));
		check(s, scenario_run(
				 s, i, 0, 0,
				 (const struct script_step[]){ { SCRIPT_ACCEPT, 0, 8 * MB },
							       { SCRIPT_TO_SHARED, 2 * MB, 3 * MB },
							       { SCRIPT_END, 0, 0 } }));
	}
}

static void a_td_can_be_ended_at_any_point_of_its_building(void **state)
{
	const struct td_config config = { .max_vcpus = 2 };
	struct scenario *s = *state;
	struct vcpu *vcpu;
	struct td *td;

	for (unsigned int steps = 0; steps < 4; steps++) {
		assert_int_equal(td_create(&s->stand.vmm, &config, &td), 0);
		if (steps > 0)
			assert_int_equal(td_add_vcpu(td, &vcpu), 0);
		if (steps > 1)
			assert_int_equal(td_add_page(td, gpa(0x5000), s->image), 0);
		if (steps > 2)
			assert_int_equal(td_finalize(td), 0);
		assert_int_equal(td_destroy(td), 0);
	}
}

static void a_td_is_finalised_only_with_a_vcpu_and_only_once(void **state)
{
	const struct td_config config = { .max_vcpus = 1 };
	struct scenario *s = *state;
	struct vcpu *vcpu;
	struct td *td;

	assert_int_equal(td_create(&s->stand.vmm, &config, &td), 0);
	assert_int_equal(td_finalize(td), -OS_EIO);
	assert_int_equal(td_add_vcpu(td, &vcpu), 0);
	assert_int_equal(td_add_vcpu(td, &vcpu), -OS_ERANGE);
	assert_int_equal(td_finalize(td), 0);
	assert_int_equal(td_finalize(td), -OS_EINVAL);
	assert_int_equal(td_add_vcpu(td, &vcpu), -OS_EINVAL);
	assert_int_equal(td_add_page(td, gpa(0), s->image), -OS_EINVAL);
	assert_int_equal(td_destroy(td), 0);
}

/*
 * Without NO_RBP_MOD the module answers VP.ENTER with a RBP of its own. A kernel with frame
 * pointers walked from there when a timer's interrupt came between the answer and the register's
 * return.
 */
static void the_hosts_frame_pointer_is_left_alone(void **state)
{
	struct scenario *s = *state;
	struct tdx_regs regs = {
		.rax = TDX_RAX(TDH_MNG_RD, 0),
		.rcx = s->td[0]->tdr.v,
		.rdx = UINT64_C(0x9110000300000016), /* CONFIG_FLAGS */
	};

	assert_true(tdx_status_is(s->stand.os->seamcall(s->stand.os->ctx, &regs), TDX_SUCCESS));
	assert_true(regs.r8 & TDX_CONFIG_NO_RBP_MOD);
}

static void bad_configurations_are_refused(void **state)
{
	struct scenario *s = *state;
	struct td *td;

	assert_int_equal(td_create(&s->stand.vmm, &(struct td_config){ 0 }, &td), -OS_EINVAL);
	assert_int_equal(
		td_create(&s->stand.vmm, &(struct td_config){ .max_vcpus = 1, .levels = 3 }, &td),
		-OS_EINVAL);
	/* The module has the last word: more vCPUs than a TD may have. */
	assert_int_equal(td_create(&s->stand.vmm, &(struct td_config){ .max_vcpus = 577 }, &td),
			 -OS_EIO);
}

static void there_are_as_many_tds_as_key_ids_and_they_come_back(void **state)
{
	const struct td_config config = { .max_vcpus = 1 };
	struct scenario *s = *state;
	struct td *td[32];
	unsigned int nr = 0;
	int error;

	while (nr < 32) {
		error = td_create(&s->stand.vmm, &config, &td[nr]);
		if (error)
			break;
		nr++;
	}
	assert_int_equal(error, -OS_ENOSPC);
	assert_int_equal(nr, 31); /* 32 private KeyIDs, one of them the module's */
	assert_int_equal(td_destroy(td[7]), 0);
	assert_int_equal(td_create(&s->stand.vmm, &config, &td[7]), 0);
	while (nr)
		assert_int_equal(td_destroy(td[--nr]), 0);
}

static void a_measured_page_is_there_when_the_guest_starts(void **state)
{
	struct scenario *s = *state;

	check(s,
	      scenario_run(s, 0, 0, 0,
			   (const struct script_step[]){ { SCRIPT_EXPECT, 0x0, SCENARIO_IMAGE },
							 { SCRIPT_EXPECT, 0x3ff8, SCENARIO_IMAGE },
							 { SCRIPT_END, 0, 0 } }));
	assert_int_equal(count(counts_of(s->td[0]).faults), 0);
}

static void a_measured_page_has_its_place_once(void **state)
{
	const struct td_config config = { .max_vcpus = 1 };
	struct scenario *s = *state;
	struct td *td;

	assert_int_equal(td_create(&s->stand.vmm, &config, &td), 0);
	assert_int_equal(td_add_page(td, gpa(0x1000), s->image), 0);
	assert_int_equal(td_add_page(td, gpa(0x1000), s->image), -OS_EBUSY);
	assert_int_equal(td_add_page(td, gpa(0x1001), s->image), -OS_EINVAL);
	assert_int_equal(td_add_page(td, gpa(UINT64_C(1) << 47), s->image), -OS_EINVAL);
	assert_int_equal(td_destroy(td), 0);
}

/* ------------------------------------------------------------------------------------------- */
/* Faults                                                                                       */

static void the_policy_decides_between_4k_and_2m(void **state)
{
	struct scenario *s = *state;

	check(s, scenario_run(s, 0, 0, 0,
			      (const struct script_step[]){ { SCRIPT_ACCEPT, 0, 6 * MB },
							    { SCRIPT_END, 0, 0 } }));
	/* Without the measured ones, which were added. */
	assert_int_equal(count(s->vcpu[0][0]->counts.maps_4k), 512 - SCENARIO_INITIAL);
	assert_int_equal(count(s->vcpu[0][0]->counts.maps_2m), 2);
	assert_int_equal(look(s->td[0], 3 * MB, 0).node->level, 1);
	assert_int_equal(look(s->td[0], 0x8000, 0).node->level, 0);
}

static void without_a_2m_block_a_fault_is_served_in_4k(void **state)
{
	struct scenario *s = *state;
	const struct os_services *os = s->stand.os;
	tdx_hpa_t block[64];
	unsigned int nr = 0;

	/* All of the machine's blocks; the last one is given back in single pages. */
	while (nr < 64 && !hpa_is_none(block[nr] = os->alloc_pages(os->ctx, 9, 0)))
		nr++;
	assert_in_range(nr, 1, 63);
	for (unsigned int i = 1; i < 256; i++)
		os->free_pages(os->ctx, hpa(block[nr - 1].v + i * TDX_PAGE_SIZE), 0);
	check(s, scenario_run(s, 0, 0, 0,
			      (const struct script_step[]){ { SCRIPT_ACCEPT, 2 * MB, 0x10000 },
							    { SCRIPT_END, 0, 0 } }));
	assert_int_equal(count(counts_of(s->td[0]).maps_2m), 0);
	assert_true(count(counts_of(s->td[0]).fallbacks) > 0);
	scenario_end_td(s, 0);
	os->free_pages(os->ctx, block[nr - 1], 0);
	for (unsigned int i = 256; i < 512; i++)
		os->free_pages(os->ctx, hpa(block[nr - 1].v + i * TDX_PAGE_SIZE), 0);
	while (--nr)
		os->free_pages(os->ctx, block[nr - 1], 9);
}

static void without_memory_the_vcpu_fails_and_the_td_can_be_ended(void **state)
{
	struct scenario *s = *state;
	const struct script_step steps[] = { { SCRIPT_ACCEPT, 0, 8 * MB }, { SCRIPT_END, 0, 0 } };
	const struct os_services *os = s->stand.os;
	tdx_hpa_t *pages = calloc(SCENARIO_MEMORY / TDX_PAGE_SIZE, sizeof(*pages));
	uint64_t nr = 0;

	assert_non_null(pages);
	while (!hpa_is_none(pages[nr] = os->alloc_pages(os->ctx, 0, 0)))
		nr++;
	assert_int_equal(scenario_run(s, 0, 0, 0, steps), -1);
	assert_int_equal(s->vcpu[0][0]->error, -OS_ENOMEM);
	/* With memory it goes on where it stood. */
	while (nr)
		os->free_pages(os->ctx, pages[--nr], 0);
	free(pages);
	check(s, scenario_run(s, 0, 0, 0, steps));
}

static void a_vcpu_may_go_from_cpu_to_cpu(void **state)
{
	struct scenario *s = *state;
	const struct script_step steps[] = { { SCRIPT_TOUCH, 0x1000, 0 }, { SCRIPT_END, 0, 0 } };

	for (uint32_t i = 0; i < 2 * SCENARIO_CPUS; i++)
		check(s, scenario_run(s, 0, i % 2, (i * 2) % SCENARIO_CPUS, steps));
}

static void an_access_to_shared_memory_is_not_the_vmms(void **state)
{
	const struct script_step steps[] = { { SCRIPT_TOUCH, UINT64_C(1) << 47 | 0x7000, 0 },
					     { SCRIPT_END, 0, 0 } };
	struct scenario *s = *state;
	struct script script;

	script_start(&script, steps);
	s->script[0] = &script;
	assert_int_equal(vcpu_run(s->vcpu[0][0]), VCPU_SHARED_FAULT);
	assert_int_equal(s->vcpu[0][0]->fault_gpa.v, UINT64_C(1) << 47 | 0x7000);
}

/* ------------------------------------------------------------------------------------------- */
/* Conversion, zap, split, merge                                                                */

static void what_was_shared_comes_back_empty(void **state)
{
	struct scenario *s = *state;

	check(s, scenario_run(s, 0, 0, 0,
			      (const struct script_step[]){ { SCRIPT_ACCEPT, 2 * MB, 2 * MB },
							    { SCRIPT_WRITE, 3 * MB, 77 },
							    { SCRIPT_TO_SHARED, 2 * MB, 2 * MB },
							    { SCRIPT_TO_PRIVATE, 2 * MB, 2 * MB },
							    { SCRIPT_ACCEPT, 2 * MB, 2 * MB },
							    { SCRIPT_EXPECT, 3 * MB, 0 },
							    { SCRIPT_END, 0, 0 } }));
	/* Whole mappings are not split. */
	assert_int_equal(count(counts_of(s->td[0]).splits), 0);
	assert_int_equal(count(counts_of(s->td[0]).zaps_2m), 1);
	assert_int_equal(look(s->td[0], 2 * MB, 0).node->level, 1);
}

static void a_part_of_a_2m_page_is_converted_and_the_rest_keeps_its_contents(void **state)
{
	struct scenario *s = *state;
	struct td_counts counts;

	check(s, scenario_run(s, 0, 0, 0,
			      (const struct script_step[]){
				      { SCRIPT_ACCEPT, 2 * MB, 6 * MB },
				      { SCRIPT_WRITE, 3 * MB - 0x2000, 11 },
				      { SCRIPT_WRITE, 3 * MB, 12 },
				      { SCRIPT_WRITE, 7 * MB + 0x1000, 13 },
				      /* The end of one 2M page, a whole one, part of a third. */
				      { SCRIPT_TO_SHARED, 3 * MB, 4 * MB + 0x1000 },
				      { SCRIPT_EXPECT, 3 * MB - 0x2000, 11 },
				      { SCRIPT_EXPECT, 7 * MB + 0x1000, 13 },
				      { SCRIPT_TO_PRIVATE, 3 * MB, 4 * MB + 0x1000 },
				      { SCRIPT_ACCEPT, 3 * MB, 4 * MB + 0x1000 },
				      { SCRIPT_EXPECT, 3 * MB, 0 },
				      { SCRIPT_END, 0, 0 } }));
	counts = counts_of(s->td[0]);
	assert_int_equal(count(counts.splits), 2);
	assert_int_equal(count(counts.zaps_2m), 1);
	assert_int_equal(count(counts.zaps_4k), 256 + 257);
	/* The whole one is a 2M page again. */
	assert_int_equal(look(s->td[0], 4 * MB, 0).node->level, 1);
	assert_int_equal(look(s->td[0], 3 * MB, 0).node->level, 0);
}

static void a_private_access_to_shared_memory_converts_it(void **state)
{
	struct scenario *s = *state;

	check(s, scenario_run(s, 0, 0, 0,
			      (const struct script_step[]){
				      { SCRIPT_TO_SHARED, 4 * MB, 4 * MB },
				      { SCRIPT_ACCEPT_4K, 4 * MB + 0x3000, 0x1000 },
				      { SCRIPT_END, 0, 0 } }));
	assert_int_equal(mirror_state(look(s->td[0], 4 * MB + 0x2000, 0).seen), MIRROR_SHARED);
	assert_int_equal(mirror_state(look(s->td[0], 4 * MB + 0x3000, 0).seen), MIRROR_LEAF);
	assert_int_equal(mirror_state(look(s->td[0], 6 * MB, 0).seen), MIRROR_SHARED);
	assert_int_equal(look(s->td[0], 6 * MB, 0).node->level, 1);
}

static void a_region_emptied_of_its_4k_pages_can_be_2m_again(void **state)
{
	struct scenario *s = *state;

	check(s, scenario_run(s, 0, 0, 0,
			      (const struct script_step[]){
				      { SCRIPT_ACCEPT, 2 * MB, 2 * MB },
				      { SCRIPT_TO_SHARED, 2 * MB + 0x1000, 0x1000 },
				      { SCRIPT_TO_SHARED, 2 * MB, 2 * MB },
				      { SCRIPT_TO_PRIVATE, 2 * MB, 2 * MB },
				      { SCRIPT_ACCEPT, 2 * MB, 2 * MB },
				      { SCRIPT_END, 0, 0 } }));
	assert_int_equal(count(counts_of(s->td[0]).splits), 1);
	assert_int_equal(look(s->td[0], 2 * MB, 0).node->level, 1);
}

static void calls_that_make_no_sense_are_refused(void **state)
{
	struct scenario *s = *state;
	const uint64_t limit = UINT64_C(1) << 47;

	check(s, scenario_run(s, 0, 0, 0,
			      (const struct script_step[]){
				      { SCRIPT_BAD_MAP, 2 * MB, 0 },
				      { SCRIPT_BAD_MAP, 2 * MB, 0x1001 },
				      { SCRIPT_BAD_MAP, 2 * MB + 8, 0x1000 },
				      { SCRIPT_BAD_MAP, limit - 0x1000, 0x2000 },
				      { SCRIPT_BAD_MAP, 2 * MB, UINT64_MAX & ~UINT64_C(0xfff) },
				      { SCRIPT_OTHER_CALL, 0, 0x10002 },
				      { SCRIPT_END, 0, 0 } }));
	assert_int_equal(td_convert(s->td[0], gpa(limit), 0x1000, true), -OS_EINVAL);
	assert_int_equal(td_zap(s->td[0], gpa(0), 0), -OS_EINVAL);
	assert_int_equal(td_split(s->td[0], gpa(limit)), -OS_EINVAL);
	assert_int_equal(td_merge(s->td[0], gpa(limit)), -OS_EINVAL);
}

static void a_hole_is_filled_by_the_next_access(void **state)
{
	struct scenario *s = *state;

	check(s, scenario_run(s, 0, 0, 0,
			      (const struct script_step[]){ { SCRIPT_ACCEPT, 0, 4 * MB },
							    { SCRIPT_WRITE, 0x9000, 5 },
							    { SCRIPT_WRITE, 0xa000, 6 },
							    { SCRIPT_END, 0, 0 } }));
	assert_int_equal(td_zap(s->td[0], gpa(0x9000), 0x1000), 0);
	assert_int_equal(td_zap(s->td[0], gpa(2 * MB), 2 * MB), 0);
	/* Nothing there: nothing to do. */
	assert_int_equal(td_zap(s->td[0], gpa(0x9000), 0x1000), 0);
	assert_int_equal(td_zap(s->td[0], gpa(64 * MB), 64 * MB), 0);
	check(s, scenario_run(s, 0, 0, 0,
			      (const struct script_step[]){ { SCRIPT_ACCEPT, 0x9000, 0x1000 },
							    { SCRIPT_EXPECT, 0x9000, 0 },
							    { SCRIPT_EXPECT, 0xa000, 6 },
							    { SCRIPT_ACCEPT, 2 * MB, 2 * MB },
							    { SCRIPT_END, 0, 0 } }));
}

static void contents_survive_split_and_merge(void **state)
{
	struct scenario *s = *state;
	struct pamt_stats before, split, merged;

	check(s, scenario_run(s, 0, 0, 0,
			      (const struct script_step[]){ { SCRIPT_ACCEPT, 2 * MB, 2 * MB },
							    { SCRIPT_WRITE, 3 * MB, 42 },
							    { SCRIPT_END, 0, 0 } }));
	pamt_stats(s->stand.host, &before);
	assert_int_equal(td_split(s->td[0], gpa(3 * MB)), 0);
	pamt_stats(s->stand.host, &split);
	assert_int_equal(look(s->td[0], 3 * MB, 0).node->level, 0);
	/* Splitting what is split is nothing. */
	assert_int_equal(td_split(s->td[0], gpa(3 * MB)), 0);
	assert_int_equal(td_merge(s->td[0], gpa(3 * MB)), 0);
	pamt_stats(s->stand.host, &merged);
	assert_int_equal(look(s->td[0], 3 * MB, 0).node->level, 1);
	assert_int_equal(split.leaf_regions, before.leaf_regions - 1);
	assert_int_equal(split.pairs_installed, before.pairs_installed + 1);
	assert_int_equal(merged.leaf_regions, before.leaf_regions);
	assert_int_equal(merged.pairs_installed, before.pairs_installed);
	check(s, scenario_run(s, 0, 0, 0,
			      (const struct script_step[]){ { SCRIPT_EXPECT, 3 * MB, 42 },
							    { SCRIPT_END, 0, 0 } }));
	assert_int_equal(count(counts_of(s->td[0]).splits), 1);
	assert_int_equal(count(counts_of(s->td[0]).merges), 1);
}

static void what_is_not_one_block_is_not_merged(void **state)
{
	struct scenario *s = *state;

	/* 4K pages from here and there; a hole; nothing at all. */
	check(s, scenario_run(s, 0, 0, 0,
			      (const struct script_step[]){ { SCRIPT_ACCEPT, 0, 4 * MB },
							    { SCRIPT_END, 0, 0 } }));
	assert_int_equal(td_merge(s->td[0], gpa(0)), -OS_EBUSY);
	assert_int_equal(td_split(s->td[0], gpa(2 * MB)), 0);
	assert_int_equal(td_zap(s->td[0], gpa(2 * MB + 0x5000), 0x1000), 0);
	assert_int_equal(td_merge(s->td[0], gpa(2 * MB)), -OS_EBUSY);
	assert_int_equal(td_merge(s->td[0], gpa(8 * MB)), -OS_EBUSY);
	assert_int_equal(td_merge(s->td[0], gpa(64 * MB)), -OS_EBUSY);
}

static void a_guest_that_accepts_in_4k_gets_4k(void **state)
{
	struct scenario *s = *state;

	check(s, scenario_run(s, 0, 0, 0,
			      (const struct script_step[]){
				      { SCRIPT_ACCEPT_4K, 2 * MB + 0x4000, 0x2000 },
				      { SCRIPT_WRITE, 2 * MB + 0x5000, 3 },
				      { SCRIPT_END, 0, 0 } }));
	assert_int_equal(count(counts_of(s->td[0]).maps_2m), 1);
	assert_int_equal(count(counts_of(s->td[0]).splits), 1);
}

static void pages_accepted_in_part_are_not_merged(void **state)
{
	struct scenario *s = *state;

	/* Which are accepted the module knows, and the host has to ask it. */
	check(s, scenario_run(s, 0, 0, 0,
			      (const struct script_step[]){
				      { SCRIPT_ACCEPT_4K, 2 * MB + 0x4000, 0x2000 },
				      { SCRIPT_WRITE, 2 * MB + 0x5000, 3 },
				      { SCRIPT_END, 0, 0 } }));
	assert_int_equal(td_merge(s->td[0], gpa(2 * MB)), -OS_EBUSY);
	check(s, scenario_run(s, 0, 0, 0,
			      (const struct script_step[]){ { SCRIPT_EXPECT, 2 * MB + 0x5000, 3 },
							    { SCRIPT_ACCEPT, 2 * MB, 2 * MB },
							    { SCRIPT_END, 0, 0 } }));
	assert_int_equal(td_merge(s->td[0], gpa(2 * MB)), 0);
	check(s, scenario_run(s, 0, 0, 0,
			      (const struct script_step[]){ { SCRIPT_EXPECT, 2 * MB + 0x5000, 3 },
							    { SCRIPT_END, 0, 0 } }));
}

static void a_guest_that_touches_what_it_never_accepts_is_given_up(void **state)
{
	struct scenario *s = *state;

	assert_int_equal(scenario_run(s, 0, 0, 0,
				      (const struct script_step[]){ { SCRIPT_TOUCH, 6 * MB, 0 },
								    { SCRIPT_END, 0, 0 } }),
			 -1);
	assert_int_equal(s->vcpu[0][0]->error, -OS_EIO);
}

/* ------------------------------------------------------------------------------------------- */

#define in_td(test)   cmocka_unit_test_setup_teardown(test, scenario_set_up_td, scenario_tear_down)
#define on_host(test) cmocka_unit_test_setup_teardown(test, scenario_set_up, scenario_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_host(all_ways_lead_to_nothing_left),
		cmocka_unit_test_setup_teardown(all_ways_lead_to_nothing_left,
						scenario_set_up_static, scenario_tear_down),
		on_host(a_td_can_be_ended_at_any_point_of_its_building),
		on_host(a_td_is_finalised_only_with_a_vcpu_and_only_once),
		on_host(bad_configurations_are_refused),
		on_host(there_are_as_many_tds_as_key_ids_and_they_come_back),
		in_td(a_measured_page_is_there_when_the_guest_starts),
		on_host(a_measured_page_has_its_place_once),
		in_td(the_hosts_frame_pointer_is_left_alone),
		in_td(the_policy_decides_between_4k_and_2m),
		in_td(without_a_2m_block_a_fault_is_served_in_4k),
		in_td(without_memory_the_vcpu_fails_and_the_td_can_be_ended),
		in_td(a_vcpu_may_go_from_cpu_to_cpu),
		in_td(an_access_to_shared_memory_is_not_the_vmms),
		in_td(what_was_shared_comes_back_empty),
		in_td(a_part_of_a_2m_page_is_converted_and_the_rest_keeps_its_contents),
		in_td(a_private_access_to_shared_memory_converts_it),
		in_td(a_region_emptied_of_its_4k_pages_can_be_2m_again),
		in_td(calls_that_make_no_sense_are_refused),
		in_td(a_hole_is_filled_by_the_next_access),
		in_td(contents_survive_split_and_merge),
		in_td(what_is_not_one_block_is_not_merged),
		in_td(a_guest_that_accepts_in_4k_gets_4k),
		in_td(pages_accepted_in_part_are_not_merged),
		in_td(a_guest_that_touches_what_it_never_accepts_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
