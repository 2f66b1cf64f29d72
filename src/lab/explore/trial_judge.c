// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * trial_judge.c - looks at every SEAMCALL, before and after, and tells what happens to whoever
 * wants to read it.
 */
#include <stdarg.h>
#include <stdio.h>

#include "abi/abi.h"
#include "lab/explore/trial_internal.h"

uint32_t trial_region_of(const struct trial *trial, tdx_hpa_t at)
{
	for (uint32_t i = 0; i < trial->env.nr_regions; i++)
		if (hpa_to_region(at).v == trial->env.region[i].v)
			return i;
	return UINT32_MAX;
}

const char *trial_check(struct trial *trial)
{
	const char *broken = trial->module.fatal(trial->module.box.ctx);

	return broken ? broken : trial->setup.design->check(trial->design);
}

/* ------------------------------------------------------------------------------------------- */
/* Telling                                                                                      */

void trial_tell(struct trial *trial, FILE *to)
{
	trial->tell = to;
	trial->told_leaf = UINT32_MAX;
	box_show_log(trial->box, to != NULL);
}

/* Whatever comes next ends a row of calls. */
static void end_row(struct trial *trial)
{
	if (trial->told_again)
		fprintf(trial->tell, "CPU %u:   and %llu more\n", trial->told_cpu,
			(unsigned long long)trial->told_again);
	trial->told_again = 0;
	trial->told_leaf = UINT32_MAX;
}

static void tell_who(struct trial *trial)
{
	const struct stage_actor *now = stage_now();

	end_row(trial);
	if (now)
		fprintf(trial->tell, "CPU %u%s: ", now->cpu, now->softirq ? " (softirq)" : "");
}

void trial_say(struct trial *trial, const char *format, ...)
{
	va_list args;

	if (!trial->tell)
		return;
	tell_who(trial);
	va_start(args, format);
	vfprintf(trial->tell, format, args);
	va_end(args);
	fputc('\n', trial->tell);
}

/* "region A", "page B+3", or the number. */
static const char *where(const struct trial *trial, uint64_t at, bool page, char text[32])
{
	uint32_t region = trial_region_of(trial, hpa(at));

	if (region == UINT32_MAX)
		snprintf(text, 32, "%#llx", (unsigned long long)at);
	else if (page)
		snprintf(text, 32, "%c+%llu", 'A' + region,
			 (unsigned long long)(at >> TDX_PAGE_SHIFT) % TDX_PAGES_PER_2M);
	else
		snprintf(text, 32, "region %c", 'A' + region);
	return text;
}

static void tell_call(struct trial *trial, const struct tdx_regs *regs)
{
	uint32_t number = TDX_RAX_LEAF(regs->rax);
	const struct abi_leaf *leaf = abi_leaf(number, false);
	char target[32], first[32], second[32];

	if (trial->told_leaf == number && trial->told_cpu == os_cpu()) {
		trial->told_again++;
		return;
	}
	if (number == TDH_PHYMEM_PAMT_ADD)
		trial_say(trial, "  %s of %s, pair %s and %s", leaf->name,
			  where(trial, regs->rcx, false, target),
			  where(trial, regs->rdx, true, first),
			  where(trial, regs->r8, true, second));
	else if (number == TDH_PHYMEM_PAMT_REMOVE)
		trial_say(trial, "  %s of %s", leaf->name, where(trial, regs->rcx, false, target));
	else
		trial_say(trial, "  %s", leaf ? leaf->name : "a leaf without a name");
	if (number != TDH_PHYMEM_PAMT_ADD && number != TDH_PHYMEM_PAMT_REMOVE) {
		trial->told_leaf = number;
		trial->told_cpu = os_cpu();
	}
}

static const char *const kind_words[] = {
	[STAGE_BEGIN] = "it begins",
	[STAGE_READ] = "it reads",
	[STAGE_WRITE] = "it writes",
	[STAGE_LOCK] = "it takes a lock",
	[STAGE_UNLOCK] = "it gives a lock back",
	[STAGE_WAIT] = "it waits for a word",
	[STAGE_RELAX] = "it spins",
	[STAGE_YIELD] = "it yields",
	[STAGE_IRQ] = "it switches interrupts",
	[STAGE_CALL] = "it calls",
	[STAGE_PASS] = "time passes",
};

/* "the word of region A"; false: nothing that has a name. */
static bool trial_name_of(const struct trial *trial, const void *addr, char text[64])
{
	if (trial->module.name_of && trial->module.name_of(trial->module.box.ctx, addr, text))
		return true;
	return trial->setup.design->name_of &&
	       trial->setup.design->name_of(trial->design, addr, text);
}

void trial_watch(void *ctx, const struct stage_actor *actor, bool switched)
{
	struct trial *trial = ctx;
	char text[64];

	if (!trial->tell || !switched || !actor->begun)
		return;
	end_row(trial);
	fprintf(trial->tell, "CPU %u%s: goes on where %s", actor->cpu,
		actor->softirq ? " (softirq)" : "", kind_words[actor->step.kind]);
	if (actor->step.kind == STAGE_CALL)
		fprintf(trial->tell, " %s", actor->step.name);
	else if (actor->step.addr && trial_name_of(trial, actor->step.addr, text))
		fprintf(trial->tell, " %s", text);
	fputc('\n', trial->tell);
}

