// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * trial_ops.c - what the CPUs of a trial do: each operation of a program, and the cleaning up at
 * the end, which runs as an actor too, so that a word left LOCKED is a deadlock and no hang.
 */
#include <string.h>

#include <pamt/seam.h>

#include "abi/abi.h"
#include "lab/explore/trial_internal.h"
/* The CPUs of a trial are the library's callers, and make callers' mistakes. */
#include "mutants/host.h"

#define CPU_PAGES 24u
_Static_assert(PROGRAM_MAX_OPS < CPU_PAGES, "one of a CPU's pages is never got");
#define STRAY_PAGE  511u
#define CONTROL_GIB 2u /* guest addresses of control pages begin here */

static const struct design *design_of(const struct trial_cpu *cpu)
{
	return cpu->trial->setup.design;
}

static const struct vmm_backing *backing_of(const struct trial_cpu *cpu)
{
	return cpu->trial->setup.design->backing;
}

static struct pamt_cache *cache_of(struct trial_cpu *cpu)
{
	return cpu->trial->setup.cached ? &cpu->cache : NULL;
}

static char letter(uint32_t region) { return (char)('A' + region); }

static tdx_hpa_t page_of(const struct trial_cpu *cpu, uint32_t region, uint32_t number)
{
	uint64_t base = region_to_hpa(cpu->trial->env.region[region]).v;

	return hpa(base + (TRIAL_FIRST_PAGE + cpu->cpu * CPU_PAGES + number) * TDX_PAGE_SIZE);
}

static tdx_pfn_t region_pfn(const struct trial_cpu *cpu, uint32_t region)
{
	return hpa_to_pfn(region_to_hpa(cpu->trial->env.region[region]));
}

static bool call_is_made_to_fail(const struct trial_cpu *cpu, tdx_status_t status)
{
	const struct box_fault *fault = &cpu->trial->setup.fault;

	return fault->call_at && fault->leaf == TDH_MEM_PAGE_AUG && fault->status == status.v;
}

static bool call_did(struct trial_cpu *cpu, const struct tdx_regs *regs, const char *what,
		     uint32_t region)
{
	tdx_status_t status = { regs->rax };
	char text[ABI_TEXT];

	if (!status.v)
		return true;
	if (call_is_made_to_fail(cpu, status))
		return false;
	stage_fail(STAGE_STATUS, "CPU %u: %s in region %c, which is backed, answers %s", cpu->cpu,
		   what, letter(region), abi_status_text(status, text, sizeof(text)));
	return false;
}

/* A SEAMCALL that the design has no part in. It must succeed. */
static bool make_call(struct trial_cpu *cpu, struct tdx_regs *regs, const char *what,
		      uint32_t region)
{
	const struct os_services *os = box_services(cpu->trial->box);

	os->seamcall(os->ctx, regs);
	return call_did(cpu, regs, what, region);
}

/* The same, of one that gives the module a 4K page: some designs want to make these. */
static bool give_call(struct trial_cpu *cpu, struct tdx_regs *regs, tdx_hpa_t page,
		      const char *what, uint32_t region)
{
	int error;

	if (!backing_of(cpu)->call)
		return make_call(cpu, regs, what, region);
	error = backing_of(cpu)->call(cpu->trial->backing, hpa_to_pfn(page), regs, cache_of(cpu));
	if (!error || error == -OS_EIO)
		return call_did(cpu, regs, what, region);
	if (error != -OS_ENOMEM || !cpu->trial->setup.cached)
		stage_fail(STAGE_STATUS, "CPU %u: %s in region %c is given up with %d", cpu->cpu,
			   what, letter(region), error);
	return false;
}

/* ------------------------------------------------------------------------------------------- */
/* 4K pages                                                                                     */

/* The last page in that state, or NULL. */
static struct held_page *last_page(struct trial_cpu *cpu, uint32_t region, enum held_state state)
{
	struct held *held = &cpu->held[region];

	for (uint32_t i = held->nr; i--;)
		if (held->page[i].state == state)
			return &held->page[i];
	return NULL;
}

