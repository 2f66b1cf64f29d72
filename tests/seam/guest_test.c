// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * guest_test.c - a vCPU enters, faults, accepts, calls its host and leaves; and what the host may
 * not do while it is inside.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "rig.h"

#define GPA UINT64_C(0x3000)

/* What the vCPU does next; one step for each VP.ENTER. */
struct script {
	struct rig *rig;
	struct rig_td td;
	enum seam_exit (*step)(struct script *script, struct seam_vcpu *vcpu);
	bool interrupt; /* pending on every LP */
	uint64_t inner_status[4];
};

static enum seam_exit run_step(void *ctx, struct seam_vcpu *vcpu)
{
	struct script *script = ctx;

	return script->step(script, vcpu);
}

static bool interrupt_pending(void *ctx, uint32_t lp)
{
	struct script *script = ctx;

	(void)lp;
	return script->interrupt;
}

static void start(struct script *script, struct rig *rig, uint32_t nr_vcpus)
{
	memset(script, 0, sizeof(*script));
	script->rig = rig;
	rig_init(rig, true, 2);
	rig->config.guest = run_step;
	rig->config.guest_ctx = script;
	rig->config.interrupt_pending = interrupt_pending;
	rig->config.ctx = script;
	rig->config.on_fatal = NULL;
	rig_start(rig);
	rig_td_create(rig, &script->td, nr_vcpus);
	for (uint32_t level = 3; level > 0; level--)
		rig_sept_add(rig, &script->td, 0, level);
	rig_td_finalize(rig, &script->td);
}

static struct tdx_regs enter(struct script *script, uint32_t lp, uint32_t vcpu)
{
	struct tdx_regs regs = { .rax = TDH_VP_ENTER, .rcx = script->td.tdvpr[vcpu] };

	rig_call(script->rig, lp, &regs);
	return regs;
}

static void map(struct script *script, uint64_t gpa, uint32_t level, uint64_t page)
{
	RIG_OK(script->rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = gpa | level, .rdx = script->td.tdr,
	       .r8 = page);
}

static void unmap(struct script *script, uint64_t gpa, uint32_t level)
{
	uint64_t tdr = script->td.tdr;

	RIG_OK(script->rig, 0, .rax = TDH_MEM_RANGE_BLOCK, .rcx = gpa | level, .rdx = tdr);
	RIG_OK(script->rig, 0, .rax = TDH_MEM_TRACK, .rcx = tdr);
	RIG_OK(script->rig, 0, .rax = TDH_MEM_PAGE_REMOVE, .rcx = gpa | level, .rdx = tdr);
}

static enum seam_exit accept_and_write(struct script *script, struct seam_vcpu *vcpu)
{
	const char text[] = "private";
	char back[sizeof(text)] = "";
	tdx_status_t status;
	enum seam_exit how = seam_guest_accept(vcpu, gpa(GPA), TDX_4K, &status);

	if (how != SEAM_EXIT_NONE)
		return how;
	script->inner_status[0] = status.v;
	how = seam_guest_write(vcpu, gpa(GPA + 8), text, sizeof(text));
	if (how == SEAM_EXIT_NONE)
		how = seam_guest_read(vcpu, gpa(GPA + 8), back, sizeof(back));
	script->inner_status[1] = memcmp(text, back, sizeof(text));
	return how == SEAM_EXIT_NONE ? seam_guest_halt(vcpu) : how;
}

