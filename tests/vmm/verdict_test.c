// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * verdict_test.c - what the vmm makes of a status: the table of busy operands, and bounded retries.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vmm/verdict.h"

/* A module that answers from a script; the last answer is repeated for ever. */
struct script {
	const uint64_t *answers;
	unsigned int nr, next;
	unsigned int calls;
	uint64_t rcx_seen;
	unsigned int lines; /* logged */
};

static tdx_status_t scripted_seamcall(void *ctx, struct tdx_regs *regs)
{
	struct script *script = ctx;

	script->calls++;
	script->rcx_seen = regs->rcx;
	regs->rax = script->answers[script->next];
	regs->rcx = 0; /* MEM leaves clear their operands */
	if (script->next + 1 < script->nr)
		script->next++;
	return (tdx_status_t){ regs->rax };
}

static void scripted_log(void *ctx, enum os_log_level level, const char *format, ...)
{
	struct script *script = ctx;

	(void)level;
	(void)format;
	script->lines++;
}

static int make(struct script *script, struct caller *caller, bool sure, enum tdx_leaf leaf)
{
	struct os_services os = {
		.ctx = script,
		.seamcall = scripted_seamcall,
		.log = scripted_log,
	};
	struct tdx_regs regs = { .rax = TDX_RAX(leaf, 0), .rcx = 0x1234000 };

	caller->os = &os;
	return sure ? call_make_sure(caller, &regs) : call_make(caller, &regs);
}

static uint64_t busy(enum tdx_operand operand) { return tdx_status(TDX_OPERAND_BUSY, operand).v; }

static enum call_verdict judge(enum tdx_leaf leaf, uint64_t rax, uint64_t rcx, uint64_t rdx)
{
	struct tdx_regs out = { .rax = rax, .rcx = rcx, .rdx = rdx };

	return call_judge(leaf, &out, NULL);
}

static void no_leaf_and_operand_stand_twice_in_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < call_nr_rules; i++) {
		const struct call_rule *rule = &call_rules[i];
		uint32_t leaf = rule->leaf == CALL_ANY_LEAF ? TDH_MEM_TRACK : rule->leaf;

		assert_ptr_equal(call_find_rule(leaf, rule->operand), rule);
		assert_non_null(rule->holder);
	}
}

static void locks_of_the_td_and_of_the_keys_are_ordinary_contention(void **state)
{
	(void)state;
	assert_int_equal(judge(TDH_MEM_PAGE_AUG, busy(TDX_OP_SEPT_TREE), 0, 0), CALL_AGAIN);
	assert_int_equal(judge(TDH_MEM_SEPT_ADD, busy(TDX_OP_OP_STATE), 0, 0), CALL_AGAIN);
	assert_int_equal(judge(TDH_MNG_CREATE, busy(TDX_OP_KOT), 0, 0), CALL_AGAIN);
	assert_int_equal(judge(TDH_PHYMEM_PAGE_RECLAIM, busy(TDX_OP_TDR), 0, 0), CALL_AGAIN);
	assert_int_equal(judge(TDH_MNG_CREATE, TDX_RND_NO_ENTROPY, 0, 0), CALL_AGAIN);
}

static void a_page_operand_that_is_busy_is_a_failure_of_the_design(void **state)
{
	static const struct {
		enum tdx_leaf leaf;
		enum tdx_operand operand;
	} pages[] = {
		{ TDH_MNG_CREATE, TDX_OP_RCX },		 { TDH_MNG_ADDCX, TDX_OP_RCX },
		{ TDH_VP_CREATE, TDX_OP_RCX },		 { TDH_VP_ADDCX, TDX_OP_RCX },
		{ TDH_MEM_SEPT_ADD, TDX_OP_R8 },	 { TDH_MEM_PAGE_ADD, TDX_OP_R8 },
		{ TDH_MEM_PAGE_AUG, TDX_OP_R8 },	 { TDH_MEM_PAGE_DEMOTE, TDX_OP_R8 },
		{ TDH_MEM_PAGE_DEMOTE, TDX_OP_R12 },	 { TDH_MEM_PAGE_DEMOTE, TDX_OP_R13 },
		{ TDH_PHYMEM_PAGE_RECLAIM, TDX_OP_RCX }, { TDH_PHYMEM_PAGE_WBINVD, TDX_OP_RCX },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		assert_int_equal(judge(pages[i].leaf, busy(pages[i].operand), 0, 0), CALL_PAMT);
}

static void details_tell_a_busy_entry_from_a_busy_page(void **state)
{
	static const enum tdx_leaf leaves[] = { TDH_MEM_PAGE_REMOVE, TDH_MEM_SEPT_REMOVE,
						TDH_MEM_PAGE_DEMOTE, TDH_MEM_PAGE_PROMOTE };

	(void)state;
	for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		assert_int_equal(judge(leaves[i], busy(TDX_OP_RCX), 0, 0), CALL_PAMT);
		assert_int_equal(judge(leaves[i], busy(TDX_OP_RCX), 0x407, 0x8401), CALL_VCPU);
	}
	assert_int_equal(judge(TDH_MEM_PAGE_AUG, busy(TDX_OP_RCX), 0x407, 0x8401), CALL_VCPU);
}