/* A get that fails must have a reason. */
static bool may_fail(const struct trial_cpu *cpu, uint32_t region, int error)
{
	const struct setup *s = &cpu->trial->setup;

	if (s->fault.alloc_at || s->fault.call_at)
		return error < 0;
	/* Somebody's 2M page, whole or in 512 pieces. */
	if (error == -OS_EBUSY || error == -OS_ERANGE)
		return cpu->trial->uses_2m >> region & 1;
	return error == -OS_ENOMEM && s->cached;
}

/* A page of guest memory is had, and is about to be the module's. */
static int get_page(struct trial_cpu *cpu, tdx_pfn_t page)
{
	const struct vmm_backing *backing = backing_of(cpu);
	int error = backing->take ? backing->take(cpu->trial->backing, page, TDX_4K) : 0;

	if (error)
		return error;
	error = backing->get(cpu->trial->backing, page, cache_of(cpu));
	if (error && backing->give)
		backing->give(cpu->trial->backing, page, TDX_4K);
	return error;
}

static void count_user(struct trial *trial, uint32_t region, int change)
{
	trial->users[region] += (uint32_t)change;
	trial->moves[region]++;
}

static void put_page(struct trial_cpu *cpu, struct soft_put put)
{
	backing_of(cpu)->put(cpu->trial->backing, put.page, put.last);
	if (backing_of(cpu)->give)
		backing_of(cpu)->give(cpu->trial->backing, put.page, TDX_4K);
	count_user(cpu->trial, trial_region_of(cpu->trial, pfn_to_hpa(put.page)), -1);
}

static void get(struct trial_cpu *cpu, uint32_t region)
{
	struct held *held = &cpu->held[region];
	struct held_page *page = &held->page[held->nr];
	int result;

	page->number = (uint8_t)held->next++;
	page->last = false;
	count_user(cpu->trial, region, 1);
	result = get_page(cpu, hpa_to_pfn(page_of(cpu, region, page->number)));
	if (result > 0)
		stage_fail(STAGE_STATUS,
			   "get in region %c answers %d, which is neither 0 nor an error",
			   letter(region), result);
	else if (result && !may_fail(cpu, region, result))
		stage_fail(STAGE_STATUS, "get in region %c fails with %d for no reason",
			   letter(region), result);
	page->state = result ? PAGE_REFUSED : PAGE_GOT;
	if (result)
		count_user(cpu->trial, region, -1);
	held->nr++;
}

static void aug(struct trial_cpu *cpu, uint32_t region)
{
	struct held_page *page = last_page(cpu, region, PAGE_GOT);
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_MEM_PAGE_AUG, 0), .rdx = cpu->tdr.v };

	if (!page)
		return;
	regs.r8 = page_of(cpu, region, page->number).v;
	regs.rcx = trial_map(cpu->trial, hpa(regs.r8), TDX_4K);
	if (give_call(cpu, &regs, hpa(regs.r8), "AUG", region)) {
		page->state = PAGE_MAPPED;
	} else if (cpu->trial->setup.fault.call_at) {
		/* Refused: nobody uses the page. */
		struct soft_put back = { .page = hpa_to_pfn(page_of(cpu, region, page->number)) };
		struct held *held = &cpu->held[region];

		*page = held->page[--held->nr];
		if (!MUTANT(KEPT_ON_ERROR))
			put_page(cpu, back);
	}
}

/* The region's 2M entry, by no step. */
static struct lab_entry entry_of(struct trial_cpu *cpu, uint32_t region)
{
	const struct lab_module *module = &cpu->trial->module;
	bool quiet = stage_quiet(true);
	struct lab_entry entry;

	module->entry(module->box.ctx, cpu->trial->env.region[region], &entry);
	stage_quiet(quiet);
	return entry;
}

/* Takes time, and reads the page through the module's metadata: the region must be backed. */
static void write_back(struct trial_cpu *cpu, uint32_t region)
{
	const struct design *design = cpu->trial->setup.design;

	stage_call("write-back", NULL, 1);
	if (design->is_static || design->asks_module)
		return;
	if (entry_of(cpu, region).kind != LAB_NODE)
		stage_fail(STAGE_INVARIANT,
			   "a page of region %c is written back when its pair is gone",
			   letter(region));
}