static void a_fault_is_repaired_and_the_page_accepted(void **state)
{
	struct script script;
	struct tdx_regs regs;
	struct rig rig;

	(void)state;
	start(&script, &rig, 1);
	script.step = accept_and_write;
	regs = enter(&script, 0, 0);
	assert_int_equal(regs.rax, TDX_EXIT_EPT_VIOLATION);
	assert_int_equal(regs.r8, GPA);
	map(&script, GPA, TDX_4K, rig_page(&rig));
	regs = enter(&script, 0, 0);
	assert_int_equal(regs.rax, TDX_EXIT_TDCALL);
	assert_int_equal(regs.r11, TDX_VMCALL_HALT);
	assert_int_equal(script.inner_status[0], TDX_SUCCESS);
	assert_int_equal(script.inner_status[1], 0);
	/* A second ACCEPT says that there is nothing to do. */
	enter(&script, 0, 0);
	assert_int_equal(script.inner_status[0], TDX_PAGE_ALREADY_ACCEPTED);
	unmap(&script, GPA, TDX_4K);
	rig_td_destroy(&rig, &script.td);
	rig_stop(&rig);
}

static enum seam_exit touch_pending(struct script *script, struct seam_vcpu *vcpu)
{
	(void)script;
	return seam_guest_touch(vcpu, gpa(GPA));
}

static void a_pending_page_is_not_for_use(void **state)
{
	struct script script;
	struct rig rig;

	(void)state;
	start(&script, &rig, 1);
	map(&script, GPA, TDX_4K, rig_page(&rig));
	script.step = touch_pending;
	assert_int_equal(enter(&script, 0, 0).rax, TDX_EXIT_EPT_VIOLATION);
	unmap(&script, GPA, TDX_4K);
	rig_td_destroy(&rig, &script.td);
	rig_stop(&rig);
}

static enum seam_exit accept_2m(struct script *script, struct seam_vcpu *vcpu)
{
	tdx_status_t status;
	enum seam_exit how = seam_guest_accept(vcpu, gpa(TDX_2M_SIZE), TDX_2M, &status);

	script->inner_status[0] = how == SEAM_EXIT_NONE ? status.v : UINT64_MAX;
	return how == SEAM_EXIT_NONE ? SEAM_EXIT_INTERRUPT : how;
}

static void an_interrupted_accept_goes_on_where_it_stopped(void **state)
{
	struct script script;
	uint64_t region, *page;
	struct rig rig;

	(void)state;
	start(&script, &rig, 1);
	region = rig_region(&rig);
	page = rig.bare.os.map_host(rig.bare.os.ctx, hpa(region), OS_WRITE);
	*page = 1;
	page = rig.bare.os.map_host(rig.bare.os.ctx, hpa(region + TDX_2M_SIZE - TDX_PAGE_SIZE),
				    OS_WRITE);
	*page = 1;
	map(&script, TDX_2M_SIZE, TDX_2M, region);
	script.step = accept_2m;
	script.interrupt = true;
	/* 4K in the first step, then up to the next multiple of 256 KB. */
	for (int i = 0; i < 8; i++) {
		assert_int_equal(enter(&script, 0, 0).rax, TDX_EXIT_INTERRUPT);
		assert_int_equal(script.inner_status[0], UINT64_MAX);
		page = rig.bare.os.map_host(rig.bare.os.ctx, hpa(region), OS_READ);
		assert_int_equal(*page, 0);
	}
	script.interrupt = false;
	enter(&script, 0, 0);
	assert_int_equal(script.inner_status[0], TDX_SUCCESS);
	page = rig.bare.os.map_host(rig.bare.os.ctx, hpa(region + TDX_2M_SIZE - TDX_PAGE_SIZE),
				    OS_READ);
	assert_int_equal(*page, 0);
	unmap(&script, TDX_2M_SIZE, TDX_2M);
	rig_td_destroy(&rig, &script.td);
	rig_stop(&rig);
}

static enum seam_exit ask_for_conversion(struct script *script, struct seam_vcpu *vcpu)
{
	const struct tdx_regs ask = { .r11 = TDX_VMCALL_MAP_GPA,
				      .r12 = GPA | UINT64_C(1) << seam_guest_shared_bit(vcpu),
				      .r13 = TDX_PAGE_SIZE };

	script->inner_status[0] = seam_guest_entry_regs(vcpu)->r10;
	return seam_guest_vmcall(vcpu, &ask);
}

