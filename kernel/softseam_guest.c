// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * softseam_guest.c - the program that every TD under softseam.ko runs: accept the vCPU's share of
 * the memory and write to it, then turn pieces of it shared and private again, then halt.
 *
 * It is a state machine, entered from the top at each VP.ENTER. Its state is in the TD's own
 * memory (guest_image.h): fetched at the entry, stored before the exit. Interrupts are off here,
 * so a stay is short: after some steps the guest leaves as if one had come.
 */
#include "guest_image.h"
#include "softseam.h"

/* Steps of one stay; one accepts 4K or 2M. */
#define STEPS_PER_STAY 16

struct guest {
	struct guest_orders orders;
	struct guest_state state;
	struct seam_vcpu *vcpu;
	uint64_t low, high; /* the share */
};

static enum seam_exit fail(struct guest *g, uint64_t error, uint64_t at)
{
	g->state.phase = GUEST_FAILED;
	g->state.error = error;
	g->state.error_at = at;
	return SEAM_EXIT_NONE;
}

/* One ACCEPT. What is found accepted is as good. A busy entry: the host is at it, come again. */
static enum seam_exit accept(struct guest *g, uint64_t at, unsigned int level, bool *mismatch)
{
	tdx_status_t status;
	enum seam_exit exit = seam_guest_accept(g->vcpu, gpa(at), level, &status);

	if (exit != SEAM_EXIT_NONE)
		return exit;
	if (tdx_status_is(status, TDX_OPERAND_BUSY) ||
	    tdx_status_is(status, TDX_OPERAND_BUSY_HOST_PRIORITY))
		return SEAM_EXIT_INTERRUPT;
	if (tdx_status_is(status, TDX_SUCCESS) || tdx_status_is(status, TDX_PAGE_ALREADY_ACCEPTED))
		return SEAM_EXIT_NONE;
	if (level == TDX_2M && tdx_status_is(status, TDX_PAGE_SIZE_MISMATCH)) {
		*mismatch = true;
		return SEAM_EXIT_NONE;
	}
	return fail(g, status.v, at);
}

/* Accepts a mapping and writes to its first word; what the host mapped smaller, page by page. */
static enum seam_exit accept_piece(struct guest *g, uint64_t at, uint64_t bytes)
{
	bool by_page = bytes == TDX_PAGE_SIZE;
	enum seam_exit exit = SEAM_EXIT_NONE;
	uint64_t mark = at ^ g->orders.seed;

	if (!by_page)
		exit = accept(g, at, TDX_2M, &by_page);
	for (uint64_t page = 0; by_page && page < bytes && exit == SEAM_EXIT_NONE;
	     page += TDX_PAGE_SIZE)
		exit = accept(g, at + page, TDX_4K, NULL);
	if (exit != SEAM_EXIT_NONE || g->state.phase == GUEST_FAILED)
		return exit;
	return seam_guest_write(g->vcpu, gpa(at), &mark, sizeof(mark));
}

static uint64_t piece_bytes(const struct guest *g, uint64_t at)
{
	return guest_region_4k(g->orders.percent_4k, at >> TDX_2M_SHIFT) ? TDX_PAGE_SIZE
									 : TDX_2M_SIZE;
}

/* The image was added accepted, and is in use; of other 4K pages the orders may want only a few. */
static bool is_left_out(const struct guest *g, uint64_t at, uint64_t bytes)
{
	uint64_t nr = (at & (TDX_2M_SIZE - 1)) >> TDX_PAGE_SHIFT;

	if (at < GUEST_IMAGE_PAGES(g->orders.vcpus) * TDX_PAGE_SIZE)
		return true;
	return bytes == TDX_PAGE_SIZE && g->orders.pages_4k && nr >= g->orders.pages_4k;
}

static enum seam_exit accept_next(struct guest *g)
{
	uint64_t at = g->low + g->state.cursor, bytes = piece_bytes(g, at);
	enum seam_exit exit;

	if (at >= g->high) {
		g->state.phase = GUEST_FLIP;
		return SEAM_EXIT_NONE;
	}
	if (is_left_out(g, at, bytes))
		exit = SEAM_EXIT_NONE;
	else
		exit = accept_piece(g, at, bytes);
	if (exit == SEAM_EXIT_NONE)
		g->state.cursor += bytes;
	return exit;
}