static void put(struct trial_cpu *cpu, uint32_t region);

static void remove_page(struct trial_cpu *cpu, uint32_t region)
{
	struct held_page *page = last_page(cpu, region, PAGE_MAPPED);
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_MEM_PAGE_REMOVE, 0), .rdx = cpu->tdr.v };

	if (!page)
		return;
	regs.rcx = trial_map(cpu->trial, page_of(cpu, region, page->number), TDX_4K);
	if (MUTANT(EARLY_PUT)) {
		page->state = PAGE_FREED;
		put(cpu, region);
	}
	if (!make_call(cpu, &regs, "REMOVE", region) || MUTANT(EARLY_PUT))
		return;
	page->state = PAGE_FREED;
	page->last = regs.rcx & TDX_HINT_BIT;
	if (MUTANT(PUT_THEN_WRITE_BACK))
		put(cpu, region);
	write_back(cpu, region);
}

/* Takes the page that is next to be put off the list. False: there is none. */
static bool next_put(struct trial_cpu *cpu, uint32_t region, struct soft_put *put)
{
	struct held *held = &cpu->held[region];
	struct held_page *page = last_page(cpu, region, PAGE_FREED);

	if (!page)
		page = last_page(cpu, region, PAGE_GOT);
	if (!page)
		return false;
	put->page = hpa_to_pfn(page_of(cpu, region, page->number));
	put->last = page->last;
	*page = held->page[--held->nr];
	return true;
}

static void put(struct trial_cpu *cpu, uint32_t region)
{
	struct soft_put next;

	if (next_put(cpu, region, &next))
		put_page(cpu, next);
}

static void softirq(void *arg)
{
	struct trial_cpu *cpu = arg;

	/* The CPU's own code does not run meanwhile. */
	while (cpu->nr_soft) {
		trial_say(cpu->trial, "put, in a softirq");
		put_page(cpu, cpu->soft[--cpu->nr_soft]);
	}
}

static void softput(struct trial_cpu *cpu, uint32_t region)
{
	if (next_put(cpu, region, &cpu->soft[cpu->nr_soft])) {
		cpu->nr_soft++;
		stage_softirq(cpu->cpu, softirq, cpu);
	}
}

static void stray(struct trial_cpu *cpu, uint32_t region)
{
	uint64_t base = region_to_hpa(cpu->trial->env.region[region]).v;

	backing_of(cpu)->put(cpu->trial->backing,
			     hpa_to_pfn(hpa(base + STRAY_PAGE * TDX_PAGE_SIZE)), false);
}

/* ------------------------------------------------------------------------------------------- */
/* 2M pages                                                                                     */

/* The outcome of a call that the design makes while it holds the region. */
static bool design_did(struct trial_cpu *cpu, uint32_t region, const char *what, int error,
		       const struct tdx_regs *regs)
{
	tdx_status_t status = { regs->rax };
	char text[ABI_TEXT];

	if (!error)
		return true;
	/* In use otherwise, or no pair in the cache: the call was not made. */
	if (error == -OS_EBUSY || error == -OS_EAGAIN || error == -OS_ENOMEM)
		return false;
	if (cpu->trial->setup.fault.call_at)
		return false;
	stage_fail(STAGE_STATUS, "CPU %u: %s of region %c fails with %d, the call answers %s",
		   cpu->cpu, what, letter(region), error,
		   abi_status_text(status, text, sizeof(text)));
	return false;
}