static void a_vmcall_carries_registers_out_and_the_answer_in(void **state)
{
	struct script script;
	struct tdx_regs regs;
	struct rig rig;

	(void)state;
	start(&script, &rig, 1);
	script.step = ask_for_conversion;
	regs = enter(&script, 0, 0);
	assert_int_equal(regs.rax, TDX_EXIT_TDCALL);
	assert_int_equal(regs.r11, TDX_VMCALL_MAP_GPA);
	assert_int_equal(regs.r12, GPA | UINT64_C(1) << 47);
	assert_int_equal(regs.r13, TDX_PAGE_SIZE);
	regs = (struct tdx_regs){ .rax = TDH_VP_ENTER, .rcx = script.td.tdvpr[0], .r10 = 7 };
	rig_call(&rig, 0, &regs);
	assert_int_equal(script.inner_status[0], 7);
	rig_td_destroy(&rig, &script.td);
	rig_stop(&rig);
}

/* From inside: what the host finds while this vCPU runs. */
static enum seam_exit host_meanwhile(struct script *script, struct seam_vcpu *vcpu)
{
	uint64_t *status = script->inner_status;
	uint64_t tdr = script->td.tdr, tdvpr = script->td.tdvpr[0];

	(void)vcpu;
	status[0] = RIG_CALL(script->rig, 1, .rax = TDH_VP_ENTER, .rcx = tdvpr);
	status[1] = RIG_CALL(script->rig, 1, .rax = TDH_VP_FLUSH, .rcx = tdvpr);
	status[2] = RIG_CALL(script->rig, 1, .rax = TDH_MNG_VPFLUSHDONE, .rcx = tdr);
	/* The second TRACK needs the vCPU of the epoch before the last out of the TD. */
	if (RIG_CALL(script->rig, 1, .rax = TDH_MEM_TRACK, .rcx = tdr) == TDX_SUCCESS)
		status[3] = RIG_CALL(script->rig, 1, .rax = TDH_MEM_TRACK, .rcx = tdr);
	return SEAM_EXIT_INTERRUPT;
}

static void a_vcpu_inside_keeps_its_pages_and_its_epoch_busy(void **state)
{
	struct script script;
	struct rig rig;

	(void)state;
	start(&script, &rig, 1);
	script.step = host_meanwhile;
	assert_int_equal(enter(&script, 0, 0).rax, TDX_EXIT_INTERRUPT);
	assert_int_equal(script.inner_status[0], TDX_VCPU_STATE_INCORRECT | TDX_VCPU_ACTIVE);
	assert_int_equal(script.inner_status[1], TDX_OPERAND_BUSY | TDX_OP_RCX);
	assert_int_equal(script.inner_status[2], TDX_OPERAND_BUSY | TDX_OP_RCX);
	assert_int_equal(script.inner_status[3], TDX_PREVIOUS_TLB_EPOCH_BUSY);
	RIG_OK(&rig, 0, .rax = TDH_MEM_TRACK, .rcx = script.td.tdr);
	rig_td_destroy(&rig, &script.td);
	rig_stop(&rig);
}

static enum seam_exit leave_at_once(struct script *script, struct seam_vcpu *vcpu)
{
	(void)script;
	(void)vcpu;
	return SEAM_EXIT_INTERRUPT;
}

