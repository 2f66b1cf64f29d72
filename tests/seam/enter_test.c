// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * enter_test.c - what VP.ENTER asks of the host, and the registers that an exit leaves it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "machine/memory.h"
#include "rig.h"
#include "seam/td.h"

#define GPA   UINT64_C(0x3000)
#define OTHER UINT64_C(0x5000)

/* A vCPU that does one thing for each VP.ENTER; what the host had in its registers before. */
struct entry {
	struct rig rig;
	struct rig_td td;
	enum seam_exit (*step)(struct entry *entry, struct seam_vcpu *vcpu);
	uint64_t seen; /* by the guest */
	struct tdx_regs regs;
};

static enum seam_exit run_step(void *ctx, struct seam_vcpu *vcpu)
{
	struct entry *entry = ctx;

	return entry->step(entry, vcpu);
}

static void start(struct entry *entry)
{
	memset(entry, 0, sizeof(*entry));
	rig_init(&entry->rig, true, 2);
	entry->rig.config.guest = run_step;
	entry->rig.config.guest_ctx = entry;
	rig_start(&entry->rig);
	rig_td_create(&entry->rig, &entry->td, 1);
	for (uint32_t level = 3; level > 0; level--)
		rig_sept_add(&entry->rig, &entry->td, 0, level);
	rig_td_finalize(&entry->rig, &entry->td);
}

static uint64_t *word_of(struct tdx_regs *regs, int number) { return (uint64_t *)regs + number; }

/* Every register of the host holds something; returns RAX. */
static uint64_t enter(struct entry *entry)
{
	for (int i = 1; i < 15; i++)
		*word_of(&entry->regs, i) = 0x1000 + (uint64_t)i;
	entry->regs.rax = TDH_VP_ENTER;
	entry->regs.rcx = entry->td.tdvpr[0];
	return rig_call(&entry->rig, 0, &entry->regs);
}

/* All of them but those in the list of numbers, -1 at its end, are 0. */
static void assert_cleared(struct entry *entry, const int *but)
{
	for (int i = 1; i < 15; i++) {
		const int *b = but;

		while (*b >= 0 && *b != i)
			b++;
		if (*b < 0)
			assert_int_equal(*word_of(&entry->regs, i), 0);
	}
}

static struct tdvps *tdvps(struct entry *entry)
{
	return memory_map(entry->rig.memory, hpa(entry->td.tdvpr[0]), OS_WRITE);
}

static struct tdcs *tdcs(struct entry *entry)
{
	return memory_map(entry->rig.memory, hpa(entry->td.page[0]), OS_WRITE);
}

/* Numbers of struct tdx_regs. */
enum { RCX = 1, RDX = 2, RBX = 3, RBP = 4, R8 = 7, R9 = 8, R10 = 9, R11 = 10, R12 = 11 };

static enum seam_exit leave(struct entry *entry, struct seam_vcpu *vcpu)
{
	(void)entry;
	(void)vcpu;
	return SEAM_EXIT_INTERRUPT;
}

static enum seam_exit touch(struct entry *entry, struct seam_vcpu *vcpu)
{
	(void)entry;
	return seam_guest_touch(vcpu, gpa(GPA + 0x123));
}

static enum seam_exit accept(struct entry *entry, struct seam_vcpu *vcpu)
{
	tdx_status_t status;

	(void)entry;
	return seam_guest_accept(vcpu, gpa(GPA), TDX_4K, &status);
}

static void an_interrupt_says_which(void **state)
{
	static const int but[] = { R9, -1 };
	struct entry entry;

	(void)state;
	start(&entry);
	entry.step = leave;
	assert_int_equal(enter(&entry), TDX_EXIT_INTERRUPT);
	assert_cleared(&entry, but);
	/* Valid, an external interrupt, a vector that is not an exception's. */
	assert_int_equal(entry.regs.r9 & ~UINT64_C(0xff), TDX_INTERRUPT_VALID);
	assert_true((entry.regs.r9 & 0xff) >= 32);
	rig_stop(&entry.rig);
}

