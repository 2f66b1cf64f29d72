// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vcpu.c - vCPUs at run time: the run loop and its exits, who is in the guest, and how they are
 * made to leave.
 *
 * The word of a vCPU
 * ------------------
 *   31:3  entries so far
 *      2  STOP      for good: vcpu_run() returns
 *      1  BARRED    may not go in now
 *      0  INSIDE    in VP.ENTER, or committed to it
 *
 *   outside --- no STOP, no BARRED: +ENTRY, +INSIDE ---> inside --- VP.ENTER returned ---> outside
 *
 * The three bits are one word so that going in and being kept out cannot miss each other: the vCPU
 * enters by compare-and-swap of the whole word, and whoever sets a bit learns from the same
 * operation whether it is inside. If it is, a kick follows; if it is not, it will find the bit.
 *
 * The number of entries tells "has left since I looked" from "has left and come back", so that
 * td_leave_once() does not wait for a vCPU for ever that is quick. It may wrap: then a waiter
 * would have to sleep through 2^29 entries to be mistaken, and would wait one stay longer.
 *
 * Kicks
 * -----
 * A kick is an interrupt to the CPU that the vCPU entered on, which it stores before INSIDE. It can
 * come when the vCPU is committed but not yet in the guest: the interrupt is then pending at
 * VP.ENTER, and the guest leaves at once. It can come too late, when the vCPU is out again: the
 * next stay is one exit longer. A waiter kicks again now and then in any case.
 */
#include "vmm/td.h"

/* A guest access that finds the same trouble so many times in a row is given up. */
#define FAULT_TRIES 10000u
/* A guest that cannot use what it finds mapped, at the same place in a row. */
#define SAME_FAULT_TRIES 100u
#define HERE_NEVER	 ((tdx_gpa_t){ UINT64_MAX })
/* A vCPU that is waited for is kicked once in so many looks. */
#define KICK_AGAIN 1000u

/* ------------------------------------------------------------------------------------------- */
/* In the guest, out of it                                                                      */

static void vcpu_go_out(struct vcpu *vcpu)
{
	/* Release: all that the guest did is before whoever waits for it to be out goes on. */
	os_fetch_and32(&vcpu->word, ~VCPU_INSIDE, OS_RELEASE);
	os_cpu_release();
}

/*
 * INSIDE, if the word is what it was, and the vCPU not bound elsewhere: a thread that is not bound
 * to its CPU may have moved. On success the CPU is held until the vCPU is out.
 */
static bool vcpu_step_in(struct vcpu *vcpu, uint32_t word)
{
	uint32_t bound;

	os_cpu_hold();
	/*
	 * Relaxed: only read with the acquire below, or by somebody who found INSIDE in the word,
	 * which is stored after this.
	 */
	os_store32(&vcpu->cpu, os_cpu(), OS_RELAXED);
	/* Relaxed: if it is stale, somebody has flushed it, and is asked to once more. */
	bound = os_load32(&vcpu->bound, OS_RELAXED);
	/*
	 * One word for INSIDE, BARRED and STOP: whoever sets one of them after this finds INSIDE,
	 * and whoever set it before is found here. Acquire: what was done while the vCPU was
	 * barred is before the guest; release: cpu is before INSIDE. Sequentially consistent for a
	 * CPU that goes: association.c.
	 */
	if ((!bound || bound == os_cpu() + 1) &&
	    os_cas32(&vcpu->word, &word, (word + VCPU_ENTRY) | VCPU_INSIDE, OS_SEQ_CST))
		return true;
	os_cpu_release();
	return false;
}

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

static void vcpu_kick(struct vcpu *vcpu)
{
	const struct os_services *os = vcpu->td->vmm->os;

	/* Relaxed: the word was read with acquire. */
	os->kick(os->ctx, os_load32(&vcpu->cpu, OS_RELAXED));
}

/* Kicked again now and then: an interrupt may be taken by somebody who acts on that CPU. */
void vcpu_wait_out(struct vcpu *vcpu, uint32_t word)
{
	uint32_t stay = word & ~(VCPU_BARRED | VCPU_STOP);
	uint32_t now = word;

	for (uint32_t i = 1; (now & ~(VCPU_BARRED | VCPU_STOP)) == stay; i++) {
		if (i % KICK_AGAIN == 0)
			vcpu_kick(vcpu);
		os_relax();
		/* Acquire: pairs with vcpu_go_out(). */
		now = os_load32(&vcpu->word, OS_ACQUIRE);
	}
}

void td_leave_once(struct td *td)
{
	/*
	 * All are kicked before any is waited for. A vCPU that is outside when it is looked at, or
	 * comes in later, is no concern: a vCPU that entered before TRACK took its epoch had set
	 * INSIDE before, and the module's epoch lock orders the two; one that enters after TRACK
	 * has flushed its TLB.
	 */
	for (uint32_t i = 0; i < td->nr_vcpus; i++) {
		if (os_load32(&td->vcpus[i]->word, OS_ACQUIRE) & VCPU_INSIDE)
			vcpu_kick(td->vcpus[i]);
	}
	for (uint32_t i = 0; i < td->nr_vcpus; i++) {
		uint32_t word = os_load32(&td->vcpus[i]->word, OS_ACQUIRE);

		if (word & VCPU_INSIDE) {
			/* It may have come back since: one more kick is cheaper than to know. */
			vcpu_kick(td->vcpus[i]);
			vcpu_wait_out(td->vcpus[i], word);
		}
	}
}

void td_bar(struct td *td)
{
	for (uint32_t i = 0; i < td->nr_vcpus; i++) {
		struct vcpu *vcpu = td->vcpus[i];

		/* Acquire: of a vCPU that is out, what its guest did. */
		if (os_fetch_or32(&vcpu->word, VCPU_BARRED, OS_ACQUIRE) & VCPU_INSIDE)
			vcpu_kick(vcpu);
	}
	for (uint32_t i = 0; i < td->nr_vcpus; i++) {
		uint32_t word = os_load32(&td->vcpus[i]->word, OS_ACQUIRE);

		if (word & VCPU_INSIDE)
			vcpu_wait_out(td->vcpus[i], word);
	}
}

void td_unbar(struct td *td)
{
	/* Release: what was done meanwhile is before the vCPU's next entry. */
	for (uint32_t i = 0; i < td->nr_vcpus; i++)
		os_fetch_and32(&td->vcpus[i]->word, ~VCPU_BARRED, OS_RELEASE);
}

void td_stop(struct td *td)
{
	for (uint32_t i = 0; i < td->nr_vcpus; i++) {
		/* Acquire: for cpu, as everywhere before a kick. */
		if (os_fetch_or32(&td->vcpus[i]->word, VCPU_STOP, OS_ACQUIRE) & VCPU_INSIDE)
			vcpu_kick(td->vcpus[i]);
	}
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
