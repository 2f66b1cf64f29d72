// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * guest_program.c - the guest program of a workload.
 */
#include "lab/workload/guest_program.h"

/* Marks are written to one 4K page of so many, and to one 2M page of so many. */
#define MARK_EVERY_4K 1024u
#define MARK_EVERY_2M 64u
/* No marks below this page frame: the host's measured pages are there, with contents. */
#define MARK_FIRST 512u

static uint64_t next_random(struct guest *guest)
{
	/* xorshift64*: good enough to scatter pages, the same on every machine. */
	guest->random ^= guest->random >> 12;
	guest->random ^= guest->random << 25;
	guest->random ^= guest->random >> 27;
	return guest->random * UINT64_C(0x2545f4914f6cdd1d);
}

static bool is_4k(const struct guest *guest, uint64_t at)
{
	return at < guest->low_4k || guest_region_is_4k(guest->percent_4k, at >> TDX_2M_SHIFT);
}

/* Does the mapping that begins here carry a mark? */
static bool has_mark(const struct guest *guest, uint64_t at)
{
	uint64_t frame = at >> TDX_PAGE_SHIFT;

	/* Pieces that are touched any number of times are not found empty. */
	if (frame < MARK_FIRST || guest->touch == SCENARIO_ZIPF)
		return false;
	/* The frame's number is stirred: regions in 4K pages come at regular distances. */
	if (is_4k(guest, at))
		return (frame * UINT64_C(0x9e3779b97f4a7c15) >> 32) % MARK_EVERY_4K == 0;
	return at % TDX_2M_SIZE == 0 && (at >> TDX_2M_SHIFT) % MARK_EVERY_2M == 1;
}

