// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vcpu.c - vCPUs at run time: going into the guest, the run loop, and what its exits lead to.
 */
#include "vmm/td.h"

/* A guest access that finds the same trouble so many times in a row is given up. */
#define FAULT_TRIES 10000u
/* A guest that cannot use what it finds mapped, at the same place in a row. */
#define SAME_FAULT_TRIES 100u
#define HERE_NEVER	 ((tdx_gpa_t){ UINT64_MAX })

/* ------------------------------------------------------------------------------------------- */
/* In the guest, out of it                                                                      */

/* False: *exit says why not. Waits while barred. */
static bool vcpu_go_in(struct vcpu *vcpu, enum vcpu_exit *exit)
{
	for (;;) {
		uint32_t word = os_load32(&vcpu->word, OS_RELAXED);

		if (word & VCPU_STOP) {
			*exit = VCPU_STOPPED;
			return false;
		}
		if (word & VCPU_BARRED) {
			os_relax();
			continue;
		}
		vcpu->error = vcpu_move_here(vcpu);
		if (vcpu->error) {
			*exit = VCPU_FAILED;
			return false;
		}
		if (vcpu_step_in(vcpu, word))
			break;
	}
	if (!vmm_is_leaving(vcpu->td->vmm))
		return true;
	vcpu_go_out(vcpu);
	*exit = VCPU_CPU_LEAVES;
	return false;
}

/* ------------------------------------------------------------------------------------------- */
/* The run loop                                                                                 */

/* What one exit leads to. */
enum after { AFTER_ENTER, AFTER_RETURN };

static enum after give_up(struct vcpu *vcpu, int error, enum vcpu_exit *exit)
{
	vcpu->error = error;
	*exit = VCPU_FAILED;
	return AFTER_RETURN;
}

/*
 * There is a mapping where the guest found none. Once: somebody else was faster. Again at the same
 * place: the guest cannot use what is there. It accepts in 4K what is pending as 2M, and gets what
 * it wants; or it touches what it never accepted, which does not get better with time.
 */
static int serve_again(struct vcpu *vcpu, tdx_gpa_t at, uint32_t *tries)
{
	bool again = vcpu->fault_gpa.v == at.v;

	vcpu->fault_gpa = at;
	td_count(&vcpu->counts.lost_races, 1);
	if (!again)
		return 0;
	if (++*tries > SAME_FAULT_TRIES)
		return -OS_EIO;
	return td_split(vcpu->td, at);
}

static enum after serve_fault(struct vcpu *vcpu, uint32_t *tries, enum vcpu_exit *exit)
{
	struct td *td = vcpu->td;
	tdx_gpa_t at = gpa(vcpu->regs.r8 & ~(TDX_PAGE_SIZE - 1));
	int error;

	if (at.v & td_shared_bit(td)) {
		vcpu->fault_gpa = at;
		*exit = VCPU_SHARED_FAULT;
		return AFTER_RETURN;
	}
	error = td_fault(vcpu, at);
	if (error == TD_FAULT_THERE) {
		error = serve_again(vcpu, at, tries);
		return error ? give_up(vcpu, error, exit) : AFTER_ENTER;
	}
	vcpu->fault_gpa = HERE_NEVER;
	if (error == TD_FAULT_BLOCKED)
		error = td_unblock(td, at);
	/* The guest changed its mind without saying so, as it may: what it touches is private. */
	if (error == TD_FAULT_SHARED)
		error = td_convert(td, at, TDX_PAGE_SIZE, false);
	if (!error) {
		*tries = 0;
		return AFTER_ENTER;
	}
	if (error != -OS_EAGAIN || ++*tries > FAULT_TRIES)
		return give_up(vcpu, error, exit);
	td_count(&vcpu->counts.lost_races, 1);
	os_resched();
	return AFTER_ENTER;
}

/*
 * As much of the range as is one exit's work; then the guest is told where to go on, has its
 * interrupts, and asks again. So it is with contention.
 */
