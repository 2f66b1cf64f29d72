// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * model_test.c - the model answers as softseam does: the same calls, at random, to both; every
 * status with its operand, every register that matters, every look at an entry.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "abi/abi.h"
#include "lab/explore/trial_internal.h"

#define REGIONS 5u
#define PAGES	4u /* of each region that take part */
#define CALLS	6000u

/* One call and what came back of it, as far as the two must agree. */
struct answer {
	uint32_t leaf;
	uint64_t status, first, second;
};

/* What is mapped where, so that calls make sense to the S-EPT, which the model has not. */
struct play {
	struct trial *trial;
	uint64_t random;
	bool mapped[REGIONS][PAGES];
	bool whole[REGIONS], split[REGIONS];
	tdx_hpa_t control[8];
	uint32_t nr_control;
	uint32_t nr;
	struct answer answer[CALLS];
};

static uint32_t below(struct play *p, uint32_t n)
{
	p->random = p->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(p->random >> 33) % n;
}

static tdx_hpa_t page_at(const struct play *p, uint32_t region, uint32_t page)
{
	return hpa(region_to_hpa(p->trial->env.region[region]).v + page * TDX_PAGE_SIZE);
}

/* For pairs and control pages: mostly out of the first region, so that others can be whole. */
static tdx_hpa_t any_page(struct play *p)
{
	uint32_t region = below(p, 8) ? 0 : below(p, REGIONS);

	/* Now and then one that is no memory at all. */
	if (!below(p, 40))
		return hpa(UINT64_C(1) << 40);
	return page_at(p, region, PAGES + below(p, 32));
}

static uint64_t call(struct play *p, struct tdx_regs *regs)
{
	uint32_t leaf = TDX_RAX_LEAF(regs->rax);
	tdx_status_t status = p->trial->module.box.call(p->trial->module.box.ctx, 0, regs);

	p->answer[p->nr] = (struct answer){ .leaf = leaf, .status = status.v };
	return status.v;
}

static void add(struct play *p)
{
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_PHYMEM_PAMT_ADD, 0) };

	regs.rcx = tdx_hpa_size(page_at(p, below(p, REGIONS), 0), below(p, 20) ? TDX_2M : TDX_4K);
	regs.rdx = any_page(p).v;
	regs.r8 = any_page(p).v;
	call(p, &regs);
}

static void remove_pair(struct play *p)
{
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_PHYMEM_PAMT_REMOVE, 0) };

	regs.rcx = tdx_hpa_size(page_at(p, below(p, REGIONS), 0), TDX_2M);
	if (call(p, &regs))
		return;
	p->answer[p->nr].first = regs.rdx;
	p->answer[p->nr].second = regs.r8;
}

static void aug(struct play *p)
{
	uint32_t region = below(p, REGIONS), page = below(p, PAGES);
	/* A page that is mapped already is offered to another TD. */
	uint32_t td = p->mapped[region][page];
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_MEM_PAGE_AUG, 0),
				 .rdx = p->trial->cpu[td].tdr.v,
				 .r8 = page_at(p, region, page).v };

	regs.rcx = trial_map(p->trial, hpa(regs.r8), TDX_4K);
	if (!call(p, &regs))
		p->mapped[region][page] = true;
}

static void remove_page(struct play *p)
{
	uint32_t region = below(p, REGIONS), page = below(p, PAGES), tries = 0;
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_MEM_PAGE_REMOVE, 0),
				 .rdx = p->trial->cpu[0].tdr.v };

	while (tries++ < PAGES && !p->mapped[region][page])
		page = (page + 1) % PAGES;
	if (!p->mapped[region][page])
		return;
	regs.rcx = trial_map(p->trial, page_at(p, region, page), TDX_4K);
	if (!call(p, &regs))
		p->mapped[region][page] = false;
	/* The page's address and the hint. */
	p->answer[p->nr].first = regs.rcx;
}

static void aug_2m(struct play *p)
{
	uint32_t region = below(p, REGIONS);
	uint32_t td = p->whole[region] || p->split[region];
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_MEM_PAGE_AUG, 0),
				 .rdx = p->trial->cpu[td].tdr.v,
				 .r8 = page_at(p, region, 0).v };

	regs.rcx = trial_map(p->trial, hpa(regs.r8), TDX_2M);
	if (!call(p, &regs))
		p->whole[region] = true;
}

static void remove_2m(struct play *p)
{
	uint32_t region = below(p, REGIONS);
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_MEM_PAGE_REMOVE, 0),
				 .rdx = p->trial->cpu[0].tdr.v };

	if (!p->whole[region])
		return;
	regs.rcx = trial_map(p->trial, page_at(p, region, 0), TDX_2M);
	if (!call(p, &regs))
		p->whole[region] = false;
	p->answer[p->nr].first = regs.rcx;
}

static void demote(struct play *p)
{
	uint32_t region = below(p, REGIONS);
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_MEM_PAGE_DEMOTE, 0),
				 .rdx = p->trial->cpu[0].tdr.v,
				 .r8 = any_page(p).v,
				 .r9 = TDX_NULL_PA,
				 .r10 = TDX_NULL_PA,
				 .r11 = TDX_NULL_PA };

	regs.r12 = any_page(p).v;
	regs.r13 = any_page(p).v;
	if (!p->whole[region])
		return;
	regs.rcx = trial_map(p->trial, page_at(p, region, 0), TDX_2M);
	if (call(p, &regs))
		return;
	p->whole[region] = false;
	p->split[region] = true;
}

