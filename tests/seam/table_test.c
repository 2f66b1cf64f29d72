/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * table_test.c - each LP remembers where a table of the S-EPT is to which it came: it must not
 * when the table was closed, taken away or merged, by whichever LP, nor in the life of another TD.
 * Nor may it remember where metadata was under a module before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "machine/memory.h"
#include "rig.h"
#include "seam/debug.h"

#define LPS 2u
#define GPA (3 * TDX_2M_SIZE)

struct tables {
	struct rig rig;
	struct rig_td td;
};

static void start(struct tables *t)
{
	rig_init(&t->rig, true, 4);
	rig_start(&t->rig);
	rig_td_create(&t->rig, &t->td, 1);
	rig_td_finalize(&t->rig, &t->td);
	for (uint32_t level = 3; level > 0; level--)
		rig_sept_add(&t->rig, &t->td, GPA & ~((UINT64_C(1) << TDX_LEVEL_SHIFT(level)) - 1),
			     level);
}

/* What SEPT.RD of the 4K entry says on that LP. */
static uint64_t read_entry(struct tables *t, uint32_t lp, struct tdx_regs *regs)
{
	*regs = (struct tdx_regs){ .rax = TDH_MEM_SEPT_RD, .rcx = GPA, .rdx = t->td.tdr };
	return rig_call(&t->rig, lp, regs);
}

static void every_lp_finds(struct tables *t, uint64_t status, enum tdx_sept_state what)
{
	struct tdx_regs regs;

	/* Twice: the second time it knows the way, if there is one. */
	for (uint32_t i = 0; i < 2 * LPS; i++) {
		assert_int_equal(read_entry(t, i % LPS, &regs), status);
		assert_int_equal(regs.rdx >> 8, what);
	}
}

static void block(struct tables *t, uint32_t lp, uint64_t map)
{
	RIG_OK(&t->rig, lp, .rax = TDH_MEM_RANGE_BLOCK, .rcx = map, .rdx = t->td.tdr);
	RIG_OK(&t->rig, lp, .rax = TDH_MEM_TRACK, .rcx = t->td.tdr);
}

#define WALK_FAILED (TDX_EPT_WALK_FAILED | TDX_OP_RCX)

static void a_table_that_goes_is_not_walked_by_any_lp(void **state)
{
	static struct tables t;
	uint64_t first, second;

	(void)state;
	start(&t);
	first = rig_page(&t.rig);
	second = rig_page(&t.rig);
	every_lp_finds(&t, TDX_SUCCESS, TDX_SEPT_FREE);

	block(&t, 1, GPA | TDX_2M);
	every_lp_finds(&t, WALK_FAILED, TDX_SEPT_NL_BLOCKED);
	RIG_OK(&t.rig, 1, .rax = TDH_MEM_RANGE_UNBLOCK, .rcx = GPA | TDX_2M, .rdx = t.td.tdr);
	every_lp_finds(&t, TDX_SUCCESS, TDX_SEPT_FREE);

	block(&t, 1, GPA | TDX_2M);
	RIG_OK(&t.rig, 1, .rax = TDH_MEM_SEPT_REMOVE, .rcx = GPA | TDX_2M, .rdx = t.td.tdr);
	every_lp_finds(&t, WALK_FAILED, TDX_SEPT_FREE);

	/* Another page becomes the table: what is mapped there by one is seen by the other. */
	RIG_OK(&t.rig, 0, .rax = TDH_MEM_SEPT_ADD, .rcx = GPA | TDX_2M, .rdx = t.td.tdr,
	       .r8 = first);
	every_lp_finds(&t, TDX_SUCCESS, TDX_SEPT_FREE);
	RIG_OK(&t.rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = GPA, .rdx = t.td.tdr, .r8 = second);
	every_lp_finds(&t, TDX_SUCCESS, TDX_SEPT_PENDING);

	/* A table above is closed: the ways below it too. */
	block(&t, 1, (GPA & ~(TDX_1G_SIZE - 1)) | TDX_1G);
	every_lp_finds(&t, WALK_FAILED, TDX_SEPT_NL_BLOCKED);
	rig_stop(&t.rig);
}