static enum after serve_map_gpa(struct vcpu *vcpu, enum vcpu_exit *exit)
{
	struct td *td = vcpu->td;
	uint64_t shared = vcpu->regs.r12 & td_shared_bit(td), bytes = vcpu->regs.r13;
	tdx_gpa_t start = gpa(vcpu->regs.r12 & ~td_shared_bit(td)), at = start;
	int error = td_convert_some(td, &at, bytes, shared);

	vcpu->regs.r11 = 0;
	vcpu->regs.r10 = TDX_VMCALL_INVALID_OPERAND;
	if (error == -OS_EINVAL)
		return AFTER_ENTER;
	if (error && error != -OS_EAGAIN)
		return give_up(vcpu, error, exit);
	vcpu->regs.r10 = TDX_VMCALL_SUCCESS;
	if (at.v - start.v < bytes) {
		vcpu->regs.r10 = TDX_VMCALL_RETRY;
		vcpu->regs.r11 = at.v | shared;
	}
	return AFTER_ENTER;
}

static enum after serve_vmcall(struct vcpu *vcpu, enum vcpu_exit *exit)
{
	if (!vcpu->regs.r10 && vcpu->regs.r11 == TDX_VMCALL_HALT) {
		*exit = VCPU_HALTED;
		return AFTER_RETURN;
	}
	if (!vcpu->regs.r10 && vcpu->regs.r11 == TDX_VMCALL_MAP_GPA)
		return serve_map_gpa(vcpu, exit);
	vcpu->regs.r10 = TDX_VMCALL_INVALID_OPERAND;
	return AFTER_ENTER;
}

/* One VP.ENTER. 0, or what call_again() makes of its status. */
static int vcpu_enter(struct vcpu *vcpu, struct call_tries *tries)
{
	const struct os_services *os = vcpu->td->vmm->os;
	struct tdx_regs regs = {
		.rax = TDX_RAX(TDH_VP_ENTER, 0),
		.rcx = vcpu->tdvpr.v,
		.r10 = vcpu->regs.r10,
		.r11 = vcpu->regs.r11,
	};
	tdx_status_t status = os->seamcall(os->ctx, &regs);
	int again;

	/* Whatever it answered: VP.FLUSH tells if it is not. Relaxed: inside, association.c waits.
	 */
	os_store32(&vcpu->bound, os_cpu() + 1, OS_RELAXED);
	if (!(status.v & TDX_STATUS_CODE_MASK)) {
		vcpu->regs = regs;
		*tries = CALL_TRIES_INIT;
		return 0;
	}
	again = call_again(&vcpu->td->vmm->caller, tries, TDH_VP_ENTER, &regs);
	if (again <= 0)
		vcpu->regs = regs;
	/* A TD or vCPU that is beyond recovery is told without the error bit. */
	return again ? again : -OS_EIO;
}

enum vcpu_exit vcpu_run(struct vcpu *vcpu)
{
	struct call_tries tries = CALL_TRIES_INIT;
	enum after after = AFTER_ENTER;
	enum vcpu_exit exit = VCPU_STOPPED;
	uint32_t fault_tries = 0;
	int error;

	vcpu->fault_gpa = HERE_NEVER;
	while (after == AFTER_ENTER) {
		if (!vcpu_go_in(vcpu, &exit))
			return exit;
		error = vcpu_enter(vcpu, &tries);
		vcpu_go_out(vcpu);
		if (error > 0)
			continue; /* contention; between two tries a barrer has its way */
		if (error) {
			after = give_up(vcpu, error, &exit);
			continue;
		}
		td_count(&vcpu->counts.exits, 1);
		switch ((uint32_t)vcpu->regs.rax) {
		case TDX_EXIT_EPT_VIOLATION:
			after = serve_fault(vcpu, &fault_tries, &exit);
			vcpu->regs.r10 = vcpu->regs.r11 = 0;
			break;
		case TDX_EXIT_TDCALL:
			after = serve_vmcall(vcpu, &exit);
			break;
		case TDX_EXIT_INTERRUPT:
			vcpu->regs.r10 = vcpu->regs.r11 = 0;
			break;
		default:
			after = give_up(vcpu, -OS_ENOTSUP, &exit);
		}
	}
	return exit;
}