/* xorshift64*: scatters well enough. */
static uint64_t next_random(struct guest *g)
{
	uint64_t r = g->state.random;

	r ^= r >> 12;
	r ^= r << 25;
	r ^= r >> 27;
	g->state.random = r;
	return r * UINT64_C(0x2545f4914f6cdd1d);
}

static void choose_piece(struct guest *g)
{
	/* The first region holds the image. */
	uint64_t low = g->low ? g->low : TDX_2M_SIZE;
	uint64_t random = next_random(g);

	if (g->state.flips_done == g->orders.flips || low >= g->high) {
		g->state.phase = GUEST_DONE;
		return;
	}
	g->state.flip_at = low + random % ((g->high - low) >> TDX_2M_SHIFT) * TDX_2M_SIZE;
	g->state.flip_bytes = piece_bytes(g, g->state.flip_at);
	if (g->state.flip_bytes == TDX_PAGE_SIZE)
		g->state.flip_at += (random >> 48) % TDX_PAGES_PER_2M * TDX_PAGE_SIZE;
	g->state.flip_step = 0;
}

static enum seam_exit map_gpa(struct guest *g, bool shared)
{
	uint64_t bit = UINT64_C(1) << seam_guest_shared_bit(g->vcpu);
	struct tdx_regs regs = {
		.r11 = TDX_VMCALL_MAP_GPA,
		.r12 = (g->state.flip_at + g->state.flip_done) | (shared ? bit : 0),
		.r13 = g->state.flip_bytes - g->state.flip_done,
	};

	g->state.asked = 1;
	g->state.flip_step++;
	return seam_guest_vmcall(g->vcpu, &regs);
}

static void hear_answer(struct guest *g)
{
	const struct tdx_regs *regs = seam_guest_entry_regs(g->vcpu);
	uint64_t bit = UINT64_C(1) << seam_guest_shared_bit(g->vcpu);
	uint64_t done = (regs->r11 & ~bit) - g->state.flip_at;

	g->state.asked = 0;
	if (regs->r10 == TDX_VMCALL_RETRY && done >= g->state.flip_done &&
	    done < g->state.flip_bytes) {
		g->state.flip_done = done;
		g->state.flip_step--;
		return;
	}
	g->state.flip_done = 0;
	if (regs->r10 != TDX_VMCALL_SUCCESS)
		fail(g, regs->r10, g->state.flip_at);
}

static enum seam_exit flip_next(struct guest *g)
{
	enum seam_exit exit;

	if (!g->state.flip_bytes) {
		choose_piece(g);
		return SEAM_EXIT_NONE;
	}
	if (g->state.flip_step < 2)
		return map_gpa(g, g->state.flip_step == 0);
	exit = accept_piece(g, g->state.flip_at, g->state.flip_bytes);
	if (exit == SEAM_EXIT_NONE) {
		g->state.flip_bytes = 0;
		g->state.flips_done++;
	}
	return exit;
}

/* The last word, which the host finds in the registers: what went wrong and where, flips done. */
static enum seam_exit halt_for_good(struct guest *g)
{
	struct tdx_regs regs = {
		.r11 = TDX_VMCALL_HALT,
		.r12 = g->state.error,
		.r13 = g->state.error_at,
		.r15 = g->state.flips_done,
	};

	return seam_guest_vmcall(g->vcpu, &regs);
}

/* The same as a store to an I/O port, which a VMM sees; or what the orders want to have there. */
static enum seam_exit say_done(struct guest *g)
{
	struct tdx_regs regs = {
		.r11 = TDX_VMCALL_IO,
		.r12 = sizeof(uint32_t),
		.r13 = 1, /* out */
		.r14 = g->orders.port,
		.r15 = g->state.flips_done,
	};

	if (g->orders.farewell) {
		regs.r12 = sizeof(uint16_t);
		regs.r15 = g->orders.farewell;
	} else if (g->state.phase == GUEST_FAILED) {
		regs.r15 |= GUEST_SAYS_FAILED;
	}
	g->state.said = 1;
	return seam_guest_vmcall(g->vcpu, &regs);
}