static void map_2m(struct trial_cpu *cpu, uint32_t region)
{
	tdx_hpa_t base = region_to_hpa(cpu->trial->env.region[region]);
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_MEM_PAGE_AUG, 0),
				 .rcx = trial_map(cpu->trial, base, TDX_2M),
				 .rdx = cpu->tdr.v,
				 .r8 = base.v };
	struct trial *trial = cpu->trial;
	uint32_t moves;
	bool alone;
	int error;

	/* Memory that is to be a guest's must be had first; somebody's chunk may lie there. */
	if (cpu->big[region] != NOT_2M || !box_claim(trial->box, base, TRIAL_FIRST_PAGE))
		return;
	alone = !trial->users[region] && !trial->env.strays && !trial->env.may_lose;
	moves = trial->moves[region];
	error = backing_of(cpu)->map_2m(trial->backing, region_pfn(cpu, region), &regs);
	if (error == -OS_EBUSY && alone && moves == trial->moves[region])
		stage_fail(STAGE_STATUS,
			   "map of 2M of region %c is refused, although nobody else has any of it",
			   letter(region));
	if (design_did(cpu, region, "map of 2M", error, &regs))
		cpu->big[region] = WHOLE;
	else
		box_unclaim(trial->box, base, TRIAL_FIRST_PAGE);
}

static void unmap_2m(struct trial_cpu *cpu, uint32_t region)
{
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_MEM_PAGE_REMOVE, 0), .rdx = cpu->tdr.v };
	tdx_hpa_t base = region_to_hpa(cpu->trial->env.region[region]);
	int error;

	if (cpu->big[region] != WHOLE)
		return;
	regs.rcx = trial_map(cpu->trial, base, TDX_2M);
	error = backing_of(cpu)->remove_2m(cpu->trial->backing, region_pfn(cpu, region), &regs);
	if (!design_did(cpu, region, "unmap of 2M", error, &regs))
		return;
	/* The write-back of 512 pages takes its time; the region must be ours until its end. */
	stage_call("write-back of 2M", NULL, TDX_PAGES_PER_2M);
	if (entry_of(cpu, region).kind != LAB_FREE)
		stage_fail(STAGE_INVARIANT,
			   "region %c is used by others while its last user writes it back",
			   letter(region));
	if (backing_of(cpu)->release_2m)
		backing_of(cpu)->release_2m(cpu->trial->backing, region_pfn(cpu, region));
	box_unclaim(cpu->trial->box, base, TRIAL_FIRST_PAGE);
	cpu->big[region] = NOT_2M;
}

static void split(struct trial_cpu *cpu, uint32_t region)
{
	const struct vmm_backing *backing = backing_of(cpu);
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_MEM_PAGE_DEMOTE, 0), .rdx = cpu->tdr.v };
	tdx_hpa_t sept;
	int error;

	if (cpu->big[region] != WHOLE ||
	    backing->alloc_page(cpu->trial->backing, os_node(), cache_of(cpu), &sept))
		return;
	regs.rcx = trial_map(cpu->trial, region_to_hpa(cpu->trial->env.region[region]), TDX_2M);
	regs.r8 = sept.v;
	error = backing->split(cpu->trial->backing, region_pfn(cpu, region), &regs, cache_of(cpu));
	if (design_did(cpu, region, "split", error, &regs)) {
		cpu->big[region] = IS_SPLIT;
		cpu->sept[region] = sept;
		if (cpu->trial->split)
			os_fetch_or16(cpu->trial->split, (uint16_t)(1u << region), OS_RELEASE);
	} else {
		backing->free_page(cpu->trial->backing, sept, false);
	}
}

static void merge(struct trial_cpu *cpu, uint32_t region)
{
	const struct vmm_backing *backing = backing_of(cpu);
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_MEM_PAGE_PROMOTE, 0), .rdx = cpu->tdr.v };
	int error;

	if (cpu->big[region] != IS_SPLIT)
		return;
	regs.rcx = trial_map(cpu->trial, region_to_hpa(cpu->trial->env.region[region]), TDX_2M);
	error = backing->merge(cpu->trial->backing, region_pfn(cpu, region), &regs);
	if (!design_did(cpu, region, "merge", error, &regs))
		return;
	cpu->big[region] = WHOLE;
	backing->free_page(cpu->trial->backing, TDX_PAGE_HPA(regs.rcx), regs.rcx & TDX_HINT_BIT);
}

/*
 * The first 4K page of a split region, by a leaf of one CPU's TD, again and again while the other
 * CPU's call has it. False: the module refuses.
 */
