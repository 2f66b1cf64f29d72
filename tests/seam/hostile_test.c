// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * hostile_test.c - a host that writes over the module's memory and goes on calling.
 *
 * The story: an address that came out of a TDR was used as it stood, so that a host with a stray
 * pointer ended the program that softseam is part of instead of the module. Now what is found in
 * module memory is looked at where it is used: the worst that happens is a module-fatal rule.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "machine/memory.h"
#include "rig.h"
#include "seam/sept.h"
#include "seam/td.h"

#define NR_TRIALS 150
#define NR_CALLS  300

struct hostile {
	struct rig rig;
	struct rig_td td;
	uint64_t regions[3]; /* with a pair; mapped at 2M; free */
	uint64_t random;
};

/* What is written over: pages of one kind. */
enum kind { KIND_TDR, KIND_TDCS, KIND_TDVPS, KIND_SEPT, KIND_PAIR, KIND_PAMT, KIND_ANY, NR_KINDS };

static uint64_t next(struct hostile *h)
{
	h->random ^= h->random << 13;
	h->random ^= h->random >> 7;
	h->random ^= h->random << 17;
	return h->random;
}

static uint32_t pick(struct hostile *h, uint32_t n) { return (uint32_t)(next(h) >> 33) % n; }

static uint64_t pick_page(struct hostile *h, enum kind kind)
{
	uint32_t nr = h->td.nr_pages;

	switch (kind) {
	case KIND_TDR:
		return h->td.tdr;
	case KIND_TDCS:
		return h->td.page[pick(h, TDX_MIN_TDCX)];
	case KIND_TDVPS:
		return h->td.page[TDX_MIN_TDCX + pick(h, TDX_MIN_TDVPS)];
	case KIND_SEPT:
		return pick(h, 4) ? h->td.page[nr - 1 - pick(h, 4)] : h->td.page[TDCS_PAGE_SEPT];
	case KIND_PAIR:
		if (!h->rig.dynamic)
			return h->td.tdr;
		return h->rig.added[pick(h, h->rig.nr_added)] + pick(h, 2) * TDX_PAGE_SIZE;
	case KIND_PAMT:
		return RIG_PAMT + pick(h, 3) * TDX_2M_SIZE + pick(h, 4) * TDX_PAGE_SIZE;
	default:
		return pick_page(h, (enum kind)pick(h, KIND_ANY));
	}
}

/* Words near the beginning, where the fields are, or anywhere. */
static void write_over(struct hostile *h, enum kind kind)
{
	uint64_t page = pick_page(h, kind);
	uint64_t *word = memory_map(h->rig.memory, hpa(page), OS_WRITE);

	word += pick(h, pick(h, 2) ? 32 : 512);
	switch (pick(h, 6)) {
	case 0:
		*word = next(h);
		break;
	case 1:
		*word ^= UINT64_C(1) << pick(h, 64);
		break;
	case 2:
		*word = UINT64_MAX;
		break;
	case 3:
		*word = next(h) & 0xffff;
		break;
	case 4:
		*word = (next(h) & ((UINT64_C(1) << 46) - 1)) | 7;
		break;
	default:
		*word = pick_page(h, KIND_ANY) | pick(h, 8);
	}
}

static uint64_t operand(struct hostile *h)
{
	switch (pick(h, 7)) {
	case 0:
		return h->td.tdr;
	case 1:
		return h->td.page[pick(h, h->td.nr_pages)];
	case 2:
		return h->regions[pick(h, 3)] + pick(h, 512) * TDX_PAGE_SIZE;
	case 3:
		return h->regions[pick(h, 3)] | pick(h, 3);
	case 4:
		return pick(h, 8) * TDX_PAGE_SIZE | pick(h, 4);
	case 5:
		return pick(h, 4) * TDX_2M_SIZE | pick(h, 4);
	default:
		return pick(h, 64);
	}
}

static void call_something(struct hostile *h)
{
	uint64_t leaf = pick(h, 8) ? pick(h, 64) : TDH_VP_ENTER;
	struct tdx_regs regs = { .rax = leaf | (uint64_t)(pick(h, 4) == 0) << 16 };
	uint64_t *word = &regs.rcx;

	for (int i = 0; i < 14; i++)
		word[i] = operand(h);
	if (pick(h, 2)) {
		regs.rcx = pick(h, 2) ? regs.rcx : h->td.tdvpr[0];
		regs.rdx = h->td.tdr;
	}
	/* These write where the host says, which is the end by itself, and that ends all. */
	if (leaf == TDH_SYS_INFO || leaf == TDH_SYS_RDALL || leaf == TDH_SYS_SHUTDOWN)
		return;
	rig_call(&h->rig, pick(h, 4), &regs);
}