/* The VMM went on: until firmware has run, its power register is elsewhere. This one is fixed. */
static enum seam_exit ask_for_reset(struct guest *g)
{
	struct tdx_regs regs = {
		.r11 = TDX_VMCALL_IO,
		.r12 = sizeof(uint8_t),
		.r13 = 1, /* out */
		.r14 = GUEST_RESET_PORT,
		.r15 = GUEST_RESET,
	};

	g->state.asked_for_reset = 1;
	return seam_guest_vmcall(g->vcpu, &regs);
}

static enum seam_exit finish(struct guest *g)
{
	if (g->orders.port && !g->state.said)
		return say_done(g);
	if (g->orders.farewell && !g->state.asked_for_reset)
		return ask_for_reset(g);
	return halt_for_good(g);
}

static enum seam_exit step(struct guest *g)
{
	switch (g->state.phase) {
	case GUEST_ACCEPT:
		return accept_next(g);
	case GUEST_FLIP:
		return flip_next(g);
	default:
		return finish(g);
	}
}

/* Shares are whole regions; the last vCPU has what is left over. */
static void set_share(struct guest *g, uint32_t index)
{
	uint64_t regions = g->orders.bytes >> TDX_2M_SHIFT;
	uint64_t each = regions / g->orders.vcpus;

	g->low = index * each << TDX_2M_SHIFT;
	g->high = (index + 1 == g->orders.vcpus ? regions : (index + 1) * each) << TDX_2M_SHIFT;
	if (!g->state.random)
		g->state.random = (g->orders.seed + UINT64_C(1)) * 1000003 + index;
}

/* What nobody has given orders to does this by itself: a little of everything, and switches off. */
static const struct guest_orders default_orders = {
	.magic = GUEST_IMAGE_MAGIC,
	.bytes = 8 * TDX_2M_SIZE,
	.vcpus = 1,
	.percent_4k = 100,
	.pages_4k = 16,
	.flips = 8,
	.port = GUEST_POWER_PORT,
	.farewell = GUEST_POWER_OFF,
};

/* From a page of the image. In a TD that was given none it is not there yet, or not accepted. */
static enum seam_exit fetch(struct guest *g, uint64_t at, void *to, uint32_t bytes)
{
	enum seam_exit exit = seam_guest_read(g->vcpu, gpa(at), to, bytes);

	if (exit != SEAM_EXIT_EPT)
		return exit;
	exit = accept(g, at, TDX_4K, NULL);
	if (exit != SEAM_EXIT_NONE || g->state.phase == GUEST_FAILED)
		return exit;
	return seam_guest_read(g->vcpu, gpa(at), to, bytes);
}

static enum seam_exit fetch_orders(struct guest *g)
{
	enum seam_exit exit = fetch(g, 0, &g->orders, sizeof(g->orders));

	/* Nothing there but zeros. */
	if (exit != SEAM_EXIT_NONE || g->orders.magic || g->orders.bytes)
		return exit;
	g->orders = default_orders;
	return seam_guest_write(g->vcpu, gpa(0), &g->orders, sizeof(g->orders));
}

enum seam_exit softseam_guest(void *ctx, struct seam_vcpu *vcpu)
{
	uint32_t index = seam_guest_index(vcpu);
	uint64_t state_at = (1 + (uint64_t)index) << TDX_PAGE_SHIFT;
	struct guest g = { .vcpu = vcpu };
	enum seam_exit exit, stored;

	exit = fetch_orders(&g);
	if (exit == SEAM_EXIT_NONE && index < g.orders.vcpus)
		exit = fetch(&g, state_at, &g.state, sizeof(g.state));
	if (exit != SEAM_EXIT_NONE)
		return exit;
	/* Some other program's memory: there is nothing that it could run. */
	if (g.orders.magic != GUEST_IMAGE_MAGIC || index >= g.orders.vcpus)
		return seam_guest_halt(vcpu);
	set_share(&g, index);
	if (g.state.asked)
		hear_answer(&g);
	for (int i = 0; i < STEPS_PER_STAY && exit == SEAM_EXIT_NONE; i++)
		exit = step(&g);
	stored = seam_guest_write(vcpu, gpa(state_at), &g.state, sizeof(g.state));
	if (stored != SEAM_EXIT_NONE)
		return stored;
	return exit == SEAM_EXIT_NONE ? SEAM_EXIT_INTERRUPT : exit;
}