static void a_fault_says_where_and_nothing_else(void **state)
{
	static const int but[] = { RCX, R8, -1 };
	static const int but_extended[] = { RCX, RDX, R8, -1 };
	struct entry entry;

	(void)state;
	start(&entry);
	entry.step = touch;
	assert_int_equal(enter(&entry), TDX_EXIT_EPT_VIOLATION);
	assert_cleared(&entry, but);
	assert_int_equal(entry.regs.rcx, TDX_EPT_VIOLATION_READ | TDX_EPT_VIOLATION_WRITE);
	assert_int_equal(entry.regs.r8, GPA + 0x123);

	entry.step = accept;
	assert_int_equal(enter(&entry), TDX_EXIT_EPT_VIOLATION);
	assert_cleared(&entry, but_extended);
	assert_int_equal(entry.regs.rdx, TDX_EPT_EXTENDED_ACCEPT);

	/* Mapped, and not accepted. */
	RIG_OK(&entry.rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = GPA, .rdx = entry.td.tdr,
	       .r8 = rig_page(&entry.rig));
	entry.step = touch;
	assert_int_equal(enter(&entry), TDX_EXIT_EPT_VIOLATION);
	assert_cleared(&entry, but_extended);
	assert_int_equal(entry.regs.rdx, TDX_EPT_EXTENDED_PENDING);
	rig_stop(&entry.rig);
}

static void a_td_may_leave_the_host_its_rbp(void **state)
{
	static const int but[] = { RBP, R9, -1 };
	struct entry entry;

	(void)state;
	start(&entry);
	tdcs(&entry)->config_flags |= TDX_CONFIG_NO_RBP_MOD;
	entry.step = leave;
	assert_int_equal(enter(&entry), TDX_EXIT_INTERRUPT);
	assert_cleared(&entry, but);
	assert_int_equal(entry.regs.rbp, 0x1000 + RBP);
	rig_stop(&entry.rig);
}

/* RBX, R11 and R12, and RSP, which cannot be named. */
static enum seam_exit name_registers(struct entry *entry, struct seam_vcpu *vcpu)
{
	const struct tdx_regs ask = { .rax = 1,
				      .rcx = 1 << 4 | 1 << 3 | 1 << 11 | 1 << 12,
				      .rbx = 2,
				      .r10 = 3,
				      .r11 = 4,
				      .r12 = 5 };

	entry->seen = seam_guest_entry_regs(vcpu)->rbx;
	return seam_guest_vmcall(vcpu, &ask);
}

static enum seam_exit look_at_answer(struct entry *entry, struct seam_vcpu *vcpu)
{
	const struct tdx_regs *regs = seam_guest_entry_regs(vcpu);

	entry->seen = regs->rax == 0 && regs->rcx == (1 << 3 | 1 << 11 | 1 << 12) &&
		      regs->rbx == 0x1000 + RBX && regs->r10 == 0 && regs->r12 == 0x1000 + R12;
	return SEAM_EXIT_INTERRUPT;
}

static void a_vmcall_shows_the_registers_that_it_names(void **state)
{
	static const int but[] = { RCX, RBX, R11, R12, -1 };
	struct entry entry;

	(void)state;
	start(&entry);
	entry.step = name_registers;
	assert_int_equal(enter(&entry), TDX_EXIT_TDCALL);
	assert_int_equal(entry.seen, 0); /* nobody was asked before */
	assert_cleared(&entry, but);
	assert_int_equal(entry.regs.rcx, 1 << 3 | 1 << 11 | 1 << 12);
	assert_int_equal(entry.regs.rbx, 2);
	assert_int_equal(entry.regs.r11, 4);
	assert_int_equal(entry.regs.r12, 5);
	entry.step = look_at_answer;
	assert_int_equal(enter(&entry), TDX_EXIT_INTERRUPT);
	assert_int_equal(entry.seen, 1);
	rig_stop(&entry.rig);
}

static void a_refusal_changes_nothing_but_binds_the_vcpu(void **state)
{
	struct entry entry;

	(void)state;
	start(&entry);
	entry.step = leave;
	RIG_OK(&entry.rig, 0, .rax = TDH_VP_FLUSH, .rcx = entry.td.tdvpr[0]);
	for (int bit = 0; bit < 64; bit++) {
		struct tdx_regs regs = { .rax = TDH_VP_ENTER, .r9 = 7 };

		if (bit >= 12 && bit < 52)
			continue;
		regs.rcx = entry.td.tdvpr[0] | UINT64_C(1) << bit;
		assert_int_equal(rig_call(&entry.rig, 0, &regs), TDX_OPERAND_INVALID | TDX_OP_RCX);
		assert_int_equal(regs.r9, 7);
		/* Bits 52 and 53 are for a vCPU that is this LP's by then. */
		assert_int_equal(
			RIG_CALL(&entry.rig, 0, .rax = TDH_VP_FLUSH, .rcx = entry.td.tdvpr[0]),
			bit == 52 || bit == 53 ? TDX_SUCCESS : TDX_VCPU_NOT_ASSOCIATED);
	}
	rig_stop(&entry.rig);
}

