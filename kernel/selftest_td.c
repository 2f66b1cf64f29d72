// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * selftest_td.c - lives of TDs, and whatever can fail in them failing.
 */
#include "selftest.h"

#include "tenant.h"

static void report_td(const struct tenant *tenant)
{
	struct td_counts counts;

	td_sum_counts(tenant->td, &counts);
	pr_info("    # %llu faults, %llu 4K and %llu 2M pages mapped, %llu conversions, %llu "
		"splits, %llu exits\n",
		counts.faults.v, counts.maps_4k.v, counts.maps_2m.v, counts.conversions.v,
		counts.splits.v, counts.exits.v);
}

/* Created, run, changed from outside, run again, ended. */
static int td_life(const struct tenant_config *config, bool report)
{
	struct tenant *tenant = kzalloc(sizeof(*tenant), GFP_KERNEL);
	tdx_gpa_t large = gpa(config->bytes - TDX_2M_SIZE);
	int error;

	if (!tenant)
		return -ENOMEM;
	error = tenant_create(tenant, config);
	if (error)
		goto out;
	error = tenant_run(tenant);
	if (!error)
		error = td_split(tenant->td, large);
	if (!error)
		error = td_convert(tenant->td, gpa(large.v + TDX_PAGE_SIZE), TDX_PAGE_SIZE, true);
	if (!error)
		error = td_convert(tenant->td, large, TDX_2M_SIZE, false);
	if (!error)
		error = td_zap(tenant->td, large, TDX_2M_SIZE);
	if (report)
		report_td(tenant);
	if (error && tenant->guest_error)
		pr_info("    # the guest found 0x%llx at 0x%llx\n", tenant->guest_error,
			tenant->guest_error_at);
	if (tenant_destroy(tenant) && !error)
		error = -EIO;
out:
	kfree(tenant);
	return error;
}

static void td_lives_and_leaves_nothing(struct outcome *outcome)
{
	const struct tenant_config config = { .bytes = 32 * TDX_2M_SIZE,
					      .vcpus = 4,
					      .percent_4k = 25,
					      .flips = 16,
					      .seed = 1,
					      .node = OS_ANY_NODE };

	expect_equal(outcome, td_life(&config, true), 0);
	expect_nothing_left(outcome);
}

static void td_of_each_node_lives(struct outcome *outcome)
{
	struct tenant_config config = {
		.bytes = 8 * TDX_2M_SIZE, .vcpus = 2, .percent_4k = 50, .flips = 8, .seed = 2
	};
	int node;

	for_each_online_node(node) {
		config.node = node;
		expect_equal(outcome, td_life(&config, false), 0);
	}
	expect_nothing_left(outcome);
}

/* The n-th allocation fails, for each n that there is; whatever comes of it, nothing is left. */
static void any_allocation_may_fail(struct outcome *outcome)
{
	const struct tenant_config config = { .bytes = 4 * TDX_2M_SIZE,
					      .vcpus = 1,
					      .percent_4k = 30,
					      .pages_4k = 6,
					      .flips = 2,
					      .seed = 3,
					      .node = OS_ANY_NODE };
	struct host_port_account before, after;
	u64 nr = 0, survived = 0;
	bool reached;

	host_port_account(&before);
	do {
		int error;

		expect_equal(outcome, faults_alloc(++nr), 0);
		error = td_life(&config, false);
		reached = faults_allocs() >= nr;
		survived += !error && reached;
		if (error && error != -ENOMEM)
			selftest_wrong(outcome, "allocation %llu failed, and the error was %d", nr,
				       error);
		pamt_shrink(pamt_kernel.host, U64_MAX);
		host_port_account(&after);
		if (after.pages != before.pages || after.objects > before.objects)
			selftest_wrong(
				outcome, "allocation %llu failed: %lld pages and %lld objects left",
				nr, after.pages - before.pages, after.objects - before.objects);
		cond_resched();
	} while (reached && !outcome->failed);
	faults_none();
	pr_info("    # %llu allocations failed in turn, %llu without harm to the TD\n", nr - 1,
		survived);
	expect_nothing_left(outcome);
}

const struct selftest_case selftest_td_cases[] = {
	SELFTEST_CASE(td_lives_and_leaves_nothing),
	SELFTEST_CASE(td_of_each_node_lives),
	SELFTEST_CASE(any_allocation_may_fail),
	{},
};
