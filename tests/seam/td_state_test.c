// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * td_state_test.c - in which states of a TD each leaf works; those of migration included, through
 * which no TD goes here, but which a host may ask about all the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rig.h"

enum operand { IN_RCX, IN_RDX, VCPU_IN_RCX, VCPU_IN_RDX };

static const struct {
	uint64_t leaf;
	enum operand td;
	const char *states; /* by number, a for 10 */
} leaves[] = {
	{ TDH_VP_ENTER, VCPU_IN_RCX, "239" },
	{ TDH_MEM_PAGE_ADD, IN_RDX, "1" },
	{ TDH_MEM_SEPT_ADD, IN_RDX, "1236789" },
	{ TDH_VP_ADDCX, VCPU_IN_RDX, "17" },
	{ TDH_MEM_PAGE_RELOCATE, IN_RDX, "1234589" },
	{ TDH_MEM_PAGE_AUG, IN_RDX, "1239" },
	{ TDH_MEM_RANGE_BLOCK, IN_RDX, "1234589" },
	{ TDH_VP_CREATE, IN_RDX, "17" },
	{ TDH_MNG_RD, IN_RCX, "123456789a" },
	{ TDH_MNG_WR, IN_RCX, "1236789a" },
	{ TDH_MEM_RD, IN_RDX, "123456789a" },
	{ TDH_MEM_WR, IN_RDX, "1236789a" },
	{ TDH_MEM_PAGE_DEMOTE, IN_RDX, "1234589" },
	{ TDH_MR_EXTEND, IN_RDX, "1" },
	{ TDH_MR_FINALIZE, IN_RCX, "1" },
	{ TDH_MNG_INIT, IN_RCX, "0" },
	{ TDH_VP_INIT, VCPU_IN_RCX, "1" },
	{ TDH_MEM_PAGE_PROMOTE, IN_RDX, "1234589" },
	{ TDH_MEM_SEPT_RD, IN_RDX, "123456789a" },
	{ TDH_VP_RD, VCPU_IN_RCX, "123456789a" },
	{ TDH_MEM_PAGE_REMOVE, IN_RDX, "1234589a" },
	{ TDH_MEM_SEPT_REMOVE, IN_RDX, "123456789a" },
	{ TDH_MEM_TRACK, IN_RCX, "123456789" },
	{ TDH_MEM_RANGE_UNBLOCK, IN_RDX, "1234589" },
	{ TDH_VP_WR, VCPU_IN_RCX, "1236789a" },
};

/* With nothing right but the TD, or its vCPU: what comes behind the state fails. */
static struct tdx_regs call_of(const struct rig_td *td, uint64_t leaf, enum operand operand)
{
	const uint64_t wrong = UINT64_C(0xfff),
		       page = operand >= VCPU_IN_RCX ? td->tdvpr[0] : td->tdr;
	const bool rdx = operand == IN_RDX || operand == VCPU_IN_RDX;

	return (struct tdx_regs){ .rax = leaf,
				  .rcx = rdx ? wrong : page,
				  .rdx = rdx ? page : wrong };
}

static bool has(const char *states, unsigned int state)
{
	for (; *states; states++)
		if ((unsigned int)(*states == 'a' ? 10 : *states - '0') == state)
			return true;
	return false;
}

static void a_leaf_works_in_its_states_and_says_which_the_td_is_in(void **state)
{
	struct rig rig;
	struct rig_td td;

	(void)state;
	rig_init(&rig, true, 2);
	rig_start(&rig);
	rig_td_create(&rig, &td, 1);
	for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		for (unsigned int s = TDX_OP_UNINITIALIZED; s <= TDX_OP_START_IMPORT; s++) {
			struct tdx_regs regs = call_of(&td, leaves[i].leaf, leaves[i].td);
			const uint64_t refused = TDX_OP_STATE_INCORRECT | s;

			seam_debug_force_td(rig.seam, hpa(td.tdr), (enum tdx_op_state)s, 3, false);
			/* What a call before has started or ended. */
			seam_debug_vcpu_state(rig.seam, hpa(td.tdvpr[0]), TDX_VCPU_READY);
			if ((rig_call(&rig, 0, &regs) == refused) == has(leaves[i].states, s))
				fail_msg("leaf %llu in state %u: 0x%llx",
					 (unsigned long long)leaves[i].leaf, s,
					 (unsigned long long)regs.rax);
		}
	}
	rig_stop(&rig);
}

/* Where vCPUs run, what is taken away must be blocked and tracked. */
static void tracking_is_asked_for_where_vcpus_run(void **state)
{
	(void)state;
	for (unsigned int s = TDX_OP_INITIALIZED; s <= TDX_OP_FAILED_IMPORT; s++) {
		struct rig rig;
		struct rig_td td;
		uint64_t status;

		if (!has("1234589a", s))
			continue;
		rig_init(&rig, true, 2);
		rig_start(&rig);
		rig_td_create(&rig, &td, 1);
		rig_td_finalize(&rig, &td);
		for (uint32_t level = 3; level > 0; level--)
			rig_sept_add(&rig, &td, 0, level);
		RIG_OK(&rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = 0, .rdx = td.tdr,
		       .r8 = rig_page(&rig));
		seam_debug_force_td(rig.seam, hpa(td.tdr), (enum tdx_op_state)s, 3, false);
		status = RIG_CALL(&rig, 0, .rax = TDH_MEM_PAGE_REMOVE, .rcx = 0, .rdx = td.tdr);
		assert_int_equal(status, has("239", s) ? TDX_GPA_RANGE_NOT_BLOCKED | TDX_OP_RCX
						       : TDX_SUCCESS);
		rig_stop(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leaf_works_in_its_states_and_says_which_the_td_is_in),
		cmocka_unit_test(tracking_is_asked_for_where_vcpus_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