static void a_vcpu_belongs_to_its_lp_until_it_is_flushed_there(void **state)
{
	struct script script;
	uint64_t tdvpr;
	struct rig rig;

	(void)state;
	start(&script, &rig, 1);
	tdvpr = script.td.tdvpr[0];
	script.step = leave_at_once;
	/* VP.INIT was on LP 0. */
	assert_int_equal(enter(&script, 1, 0).rax, TDX_VCPU_ASSOCIATED);
	assert_int_equal(RIG_CALL(&rig, 1, .rax = TDH_VP_FLUSH, .rcx = tdvpr),
			 TDX_VCPU_NOT_ASSOCIATED);
	assert_int_equal(RIG_CALL(&rig, 0, .rax = TDH_MNG_VPFLUSHDONE, .rcx = script.td.tdr),
			 TDX_FLUSHVP_NOT_DONE);
	RIG_OK(&rig, 0, .rax = TDH_VP_FLUSH, .rcx = tdvpr);
	assert_int_equal(enter(&script, 1, 0).rax, TDX_EXIT_INTERRUPT);
	assert_int_equal(enter(&script, 0, 0).rax, TDX_VCPU_ASSOCIATED);
	rig_td_destroy(&rig, &script.td);
	rig_stop(&rig);
}

static void vcpus_have_ids_of_their_own(void **state)
{
	struct script script;
	struct rig rig;
	uint64_t tdvpr;

	(void)state;
	memset(&script, 0, sizeof(script));
	rig_init(&rig, true, 2);
	rig_start(&rig);
	rig_td_create(&rig, &script.td, 1);
	tdvpr = rig_page(&rig);
	RIG_OK(&rig, 0, .rax = TDH_VP_CREATE, .rcx = tdvpr, .rdx = script.td.tdr);
	assert_int_equal(RIG_CALL(&rig, 0, .rax = TDX_RAX(TDH_VP_INIT, 1), .rcx = tdvpr),
			 TDX_TDCX_NUM_INCORRECT);
	for (uint32_t i = 1; i < TDX_MIN_TDVPS; i++)
		RIG_OK(&rig, 0, .rax = TDH_VP_ADDCX, .rcx = rig_page(&rig), .rdx = tdvpr);
	assert_int_equal(RIG_CALL(&rig, 0, .rax = TDX_RAX(TDH_VP_INIT, 1), .rcx = tdvpr),
			 TDX_X2APIC_ID_NOT_UNIQUE);
	assert_int_equal(RIG_CALL(&rig, 0, .rax = TDX_RAX(TDH_VP_INIT, 1), .rcx = tdvpr,
				  .r8 = UINT64_C(1) << 32),
			 TDX_OPERAND_INVALID | TDX_OP_R8);
	RIG_OK(&rig, 0, .rax = TDX_RAX(TDH_VP_INIT, 1), .rcx = tdvpr, .r8 = 5);
	assert_int_equal(RIG_CALL(&rig, 0, .rax = TDX_RAX(TDH_VP_INIT, 1), .rcx = tdvpr, .r8 = 6),
			 TDX_VCPU_STATE_INCORRECT | TDX_VCPU_READY);
	rig_stop(&rig);
}

/* What the guest is told of itself, and accesses that cannot be. */
static enum seam_exit look_around(struct script *script, struct seam_vcpu *vcpu)
{
	uint64_t shared = UINT64_C(1) << seam_guest_shared_bit(vcpu);
	uint8_t bytes[16];

	script->inner_status[0] = seam_guest_index(vcpu);
	script->inner_status[1] = seam_guest_tdr(vcpu).v;
	script->inner_status[2] = seam_guest_touch(vcpu, gpa(GPA));
	if (seam_guest_read(vcpu, gpa(GPA + TDX_PAGE_SIZE - 8), bytes, 16) != SEAM_EXIT_EPT ||
	    seam_guest_write(vcpu, gpa(shared), bytes, 8) != SEAM_EXIT_EPT)
		return SEAM_EXIT_INTERRUPT;
	return seam_guest_write(vcpu, gpa(GPA + TDX_PAGE_SIZE), bytes, 8);
}

