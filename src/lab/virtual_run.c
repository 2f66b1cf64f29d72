// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * virtual_run.c - builds the machine for a virtual run, and is each CPU of it.
 *
 * Memory: the TDs' own, then what the operating system has: a 64th of that, as pairs, and some
 * more. The module is the model, which passes its own time while it holds its locks.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lab/model.h"
#include "lab/virtual_run.h"

#define RAM	   (UINT64_C(4) << TDX_1G_SHIFT)
#define HKID_START 46u
/* A vCPU's control pages, and a TD's: TDR and TDCS. */
#define CONTROL_PAGES (TDX_MIN_TDVPS + 1 + TDX_MIN_TDCX)

struct run {
	const struct virtual_config *config;
	struct virtual_result *result;
	const struct costs *costs;
	struct box *box;
	struct lab_module module;
	struct pamt_memory memory;
	struct pamt_host *host;
	struct design_env env;
	void *design;
	struct virtual *virtual;
	struct run_cpu {
		struct run *run;
		uint32_t cpu;
		uint64_t random;
		struct pamt_cache cache;
		tdx_hpa_t
			control[CONTROL_PAGES]; /* the vCPU's, and of a TD's first vCPU the TD's */
		uint32_t nr_control;
		uint64_t first_region; /* of its part of the guests' memory */
		tdx_hpa_t *sept;       /* S-EPT pages of its part by region; none: not linked yet */
	} * cpu;
	tdx_hpa_t *sept; /* of all CPUs */
	/* CPUs that have come to the same point; lie in the box. */
	struct meetings {
		os_a32_t created, mapped, done;
	} * meetings;
};

static int fail(char *error, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static int fail(char *error, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, size, format, args);
	va_end(args);
	return -1;
}

const char *virtual_workload_name(enum virtual_workload workload)
{
	return workload == VIRTUAL_LINEAR ? "linear" : "edges";
}

const char *virtual_op_name(enum virtual_op op)
{
	static const char *const names[] = { "top-up", "get", "put" };

	return names[op];
}

uint64_t virtual_cost(const struct virtual_result *result)
{
	uint64_t total = 0;

	for (unsigned int op = 0; op < VIRTUAL_NR_OPS; op++)
		total += result->op[op].total;
	return total;
}

/* ------------------------------------------------------------------------------------------- */
/* What a CPU does                                                                              */

static uint64_t guest_bytes(const struct virtual_config *c) { return c->nr_tds * c->td_bytes; }

static uint64_t next_random(struct run_cpu *cpu)
{
	cpu->random = cpu->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return cpu->random >> 33;
}

/* Between half the time of the table and one and a half. */
static void think(struct run_cpu *cpu)
{
	uint64_t think = cpu->run->costs->think;

	stage_pass(think / 2 + next_random(cpu) % think);
}

static void note_op(struct run_cpu *cpu, enum virtual_op op, uint64_t since)
{
	histogram_add(&cpu->run->result->op[op], virtual_now(cpu->run->virtual) - since);
}

static void judge_call(struct run_cpu *cpu, enum tdx_leaf leaf, tdx_hpa_t page,
		       const struct tdx_regs *regs)
{
	if (regs->rax)
		stage_fail(STAGE_STATUS, "CPU %u: leaf %u of page %#llx answers %#llx", cpu->cpu,
			   (unsigned int)leaf, (unsigned long long)page.v,
			   (unsigned long long)regs->rax);
}

/* Gives a page to the module, as the design does that. */
static void give_call(struct run_cpu *cpu, enum tdx_leaf leaf, tdx_hpa_t page,
		      struct pamt_cache *cache)
{
	const struct os_services *os = box_services(cpu->run->box);
	const struct vmm_backing *backing = &cpu->run->config->design->backing;
	struct tdx_regs regs = { .rax = TDX_RAX(leaf, 0), .rcx = page.v, .r8 = page.v };

	if (!backing->call)
		os->seamcall(os->ctx, &regs);
	else if (backing->call(cpu->run->design, hpa_to_pfn(page), &regs, cache) == -OS_ENOMEM)
		stage_fail(STAGE_STATUS, "CPU %u: no pair", cpu->cpu);
	judge_call(cpu, leaf, page, &regs);
}

