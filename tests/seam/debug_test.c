// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * debug_test.c - the second way in: what it is asked of things that are not there, and what it
 * leaves behind when the module ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rig.h"

static void start(struct rig *rig, struct rig_td *td)
{
	rig_init(rig, true, 2);
	rig_start(rig);
	rig_td_create(rig, td, 1);
	for (uint32_t level = 3; level > 0; level--)
		rig_sept_add(rig, td, 0, level);
}

static void what_is_not_there_is_refused(void **state)
{
	struct rig_td td;
	struct rig rig;
	struct seam *seam;
	uint64_t page, children;
	tdx_status_t status;

	(void)state;
	start(&rig, &td);
	seam = rig.seam;
	page = rig_page(&rig);
	assert_int_equal(seam_debug_hold(seam, hpa(0), TDX_4K, false, 1), -OS_EINVAL);
	assert_int_equal(seam_debug_hold(seam, hpa(page), 3, false, 1), -OS_EINVAL);
	assert_int_equal(seam_debug_release(seam, 1), -OS_EINVAL);
	assert_int_equal(seam_debug_exit(seam, 1), -OS_EINVAL);
	for (uint32_t what = SEAM_DEBUG_OPSTATE; what <= SEAM_DEBUG_SEPTE; what++)
		assert_int_equal(
			seam_debug_lock(seam, (struct seam_debug_name){ what, page, 0 }, true, 1),
			-OS_EINVAL);
	assert_int_equal(
		seam_debug_lock(seam, (struct seam_debug_name){ SEAM_DEBUG_WBT, 1, 0 }, true, 1),
		-OS_EINVAL);
	assert_int_equal(seam_debug_lock(seam, (struct seam_debug_name){ SEAM_DEBUG_TDMR, page, 0 },
					 true, 1),
			 -OS_EINVAL);
	/* An entry that the walk does not reach. */
	assert_int_equal(seam_debug_lock(seam,
					 (struct seam_debug_name){ SEAM_DEBUG_SEPTE, td.tdr,
								   TDX_1G_SIZE | 1 },
					 true, 1),
			 -OS_EINVAL);
	assert_int_equal(seam_debug_enter(seam, hpa(page), 1), -OS_EINVAL);
	assert_int_equal(seam_debug_force_td(seam, hpa(page), TDX_OP_RUNNABLE, 3, false),
			 -OS_EINVAL);
	assert_int_equal(seam_debug_num_vcpus(seam, hpa(page), 1), -OS_EINVAL);
	assert_int_equal(seam_debug_assoc_vcpus(seam, hpa(page), 1), -OS_EINVAL);
	assert_int_equal(seam_debug_vcpu_state(seam, hpa(td.tdr), 2), -OS_EINVAL);
	assert_int_equal(seam_debug_td_fatal(seam, hpa(page), true), -OS_EINVAL);
	assert_int_equal(seam_debug_half_freed(seam, hpa(page)), -OS_EINVAL);
	assert_int_equal(seam_debug_bitmap(seam, hpa(0)), -OS_EINVAL);
	assert_int_equal(seam_debug_chldcnt(seam, hpa(0), &children), -OS_EINVAL);
	assert_int_equal(seam_debug_chldcnt(seam, hpa(page + 8), &children), -OS_EINVAL);
	assert_int_equal(seam_debug_accept(seam, hpa(page), 0, &status), SEAM_ACCEPT_TDEXIT);
	rig_stop(&rig);
}