/* ------------------------------------------------------------------------------------------- */
/* Judging                                                                                      */

uint64_t trial_map(const struct trial *trial, tdx_hpa_t page, enum tdx_size size)
{
	uint64_t region = trial_region_of(trial, page);

	if (trial->setup.module == TRIAL_MODEL)
		return page.v | (uint64_t)size;
	/* 4K pages in the first GiB of guest addresses, 2M pages in the second. */
	return ((uint64_t)size << TDX_1G_SHIFT) + (region << TDX_2M_SHIFT) +
	       (page.v & (TDX_2M_SIZE - 1)) + (uint64_t)size;
}

/* The region whose page a PAGE.REMOVE of 4K frees; UINT32_MAX: another leaf, or not of the run. */
static uint32_t freed_region(const struct trial *trial, const struct tdx_regs *regs)
{
	if (TDX_RAX_LEAF(regs->rax) != TDH_MEM_PAGE_REMOVE || (regs->rcx & 7) != TDX_4K)
		return UINT32_MAX;
	if (trial->setup.module == TRIAL_MODEL)
		return trial_region_of(trial, hpa(regs->rcx));
	/* In whichever GiB it is mapped: a 2M page that was split goes page by page too. */
	return (uint32_t)((regs->rcx & (TDX_1G_SIZE - 1)) >> TDX_2M_SHIFT);
}

/* PAMT.REMOVE is refused by a page in use, or worse, if it meets the leaf that frees the page. */
static const char *judge_removal(struct trial *trial, uint32_t region)
{
	struct lab_entry entry;
	bool quiet;

	if (trial->removing[region])
		return "PAMT.REMOVE while a leaf that frees a page of the region has not returned";
	if (!trial->not_empty[region])
		return NULL;
	quiet = stage_quiet(true);
	trial->module.entry(trial->module.box.ctx, trial->env.region[region], &entry);
	stage_quiet(quiet);
	return entry.count ? "PAMT.REMOVE again although it has answered PAMT_PAGE_NOT_EMPTY"
			   : NULL;
}

static void before_call(struct trial *trial, const struct tdx_regs *regs)
{
	uint32_t region = freed_region(trial, regs);
	const char *broken = NULL;

	if (trial->tell)
		tell_call(trial, regs);
	trial->call[os_cpu()] = *regs;
	if (region != UINT32_MAX)
		trial->removing[region]++;
	region = trial_region_of(trial, hpa(regs->rcx));
	if (TDX_RAX_LEAF(regs->rax) == TDH_PHYMEM_PAMT_REMOVE && region != UINT32_MAX)
		broken = judge_removal(trial, region);
	if (!broken && !trial->cleaning && trial->setup.design->check_call)
		broken = trial->setup.design->check_call(trial->design, regs);
	if (broken)
		stage_fail(STAGE_INVARIANT, "%s", broken);
}

/* Did the setup ask for this answer? */
static bool asked_for(struct trial *trial, uint32_t leaf, uint64_t target, tdx_status_t status)
{
	const struct box_fault *fault = &trial->setup.fault;
	uint32_t region = trial_region_of(trial, hpa(target));

	/* A stray put may be the last one, although somebody's page is mapped. */
	if (leaf == TDH_PHYMEM_PAMT_REMOVE && tdx_status_is(status, TDX_PAMT_PAGE_NOT_EMPTY) &&
	    trial->env.strays && region != UINT32_MAX) {
		trial->not_empty[region] = true;
		return true;
	}
	return fault->call_at && fault->leaf == leaf && fault->status == status.v;
}

static void after_call(struct trial *trial, const struct tdx_regs *regs)
{
	const struct tdx_regs *call = &trial->call[os_cpu()];
	uint32_t leaf = TDX_RAX_LEAF(call->rax), region = freed_region(trial, call);
	uint64_t target = call->rcx & ~UINT64_C(7);
	tdx_status_t status = { regs->rax };
	char text[ABI_TEXT], name[32];

	if (region != UINT32_MAX)
		trial->removing[region]--;
	if (!status.v)
		return;
	abi_status_text(status, text, sizeof(text));
	trial_say(trial, "  -> %s", text);
	if ((leaf == TDH_PHYMEM_PAMT_ADD || leaf == TDH_PHYMEM_PAMT_REMOVE) &&
	    !trial->setup.design->asks_module && !asked_for(trial, leaf, target, status))
		stage_fail(STAGE_STATUS, "%s of %s answers %s", abi_leaf(leaf, false)->name,
			   where(trial, target, false, name), text);
}

void trial_observe(void *ctx, const struct tdx_regs *regs, bool after)
{
	if (after)
		after_call(ctx, regs);
	else
		before_call(ctx, regs);
}