/* Takes one back. Return: what the module says, with the hint of who was last. */
static bool take_call(struct run_cpu *cpu, enum tdx_leaf leaf, tdx_hpa_t page)
{
	const struct os_services *os = box_services(cpu->run->box);
	struct tdx_regs regs = { .rax = TDX_RAX(leaf, 0), .rcx = page.v };

	os->seamcall(os->ctx, &regs);
	judge_call(cpu, leaf, page, &regs);
	return regs.rcx & TDX_HINT_BIT;
}

/* ------------------------------------------------------------------------------------------- */
/* Control pages: any TD has them, and they keep the pool's pages in use                        */

/* To the module all control pages are alike: claimed and counted. */
static tdx_hpa_t take_control(struct run_cpu *cpu, struct pamt_cache *cache)
{
	struct run *run = cpu->run;
	tdx_hpa_t page = HPA_NONE;

	if (run->config->design->backing.alloc_page(run->design, os_node(), cache, &page))
		stage_fail(STAGE_STATUS, "CPU %u: no control page", cpu->cpu);
	give_call(cpu, TDH_MEM_SEPT_ADD, page, cache);
	return page;
}

static void give_control(struct run_cpu *cpu, tdx_hpa_t page)
{
	bool last = take_call(cpu, TDH_MEM_SEPT_REMOVE, page);

	cpu->run->config->design->backing.free_page(cpu->run->design, page, last);
}

static void meet(struct run *run, os_a32_t *meeting)
{
	os_fetch_add32(meeting, 1, OS_RELAXED);
	while (os_load32(meeting, OS_RELAXED) != run->config->nr_cpus)
		stage_pass(run->costs->think);
}

static void create_vcpu(struct run_cpu *cpu)
{
	const struct virtual_config *c = cpu->run->config;
	bool first = cpu->cpu % ((c->nr_cpus + c->nr_tds - 1) / c->nr_tds) == 0;
	uint32_t nr = first ? CONTROL_PAGES : TDX_MIN_TDVPS;

	while (cpu->nr_control < nr)
		cpu->control[cpu->nr_control++] = take_control(cpu, NULL);
	meet(cpu->run, &cpu->run->meetings->created);
}

static void destroy_vcpu(struct run_cpu *cpu)
{
	meet(cpu->run, &cpu->run->meetings->done);
	cpu->run->config->design->backing.cache_free(cpu->run->design, &cpu->cache);
	while (cpu->nr_control)
		give_control(cpu, cpu->control[--cpu->nr_control]);
}

/* ------------------------------------------------------------------------------------------- */
/* Guest pages                                                                                  */

static tdx_hpa_t *sept_of(struct run_cpu *cpu, tdx_hpa_t page)
{
	return &cpu->sept[hpa_to_region(page).v - cpu->first_region];
}

static void map_page(struct run_cpu *cpu, tdx_hpa_t page)
{
	struct run *run = cpu->run;
	const struct vmm_backing *backing = &run->config->design->backing;
	uint64_t since = virtual_now(run->virtual);

	/* What a fault may need: an S-EPT page and a pair. */
	if (backing->topup(run->design, &cpu->cache, 1, 1))
		stage_fail(STAGE_STATUS, "CPU %u: top-up fails", cpu->cpu);
	note_op(cpu, VIRTUAL_TOPUP, since);
	if (hpa_is_none(*sept_of(cpu, page)))
		*sept_of(cpu, page) = take_control(cpu, &cpu->cache);
	since = virtual_now(run->virtual);
	if ((backing->take && backing->take(run->design, hpa_to_pfn(page), TDX_4K)) ||
	    backing->get(run->design, hpa_to_pfn(page), &cpu->cache))
		stage_fail(STAGE_STATUS, "CPU %u: get fails", cpu->cpu);
	note_op(cpu, VIRTUAL_GET, since);
	give_call(cpu, TDH_MEM_PAGE_AUG, page, &cpu->cache);
}

static void unmap_page(struct run_cpu *cpu, tdx_hpa_t page)
{
	struct run *run = cpu->run;
	const struct vmm_backing *backing = &run->config->design->backing;
	bool last = take_call(cpu, TDH_MEM_PAGE_REMOVE, page);
	uint64_t since = virtual_now(run->virtual);

	backing->put(run->design, hpa_to_pfn(page), last);
	if (backing->give)
		backing->give(run->design, hpa_to_pfn(page), TDX_4K);
	note_op(cpu, VIRTUAL_PUT, since);
}

