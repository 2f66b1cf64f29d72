// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * garbage_test.c - calls with arbitrary registers: the module answers, never breaks, and a call
 * that fails has changed nothing.
 *
 * Purely random registers fail at the first check. So most operands are taken from what exists,
 * right or wrong for the leaf, now and then with a bit flipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "rig.h"

#define NR_CALLS 8000

struct garbage {
	struct rig rig;
	struct rig_td td;
	uint64_t regions[4]; /* one with a pair, one mapped at 2M, two free */
	uint64_t random;
};

/* xorshift64* */
static uint64_t next(struct garbage *g)
{
	g->random ^= g->random >> 12;
	g->random ^= g->random << 25;
	g->random ^= g->random >> 27;
	return g->random * UINT64_C(0x2545f4914f6cdd1d);
}

static uint32_t pick(struct garbage *g, uint32_t n) { return (uint32_t)(next(g) >> 33) % n; }

static uint64_t operand(struct garbage *g)
{
	uint64_t value;

	switch (pick(g, 10)) {
	case 0:
		value = g->td.tdr;
		break;
	case 1:
		value = g->td.page[pick(g, g->td.nr_pages)];
		break;
	case 2:
		value = g->regions[pick(g, 4)] + pick(g, 512) * TDX_PAGE_SIZE;
		break;
	case 3:
		value = g->regions[pick(g, 4)] | pick(g, 4);
		break;
	case 4:
		value = pick(g, 4) * TDX_2M_SIZE | pick(g, 4);
		break;
	case 5:
		value = pick(g, 1024) * TDX_PAGE_SIZE;
		break;
	case 6:
		value = pick(g, 64);
		break;
	case 7:
		value = TDX_NULL_PA;
		break;
	case 8:
		value = next(g);
		break;
	default:
		value = 0;
	}
	return pick(g, 8) ? value : value ^ UINT64_C(1) << pick(g, 64);
}

static void start(struct garbage *g, bool dynamic, uint64_t seed)
{
	uint64_t page;

	memset(g, 0, sizeof(*g));
	g->random = seed;
	rig_init(&g->rig, dynamic, 2);
	rig_start(&g->rig);
	rig_td_create(&g->rig, &g->td, 1);
	for (uint32_t level = 3; level > 0; level--)
		rig_sept_add(&g->rig, &g->td, 0, level);
	if (seed & 1)
		rig_td_finalize(&g->rig, &g->td);
	for (int i = 0; i < 4; i++)
		g->regions[i] = rig_region(&g->rig);
	rig_add(&g->rig, g->regions[0]);
	for (uint32_t i = 0; i < 4; i++) {
		page = g->regions[0] + (8 + i) * TDX_PAGE_SIZE;
		RIG_OK(&g->rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = i * TDX_PAGE_SIZE,
		       .rdx = g->td.tdr, .r8 = page);
	}
	RIG_OK(&g->rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = TDX_2M_SIZE | TDX_2M, .rdx = g->td.tdr,
	       .r8 = g->regions[1]);
}

/*
 * A leaf that ends the module is called only so that it fails, and so are those that write where
 * the host says: with garbage that is into the module's own pages, which is the end as well.
 */
static void make_harmless(uint32_t leaf, struct tdx_regs *regs)
{
	if (leaf == TDH_SYS_SHUTDOWN)
		regs->rcx |= UINT64_C(1) << 20;
	if (leaf == TDH_SYS_INFO)
		regs->rcx |= 1;
	if (leaf == TDH_SYS_RDALL)
		regs->rdx |= 1;
}

#define NR_LEAVES 64

/* Every leaf number was called and failed: known ones, and those between them. */
static void assert_all_failed(const uint32_t failed[NR_LEAVES])
{
	for (uint32_t leaf = 0; leaf < NR_LEAVES; leaf++)
		if (!failed[leaf])
			fail_msg("leaf %u never failed", leaf);
}

static void garbage(bool dynamic, uint64_t seed)
{
	uint32_t failed[NR_LEAVES] = { 0 };
	uint64_t before, failures = 0;
	struct tdx_regs regs;
	struct garbage g;
	uint32_t leaf;

	start(&g, dynamic, seed);
	before = rig_hash(&g.rig);
	for (int i = 0; i < NR_CALLS; i++) {
		leaf = pick(&g, NR_LEAVES);
		regs = (struct tdx_regs){
			.rax = TDX_RAX(leaf, pick(&g, 4) ? 0 : pick(&g, 3)),
			.rcx = operand(&g),
			.rdx = pick(&g, 2) ? g.td.tdr : operand(&g),
			.r8 = operand(&g),
			.r9 = operand(&g),
			.r10 = operand(&g),
			.r11 = operand(&g),
			.r12 = operand(&g),
			.r13 = operand(&g),
		};
		make_harmless(leaf, &regs);
		if (tdx_status_ok((tdx_status_t){ rig_call(&g.rig, pick(&g, 4), &regs) })) {
			before = rig_hash(&g.rig);
			continue;
		}
		failures++;
		failed[leaf]++;
		if (rig_hash(&g.rig) != before)
			fail_msg("seed %llu, call %d: leaf %u failed with 0x%016llx and left a "
				 "trace",
				 (unsigned long long)seed, i, leaf, (unsigned long long)regs.rax);
	}
	assert_all_failed(failed);
	assert_true(failures > NR_CALLS / 4 && failures < NR_CALLS);
	if (g.rig.nr_fatal)
		fail_msg("%s, leaf %u, at 0x%llx", g.rig.fatal.rule, g.rig.fatal.leaf,
			 (unsigned long long)g.rig.fatal.at.v);
	rig_stop(&g.rig);
}

static void a_failed_call_changes_nothing_with_dynamic_pamt(void **state)
{
	(void)state;
	garbage(true, 11);
	garbage(true, 22);
}

static void a_failed_call_changes_nothing_with_static_pamt(void **state)
{
	(void)state;
	garbage(false, 33);
	garbage(false, 44);
}

static void an_lp_that_does_not_exist_is_told_so(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, true, 2);
	rig_start(&rig);
	assert_int_equal(RIG_CALL(&rig, 4, .rax = TDH_SYS_RD), TDX_SEAMCALL_UD);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failed_call_changes_nothing_with_dynamic_pamt),
		cmocka_unit_test(a_failed_call_changes_nothing_with_static_pamt),
		cmocka_unit_test(an_lp_that_does_not_exist_is_told_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