static void a_table_that_is_merged_is_not_walked_by_any_lp(void **state)
{
	static struct tables t;
	struct tdx_regs regs;
	uint64_t region;

	(void)state;
	start(&t);
	region = rig_region(&t.rig);
	RIG_OK(&t.rig, 0, .rax = TDH_PHYMEM_PAMT_ADD, .rcx = region | TDX_2M,
	       .rdx = rig_page(&t.rig), .r8 = rig_page(&t.rig));
	for (uint64_t at = 0; at < TDX_2M_SIZE; at += TDX_PAGE_SIZE)
		RIG_OK(&t.rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = GPA + at, .rdx = t.td.tdr,
		       .r8 = region + at);
	every_lp_finds(&t, TDX_SUCCESS, TDX_SEPT_PENDING);
	block(&t, 0, GPA | TDX_2M);
	RIG_OK(&t.rig, 0, .rax = TDH_MEM_PAGE_PROMOTE, .rcx = GPA | TDX_2M, .rdx = t.td.tdr);
	for (uint32_t lp = 0; lp < LPS; lp++) {
		assert_int_equal(read_entry(&t, lp, &regs), WALK_FAILED);
		assert_int_equal(regs.rdx, TDX_SEPT_PENDING << 8 | TDX_2M);
	}
	rig_stop(&t.rig);
}

static void a_td_in_the_pages_of_another_has_tables_of_its_own(void **state)
{
	static struct tables t;
	uint64_t next;

	(void)state;
	rig_init(&t.rig, true, 4);
	rig_start(&t.rig);
	rig_page(&t.rig);
	next = t.rig.next_page;
	for (int life = 0; life < 2; life++) {
		t.rig.next_page = next;
		rig_td_create(&t.rig, &t.td, 1);
		rig_td_finalize(&t.rig, &t.td);
		if (life)
			every_lp_finds(&t, WALK_FAILED, TDX_SEPT_FREE);
		for (uint32_t level = 3; level > 0; level--)
			rig_sept_add(&t.rig, &t.td, 0, level);
		rig_sept_add(&t.rig, &t.td, GPA, TDX_2M);
		every_lp_finds(&t, TDX_SUCCESS, TDX_SEPT_FREE);
		rig_td_destroy(&t.rig, &t.td);
	}
	rig_stop(&t.rig);
}

/* A module is loaded anew and has its PAMT elsewhere. LP 0 is made ready by the debugger only. */
static void start_again(struct rig *rig)
{
	struct tdx_tdmr_info *info = memory_map(rig->memory, hpa(0x200000), OS_WRITE);
	struct tdx_regs regs;

	RIG_OK(rig, 0, .rax = TDH_SYS_SHUTDOWN, .rcx = 1);
	assert_int_equal(seam_reload(rig->seam), 0);
	RIG_OK(rig, 0, .rax = TDH_SYS_INIT);
	for (uint32_t lp = 1; lp < 4; lp++)
		RIG_OK(rig, lp, .rax = TDH_SYS_LP_INIT);
	assert_int_equal(seam_debug_lp_init(rig->seam, 0, true), 0);
	info->pamt_1g_base -= 0x10000000;
	info->pamt_2m_base -= 0x10000000;
	info->pamt_4k_base -= 0x10000000;
	RIG_OK(rig, 1, .rax = TDH_SYS_CONFIG, .rcx = 0x201000, .rdx = 1, .r8 = RIG_GLOBAL);
	RIG_OK(rig, 1, .rax = TDH_SYS_KEY_CONFIG);
	do {
		regs = (struct tdx_regs){ .rax = TDH_SYS_TDMR_INIT, .rcx = RIG_BASE };
		rig_ok(rig, 1, &regs);
	} while (regs.rdx < rig->end);
}

/* The story: it said that a live TDR was nobody's page, and took it for a second TD. */
static void an_lp_made_ready_by_a_debugger_remembers_no_metadata(void **state)
{
	const uint64_t page = RIG_BASE + 5 * TDX_PAGE_SIZE;
	struct tdx_regs regs = { .rax = TDH_MNG_CREATE, .rcx = page, .rdx = RIG_GLOBAL + 2 };
	static struct rig rig;

	(void)state;
	rig_init(&rig, false, 3);
	rig_start(&rig);
	for (uint32_t lp = 0; lp < LPS; lp++)
		RIG_OK(&rig, lp, .rax = TDH_PHYMEM_PAGE_RDMD, .rcx = page);
	start_again(&rig);
	RIG_OK(&rig, 1, .rax = TDH_MNG_CREATE, .rcx = page, .rdx = RIG_GLOBAL + 1);
	assert_int_equal(rig_call(&rig, 0, &regs), TDX_PAGE_METADATA_INCORRECT | TDX_OP_RCX);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_that_goes_is_not_walked_by_any_lp),
		cmocka_unit_test(a_table_that_is_merged_is_not_walked_by_any_lp),
		cmocka_unit_test(a_td_in_the_pages_of_another_has_tables_of_its_own),
		cmocka_unit_test(an_lp_made_ready_by_a_debugger_remembers_no_metadata),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
