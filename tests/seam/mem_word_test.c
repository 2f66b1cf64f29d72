// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * mem_word_test.c - MEM.RD and MEM.WR: a debugger reads and writes what a guest has, and nothing
 * of a TD that is none of its business.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "rig.h"

#define AT_4K  UINT64_C(0x5000)
#define AT_2M  TDX_2M_SIZE
#define OFFSET UINT64_C(0x1238)
#define WORD   UINT64_C(0x1122334455667788)

struct scene {
	struct rig rig;
	struct rig_td td;
	uint64_t small, large; /* guest pages at AT_4K, AT_2M; the second pending */
};

static void begin(struct scene *s, uint64_t attributes)
{
	tdx_status_t status;

	rig_init(&s->rig, true, 2);
	s->rig.attributes |= attributes;
	rig_start(&s->rig);
	rig_td_create(&s->rig, &s->td, 1);
	for (uint32_t level = 3; level > 0; level--)
		rig_sept_add(&s->rig, &s->td, 0, level);
	rig_td_finalize(&s->rig, &s->td);
	s->small = rig_page(&s->rig);
	s->large = rig_region(&s->rig);
	RIG_OK(&s->rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = AT_4K, .rdx = s->td.tdr, .r8 = s->small);
	RIG_OK(&s->rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = AT_2M | TDX_2M, .rdx = s->td.tdr,
	       .r8 = s->large);
	assert_int_equal(seam_debug_accept(s->rig.seam, hpa(s->td.tdr), AT_4K, &status),
			 SEAM_ACCEPT_STATUS);
	assert_int_equal(status.v, TDX_SUCCESS);
}

static uint64_t *memory_at(struct scene *s, uint64_t at)
{
	return memory_map(s->rig.memory, hpa(at), OS_WRITE);
}

static void a_debugger_reads_and_writes_a_guests_memory(void **state)
{
	struct tdx_regs regs;
	tdx_status_t status;
	struct scene s;

	(void)state;
	begin(&s, TDX_ATTR_DEBUG);
	*memory_at(&s, s.small + 0x18) = WORD;
	regs = (struct tdx_regs){ .rax = TDH_MEM_RD, .rcx = AT_4K + 0x18, .rdx = s.td.tdr };
	rig_ok(&s.rig, 0, &regs);
	assert_int_equal(regs.r8, WORD);
	assert_int_equal(regs.rcx, 0);
	assert_int_equal(regs.rdx, 0);

	regs = (struct tdx_regs){
		.rax = TDH_MEM_WR, .rcx = AT_4K + 0x18, .rdx = s.td.tdr, .r8 = 7
	};
	rig_ok(&s.rig, 0, &regs);
	assert_int_equal(regs.r8, WORD);
	assert_int_equal(*memory_at(&s, s.small + 0x18), 7);

	/* Within a large page, once the guest has it. */
	assert_int_equal(seam_debug_accept(s.rig.seam, hpa(s.td.tdr), AT_2M | TDX_2M, &status),
			 SEAM_ACCEPT_STATUS);
	RIG_OK(&s.rig, 0, .rax = TDH_MEM_WR, .rcx = AT_2M + OFFSET, .rdx = s.td.tdr, .r8 = WORD);
	assert_int_equal(*memory_at(&s, s.large + OFFSET), WORD);
	regs = (struct tdx_regs){ .rax = TDH_MEM_RD, .rcx = AT_2M + OFFSET, .rdx = s.td.tdr };
	rig_ok(&s.rig, 0, &regs);
	assert_int_equal(regs.r8, WORD);
	rig_stop(&s.rig);
}