/* The guest does what guests do, in memory that its host has ruined. */
static enum seam_exit run_guest(void *ctx, struct seam_vcpu *vcpu)
{
	struct hostile *h = ctx;
	uint64_t at = pick(h, 8) * TDX_PAGE_SIZE + pick(h, 2) * TDX_2M_SIZE, word = next(h);
	tdx_status_t status;

	switch (pick(h, 4)) {
	case 0:
		return seam_guest_write(vcpu, gpa(at), &word, sizeof(word));
	case 1:
		return seam_guest_read(vcpu, gpa(at), &word, sizeof(word));
	case 2:
		return seam_guest_accept(vcpu, gpa(at), pick(h, 2), &status);
	default:
		return seam_guest_vmcall(vcpu, &(struct tdx_regs){ .rcx = next(h), .r12 = at });
	}
}

static void start(struct hostile *h, bool dynamic, uint64_t seed)
{
	memset(h, 0, sizeof(*h));
	h->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	rig_init(&h->rig, dynamic, 2);
	h->rig.attributes |= TDX_ATTR_DEBUG;
	h->rig.config.guest = run_guest;
	h->rig.config.guest_ctx = h;
	rig_start(&h->rig);
	rig_td_create(&h->rig, &h->td, 1);
	for (uint32_t level = 3; level > 0; level--)
		rig_sept_add(&h->rig, &h->td, 0, level);
	rig_td_finalize(&h->rig, &h->td);
	for (int i = 0; i < 3; i++)
		h->regions[i] = rig_region(&h->rig);
	rig_add(&h->rig, h->regions[0]);
	for (uint64_t i = 0; i < 8; i++)
		RIG_OK(&h->rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = i * TDX_PAGE_SIZE,
		       .rdx = h->td.tdr, .r8 = h->regions[0] + (8 + i) * TDX_PAGE_SIZE);
	RIG_OK(&h->rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = TDX_2M_SIZE | TDX_2M, .rdx = h->td.tdr,
	       .r8 = h->regions[1]);
}

static uint32_t run_trials(bool dynamic, enum kind kind)
{
	uint32_t nr_fatal = 0;

	for (uint64_t trial = 0; trial < NR_TRIALS; trial++) {
		static struct hostile h;

		start(&h, dynamic, trial * NR_KINDS + kind);
		for (uint32_t i = 0; i < NR_CALLS && !seam_is_fatal(h.rig.seam, NULL); i++) {
			if (i % 8 == 0)
				write_over(&h, kind);
			call_something(&h);
		}
		nr_fatal += h.rig.nr_fatal;
		rig_stop(&h.rig);
	}
	return nr_fatal;
}

static void a_host_that_writes_at_random_ends_the_module_at_most(void **state)
{
	uint32_t nr_fatal = 0;

	(void)state;
	for (int kind = 0; kind < NR_KINDS; kind++) {
		nr_fatal += run_trials(true, (enum kind)kind);
		if (kind != KIND_PAIR)
			nr_fatal += run_trials(false, (enum kind)kind);
	}
	assert_true(nr_fatal > 3 * NR_TRIALS);
}

/* One word of a page written over, and a call that uses it: the rule that is broken. */
struct word {
	uint32_t page; /* of the TD's */
	uint32_t offset, bytes;
	uint64_t value;
	uint64_t leaf;
	uint32_t rule;
};
#define TDR	  UINT32_MAX
#define LAST_SEPT (UINT32_MAX - 1)	       /* of 4K pages */
#define ACCEPT	  UINT64_MAX		       /* a leaf of the guest's */
#define X2APIC	  UINT64_C(0x9c10000200000000) /* X2APIC_IDS, the first */
#define TDVPR	  TDX_MIN_TDCX
#define TDCX(n)	  (uint32_t)(offsetof(struct tdr, tdcx) + 8 * (n))
#define ADDRESS	  1005
#define CONTROL	  1006
#define NO_TDMR	  UINT64_C(0x123456789000)
#define OFF(a, b) (uint32_t) offsetof(struct a, b)