static void note_pages(struct run *run)
{
	uint64_t pages = box_pages_taken(run->box);

	if (pages > run->result->pages_peak)
		run->result->pages_peak = pages;
}

static uint64_t part_bytes(const struct virtual_config *c)
{
	return guest_bytes(c) / c->nr_cpus & ~(TDX_PAGE_SIZE - 1);
}

static uint64_t regions_of_cpu(const struct virtual_config *c)
{
	return (guest_bytes(c) >> TDX_2M_SHIFT) / c->nr_cpus;
}

/* Regions that a CPU's part may lie in, the first and the last in part. */
static uint64_t regions_touched(const struct virtual_config *c) { return regions_of_cpu(c) + 2; }

static void linear(struct run_cpu *cpu)
{
	struct run *run = cpu->run;
	uint64_t part = part_bytes(run->config), base = RAM + cpu->cpu * part;

	for (uint64_t at = base; at < base + part; at += TDX_PAGE_SIZE) {
		think(cpu);
		map_page(cpu, hpa(at));
	}
	/* All is mapped: memory is at its peak. */
	note_pages(run);
	meet(run, &run->meetings->mapped);
	for (uint64_t at = base; at < base + part; at += TDX_PAGE_SIZE)
		unmap_page(cpu, hpa(at));
}

static void edges(struct run_cpu *cpu)
{
	struct run *run = cpu->run;
	uint64_t regions = regions_of_cpu(run->config);
	uint64_t base = RAM + (cpu->cpu * regions << TDX_2M_SHIFT);

	for (uint64_t i = 0; i < run->config->ops_per_cpu; i++) {
		uint64_t at = base + (next_random(cpu) % regions << TDX_2M_SHIFT);

		at += next_random(cpu) % TDX_PAGES_PER_2M * TDX_PAGE_SIZE;
		think(cpu);
		map_page(cpu, hpa(at));
		unmap_page(cpu, hpa(at));
	}
	note_pages(run);
}

static void run_cpu(void *arg)
{
	struct run_cpu *cpu = arg;
	const struct virtual_config *c = cpu->run->config;

	create_vcpu(cpu);
	if (c->workload == VIRTUAL_LINEAR)
		linear(cpu);
	else
		edges(cpu);
	for (uint64_t i = 0; i < regions_touched(c); i++)
		if (!hpa_is_none(cpu->sept[i]))
			give_control(cpu, cpu->sept[i]);
	destroy_vcpu(cpu);
}

/* ------------------------------------------------------------------------------------------- */
/* Setting up                                                                                   */

static uint64_t whole_gib(uint64_t bytes) { return (bytes + TDX_1G_SIZE - 1) & ~(TDX_1G_SIZE - 1); }

static int make_machine(struct run *run, char *error, size_t size)
{
	const struct virtual_config *c = run->config;
	uint64_t guest = whole_gib(guest_bytes(c)), os_bytes = whole_gib(guest / 64) + TDX_1G_SIZE;
	struct box_config config = { .nr_cpus = c->nr_cpus,
				     .nr_nodes = 1,
				     .ram = hpa(RAM),
				     .ram_bytes = guest + os_bytes,
				     .timed = true };
	struct model *model;

	run->box = box_create(&config);
	if (!run->box)
		return fail(error, size, "no memory for a machine of %llu GiB",
			    (unsigned long long)(config.ram_bytes >> TDX_1G_SHIFT));
	model = model_create(box_services(run->box), hpa_to_region(hpa(RAM)),
			     config.ram_bytes >> TDX_2M_SHIFT);
	if (!model || !box_claim(run->box, hpa(RAM), guest >> TDX_PAGE_SHIFT))
		return fail(error, size, "no memory for the module");
	model_set_cost(model, costs_of_leaf);
	model_module(model, &run->module);
	box_set_module(run->box, &run->module.box);
	run->memory = (struct pamt_memory){ .base = hpa(RAM), .bytes = config.ram_bytes };
	run->env = (struct design_env){ .os = box_services(run->box),
					.ram = hpa(RAM),
					.ram_bytes = config.ram_bytes,
					.module = &run->module,
					.idle_limit = c->idle_limit };
	return 0;
}