static void a_guest_knows_itself_and_no_page_but_its_own(void **state)
{
	struct script script;
	struct tdx_regs regs;
	struct rig rig;

	(void)state;
	start(&script, &rig, 2);
	map(&script, GPA, TDX_4K, rig_page(&rig));
	script.step = accept_and_write;
	enter(&script, 0, 1);
	script.step = look_around;
	regs = enter(&script, 0, 1);
	assert_int_equal(regs.rax, TDX_EXIT_EPT_VIOLATION);
	assert_int_equal(regs.r8, GPA + TDX_PAGE_SIZE);
	assert_int_equal(script.inner_status[0], 1);
	assert_int_equal(script.inner_status[1], script.td.tdr);
	assert_int_equal(script.inner_status[2], SEAM_EXIT_NONE);
	rig_stop(&rig);
}

static void a_td_has_no_more_vcpus_than_it_may(void **state)
{
	struct script script;
	struct rig rig;
	uint64_t tdvpr;

	(void)state;
	memset(&script, 0, sizeof(script));
	rig_init(&rig, true, 2);
	rig_start(&rig);
	rig_td_create(&rig, &script.td, RIG_MAX_VCPUS);
	tdvpr = rig_page(&rig);
	RIG_OK(&rig, 0, .rax = TDH_VP_CREATE, .rcx = tdvpr, .rdx = script.td.tdr);
	for (uint32_t i = 1; i < TDX_MIN_TDVPS; i++)
		RIG_OK(&rig, 0, .rax = TDH_VP_ADDCX, .rcx = rig_page(&rig), .rdx = tdvpr);
	for (uint32_t version = 0; version < 2; version++)
		assert_int_equal(RIG_CALL(&rig, 0, .rax = TDX_RAX(TDH_VP_INIT, version),
					  .rcx = tdvpr, .r8 = 99),
				 TDX_MAX_VCPUS_EXCEEDED);
	rig_stop(&rig);
}

static void a_vcpu_cannot_enter_what_is_locked_or_unfinished(void **state)
{
	struct script script;
	struct rig rig;
	uint64_t tdvpr;

	(void)state;
	start(&script, &rig, 1);
	script.step = leave_at_once;
	assert_int_equal(
		seam_debug_lock(rig.seam,
				(struct seam_debug_name){ SEAM_DEBUG_EPOCH, script.td.tdr, 0 },
				true, 1),
		0);
	assert_int_equal(enter(&script, 0, 0).rax, TDX_OPERAND_BUSY | TDX_OP_TD_EPOCH);
	assert_int_equal(seam_debug_release(rig.seam, 1), 0);
	assert_int_equal(enter(&script, 0, 0).rax, TDX_EXIT_INTERRUPT);
	rig_td_destroy(&rig, &script.td);

	rig_td_create(&rig, &script.td, 1);
	assert_int_equal(enter(&script, 0, 0).rax, TDX_OP_STATE_INCORRECT | TDX_OP_INITIALIZED);
	tdvpr = rig_page(&rig);
	RIG_OK(&rig, 0, .rax = TDH_VP_CREATE, .rcx = tdvpr, .rdx = script.td.tdr);
	rig_td_finalize(&rig, &script.td);
	script.td.tdvpr[1] = tdvpr;
	assert_int_equal(enter(&script, 0, 1).rax, TDX_TDCX_NUM_INCORRECT);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fault_is_repaired_and_the_page_accepted),
		cmocka_unit_test(a_pending_page_is_not_for_use),
		cmocka_unit_test(an_interrupted_accept_goes_on_where_it_stopped),
		cmocka_unit_test(a_vmcall_carries_registers_out_and_the_answer_in),
		cmocka_unit_test(a_vcpu_inside_keeps_its_pages_and_its_epoch_busy),
		cmocka_unit_test(a_vcpu_belongs_to_its_lp_until_it_is_flushed_there),
		cmocka_unit_test(vcpus_have_ids_of_their_own),
		cmocka_unit_test(a_guest_knows_itself_and_no_page_but_its_own),
		cmocka_unit_test(a_td_has_no_more_vcpus_than_it_may),
		cmocka_unit_test(a_vcpu_cannot_enter_what_is_locked_or_unfinished),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