static uint64_t mark_at(const struct guest *guest, uint64_t at)
{
	return (at + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ guest->tdr.v;
}

static enum seam_exit wrong(struct guest *guest, const char *what, uint64_t at, uint64_t value)
{
	if (!guest->error) {
		guest->error = what;
		guest->error_at = at;
		guest->error_value = value;
	}
	guest->phase = GUEST_DONE;
	return SEAM_EXIT_NONE;
}

/* The first word of the mapping must be what it should be. */
static enum seam_exit expect(struct guest *guest, struct seam_vcpu *vcpu, uint64_t at,
			     uint64_t value, const char *otherwise)
{
	uint64_t found = 0;
	enum seam_exit exit = seam_guest_read(vcpu, gpa(at), &found, sizeof(found));

	if (exit == SEAM_EXIT_NONE && found != value)
		return wrong(guest, otherwise, at, found);
	return exit;
}

/* ------------------------------------------------------------------------------------------- */
/* Accepting                                                                                    */

/* One ACCEPT, again while the host works on the entry. *status is never a BUSY. */
static enum seam_exit accept(struct guest *guest, struct seam_vcpu *vcpu, uint64_t at,
			     unsigned int level, tdx_status_t *status)
{
	for (;;) {
		enum seam_exit exit = seam_guest_accept(vcpu, gpa(at), level, status);

		if (exit != SEAM_EXIT_NONE)
			return exit;
		if (!tdx_status_is(*status, TDX_OPERAND_BUSY) &&
		    !tdx_status_is(*status, TDX_OPERAND_BUSY_HOST_PRIORITY)) {
			if (!tdx_status_is(*status, TDX_SUCCESS))
				return SEAM_EXIT_NONE;
			guest->fresh = true;
			runner_spend(guest->runner, RUNNER_ACCEPT,
				     level == TDX_2M ? TDX_PAGES_PER_2M : 1);
			return SEAM_EXIT_NONE;
		}
		if (seam_guest_interrupted(vcpu))
			return SEAM_EXIT_INTERRUPT;
		os_relax();
	}
}

static bool is_accepted(tdx_status_t status)
{
	return tdx_status_is(status, TDX_SUCCESS) ||
	       tdx_status_is(status, TDX_PAGE_ALREADY_ACCEPTED);
}

/*
 * A mapping of bytes at this GPA is accepted, found empty, touched and marked. What the host
 * mapped smaller than wanted is accepted page by page; all of that can be done twice.
 */
static enum seam_exit accept_piece(struct guest *guest, struct seam_vcpu *vcpu, uint64_t at,
				   uint64_t bytes)
{
	tdx_status_t status = { TDX_PAGE_SIZE_MISMATCH };
	enum seam_exit exit = SEAM_EXIT_NONE;
	uint64_t mark;

	if (bytes == TDX_2M_SIZE)
		exit = accept(guest, vcpu, at, TDX_2M, &status);
	if (exit != SEAM_EXIT_NONE)
		return exit;
	for (uint64_t page = 0; page < bytes && tdx_status_is(status, TDX_PAGE_SIZE_MISMATCH);
	     page += TDX_PAGE_SIZE) {
		tdx_status_t one;

		exit = accept(guest, vcpu, at + page, TDX_4K, &one);
		if (exit != SEAM_EXIT_NONE)
			return exit;
		if (!is_accepted(one))
			return wrong(guest, "ACCEPT of 4K failed", at + page, one.v);
	}
	if (!is_accepted(status) && !tdx_status_is(status, TDX_PAGE_SIZE_MISMATCH))
		return wrong(guest, "ACCEPT of 2M failed", at, status.v);
	if (!has_mark(guest, at))
		return seam_guest_touch(vcpu, gpa(at));
	exit = expect(guest, vcpu, at, 0, "an accepted page is not empty");
	if (exit != SEAM_EXIT_NONE || guest->phase == GUEST_DONE)
		return exit;
	mark = mark_at(guest, at);
	return seam_guest_write(vcpu, gpa(at), &mark, sizeof(mark));
}

/* ------------------------------------------------------------------------------------------- */
/* The way through the share                                                                    */

static uint64_t regions_of(const struct guest *guest)
{
	return (guest->high - guest->low) >> TDX_2M_SHIFT;
}

/*
 * A permutation of 0 .. n-1 that looks like none: four Feistel rounds on as many bits as n needs,
 * again while the result is beyond n. No table, so that a share of terabytes costs nothing.
 */
static uint64_t shuffle(uint64_t i, uint64_t n, uint64_t key)
{
	unsigned int half = 1;
	uint64_t mask;

	while (n > UINT64_C(1) << 2 * half)
		half++;
	mask = (UINT64_C(1) << half) - 1;
	do {
		uint64_t left = i >> half, right = i & mask;

		for (unsigned int round = 0; round < 4; round++) {
			uint64_t stirred = (right + round + key) * UINT64_C(0x9e3779b97f4a7c15);
			uint64_t next = left ^ ((stirred >> 29) & mask);

			left = right;
			right = next;
		}
		i = left << half | right;
	} while (i >= n);
	return i;
}

static uint64_t shuffle_key(const struct guest *guest) { return guest->low ^ guest->tdr.v; }

/*
 * Every piece once, in no order: first all that are mapped as 2M, a step for each region; then,
 * if there are any, those in 4K pages, a step for each page. *at: GPA_NONE where the step is
 * about a piece of the other kind. False: that was all.
 */
#define GPA_NONE UINT64_MAX

static bool random_piece(const struct guest *guest, uint64_t step, uint64_t *at)
{
	uint64_t regions = regions_of(guest), pages = regions * TDX_PAGES_PER_2M;
	bool small = step >= regions;

	if (small && (!guest->percent_4k || step - regions >= pages))
		return false;
	if (small)
		*at = guest->low +
		      (shuffle(step - regions, pages, shuffle_key(guest)) << TDX_PAGE_SHIFT);
	else
		*at = guest->low + (shuffle(step, regions, shuffle_key(guest)) << TDX_2M_SHIFT);
	if (is_4k(guest, *at) != small)
		*at = GPA_NONE;
	return true;
}

/*
 * The favourite of rank k comes up about 1/k as often as the first: its octave is drawn with equal
 * chances, and in the octave each rank with equal chances. Integers only, so that it is the same
 * everywhere. As many steps as there are pieces.
 */
static bool zipf_piece(struct guest *guest, uint64_t step, uint64_t *at)
{
	uint64_t regions = regions_of(guest);
	uint64_t small = regions * guest->percent_4k / 100;
	uint64_t octaves = 64 - (uint64_t)__builtin_clzll(regions), rank;

	if (step >= regions - small + small * TDX_PAGES_PER_2M)
		return false;
	do {
		uint64_t octave = next_random(guest) % octaves;

		rank = (UINT64_C(1) << octave) + next_random(guest) % (UINT64_C(1) << octave);
	} while (rank > regions);
	*at = guest->low + (shuffle(rank - 1, regions, shuffle_key(guest)) << TDX_2M_SHIFT);
	if (is_4k(guest, *at))
		*at += next_random(guest) % TDX_PAGES_PER_2M * TDX_PAGE_SIZE;
	return true;
}

static bool linear_piece(struct guest *guest, uint64_t step, uint64_t *at)
{
	*at = guest->low + step;
	return *at < guest_end(guest);
}

/* The piece of this step, or GPA_NONE. False: the share is done. */
static bool choose_next(struct guest *guest, uint64_t *at)
{
	switch (guest->touch) {
	case SCENARIO_RANDOM:
		return random_piece(guest, guest->step, at);
	case SCENARIO_ZIPF:
		return zipf_piece(guest, guest->step, at);
	default:
		return linear_piece(guest, guest->step, at);
	}
}

static void finish_piece(struct guest *guest)
{
	/* Relaxed: a figure, written here only. */
	if (guest->fresh) {
		os_store64(&guest->accepted_bytes,
			   os_load64(&guest->accepted_bytes, OS_RELAXED) + guest->bytes,
			   OS_RELAXED);
		if (guest->at >= guest->keep)
			guest->above_bytes += guest->bytes;
	}
	/* Linear steps are bytes, the others pieces. */
	guest->step += guest->touch == SCENARIO_LINEAR ? guest->bytes : 1;
	guest->flip_due += guest->flip_rate;
	if (guest->flip_due >= 1000) {
		guest->flip_due -= 1000;
		guest->flip_at = guest->at;
		guest->flip_bytes = guest->bytes;
		guest->flip_step = 0;
		guest->flip_back = true;
		guest->phase = GUEST_FLIP;
	}
	guest->bytes = 0;
	runner_spend(guest->runner, RUNNER_THINK, 0);
}

static enum seam_exit accept_next(struct guest *guest, struct seam_vcpu *vcpu)
{
	enum seam_exit exit;

	if (!guest->bytes) {
		if (!choose_next(guest, &guest->at)) {
			guest->booted = true;
			guest->phase = GUEST_FLIP;
			return SEAM_EXIT_NONE;
		}
		/* Or one that has been given up. */
		if (guest->at >= guest_end(guest)) {
			guest->step++;
			return SEAM_EXIT_NONE;
		}
		guest->bytes = is_4k(guest, guest->at) ? TDX_PAGE_SIZE : TDX_2M_SIZE;
		guest->fresh = false;
	}
	exit = accept_piece(guest, vcpu, guest->at, guest->bytes);
	if (exit == SEAM_EXIT_NONE && guest->phase == GUEST_ACCEPT)
		finish_piece(guest);
	return exit;
}

/* ------------------------------------------------------------------------------------------- */
/* Flipping                                                                                     */

static enum seam_exit map_gpa(struct guest *guest, struct seam_vcpu *vcpu, bool shared)
{
	struct tdx_regs regs = {
		.r11 = TDX_VMCALL_MAP_GPA,
		.r12 = (guest->flip_at + guest->flip_done) | (shared ? guest->shared_bit : 0),
		.r13 = guest->flip_bytes - guest->flip_done,
	};

	guest->asked = true;
	guest->flip_step++;
	return seam_guest_vmcall(vcpu, &regs);
}

/* What the host made of a MapGPA: its answer comes with the next entry, and with no other. */
static void hear_answer(struct guest *guest, struct seam_vcpu *vcpu)
{
	const struct tdx_regs *regs = seam_guest_entry_regs(vcpu);
	uint64_t done = (regs->r11 & ~guest->shared_bit) - guest->flip_at;

	guest->asked = false;
	if (regs->r10 == TDX_VMCALL_RETRY && done >= guest->flip_done && done < guest->flip_bytes) {
		guest->flip_done = done;
		guest->flip_step--;
		return;
	}
	guest->flip_done = 0;
	if (regs->r10 != TDX_VMCALL_SUCCESS)
		wrong(guest, "the host refused MapGPA", guest->flip_at, regs->r10);
}

/* Another piece; false: enough. */
static bool choose_piece(struct guest *guest)
{
	uint64_t regions = (guest_end(guest) - guest->low) >> TDX_2M_SHIFT;
	uint64_t random = next_random(guest);
	uint64_t at = guest->low + (random % regions << TDX_2M_SHIFT);
	uint64_t page = (random >> 48) % TDX_PAGES_PER_2M * TDX_PAGE_SIZE;

	if (guest->flips) {
		guest->flips--;
		guest->flip_bytes = is_4k(guest, at) ? TDX_PAGE_SIZE : TDX_2M_SIZE;
		guest->flip_at = is_4k(guest, at) ? at + page : at;
	} else if (guest->partial) {
		guest->partial--;
		guest->flip_bytes = TDX_PAGE_SIZE;
		guest->flip_at = at + page;
	} else {
		return false;
	}
	guest->flip_step = 0;
	return true;
}

/*
 * A mark is at the beginning of what was accepted as a whole. A piece converted in part before
 * may have lost it, so it is looked for only while no pieces are converted in part.
 */
static enum seam_exit check_mark(struct guest *guest, struct seam_vcpu *vcpu)
{
	if (guest->partial || guest->converted_4k || !has_mark(guest, guest->flip_at))
		return SEAM_EXIT_NONE;
	return expect(guest, vcpu, guest->flip_at, mark_at(guest, guest->flip_at),
		      "a mark is gone");
}

static enum seam_exit flip_next(struct guest *guest, struct seam_vcpu *vcpu)
{
	enum seam_exit exit;

	if (!guest->flip_bytes && guest->flip_back) {
		guest->flip_back = false;
		guest->phase = GUEST_ACCEPT;
		return SEAM_EXIT_NONE;
	}
	if (!guest->flip_bytes && !choose_piece(guest)) {
		guest->phase = GUEST_DONE;
		return SEAM_EXIT_NONE;
	}
	switch (guest->flip_step) {
	case 0:
		exit = check_mark(guest, vcpu);
		if (exit != SEAM_EXIT_NONE || guest->phase == GUEST_DONE)
			return exit;
		return map_gpa(guest, vcpu, true);
	case 1:
		return map_gpa(guest, vcpu, false);
	default:
		exit = accept_piece(guest, vcpu, guest->flip_at, guest->flip_bytes);
		if (exit != SEAM_EXIT_NONE)
			return exit;
		if (guest->flip_bytes == TDX_PAGE_SIZE && !is_4k(guest, guest->flip_at))
			guest->converted_4k = guest->flip_at + 1;
		guest->flip_bytes = 0;
		/* Relaxed: a figure, written here only. */
		os_store64(&guest->flipped, os_load64(&guest->flipped, OS_RELAXED) + 1, OS_RELAXED);
		runner_spend(guest->runner, RUNNER_THINK, 0);
		return SEAM_EXIT_NONE;
	}
}

/* ------------------------------------------------------------------------------------------- */

void guest_boot(struct guest *guest)
{
	guest->phase = GUEST_ACCEPT;
	guest->booted = false;
	guest->step = 0;
	guest->bytes = 0;
	guest->flip_due = 0;
	guest->flip_bytes = 0;
	guest->flip_done = 0;
	guest->flip_back = false;
	guest->asked = false;
	guest->converted_4k = 0;
}

void guest_work(struct guest *guest)
{
	/* Broken off in the middle of something: it goes on with that; a question is asked again.
	 */
	if (guest->asked) {
		guest->asked = false;
		guest->flip_step--;
	}
	guest->phase = guest->booted || guest->flip_back ? GUEST_FLIP : GUEST_ACCEPT;
}

void guest_give_up(struct guest *guest)
{
	guest->given = true;
	/* Relaxed: a figure. */
	os_store64(&guest->accepted_bytes,
		   os_load64(&guest->accepted_bytes, OS_RELAXED) - guest->above_bytes, OS_RELAXED);
	guest->above_bytes = 0;
	/* Broken off in the middle of a piece that goes: it is done with that. */
	if (guest->bytes && guest->at >= guest->keep)
		guest->bytes = 0;
	if (!guest->flip_bytes || guest->flip_at < guest->keep)
		return;
	guest->flip_bytes = 0;
	guest->flip_done = 0;
	guest->asked = false;
}

void guest_forget(struct guest *guest)
{
	/* Relaxed: a figure. */
	os_store64(&guest->accepted_bytes, 0, OS_RELAXED);
	guest->above_bytes = 0;
}

enum seam_exit guest_run(struct guest *guest, struct seam_vcpu *vcpu)
{
	enum seam_exit exit = SEAM_EXIT_NONE;

	if (seam_guest_tdr(vcpu).v != guest->tdr.v)
		wrong(guest, "VP.ENTER ran a vCPU of another TD", 0, seam_guest_tdr(vcpu).v);
	if (guest->asked)
		hear_answer(guest, vcpu);
	while (exit == SEAM_EXIT_NONE) {
		/* Relaxed: seen soon is enough. */
		if (os_load32(guest->stop, OS_RELAXED))
			return seam_guest_halt(vcpu);
		if (seam_guest_interrupted(vcpu))
			return SEAM_EXIT_INTERRUPT;
		switch (guest->phase) {
		case GUEST_ACCEPT:
			exit = accept_next(guest, vcpu);
			break;
		case GUEST_FLIP:
			exit = flip_next(guest, vcpu);
			break;
		default:
			return seam_guest_halt(vcpu);
		}
	}
	return exit;
}