static void promote(struct play *p)
{
	uint32_t region = below(p, REGIONS);
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_MEM_PAGE_PROMOTE, 0),
				 .rdx = p->trial->cpu[0].tdr.v };

	if (!p->split[region])
		return;
	regs.rcx = trial_map(p->trial, page_at(p, region, 0), TDX_2M);
	if (call(p, &regs))
		return;
	p->split[region] = false;
	p->whole[region] = true;
	p->answer[p->nr].first = regs.rcx;
	p->answer[p->nr].second = regs.r12 ^ regs.r13 << 1;
}

static uint64_t control_map(const struct play *p, tdx_hpa_t page, uint32_t number)
{
	if (p->trial->setup.module == TRIAL_MODEL)
		return page.v | 1;
	return (UINT64_C(2) << TDX_1G_SHIFT) + number * TDX_2M_SIZE + 1;
}

static void sept_add(struct play *p)
{
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_MEM_SEPT_ADD, 0),
				 .rdx = p->trial->cpu[0].tdr.v,
				 .r8 = any_page(p).v };

	if (p->nr_control == 8)
		return;
	regs.rcx = control_map(p, hpa(regs.r8), p->nr_control);
	if (!call(p, &regs))
		p->control[p->nr_control++] = hpa(regs.r8);
}

static void sept_remove(struct play *p)
{
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_MEM_SEPT_REMOVE, 0),
				 .rdx = p->trial->cpu[0].tdr.v };

	if (!p->nr_control)
		return;
	regs.rcx = control_map(p, p->control[p->nr_control - 1], p->nr_control - 1);
	if (!call(p, &regs))
		p->nr_control--;
	p->answer[p->nr].first = regs.rcx;
}

static void rdmd(struct play *p)
{
	uint32_t page = below(p, PAGES);
	enum tdx_size size = page ? TDX_4K : TDX_2M;
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_PHYMEM_PAGE_RDMD, 0) };

	regs.rcx = tdx_hpa_size(page_at(p, below(p, REGIONS), page), size);
	if (call(p, &regs))
		return;
	p->answer[p->nr].first = regs.rcx ^ regs.r8 << 32;
	p->answer[p->nr].second = regs.r10 ^ regs.r11 << 1;
}

static void (*const moves[])(struct play *p) = {
	add,	   add,	   add,	   remove_pair, aug,	  aug,	       remove_page, aug_2m,
	remove_2m, demote, demote, promote,	sept_add, sept_remove, rdmd,
};

static void play(struct play *p, enum trial_module module, uint64_t seed)
{
	struct setup setup;
	const char *why;

	memset(p, 0, sizeof(*p));
	setup_init(&setup);
	setup.module = module;
	setup.pages = TRIAL_APART;
	setup.nr_regions = REGIONS;
	assert_true(program_parse("gA/gB", &setup.program, &why));
	p->trial = trial_create(&setup, &why);
	if (!p->trial)
		fail_msg("%s", why);
	p->random = seed;
	for (p->nr = 0; p->nr < CALLS; p->nr++)
		moves[below(p, sizeof(moves) / sizeof(moves[0]))](p);
	assert_null(p->trial->module.fatal(p->trial->module.box.ctx));
	trial_destroy(p->trial);
}

static struct play real, model;

static void the_model_answers_as_softseam_does(void **state)
{
	enum { MAX_LEAF = 64 };
	uint32_t done[MAX_LEAF] = { 0 }, refused[MAX_LEAF] = { 0 };
	char one[ABI_TEXT], two[ABI_TEXT];

	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		play(&real, TRIAL_SOFTSEAM, seed);
		play(&model, TRIAL_MODEL, seed);
		for (uint32_t i = 0; i < CALLS; i++) {
			const struct answer *r = &real.answer[i], *m = &model.answer[i];

			*(r->status ? &refused[r->leaf] : &done[r->leaf]) += 1;
			if (r->leaf != m->leaf || r->status != m->status || r->first != m->first ||
			    r->second != m->second)
				fail_msg(
					"seed %llu, call %u, leaf %u: softseam %s %llx %llx, model "
					"%s %llx %llx",
					(unsigned long long)seed, i, r->leaf,
					abi_status_text((tdx_status_t){ r->status }, one,
							sizeof(one)),
					(unsigned long long)r->first, (unsigned long long)r->second,
					abi_status_text((tdx_status_t){ m->status }, two,
							sizeof(two)),
					(unsigned long long)m->first,
					(unsigned long long)m->second);
		}
	}
	/* Not all of it was nonsense, and not all of it was right: for each leaf. */
	for (uint32_t leaf = 0; leaf < MAX_LEAF; leaf++) {
		if (leaf == TDH_PHYMEM_PAMT_ADD || leaf == TDH_PHYMEM_PAMT_REMOVE ||
		    leaf == TDH_MEM_PAGE_AUG || leaf == TDH_MEM_PAGE_DEMOTE ||
		    leaf == TDH_MEM_SEPT_ADD)
			assert_true(done[leaf] > 50 && refused[leaf] > 100);
		else if (leaf == TDH_MEM_PAGE_PROMOTE || leaf == TDH_MEM_PAGE_REMOVE ||
			 leaf == TDH_MEM_SEPT_REMOVE || leaf == TDH_PHYMEM_PAGE_RDMD)
			assert_true(done[leaf] > 50);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_model_answers_as_softseam_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
