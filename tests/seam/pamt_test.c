// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * pamt_test.c - what a region is used for: 4K pages, a 2M page, a pair, never two at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rig.h"

#define PAGE(region, n) ((region) + (n)*TDX_PAGE_SIZE)

struct td_rig {
	struct rig rig;
	struct rig_td td;
	uint64_t region;
};

/* The TD is not finalised: nothing need be blocked before it is removed. */
static void start(struct td_rig *t, bool dynamic)
{
	rig_init(&t->rig, dynamic, 2);
	rig_start(&t->rig);
	rig_td_create(&t->rig, &t->td, 0);
	for (uint32_t level = 3; level > 0; level--)
		rig_sept_add(&t->rig, &t->td, 0, level);
	t->region = rig_region(&t->rig);
}

static uint64_t aug(struct td_rig *t, uint64_t map, uint64_t page)
{
	return RIG_CALL(&t->rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = map, .rdx = t->td.tdr,
			.r8 = page);
}

static uint64_t take_away(struct td_rig *t, uint64_t map)
{
	return RIG_CALL(&t->rig, 0, .rax = TDH_MEM_PAGE_REMOVE, .rcx = map, .rdx = t->td.tdr);
}

static void a_region_with_a_page_in_use_is_no_2m_page(bool dynamic)
{
	const uint64_t in_use = TDX_PAGE_METADATA_INCORRECT | TDX_OP_R8;
	const uint64_t map = TDX_2M_SIZE | TDX_2M;
	struct td_rig t;

	start(&t, dynamic);
	/* Twice: the module may remember of a region that came back that all of it is free. */
	for (uint32_t n = 2; n < 512; n += 509) {
		assert_int_equal(aug(&t, map, t.region), TDX_SUCCESS);
		assert_int_equal(aug(&t, 0, PAGE(t.region, n)), in_use);
		assert_int_equal(take_away(&t, map), TDX_SUCCESS);

		rig_add(&t.rig, t.region);
		assert_int_equal(aug(&t, 0, PAGE(t.region, n)), TDX_SUCCESS);
		assert_int_equal(aug(&t, map, t.region), in_use);
		assert_int_equal(take_away(&t, 0), TDX_SUCCESS);
		if (dynamic) {
			assert_int_equal(aug(&t, map, t.region), in_use);
			RIG_OK(&t.rig, 0, .rax = TDH_PHYMEM_PAMT_REMOVE, .rcx = t.region | TDX_2M);
		}
	}
	assert_int_equal(aug(&t, map, t.region), TDX_SUCCESS);
	rig_stop(&t.rig);
}

static void a_region_with_a_page_in_use_is_no_2m_page_dynamic(void **state)
{
	(void)state;
	a_region_with_a_page_in_use_is_no_2m_page(true);
}

static void a_region_with_a_page_in_use_is_no_2m_page_static(void **state)
{
	(void)state;
	a_region_with_a_page_in_use_is_no_2m_page(false);
}

/* The 512th page, so that both halves of a pair, and both ends of the count, are seen. */
static void the_count_goes_from_0_to_512_and_back(void **state)
{
	struct td_rig t;
	struct tdx_regs regs = { 0 };
	uint64_t pair;

	(void)state;
	start(&t, true);
	pair = rig_region(&t.rig);
	rig_add(&t.rig, pair);
	RIG_OK(&t.rig, 0, .rax = TDH_PHYMEM_PAMT_ADD, .rcx = t.region | TDX_2M,
	       .rdx = PAGE(pair, 8), .r8 = PAGE(pair, 9));
	for (uint64_t n = 0; n < 512; n++) {
		assert_int_equal(aug(&t, PAGE(0, n), PAGE(t.region, n)), TDX_SUCCESS);
		assert_int_equal(rig_count(&t.rig, t.region), n + 1);
	}
	assert_int_equal(
		RIG_CALL(&t.rig, 0, .rax = TDH_PHYMEM_PAMT_REMOVE, .rcx = t.region | TDX_2M),
		TDX_PAMT_PAGE_NOT_EMPTY | 0);
	for (uint64_t n = 0; n < 512; n++) {
		regs = (struct tdx_regs){ .rax = TDH_MEM_PAGE_REMOVE,
					  .rcx = PAGE(0, n),
					  .rdx = t.td.tdr };
		rig_ok(&t.rig, 0, &regs);
		assert_int_equal(regs.rcx, PAGE(t.region, n) | (n == 511 ? TDX_HINT_BIT : 0));
	}
	regs = (struct tdx_regs){ .rax = TDH_PHYMEM_PAMT_REMOVE, .rcx = t.region | TDX_2M };
	rig_ok(&t.rig, 0, &regs);
	assert_int_equal(regs.rdx, PAGE(pair, 8));
	assert_int_equal(regs.r8, PAGE(pair, 9));
	rig_stop(&t.rig);
}

