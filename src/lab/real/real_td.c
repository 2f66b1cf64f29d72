// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * real_td.c - what a thread of the hunt does with TDs, through src/vmm: whole lives, faults, memory
 * that is taken away and changed, and guests that run.
 *
 * A TD belongs to one thread at a time, and goes from one to the next by way of the hunt's slots;
 * its vCPUs stay bound to the CPU of whoever had it before.
 */
#include <stdlib.h>

#include "lab/real/real_internal.h"
#include "machine/random.h"

#define TD_REGIONS 4u
#define TD_BYTES   (TD_REGIONS * TDX_2M_SIZE)
/* An ACCEPT that finds its entry in use, so many times in a row. */
#define BUSY_TRIES 1000000u

static uint32_t below(struct real_thread *t, uint32_t n) { return real_below(&t->random, n); }

static enum tdx_size page_size(void *arg, tdx_gpa_t at)
{
	const struct real_td *td = arg;

	return td->salt >> (at.v >> TDX_2M_SHIFT) % 32 & 1 ? TDX_4K : TDX_2M;
}

/* Contention, and memory that is short, are no findings. */
static bool allowed(struct real_thread *t, const char *what, int error)
{
	return error == -OS_EAGAIN || real_allowed(t, what, error);
}

/* ------------------------------------------------------------------------------------------- */
/* Life                                                                                         */

void real_td_end(struct real_hunt *hunt, struct real_td *td)
{
	uint64_t lost = td_destroy(td->td);

	if (lost)
		real_found(hunt, "a TD ended and %llu pages were lost", (unsigned long long)lost);
	free(td);
}

static int build(struct real_thread *t, struct real_td *td)
{
	int error = 0;

	for (uint32_t v = 0; v < 2 && !error; v++)
		error = td_add_vcpu(td->td, &td->vcpu[v]);
	return error ? error : td_finalize(td->td);
}

static void create(struct real_thread *t)
{
	struct real_td *td = calloc(1, sizeof(*td));
	struct td_config config = {
		.node = below(t, 2) ? OS_ANY_NODE : below(t, t->hunt->nr_nodes),
		.max_vcpus = 2,
		.bytes = TD_BYTES,
		.page_size = page_size,
		.arg = td,
	};
	int error;

	if (!td)
		return;
	td->salt = random_next(&t->random);
	td->random = random_next(&t->random) | 1;
	error = td_create(&t->hunt->stand.vmm, &config, &td->td);
	if (error) {
		/* As many TDs as there are KeyIDs. */
		if (error != -OS_ENOSPC)
			allowed(t, "td_create()", error);
		free(td);
		return;
	}
	error = build(t, td);
	if (!error) {
		t->td = td;
		return;
	}
	allowed(t, "building a TD", error);
	real_td_end(t->hunt, td);
}

void real_td_life(struct real_thread *t)
{
	os_a64_t *slot = &t->hunt->slot[below(t, REAL_SLOTS)];

	if (!t->td) {
		create(t);
	} else if (below(t, 3)) {
		/* Acquire and release: what its last owner did is before what the next one does. */
		t->td = (struct real_td *)(uintptr_t)os_xchg64(slot, (uintptr_t)t->td, OS_ACQ_REL);
	} else {
		real_td_end(t->hunt, t->td);
		t->td = NULL;
	}
}

/* ------------------------------------------------------------------------------------------- */
/* Memory                                                                                       */

static tdx_gpa_t random_page(struct real_thread *t)
{
	return gpa((uint64_t)below(t, TD_BYTES / TDX_PAGE_SIZE) << TDX_PAGE_SHIFT);
}

void real_td_fault(struct real_thread *t)
{
	if (!t->td)
		create(t);
	for (uint32_t i = below(t, 48) + 1; i && t->td; i--) {
		int error = td_fault(t->td->vcpu[below(t, 2)], random_page(t));

		if (error < 0 && !allowed(t, "td_fault()", error))
			return;
		if (error == -OS_ENOMEM)
			return;
	}
}

void real_td_change(struct real_thread *t)
{
	struct td *td = t->td ? t->td->td : NULL;
	tdx_gpa_t at = random_page(t);
	uint64_t bytes = (uint64_t)(below(t, 4) ? below(t, 64) + 1 : TDX_PAGES_PER_2M)
			 << TDX_PAGE_SHIFT;
	int error;

	if (!td)
		return;
	if (bytes == TDX_2M_SIZE)
		at.v &= ~(TDX_2M_SIZE - 1);
	if (at.v + bytes > TD_BYTES)
		bytes = TD_BYTES - at.v;
	switch (below(t, 4)) {
	case 0:
		allowed(t, "td_split()", td_split(td, at));
		break;
	case 1:
		error = td_merge(td, at);
		if (error != -OS_EBUSY)
			allowed(t, "td_merge()", error);
		break;
	case 2:
		allowed(t, "td_convert()", td_convert(td, at, bytes, below(t, 2)));
		break;
	default:
		allowed(t, "td_zap()", td_zap(td, at, bytes));
	}
}

/* ------------------------------------------------------------------------------------------- */
/* Guests                                                                                       */

/* Of the TD whose vCPU runs on this thread. */
static _Thread_local struct real_td *running;

static void next_piece(struct real_td *td)
{
	td->at = (uint64_t)real_below(&td->random, TD_BYTES / TDX_PAGE_SIZE) << TDX_PAGE_SHIFT;
	td->level = real_below(&td->random, 3) ? TDX_4K : TDX_2M;
	if (td->level == TDX_2M)
		td->at &= ~(TDX_2M_SIZE - 1);
	td->busy = 0;
}

enum seam_exit real_guest(void *ctx, struct seam_vcpu *vcpu)
{
	struct real_hunt *hunt = ctx;
	struct real_td *td = running;

	while (td->left) {
		tdx_status_t status;
		enum seam_exit exit;

		if (seam_guest_interrupted(vcpu))
			return SEAM_EXIT_INTERRUPT;
		exit = seam_guest_accept(vcpu, gpa(td->at), td->level, &status);
		if (exit != SEAM_EXIT_NONE)
			return exit;
		if (tdx_status_is(status, TDX_PAGE_SIZE_MISMATCH) && td->level == TDX_2M) {
			td->level = TDX_4K;
			continue;
		}
		if ((tdx_status_is(status, TDX_OPERAND_BUSY) ||
		     tdx_status_is(status, TDX_OPERAND_BUSY_HOST_PRIORITY)) &&
		    td->busy++ < BUSY_TRIES)
			continue;
		if (!tdx_status_ok(status) && !tdx_status_is(status, TDX_PAGE_ALREADY_ACCEPTED))
			real_found(hunt, "a guest's ACCEPT of 0x%llx at level %u: status 0x%llx",
				   (unsigned long long)td->at, td->level,
				   (unsigned long long)status.v);
		td->left--;
		next_piece(td);
	}
	return seam_guest_halt(vcpu);
}

void real_td_run(struct real_thread *t)
{
	struct vcpu *vcpu;
	enum vcpu_exit exit;

	if (!t->td)
		create(t);
	if (!t->td)
		return;
	running = t->td;
	running->left = below(t, 32) + 1;
	next_piece(running);
	vcpu = running->vcpu[below(t, 2)];
	exit = vcpu_run(vcpu);
	if (exit == VCPU_FAILED)
		allowed(t, "vcpu_run()", vcpu->error);
	else if (exit != VCPU_HALTED)
		real_found(t->hunt, "vcpu_run() ended with %d", (int)exit);
}