static bool first_page(struct trial_cpu *cpu, uint32_t leaf, uint32_t region, uint64_t at)
{
	const struct os_services *os = box_services(cpu->trial->box);
	tdx_status_t status;

	do {
		struct tdx_regs regs = { .rax = TDX_RAX(leaf, 0), .rcx = at, .rdx = cpu->tdr.v };

		regs.r8 = region_to_hpa(cpu->trial->env.region[region]).v;
		status = os->seamcall(os->ctx, &regs);
		if (tdx_status_is(status, TDX_OPERAND_BUSY))
			os_relax();
	} while (tdx_status_is(status, TDX_OPERAND_BUSY));
	return !status.v;
}

/* All 512 pages of the region are in use but for a moment. */
static void remap(struct trial_cpu *cpu, uint32_t region)
{
	tdx_hpa_t base = region_to_hpa(cpu->trial->env.region[region]);
	uint64_t at = trial_map(cpu->trial, base, TDX_2M) & ~UINT64_C(7);

	if (cpu->big[region] != IS_SPLIT)
		return;
	if (!first_page(cpu, TDH_MEM_PAGE_REMOVE, region, at))
		stage_fail(STAGE_STATUS, "REMOVE of a page of region %c is refused",
			   letter(region));
	while (!first_page(cpu, TDH_MEM_PAGE_AUG, region, at))
		os_relax();
}

/*
 * What no host does: AUG of a page that is another TD's, once its region is split. It is refused,
 * or the page is free just now.
 */
static void steal(struct trial_cpu *cpu, uint32_t region)
{
	tdx_hpa_t base = region_to_hpa(cpu->trial->env.region[region]);
	uint64_t at = trial_map(cpu->trial, base, TDX_4K);
	uint16_t split = os_load16(cpu->trial->split, OS_ACQUIRE);

	while (!(split >> region & 1)) {
		os_wait_change16(cpu->trial->split, split);
		split = os_load16(cpu->trial->split, OS_ACQUIRE);
	}
	if (first_page(cpu, TDH_MEM_PAGE_AUG, region, at))
		first_page(cpu, TDH_MEM_PAGE_REMOVE, region, at);
}

/* A page that nobody gets: whatever becomes of its region, it is the host's. */
static void touch(struct trial_cpu *cpu, uint32_t region)
{
	struct seam *seam = cpu->trial->seam;

	if (seam && seam_guard_host_access(seam, page_of(cpu, region, CPU_PAGES - 1), OS_WRITE))
		stage_fail(STAGE_INVARIANT,
			   "a page of region %c, which is the host's, is taken for another's",
			   letter(region));
}

/* ------------------------------------------------------------------------------------------- */
/* Control pages, and the host's own business                                                   */

/* The OS gave this page, and no other CPU has it. */
static void judge_page(const struct trial_cpu *cpu, tdx_hpa_t page)
{
	const struct trial *trial = cpu->trial;
	bool twice = false;

	if (!box_is_taken(trial->box, page))
		stage_fail(STAGE_INVARIANT, "page %#llx is handed out, which the OS never gave",
			   (unsigned long long)page.v);
	for (uint32_t i = 0; i < trial->setup.program.nr_cpus; i++) {
		const struct trial_cpu *other = &trial->cpu[i];

		for (uint32_t j = 0; other != cpu && j < other->nr_control; j++)
			twice |= other->control[j].v == page.v;
		if (other == cpu || other->in_cache)
			continue;
		for (uint32_t j = 0; j < other->cache.nr_pages; j++)
			twice |= other->cache.page[j].v == page.v;
	}
	if (twice)
		stage_fail(STAGE_INVARIANT, "page %#llx is handed out twice",
			   (unsigned long long)page.v);
}