static void pages_beyond_the_machines_address_width_are_out_of_range(void **state)
{
	struct td_rig t;

	(void)state;
	start(&t, true);
	/* 46 bits, KeyID in 45:40. */
	assert_int_equal(aug(&t, 0, UINT64_C(1) << 46), TDX_OPERAND_ADDR_RANGE_ERROR | TDX_OP_R8);
	assert_int_equal(aug(&t, 0, UINT64_C(1) << 51), TDX_OPERAND_ADDR_RANGE_ERROR | TDX_OP_R8);
	assert_int_equal(aug(&t, 0, UINT64_C(1) << 52), TDX_OPERAND_INVALID | TDX_OP_R8);
	assert_int_equal(aug(&t, 0, UINT64_C(1) << 40), TDX_OPERAND_INVALID | TDX_OP_R8);
	assert_int_equal(aug(&t, 0, UINT64_C(1) << 39), TDX_OPERAND_ADDR_RANGE_ERROR | TDX_OP_R8);
	rig_stop(&t.rig);
}

/* How far the guest came is between it and the module, and forgotten when its page is merged. */
static void a_gigabyte_is_merged_though_an_accept_in_it_was_interrupted(void **state)
{
	const uint64_t base = RIG_BASE + 2 * TDX_1G_SIZE;
	tdx_status_t status;
	struct rig_td td;
	struct rig rig;

	(void)state;
	rig_init(&rig, false, 3);
	rig_start(&rig);
	rig_td_create(&rig, &td, 0);
	rig_sept_add(&rig, &td, 0, 3);
	rig_sept_add(&rig, &td, 0, 2);
	for (uint64_t at = 0; at < TDX_1G_SIZE; at += TDX_2M_SIZE)
		RIG_OK(&rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = at | TDX_2M, .rdx = td.tdr,
		       .r8 = base + at);
	seam_debug_inject(rig.seam, SEAM_INJECT_INTERRUPT);
	assert_int_equal(
		seam_debug_accept(rig.seam, hpa(td.tdr), 4 * TDX_2M_SIZE | TDX_2M, &status),
		SEAM_ACCEPT_INTERRUPTED);
	RIG_OK(&rig, 0, .rax = TDH_MEM_PAGE_PROMOTE, .rcx = TDX_1G, .rdx = td.tdr);
	assert_int_equal(rig_type(&rig, base, TDX_1G), TDX_PT_REG);
	RIG_OK(&rig, 0, .rax = TDH_MEM_PAGE_REMOVE, .rcx = TDX_1G, .rdx = td.tdr);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_region_with_a_page_in_use_is_no_2m_page_dynamic),
		cmocka_unit_test(a_region_with_a_page_in_use_is_no_2m_page_static),
		cmocka_unit_test(the_count_goes_from_0_to_512_and_back),
		cmocka_unit_test(pages_beyond_the_machines_address_width_are_out_of_range),
		cmocka_unit_test(a_gigabyte_is_merged_though_an_accept_in_it_was_interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