/* Status of both leaves at an address; R8 is 0 then. */
static uint64_t refused(struct scene *s, uint64_t tdr, uint64_t at, struct tdx_regs *out)
{
	struct tdx_regs rd = { .rax = TDH_MEM_RD, .rcx = at, .rdx = tdr, .r8 = WORD }, wr = rd;
	uint64_t hash = rig_hash(&s->rig), status;

	wr.rax = TDH_MEM_WR;
	status = rig_call(&s->rig, 0, &rd);
	assert_int_equal(rig_call(&s->rig, 0, &wr), status);
	assert_int_equal(rd.r8, 0);
	assert_int_equal(wr.r8, 0);
	assert_int_equal(rd.rcx, wr.rcx);
	assert_int_equal(rd.rdx, wr.rdx);
	assert_int_equal(rig_hash(&s->rig), hash);
	if (out)
		*out = rd;
	return status;
}

static void what_is_not_a_mapped_page_is_refused_with_its_entry(void **state)
{
	struct tdx_regs out;
	struct scene s;
	uint64_t tdr;

	(void)state;
	begin(&s, TDX_ATTR_DEBUG);
	tdr = s.td.tdr;
	assert_int_equal(refused(&s, tdr | 1, AT_4K, NULL), TDX_OPERAND_INVALID | TDX_OP_RDX);
	assert_int_equal(refused(&s, tdr, AT_4K + 4, NULL), TDX_OPERAND_INVALID | TDX_OP_RCX);
	assert_int_equal(refused(&s, tdr, UINT64_C(1) << 47 | AT_4K, NULL),
			 TDX_OPERAND_INVALID | TDX_OP_RCX);
	/* Pending, free, no table. */
	assert_int_equal(refused(&s, tdr, AT_2M, &out), TDX_EPT_ENTRY_NOT_PRESENT | TDX_OP_RCX);
	assert_int_equal(out.rdx, TDX_SEPT_PENDING << 8 | TDX_2M);
	assert_int_equal(refused(&s, tdr, AT_4K + 0x1000, &out),
			 TDX_EPT_ENTRY_NOT_PRESENT | TDX_OP_RCX);
	assert_int_equal(out.rdx, TDX_SEPT_FREE << 8 | TDX_4K);
	assert_int_equal(refused(&s, tdr, TDX_1G_SIZE, &out),
			 TDX_EPT_ENTRY_NOT_PRESENT | TDX_OP_RCX);
	assert_int_equal(out.rdx, TDX_SEPT_FREE << 8 | TDX_1G);
	/* Blocked. */
	RIG_OK(&s.rig, 0, .rax = TDH_MEM_RANGE_BLOCK, .rcx = AT_4K, .rdx = tdr);
	assert_int_equal(refused(&s, tdr, AT_4K, &out), TDX_EPT_ENTRY_NOT_PRESENT | TDX_OP_RCX);
	assert_int_equal(out.rdx, TDX_SEPT_BLOCKED << 8 | TDX_4K);
	assert_int_equal(seam_debug_lock(s.rig.seam,
					 (struct seam_debug_name){ SEAM_DEBUG_SEPT, tdr, 0 }, true,
					 1),
			 0);
	assert_int_equal(refused(&s, tdr, AT_4K, NULL), TDX_OPERAND_BUSY | TDX_OP_SEPT_TREE);
	assert_int_equal(refused(&s, tdr, AT_4K + 1, NULL), TDX_OPERAND_INVALID | TDX_OP_RCX);
	assert_int_equal(seam_debug_release(s.rig.seam, 1), 0);
	rig_stop(&s.rig);
}

static void a_production_td_is_closed(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, 0);
	assert_int_equal(refused(&s, s.td.tdr, AT_4K, NULL), TDX_TD_NON_DEBUG);
	/* Before anything of the address is looked at. */
	assert_int_equal(refused(&s, s.td.tdr, UINT64_MAX, NULL), TDX_TD_NON_DEBUG);
	rig_stop(&s.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_debugger_reads_and_writes_a_guests_memory),
		cmocka_unit_test(what_is_not_a_mapped_page_is_refused_with_its_entry),
		cmocka_unit_test(a_production_td_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