static const struct word words[] = {
	{ TDR, TDCX(TDCS_PAGE), 8, NO_TDMR, TDH_MEM_TRACK, ADDRESS },
	{ TDR, TDCX(TDCS_PAGE), 8, RIG_BASE + 8, TDH_MEM_TRACK, ADDRESS },
	{ TDR, TDCX(TDCS_PAGE), 8, 0, TDH_MEM_TRACK, ADDRESS },
	{ TDR, TDCX(TDCS_PAGE_SEPT), 8, UINT64_MAX, TDH_MEM_SEPT_RD, ADDRESS },
	{ TDR, OFF(tdr, nr_tdcx), 4, UINT32_MAX, TDH_MEM_TRACK, CONTROL },
	{ TDR, OFF(tdr, hkid), 2, 0xffff, TDH_MNG_VPFLUSHDONE, CONTROL },
	{ TDCS_PAGE, OFF(tdcs, pwl), 4, UINT64_MAX, TDH_MEM_SEPT_RD, CONTROL },
	{ TDCS_PAGE, OFF(tdcs, gpa_bits), 4, UINT64_MAX, TDH_MEM_SEPT_RD, CONTROL },
	/* Once a bool, which was read as one whatever was in it. */
	{ TDCS_PAGE, OFF(tdcs, building), 4, 2, TDH_MEM_TRACK, CONTROL },
	{ TDCS_PAGE, OFF(tdcs, nr_l2_vms), 2, UINT64_MAX, TDH_MNG_RD, CONTROL },
	{ TDR, TDCX(TDCS_PAGE_VCPU), 8, NO_TDMR, TDH_MNG_RD, ADDRESS },
	{ LAST_SEPT, 0, 8, SEPT_SVE | SEPT_LEAF | SEPT_RWX | NO_TDMR, TDH_MEM_RD, ADDRESS },
	{ LAST_SEPT, 0, 8, SEPT_SVE | SEPT_LEAF | SEPT_TDP | NO_TDMR, ACCEPT, ADDRESS },
	{ TDVPR, OFF(tdvps, nr_pages), 4, 0, TDH_VP_FLUSH, CONTROL },
	{ TDVPR, OFF(tdvps, nr_pages), 4, UINT32_MAX, TDH_VP_FLUSH, CONTROL },
	{ TDCS_PAGE_SEPT, 0, 8, NO_TDMR | 7, TDH_MEM_SEPT_RD, ADDRESS },
	{ TDCS_PAGE_SEPT, 0, 8, 7, TDH_MEM_SEPT_RD, ADDRESS },
};

static uint64_t page_of(const struct hostile *h, const struct word *w)
{
	return w->page == TDR	      ? h->td.tdr
	       : w->page == LAST_SEPT ? h->td.page[h->td.nr_pages - 1]
				      : h->td.page[w->page];
}

static uint64_t rcx_of(const struct hostile *h, const struct word *w)
{
	switch (w->leaf) {
	case TDH_MEM_SEPT_RD:
		/* No call was there before: the way is looked for from the root. */
		return 5 * TDX_2M_SIZE;
	case TDH_MEM_RD:
		return 0;
	case TDH_VP_FLUSH:
		return h->td.tdvpr[0];
	default:
		return h->td.tdr;
	}
}

static void what_the_module_never_wrote_is_fatal_where_it_is_used(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const struct word *w = &words[i];
		static struct hostile h;
		struct seam_fatal fatal;
		tdx_status_t status;
		uint8_t *at;

		start(&h, true, i);
		at = memory_map(h.rig.memory, hpa(page_of(&h, w)), OS_WRITE);
		memcpy(at + w->offset, &w->value, w->bytes);
		if (w->leaf == ACCEPT)
			seam_debug_accept(h.rig.seam, hpa(h.td.tdr), 0, &status);
		else
			RIG_CALL(&h.rig, 0, .rax = w->leaf, .rcx = rcx_of(&h, w),
				 .rdx = w->leaf == TDH_MNG_RD ? X2APIC : h.td.tdr);
		if (!seam_is_fatal(h.rig.seam, &fatal))
			fail_msg("word %zu does not end the module", i);
		assert_int_equal(fatal.id, w->rule);
		rig_stop(&h.rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_module_never_wrote_is_fatal_where_it_is_used),
		cmocka_unit_test(a_host_that_writes_at_random_ends_the_module_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