/* What three tiny chunks have to give, and one page less: they are not all empty or full. */
static void topup(struct trial_cpu *cpu)
{
	enum { CONTROL = 3, PAIRS = 3 };
	struct pamt_cache *cache = &cpu->cache;
	int error;

	cpu->in_cache = true;
	error = backing_of(cpu)->topup(cpu->trial->backing, cache, CONTROL, PAIRS);
	cpu->in_cache = false;
	if (error && !cpu->trial->setup.fault.alloc_at && !cpu->trial->setup.fault.call_at)
		stage_fail(STAGE_STATUS, "a cache cannot be filled: %d, for no reason", error);
	for (uint32_t i = 0; i < cache->nr_pages; i++)
		judge_page(cpu, cache->page[i]);
}

static void empty(struct trial_cpu *cpu)
{
	cpu->in_cache = true;
	backing_of(cpu)->cache_free(cpu->trial->backing, &cpu->cache);
	cpu->in_cache = false;
}

/* An S-EPT page stands for all control pages: they are claimed and counted alike. */
static uint64_t control_map(const struct trial_cpu *cpu, tdx_hpa_t page, uint32_t number)
{
	if (cpu->trial->setup.module == TRIAL_MODEL)
		return page.v | 1;
	return ((uint64_t)CONTROL_GIB << TDX_1G_SHIFT) + number * TDX_2M_SIZE + 1;
}

static void take(struct trial_cpu *cpu)
{
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_MEM_SEPT_ADD, 0), .rdx = cpu->tdr.v };
	tdx_hpa_t page;
	int error =
		backing_of(cpu)->alloc_page(cpu->trial->backing, os_node(), cache_of(cpu), &page);

	if (error) {
		if (!may_fail(cpu, 0, error))
			stage_fail(STAGE_STATUS, "no control page: %d, for no reason", error);
		return;
	}
	judge_page(cpu, page);
	regs.r8 = page.v;
	regs.rcx = control_map(cpu, page, cpu->nr_control);
	if (give_call(cpu, &regs, page, "SEPT.ADD", trial_region_of(cpu->trial, page)))
		cpu->control[cpu->nr_control++] = page;
}

static void give(struct trial_cpu *cpu)
{
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_MEM_SEPT_REMOVE, 0), .rdx = cpu->tdr.v };
	tdx_hpa_t page;

	if (!cpu->nr_control)
		return;
	page = cpu->control[cpu->nr_control - 1];
	regs.rcx = control_map(cpu, page, cpu->nr_control - 1);
	if (!make_call(cpu, &regs, "SEPT.REMOVE", trial_region_of(cpu->trial, page)))
		return;
	cpu->nr_control--;
	backing_of(cpu)->free_page(cpu->trial->backing, page, regs.rcx & TDX_HINT_BIT);
}

static void shrink(struct trial_cpu *cpu)
{
	if (design_of(cpu)->shrink)
		design_of(cpu)->shrink(cpu->trial->design, UINT64_MAX);
}

static void verify(struct trial_cpu *cpu)
{
	int64_t found = design_of(cpu)->verify ? design_of(cpu)->verify(cpu->trial->design) : 0;

	if (found > 0)
		stage_fail(STAGE_INVARIANT, "verify sees a difference where there is none");
}

/* ------------------------------------------------------------------------------------------- */

static void (*const on_region[OP_KINDS])(struct trial_cpu *cpu, uint32_t region) = {
	[OP_GET] = get,		[OP_AUG] = aug,	      [OP_REMOVE] = remove_page, [OP_PUT] = put,
	[OP_SOFTPUT] = softput, [OP_MAP_2M] = map_2m, [OP_UNMAP] = unmap_2m,	 [OP_SPLIT] = split,
	[OP_MERGE] = merge,	[OP_STRAY] = stray,   [OP_REMAP] = remap,	 [OP_STEAL] = steal,
	[OP_TOUCH] = touch,
};
static void (*const on_cpu[OP_KINDS])(struct trial_cpu *cpu) = {
	[OP_TAKE] = take,   [OP_GIVE] = give,	  [OP_TOPUP] = topup,
	[OP_EMPTY] = empty, [OP_SHRINK] = shrink, [OP_VERIFY] = verify,
};

