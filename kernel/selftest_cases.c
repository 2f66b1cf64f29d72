// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * selftest_cases.c - libpamt with the kernel's own allocator: the instruction, ranges, get and put.
 */
#include "selftest.h"

#include "seamcall.h"

/* ------------------------------------------------------------------------------------------- */
/* The instruction                                                                              */

static void ask_features(void *arg)
{
	struct tdx_regs *regs = arg;

	*regs = (struct tdx_regs){ .rax = TDX_RAX(TDH_SYS_RD, 0), .rdx = TDX_MD_FEATURES0 };
	seamcall(regs);
}

static void seamcall_is_answered_in_every_context(struct outcome *outcome)
{
	static DEFINE_RAW_SPINLOCK(lock);
	struct tdx_regs first, regs;
	struct errand errand;
	unsigned long flags;

	errand_init(&errand);
	ask_features(&first);
	expect_equal(outcome, first.rax, TDX_SUCCESS);
	for (enum context context = 0; context < NR_CONTEXTS; context++) {
		errand_run(&errand, context, ask_features, &regs);
		if (regs.rax != first.rax || regs.r8 != first.r8)
			selftest_wrong(outcome, "in %s context: 0x%llx, R8 0x%llx",
				       context_names[context], regs.rax, regs.r8);
	}
	raw_spin_lock_irqsave(&lock, flags);
	ask_features(&regs);
	raw_spin_unlock_irqrestore(&lock, flags);
	expect_equal(outcome, regs.r8, first.r8);
}

static void registers_come_back_as_they_were(struct outcome *outcome)
{
	struct tdx_regs regs = { .rax = TDX_RAX(0xfff, 0),
				 .rcx = 1,
				 .rdx = 2,
				 .rbx = 3,
				 .rsi = 4,
				 .rdi = 5,
				 .r8 = 6,
				 .r9 = 7,
				 .r10 = 8,
				 .r11 = 9,
				 .r12 = 10,
				 .r13 = 11,
				 .r14 = 12,
				 .r15 = 13 };
	struct tdx_regs before = regs;

	seamcall(&regs);
	if (!tdx_status_is((tdx_status_t){ regs.rax }, TDX_OPERAND_INVALID))
		selftest_wrong(outcome, "a leaf that does not exist: 0x%llx", regs.rax);
	before.rax = regs.rax;
	expect_equal(outcome, memcmp(&before, &regs, sizeof(regs)), 0);
}

/* ------------------------------------------------------------------------------------------- */
/* Contiguous ranges                                                                            */

#define RANGE_BYTES (2 * TDX_2M_SIZE)

static tdx_hpa_t take_range(u64 low, u64 high, bool from_top)
{
	return host_services->alloc_range(host_services->ctx,
					  &(struct os_range){ .bytes = RANGE_BYTES,
							      .align = TDX_2M_SIZE,
							      .low = hpa(low),
							      .high = hpa(high),
							      .node = OS_ANY_NODE,
							      .from_top = from_top });
}

static void ranges_come_from_where_they_are_wanted(struct outcome *outcome)
{
	tdx_hpa_t low = take_range(0, U64_MAX, false), high = take_range(0, U64_MAX, true), again;

	if (hpa_is_none(low) || hpa_is_none(high) || high.v <= low.v) {
		selftest_wrong(outcome, "from the bottom 0x%llx, from the top 0x%llx", low.v,
			       high.v);
		return;
	}
	expect_equal(outcome, IS_ALIGNED(low.v | high.v, TDX_2M_SIZE), true);
	/* There is room for one, and it is taken; then for less than one. */
	expect_equal(outcome, hpa_is_none(take_range(low.v, low.v + RANGE_BYTES, true)), true);
	host_services->free_range(host_services->ctx, low, RANGE_BYTES);
	again = take_range(low.v, low.v + RANGE_BYTES - 1, true);
	expect_equal(outcome, hpa_is_none(again), true);
	again = take_range(low.v, low.v + RANGE_BYTES, true);
	expect_equal(outcome, again.v, low.v);
	if (!hpa_is_none(again))
		host_services->free_range(host_services->ctx, again, RANGE_BYTES);
	host_services->free_range(host_services->ctx, high, RANGE_BYTES);
}

/* ------------------------------------------------------------------------------------------- */
/* Get and put                                                                                  */

static void first_get_adds_and_last_put_removes(struct outcome *outcome)
{
	struct pamt_stats before, after;
	struct regions regions;
	tdx_pfn_t page;

	if (!regions_alloc(&regions, outcome))
		return;
	page = hpa_to_pfn(regions.block[0]);
	pamt_stats(pamt_kernel.host, &before);
	for (u32 i = 0; i < TDX_PAGES_PER_2M; i++)
		expect_equal(outcome, pamt_get(pamt_kernel.host, pfn(page.v + i), NULL), 0);
	pamt_stats(pamt_kernel.host, &after);
	/* The region, and the first one of the pool; these may be one. */
	if (after.adds - before.adds < 1 || after.adds - before.adds > 2)
		selftest_wrong(outcome, "%llu times PAMT.ADD for one region",
			       after.adds - before.adds);
	expect_agreement(outcome);
	for (u32 i = 0; i < TDX_PAGES_PER_2M; i++)
		pamt_put(pamt_kernel.host, pfn(page.v + i));
	regions_free(&regions);
	expect_nothing_left(outcome);
}

const struct selftest_case selftest_cases[] = {
	SELFTEST_CASE(seamcall_is_answered_in_every_context),
	SELFTEST_CASE(registers_come_back_as_they_were),
	SELFTEST_CASE(ranges_come_from_where_they_are_wanted),
	SELFTEST_CASE(first_get_adds_and_last_put_removes),
	{},
};