/* From inside: the locks that the host finds. */
static enum seam_exit look_at_locks(struct entry *entry, struct seam_vcpu *vcpu)
{
	(void)vcpu;
	entry->seen = entry->rig.nr_fatal;
	if (seam_debug_lock(entry->rig.seam,
			    (struct seam_debug_name){ SEAM_DEBUG_OPSTATE, entry->td.tdr, 0 }, true,
			    1) ||
	    seam_debug_lock(entry->rig.seam,
			    (struct seam_debug_name){ SEAM_DEBUG_SEPT, entry->td.tdr, 0 }, true, 2))
		return SEAM_EXIT_INTERRUPT;
	entry->seen++;
	seam_debug_release(entry->rig.seam, 1);
	seam_debug_release(entry->rig.seam, 2);
	return SEAM_EXIT_INTERRUPT;
}

static void op_state_and_the_tree_are_free_while_a_guest_runs(void **state)
{
	struct entry entry;

	(void)state;
	start(&entry);
	entry.step = look_at_locks;
	tdvps(&entry)->nr_epf = 0;
	assert_int_equal(enter(&entry), TDX_EXIT_INTERRUPT);
	assert_int_equal(entry.seen, 1);
	rig_stop(&entry.rig);
}

static enum seam_exit count_runs(struct entry *entry, struct seam_vcpu *vcpu)
{
	entry->seen++;
	return seam_guest_touch(vcpu, gpa(entry->seen < 9 ? GPA : OTHER));
}

static void a_vcpu_that_does_not_get_on_is_not_run_until_the_page_is_there(void **state)
{
	static const int but[] = { RCX, R8, -1 };
	struct entry entry;

	(void)state;
	start(&entry);
	entry.step = count_runs;
	/* Six faults are free, the seventh is noted. */
	for (uint64_t i = 1; i <= 7; i++) {
		assert_int_equal(enter(&entry), TDX_EXIT_EPT_VIOLATION);
		assert_int_equal(entry.seen, i);
	}
	for (int i = 0; i < 3; i++) {
		assert_int_equal(enter(&entry), TDX_EXIT_EPT_VIOLATION);
		assert_int_equal(entry.seen, 7);
		assert_cleared(&entry, but);
		assert_int_equal(entry.regs.rcx, TDX_EPT_VIOLATION_WRITE);
		assert_int_equal(entry.regs.r8, GPA);
		assert_int_equal(tdcs(&entry)->refcount[1].v, 0);
	}
	/* It needs the tree, and gives back what it counted. */
	assert_int_equal(
		seam_debug_lock(entry.rig.seam,
				(struct seam_debug_name){ SEAM_DEBUG_SEPT, entry.td.tdr, 0 }, true,
				1),
		0);
	assert_int_equal(enter(&entry), TDX_OPERAND_BUSY | TDX_OP_SEPT_TREE);
	assert_int_equal(entry.regs.r9, 0x1000 + R9);
	assert_int_equal(tdcs(&entry)->refcount[1].v, 0);
	assert_int_equal(seam_debug_release(entry.rig.seam, 1), 0);

	/* A page that is pending is no page for a TD that gets no #VE. */
	RIG_OK(&entry.rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = GPA, .rdx = entry.td.tdr,
	       .r8 = rig_page(&entry.rig));
	assert_int_equal(enter(&entry), TDX_EXIT_EPT_VIOLATION);
	assert_int_equal(entry.seen, 7);
	tdcs(&entry)->attributes &= ~TDX_ATTR_SEPT_VE_DISABLE;
	assert_int_equal(enter(&entry), TDX_EXIT_EPT_VIOLATION);
	assert_int_equal(entry.seen, 8);
	assert_int_equal(enter(&entry), TDX_EXIT_EPT_VIOLATION);
	assert_int_equal(entry.seen, 9);
	assert_int_equal(entry.regs.r8, OTHER);
	/* Two pages are noted now, and asked for in their order. */
	assert_int_equal(tdvps(&entry)->nr_epf, 2);
	assert_int_equal(enter(&entry), TDX_EXIT_EPT_VIOLATION);
	assert_int_equal(entry.seen, 9);
	assert_int_equal(entry.regs.r8, OTHER);
	rig_stop(&entry.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interrupt_says_which),
		cmocka_unit_test(a_fault_says_where_and_nothing_else),
		cmocka_unit_test(a_td_may_leave_the_host_its_rbp),
		cmocka_unit_test(a_vmcall_shows_the_registers_that_it_names),
		cmocka_unit_test(a_refusal_changes_nothing_but_binds_the_vcpu),
		cmocka_unit_test(op_state_and_the_tree_are_free_while_a_guest_runs),
		cmocka_unit_test(a_vcpu_that_does_not_get_on_is_not_run_until_the_page_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
