// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * regression_idle.c - a host that ends while regions are kept backed on purpose.
 *
 * Pairs of idle regions are no loss, and pamt_host_destroy() knew that. It did not know of a region
 * that was idle when a chunk of the pool was taken in it: that one adopts the pair, which lies in
 * some other chunk, and is in use by nobody but the pool. `pamt compare` of a scenario with
 * restarts and idle regions ended with "pool pages were never given back", and nothing was lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../port/warnings.h"
#include "rig.h"

#define BLOCK_ORDER 4u
#define MOST_PAGES  64u

/* The block that the system gives next, where an order fits. */
static tdx_hpa_t next_block = HPA_NONE;
static tdx_hpa_t (*port_alloc_pages)(void *ctx, unsigned int order, uint32_t node);
static void (*port_free_pages)(void *ctx, tdx_hpa_t block, unsigned int order);
static tdx_hpa_t given;

static tdx_hpa_t alloc_pages(void *ctx, unsigned int order, uint32_t node)
{
	tdx_hpa_t block = next_block;

	if (hpa_is_none(block))
		return port_alloc_pages(ctx, order, node);
	if (order != BLOCK_ORDER)
		return HPA_NONE;
	next_block = HPA_NONE;
	return block;
}

/* What is in the block is the test's, as the regions of all guests are. */
static void free_pages(void *ctx, tdx_hpa_t block, unsigned int order)
{
	if (hpa_to_region(block).v != hpa_to_region(given).v)
		port_free_pages(ctx, block, order);
}

static bool lies_in_given(tdx_hpa_t page)
{
	return hpa_to_region(page).v == hpa_to_region(given).v;
}

static void an_end_with_idle_regions_is_no_loss(void **state)
{
	struct rig rig;
	struct pamt_error error;
	tdx_hpa_t page[MOST_PAGES];
	uint32_t nr = 0;

	(void)state;
	rig_machine(&rig, 1);
	port_alloc_pages = rig.services.alloc_pages;
	port_free_pages = rig.services.free_pages;
	rig.services.alloc_pages = alloc_pages;
	rig.services.free_pages = free_pages;
	given = rig.guest[0];
	if (rig_host(&rig, true, &error))
		fail_msg("%s", error.reason);
	pamt_set_idle_limit(rig.host, RIG_REGIONS);

	/* Region 0 is idle; then the pool's next chunk is in it, after all other pages are out. */
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 511), NULL), 0);
	pamt_put(rig.host, rig_page(&rig, 0, 511));
	assert_int_equal(rig_stats(&rig).pairs_idle, 1);
	next_block = given;
	do {
		assert_true(nr < MOST_PAGES);
		assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page[nr]), 0);
	} while (!lies_in_given(page[nr++]));
	assert_int_equal(rig_stats(&rig).pairs_idle, 0);
	/* Its pages are another region's pair, which becomes idle too. */
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 1, 0), NULL), 0);
	pamt_put(rig.host, rig_page(&rig, 1, 0));
	while (nr--)
		pamt_free_page(rig.host, page[nr]);
	assert_int_equal(rig_stats(&rig).pairs_idle, 1);
	assert_int_equal(rig_stats(&rig).pairs_installed, 2 + 1);

	count_warnings(&rig.services);
	pamt_host_destroy(rig.host);
	rig.host = NULL;
	assert_int_equal(nr_warnings, 0);
	rig_destroy(&rig);
}

/* And what is lost is still told, with its number. */
static void an_end_with_a_user_is_a_loss(void **state)
{
	struct rig rig;
	tdx_hpa_t page;

	(void)state;
	rig_create(&rig, 1, true);
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), 0);
	count_warnings(&rig.services);
	pamt_host_destroy(rig.host);
	rig.host = NULL;
	/* The region, and how many pages. */
	assert_int_equal(nr_warnings, 2);
	rig_destroy(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_end_with_idle_regions_is_no_loss),
		cmocka_unit_test(an_end_with_a_user_is_a_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