static int make_design(struct run *run, char *error, size_t size)
{
	struct pamt_host_config config = { .memory = &run->memory,
					   .nr_memory = 1,
					   .dynamic = true,
					   .hkid_start_bit = HKID_START,
					   .global_hkid = 32,
					   .nr_hkids = 16 };
	struct pamt_error why;

	if (pamt_host_create(run->env.os, &config, &run->host, &why) ||
	    pamt_bring_up(run->host, &why))
		return fail(error, size, "bring-up fails: %s", why.reason);
	run->env.host = run->host;
	if (run->config->design->create(&run->env, &run->design))
		return fail(error, size, "the design cannot be set up");
	run->meetings = run->env.os->alloc(run->env.os->ctx, sizeof(*run->meetings));
	return run->meetings ? 0 : fail(error, size, "no memory");
}

static void describe_cpu(struct run *run, uint32_t i, tdx_hpa_t *sept)
{
	const struct virtual_config *c = run->config;
	uint64_t first = RAM + i * part_bytes(c);

	if (c->workload == VIRTUAL_EDGES)
		first = RAM + (i * regions_of_cpu(c) << TDX_2M_SHIFT);
	run->cpu[i] = (struct run_cpu){ .run = run,
					.cpu = i,
					.random = (c->seed + 1) * UINT64_C(0x9e3779b97f4a7c15) +
						  i * UINT64_C(0xd1342543de82ef95),
					.first_region = first >> TDX_2M_SHIFT,
					.sept = sept };
}

static int make_cpus(struct run *run, char *error, size_t size)
{
	uint64_t regions = regions_touched(run->config);

	run->cpu = calloc(run->config->nr_cpus, sizeof(*run->cpu));
	run->sept = calloc(run->config->nr_cpus * regions, sizeof(*run->sept));
	run->virtual = virtual_create(run->costs);
	if (!run->cpu || !run->sept || !run->virtual)
		return fail(error, size, "no memory for %u CPUs", run->config->nr_cpus);
	for (uint64_t i = 0; i < run->config->nr_cpus * regions; i++)
		run->sept[i] = HPA_NONE;
	stage_reset();
	for (uint32_t i = 0; i < run->config->nr_cpus; i++) {
		describe_cpu(run, i, run->sept + i * regions);
		stage_start(i, run_cpu, &run->cpu[i]);
	}
	return 0;
}

/* What is kept at an address, as the design or the module calls it, or where it is. */
static void name_line(const struct run *run, const struct virtual_line *line, char name[64])
{
	const struct design *design = run->config->design;
	uint64_t bytes;
	const char *memory = box_memory(run->box, &bytes);

	if (design->name_of && design->name_of(run->design, line->addr, name))
		return;
	if (run->module.name_of(run->module.box.ctx, line->addr, name))
		return;
	snprintf(name, 64, "offset 0x%llx",
		 (unsigned long long)((const char *)line->addr - memory));
}

static void collect(struct run *run)
{
	struct virtual_result *r = run->result;
	struct virtual_line lines[VIRTUAL_WORST];

	r->end = virtual_end(run->virtual);
	r->hash = virtual_hash(run->virtual);
	r->turns = virtual_turns(run->virtual);
	r->nr_worst = virtual_worst(run->virtual, lines, VIRTUAL_WORST);
	for (uint32_t i = 0; i < r->nr_worst; i++) {
		r->worst[i].line = lines[i];
		name_line(run, &lines[i], r->worst[i].name);
	}
}

static int run_all(struct run *run, char *error, size_t size)
{
	struct stage_policy policy;

	if (make_machine(run, error, size) || make_design(run, error, size) ||
	    make_cpus(run, error, size))
		return -1;
	/* What the run itself takes, above what bring-up took. */
	virtual_policy(run->virtual, &policy);
	if (stage_run(&policy) != STAGE_FINISHED)
		return fail(error, size, "%s", stage_violation()->text);
	collect(run);
	return 0;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int virtual_run(const struct virtual_config *config, struct virtual_result *result, char *error,
		size_t size)
{
	struct run run = { .config = config, .result = result, .costs = costs_table() };
	double began = now();
	int code;

	memset(result, 0, sizeof(*result));
	if (config->design->is_static)
		return fail(error, size, "the model knows Dynamic PAMT only");
	if (stage_open(config->nr_cpus, 1))
		return fail(error, size, "CPUs are 1 to %u", STAGE_MAX_CPUS);
	code = run_all(&run, error, size);
	virtual_destroy(run.virtual);
	free(run.cpu);
	free(run.sept);
	box_destroy(run.box);
	stage_close();
	result->seconds = now() - began;
	return code;
}
