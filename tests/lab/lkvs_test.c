// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lkvs_test.c - the exact account of the lkvs cases: it agrees with TDs as they are, and each of
 * its checks fails when there is something to find.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lab/lkvs/lkvs_box.h"

#define SMALL_NODE_MB 1024
#include "small_machine.h"

static const struct lkvs_config config = { .map = &small_map };
static const struct lkvs_case two_tds = {
	.kind = LKVS_TDS, .nr_tds = 2, .gb = { 1, 1 }, .vcpus = 1
};
static struct lkvs_result result;

/* TDs of 256 and 384 MB, the first of them up. */
static int begin(void **state)
{
	struct lkvs_box *box = calloc(1, sizeof(*box));

	assert_non_null(box);
	memset(&result, 0, sizeof(result));
	*box = (struct lkvs_box){ .config = &config, .c = &two_tds, .result = &result };
	if (!lkvs_set_up(box))
		fail_msg("%s", result.error);
	box->td[0].bytes = 256 * MB;
	box->td[1].bytes = 384 * MB;
	if (!lkvs_start_td(box, 0) || !lkvs_check(box, true, true, "up"))
		fail_msg("%s", result.error);
	*state = box;
	return 0;
}

static int end(void **state)
{
	struct lkvs_box *box = *state;

	lkvs_stop_td(box, 0);
	lkvs_stop_td(box, 1);
	lkvs_clean_up(box);
	free(box);
	return 0;
}

static void fails_saying(struct lkvs_box *box, const char *what)
{
	assert_false(lkvs_check(box, true, true, "spoilt"));
	if (!strstr(result.error, what))
		fail_msg("'%s' is not said in: %s", what, result.error);
	result.error[0] = 0;
}

static void is_sound(struct lkvs_box *box)
{
	if (!lkvs_check(box, true, true, "sound"))
		fail_msg("%s", result.error);
}

static void amounts_are_exact_up_and_down(void **state)
{
	struct lkvs_box *box = *state;

	/* 64 MB are 32 regions; every 64th of the 128 is split, which adds two. */
	assert_int_equal(box->td[0].pages_4k, 34 * 512);
	assert_int_equal(box->td[0].pages_2m, 128 - 34);
	assert_true(lkvs_start_td(box, 1));
	is_sound(box);
	assert_true(lkvs_stop_td(box, 0));
	is_sound(box);
	assert_true(lkvs_stop_td(box, 1));
	is_sound(box);
}

/* A page of memory whose region nobody else uses. */
static tdx_hpa_t lonely_page(struct lkvs_box *box)
{
	const struct os_services *os = box->stand.os;
	tdx_hpa_t page = os->alloc_pages(os->ctx, 9, 1);

	assert_false(hpa_is_none(page));
	return page;
}

static void a_region_backed_for_nothing_is_noticed(void **state)
{
	struct lkvs_box *box = *state;
	const struct os_services *os = box->stand.os;
	tdx_hpa_t page = lonely_page(box);

	assert_int_equal(pamt_get(box->stand.host, hpa_to_pfn(page), NULL), 0);
	fails_saying(box, "pairs are due");
	pamt_put(box->stand.host, hpa_to_pfn(page));
	os->free_pages(os->ctx, page, 9);
	is_sound(box);
}

static void a_page_nobody_accounts_for_is_noticed(void **state)
{
	struct lkvs_box *box = *state;
	const struct os_services *os = box->stand.os;
	tdx_hpa_t page = os->alloc_pages(os->ctx, 0, 0);

	fails_saying(box, "the allocator is short");
	os->free_pages(os->ctx, page, 0);
	is_sound(box);
}

static void a_control_page_too_many_is_noticed(void **state)
{
	struct lkvs_box *box = *state;
	tdx_hpa_t page;

	assert_int_equal(pamt_alloc_page(box->stand.host, 0, NULL, &page), 0);
	fails_saying(box, "control pages are due");
	pamt_free_page(box->stand.host, page);
	is_sound(box);
}

static void a_region_split_too_many_is_noticed(void **state)
{
	struct lkvs_box *box = *state;

	assert_int_equal(td_split(box->td[0].td, gpa(100 * TDX_2M_SIZE)), 0);
	assert_true(lkvs_look(box, 0));
	fails_saying(box, "S-EPT pages, not");
}

static void dynamic_pamt_in_use_with_no_td_is_noticed(void **state)
{
	struct lkvs_box *box = *state;
	const struct os_services *os = box->stand.os;
	tdx_hpa_t page;

	assert_true(lkvs_stop_td(box, 0));
	is_sound(box);
	page = lonely_page(box);
	assert_int_equal(pamt_get(box->stand.host, hpa_to_pfn(page), NULL), 0);
	fails_saying(box, "no TD is up and");
	pamt_put(box->stand.host, hpa_to_pfn(page));
	os->free_pages(os->ctx, page, 9);
	pamt_shrink(box->stand.host, UINT64_MAX);
}

static void every_case_has_its_number(void **state)
{
	for (uint32_t i = 0; i < LKVS_ALL_CASES; i++)
		assert_int_equal(lkvs_case(i)->nr, i);
	assert_null(lkvs_case(LKVS_ALL_CASES));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(amounts_are_exact_up_and_down, begin, end),
		cmocka_unit_test_setup_teardown(a_region_backed_for_nothing_is_noticed, begin, end),
		cmocka_unit_test_setup_teardown(a_page_nobody_accounts_for_is_noticed, begin, end),
		cmocka_unit_test_setup_teardown(a_control_page_too_many_is_noticed, begin, end),
		cmocka_unit_test_setup_teardown(a_region_split_too_many_is_noticed, begin, end),
		cmocka_unit_test_setup_teardown(dynamic_pamt_in_use_with_no_td_is_noticed, begin,
						end),
		cmocka_unit_test(every_case_has_its_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