static void epochs_and_tracking_wait_for_vcpus(void **state)
{
	(void)state;
	assert_int_equal(judge(TDH_MEM_TRACK, busy(TDX_OP_TD_EPOCH), 0, 0), CALL_VCPU);
	assert_int_equal(judge(TDH_MEM_TRACK, TDX_PREVIOUS_TLB_EPOCH_BUSY, 0, 0), CALL_VCPU);
	assert_int_equal(judge(TDH_MEM_PAGE_REMOVE,
			       tdx_status(TDX_TLB_TRACKING_NOT_DONE, TDX_OP_RCX).v, 0, 0),
			 CALL_VCPU);
}

static void errors_and_unlisted_operands_are_failures(void **state)
{
	(void)state;
	assert_int_equal(
		judge(TDH_MEM_PAGE_AUG, tdx_status(TDX_MISSING_PAMT_PAGE_PAIR, TDX_OP_R8).v, 0, 0),
		CALL_FAILED);
	assert_int_equal(judge(TDH_MEM_TRACK, busy(TDX_OP_R15), 0, 0), CALL_FAILED);
	assert_int_equal(judge(TDH_MEM_TRACK, TDX_SEAMCALL_GP, 0, 0), CALL_FAILED);
	assert_int_equal(judge(TDH_MEM_RANGE_BLOCK, TDX_GPA_RANGE_ALREADY_BLOCKED, 0, 0),
			 CALL_DONE);
}

static void a_retry_starts_from_the_registers_of_the_first_try(void **state)
{
	const uint64_t answers[] = { busy(TDX_OP_SEPT_TREE), busy(TDX_OP_OP_STATE), TDX_SUCCESS };
	struct script script = { .answers = answers, .nr = 3 };
	struct caller caller = { 0 };

	(void)state;
	assert_int_equal(make(&script, &caller, false, TDH_MEM_PAGE_AUG), 0);
	assert_int_equal(script.calls, 3);
	assert_int_equal(script.rcx_seen, 0x1234000);
	assert_int_equal(os_load64(&caller.counts.of[CALL_AGAIN], OS_RELAXED), 2);
}

static void contention_is_given_up_after_the_bound(void **state)
{
	const uint64_t answers[] = { busy(TDX_OP_SEPT_TREE) };
	struct script script = { .answers = answers, .nr = 1 };
	struct caller caller = { 0 };

	(void)state;
	assert_int_equal(make(&script, &caller, false, TDH_MEM_PAGE_AUG), -OS_EAGAIN);
	assert_int_equal(script.calls, CALL_TRIES + 1);
}

static void a_vcpu_in_the_way_is_left_to_the_caller_soon(void **state)
{
	const uint64_t answers[] = { TDX_PREVIOUS_TLB_EPOCH_BUSY };
	struct script script = { .answers = answers, .nr = 1 };
	struct caller caller = { 0 };

	(void)state;
	assert_int_equal(make(&script, &caller, false, TDH_MEM_TRACK), -OS_EBUSY);
	assert_int_equal(script.calls, CALL_VCPU_TRIES + 1);
}

static void a_busy_page_is_counted_each_time_and_logged_once(void **state)
{
	const uint64_t answers[] = { busy(TDX_OP_R8), busy(TDX_OP_R8), busy(TDX_OP_R8),
				     TDX_SUCCESS };
	struct script script = { .answers = answers, .nr = 4 };
	struct caller caller = { 0 };

	(void)state;
	assert_int_equal(make(&script, &caller, false, TDH_MEM_PAGE_AUG), 0);
	assert_int_equal(os_load64(&caller.counts.of[CALL_PAMT], OS_RELAXED), 3);
	assert_int_equal(script.lines, 1);
}

static void freeing_calls_believe_only_the_second_failure(void **state)
{
	const uint64_t once[] = { tdx_status(TDX_OPERAND_INVALID, TDX_OP_RCX).v, TDX_SUCCESS };
	const uint64_t twice[] = { tdx_status(TDX_OPERAND_INVALID, TDX_OP_RCX).v };
	struct script fails_once = { .answers = once, .nr = 2 };
	struct script fails = { .answers = twice, .nr = 1 };
	struct caller caller = { 0 };

	(void)state;
	assert_int_equal(make(&fails_once, &caller, true, TDH_PHYMEM_PAGE_RECLAIM), 0);
	assert_int_equal(fails_once.rcx_seen, 0x1234000);
	assert_int_equal(make(&fails, &caller, true, TDH_PHYMEM_PAGE_RECLAIM), -OS_EIO);
	assert_int_equal(fails.calls, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_leaf_and_operand_stand_twice_in_the_table),
		cmocka_unit_test(locks_of_the_td_and_of_the_keys_are_ordinary_contention),
		cmocka_unit_test(a_page_operand_that_is_busy_is_a_failure_of_the_design),
		cmocka_unit_test(details_tell_a_busy_entry_from_a_busy_page),
		cmocka_unit_test(epochs_and_tracking_wait_for_vcpus),
		cmocka_unit_test(errors_and_unlisted_operands_are_failures),
		cmocka_unit_test(a_retry_starts_from_the_registers_of_the_first_try),
		cmocka_unit_test(contention_is_given_up_after_the_bound),
		cmocka_unit_test(a_vcpu_in_the_way_is_left_to_the_caller_soon),
		cmocka_unit_test(a_busy_page_is_counted_each_time_and_logged_once),
		cmocka_unit_test(freeing_calls_believe_only_the_second_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
