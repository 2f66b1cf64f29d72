// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * stay.c - who is in the guest, and how vCPUs are kept out of it or made to leave.
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

/* A vCPU that is waited for is kicked once in so many looks. */
#define KICK_AGAIN 1000u

/*
 * INSIDE, if the word is what it was, and the vCPU not bound elsewhere: a thread that is not bound
 * to its CPU may have moved. On success the CPU is held until the vCPU is out.
 */
bool vcpu_step_in(struct vcpu *vcpu, uint32_t word)
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

void vcpu_go_out(struct vcpu *vcpu)
{
	/* Release: all that the guest did is before whoever waits for it to be out goes on. */
	os_fetch_and32(&vcpu->word, ~VCPU_INSIDE, OS_RELEASE);
	os_cpu_release();
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
	OS_INVARIANT(os_write_is_held(&td->mmu_lock));
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
	OS_INVARIANT(os_write_is_held(&td->mmu_lock));
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
