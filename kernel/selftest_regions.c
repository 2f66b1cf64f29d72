// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * selftest_regions.c - memory to give to the module and to take back, and what must be left then.
 */
#include "selftest.h"

void regions_free(struct regions *regions)
{
	for (u32 i = 0; i < NR_REGIONS; i++)
		if (!hpa_is_none(regions->block[i]))
			host_services->free_pages(host_services->ctx, regions->block[i], 9);
}

bool regions_alloc(struct regions *regions, struct outcome *outcome)
{
	bool all = true;

	for (u32 i = 0; i < NR_REGIONS; i++) {
		regions->block[i] = host_port_alloc_pages(9, OS_ANY_NODE);
		all &= !hpa_is_none(regions->block[i]);
	}
	if (!all) {
		selftest_wrong(outcome, "no %u blocks of 2 MiB to be had", NR_REGIONS);
		regions_free(regions);
	}
	return all;
}

static void report_finding(void *arg, const struct pamt_finding *finding)
{
	pr_info("    # region 0x%llx, word 0x%04x, module 0x%llx: %s\n",
		finding->region.v << TDX_2M_SHIFT, finding->word, finding->rdmd_rcx, finding->what);
}

void expect_agreement(struct outcome *outcome)
{
	expect_equal(outcome, pamt_verify(pamt_kernel.host, report_finding, NULL), 0);
}

void expect_nothing_left(struct outcome *outcome)
{
	struct pamt_stats stats;

	pamt_shrink(pamt_kernel.host, U64_MAX);
	pamt_stats(pamt_kernel.host, &stats);
	expect_equal(outcome, stats.os_bytes, 0);
	expect_equal(outcome, stats.pairs_installed, 0);
	expect_equal(outcome, stats.pages_cached, 0);
	expect_equal(outcome, stats.control_pages, 0);
	expect_equal(outcome, stats.leaf_regions, 0);
	expect_equal(outcome, stats.busy, 0);
	expect_equal(outcome, stats.unbalanced_puts, 0);
	expect_equal(outcome, stats.leaked_regions, 0);
	expect_equal(outcome, stats.quarantined, 0);
	expect_equal(outcome, stats.remove_no_pair, 0);
	expect_agreement(outcome);
	expect_equal(outcome, os_load64(&pamt_kernel.vmm.leaked_pages, OS_RELAXED), 0);
}