static void an_id_is_for_one_thing_at_a_time(void **state)
{
	struct rig_td td;
	struct rig rig;

	(void)state;
	start(&rig, &td);
	assert_int_equal(seam_debug_hold(rig.seam, hpa(td.tdr), TDX_4K, true, 7), 0);
	assert_int_equal(seam_debug_hold(rig.seam, hpa(td.page[0]), TDX_4K, true, 7), -OS_EINVAL);
	assert_int_equal(seam_debug_hold(rig.seam, hpa(td.tdr), TDX_4K, true, 8), -OS_EBUSY);
	assert_int_equal(seam_debug_exit(rig.seam, 7), -OS_EINVAL);
	assert_int_equal(seam_debug_release(rig.seam, 7), 0);
	assert_int_equal(seam_debug_enter(rig.seam, hpa(td.tdr), 7), 0);
	assert_int_equal(seam_debug_release(rig.seam, 7), -OS_EINVAL);
	assert_int_equal(seam_debug_exit(rig.seam, 7), 0);
	rig_stop(&rig);
}

static void what_is_still_held_ends_with_the_module(void **state)
{
	struct rig_td td;
	struct rig rig;

	(void)state;
	start(&rig, &td);
	assert_int_equal(seam_debug_hold(rig.seam, hpa(td.tdr), TDX_4K, false, 1), 0);
	assert_int_equal(seam_debug_lock(rig.seam,
					 (struct seam_debug_name){ SEAM_DEBUG_SEPTE, td.tdr, 0 },
					 true, 2),
			 0);
	assert_int_equal(seam_debug_enter(rig.seam, hpa(td.tdr), 3), 0);
	rig_stop(&rig);
}

/* ------------------------------------------------------------------------------------------- */

/* Asked for an interrupt, it makes another LP want the S-EPT tree. */
struct rival {
	struct rig rig;
	struct rig_td td;
	bool active;
	uint64_t status;
};

static bool come_in_between(void *ctx, uint32_t lp)
{
	struct rival *rival = ctx;

	(void)lp;
	if (rival->active)
		rival->status =
			RIG_CALL(&rival->rig, 1, .rax = TDH_MEM_RANGE_BLOCK, .rdx = rival->td.tdr);
	return false;
}

static void a_long_leaf_gives_way_to_a_host_that_waits(void **state)
{
	struct tdx_regs regs;
	struct rival rival = { .active = false };
	uint64_t region, shared, map = TDX_2M_SIZE | TDX_2M;

	(void)state;
	rig_init(&rival.rig, true, 2);
	rival.rig.config.interrupt_pending = come_in_between;
	rival.rig.config.ctx = &rival;
	rival.rig.config.on_fatal = NULL;
	rig_start(&rival.rig);
	rig_td_create(&rival.rig, &rival.td, 0);
	for (uint32_t level = 3; level > 0; level--)
		rig_sept_add(&rival.rig, &rival.td, 0, level);
	region = rig_region(&rival.rig);
	shared = rig_region(&rival.rig);
	rig_add(&rival.rig, shared);
	RIG_OK(&rival.rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = map, .rdx = rival.td.tdr,
	       .r8 = region);
	rival.active = true;
	regs = (struct tdx_regs){ .rax = TDH_MEM_PAGE_DEMOTE,
				  .rcx = map,
				  .rdx = rival.td.tdr,
				  .r8 = rig_page(&rival.rig),
				  .r12 = shared + 8 * TDX_PAGE_SIZE,
				  .r13 = shared + 9 * TDX_PAGE_SIZE };
	assert_int_equal(rig_call(&rival.rig, 0, &regs), TDX_INTERRUPTED_BUSY);
	assert_int_equal(rival.status, TDX_OPERAND_BUSY | TDX_OP_SEPT_TREE);
	/* To be called again just so. */
	assert_int_equal(regs.rcx, map);
	assert_int_equal(regs.rdx, rival.td.tdr);
	rival.active = false;
	regs.rax = TDH_MEM_PAGE_DEMOTE;
	rig_ok(&rival.rig, 0, &regs);
	rig_stop(&rival.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_there_is_refused),
		cmocka_unit_test(an_id_is_for_one_thing_at_a_time),
		cmocka_unit_test(what_is_still_held_ends_with_the_module),
		cmocka_unit_test(a_long_leaf_gives_way_to_a_host_that_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