void trial_run_cpu(void *arg)
{
	struct trial_cpu *cpu = arg;
	const struct program *program = &cpu->trial->setup.program;

	for (uint32_t i = 0; i < program->nr_ops[cpu->cpu]; i++) {
		struct op op = program->op[cpu->cpu][i];

		if (op_has_region(op.kind)) {
			trial_say(cpu->trial, "%s %c", op_name(op.kind), letter(op.region));
			on_region[op.kind](cpu, op.region);
		} else {
			trial_say(cpu->trial, "%s", op_name(op.kind));
			on_cpu[op.kind](cpu);
		}
	}
}

/* Outside the schedule, so between operations is often enough to look. */
static bool still_well(struct trial *trial)
{
	const char *broken = trial_check(trial);

	if (broken)
		stage_fail(STAGE_INVARIANT, "%s, when all is given back", broken);
	return !broken;
}

/* A region that is split and that the design does not merge goes page by page. */
static void take_apart(struct trial_cpu *cpu, uint32_t region)
{
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_MEM_SEPT_REMOVE, 0), .rdx = cpu->tdr.v };
	tdx_hpa_t base = region_to_hpa(cpu->trial->env.region[region]);
	uint64_t at = trial_map(cpu->trial, base, TDX_2M);

	count_user(cpu->trial, region, TDX_PAGES_PER_2M);
	regs.rcx = at;
	if (cpu->trial->setup.module == TRIAL_MODEL)
		regs.rcx = control_map(cpu, cpu->sept[region], 0);
	at &= ~UINT64_C(7);
	for (uint64_t i = 0; i < TDX_PAGES_PER_2M; i++, at += TDX_PAGE_SIZE) {
		struct tdx_regs page = { .rax = TDX_RAX(TDH_MEM_PAGE_REMOVE, 0),
					 .rcx = at,
					 .rdx = cpu->tdr.v };
		tdx_pfn_t pfn = hpa_to_pfn(hpa(base.v + i * TDX_PAGE_SIZE));

		if (!make_call(cpu, &page, "REMOVE", region))
			return;
		put_page(cpu, (struct soft_put){ pfn, page.rcx & TDX_HINT_BIT });
	}
	box_unclaim(cpu->trial->box, base, TRIAL_FIRST_PAGE);
	cpu->big[region] = NOT_2M;
	if (make_call(cpu, &regs, "SEPT.REMOVE", region))
		backing_of(cpu)->free_page(cpu->trial->backing, cpu->sept[region],
					   regs.rcx & TDX_HINT_BIT);
}

static void clean_region(struct trial_cpu *cpu, uint32_t region)
{
	struct trial *trial = cpu->trial;

	if (cpu->big[region] == IS_SPLIT)
		merge(cpu, region);
	if (cpu->big[region] == IS_SPLIT)
		take_apart(cpu, region);
	if (cpu->big[region] == WHOLE)
		unmap_2m(cpu, region);
	while (still_well(trial) && last_page(cpu, region, PAGE_MAPPED))
		remove_page(cpu, region);
	while (still_well(trial) &&
	       (last_page(cpu, region, PAGE_FREED) || last_page(cpu, region, PAGE_GOT)))
		put(cpu, region);
}

static void clean_all(void *arg)
{
	struct trial *trial = arg;
	const struct design *design = trial->setup.design;

	stage_quiet(true);
	for (uint32_t i = 0; i < trial->setup.program.nr_cpus; i++) {
		struct trial_cpu *cpu = &trial->cpu[i];

		softirq(cpu);
		for (uint32_t region = 0; region < trial->setup.nr_regions; region++)
			clean_region(cpu, region);
		while (cpu->nr_control)
			give(cpu);
		design->backing->cache_free(trial->backing, &cpu->cache);
	}
	shrink(&trial->cpu[0]);
	still_well(trial);
}

/* One actor, until it is done. */
static struct stage_actor *alone(void *ctx, struct stage_actor *self)
{
	struct stage_actor *actor = stage_actor(0);

	return stage_can_run(actor) ? actor : stage_nobody();
}

void trial_clean_up(struct trial *trial)
{
	static const struct stage_policy policy = { .next = alone };

	trial_say(trial, "everybody is done; what is left is given back");
	stage_start(0, clean_all, trial);
	stage_run(&policy);
}
