// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * trial.c - makes a setup ready, hands it to the explorer, and looks at it between two steps.
 *
 * The machine: 1 GiB of RAM at 1 GiB, one TDMR. The run's regions are 16 regions apart, so that
 * no two of their words or entries share eight bytes, which is what the explorer tells apart.
 */
#include <stdlib.h>
#include <string.h>

#include "lab/explore/mutants.h"
#include "lab/explore/trial_internal.h"

#define FIRST_REGION  64u /* of the run, counted from the start of RAM */
#define REGION_STRIDE 16u

static region_t run_region(uint32_t i)
{
	return (region_t){ (TRIAL_RAM >> TDX_2M_SHIFT) + FIRST_REGION + i * REGION_STRIDE };
}

/* ------------------------------------------------------------------------------------------- */
/* What the explorer asks                                                                       */

static void prepare(void *ctx)
{
	struct trial *trial = ctx;

	box_restore(trial->box);
	memcpy(trial->cpu, trial->cpu_at_start,
	       trial->setup.program.nr_cpus * sizeof(trial->cpu[0]));
	memset(trial->removing, 0, sizeof(trial->removing));
	memset(trial->not_empty, 0, sizeof(trial->not_empty));
	memset(trial->users, 0, sizeof(trial->users));
	memset(trial->moves, 0, sizeof(trial->moves));
	for (uint32_t cpu = 0; cpu < trial->setup.program.nr_cpus; cpu++)
		stage_start(cpu, trial_run_cpu, &trial->cpu[cpu]);
}

static const char *check(void *ctx) { return trial_check(ctx); }

static void finish(void *ctx)
{
	struct trial *trial = ctx;
	const struct design *design = trial->setup.design;
	const char *left;

	trial->cleaning = true;
	trial_clean_up(trial);
	trial->cleaning = false;
	if (stage_violation()->wrong != STAGE_OK)
		return;
	left = trial->module.fatal(trial->module.box.ctx);
	if (left)
		stage_note(STAGE_INVARIANT, "%s", left);
	left = design->check_end(trial->design);
	if (left)
		stage_note(STAGE_LEAK, "%s", left);
	/* A stray put that came too early leaks a region, and with it the pair. */
	if (!trial->env.may_lose && !trial->env.strays &&
	    box_pages_taken(trial->box) > trial->pages_at_start)
		stage_note(STAGE_LEAK, "%lld pages of the OS are gone at the end",
			   (long long)(box_pages_taken(trial->box) - trial->pages_at_start));
}

/* What trial_check() looks at: the design's words or counts and locks, and 2M entries. */
static bool watched(void *ctx, const void *address)
{
	struct trial *trial = ctx;
	const struct design *design = trial->setup.design;
	char text[64];

	return trial->module.is_entry(trial->module.box.ctx, address) ||
	       (design->name_of && design->name_of(trial->design, address, text));
}

void trial_system(struct trial *trial, struct explore_system *system)
{
	*system = (struct explore_system){ .ctx = trial,
					   .prepare = prepare,
					   .check = check,
					   .finish = finish,
					   .watched = watched };
	system->memory = box_memory(trial->box, &system->bytes);
}

/* ------------------------------------------------------------------------------------------- */
/* Setting up                                                                                   */

static struct box *make_box(const struct setup *s)
{
	struct box_config config = { .nr_cpus = s->program.nr_cpus,
				     .nr_nodes = 1,
				     .ram = hpa(TRIAL_RAM),
				     .ram_bytes = TRIAL_RAM_BYTES,
				     .restorable = true };

	return box_create(&config);
}

/* Where blocks come from during the run; the set-up's own come from the bottom of RAM. */
static void place_pages(struct trial *trial)
{
	region_t place[BOX_MAX_PLACES];
	uint32_t nr = 0;

	for (uint32_t i = 0; i < trial->setup.nr_regions; i++)
		box_claim(trial->box,
			  hpa(region_to_hpa(run_region(i)).v + TRIAL_FIRST_PAGE * TDX_PAGE_SIZE),
			  TDX_PAGES_PER_2M - TRIAL_FIRST_PAGE);
	if (trial->setup.pages != TRIAL_CROSSED)
		return;
	/* Two pages, one pair, from each in turn; and not from the region that wants it first. */
	for (uint32_t i = trial->setup.nr_regions; i-- && nr + 2 <= BOX_MAX_PLACES;) {
		place[nr++] = run_region(i);
		place[nr++] = run_region(i);
	}
	box_place(trial->box, nr, place);
}

static const char *bring_up(struct trial *trial)
{
	const struct os_services *os = box_services(trial->box);
	struct pamt_host_config config = { .memory = &trial->memory,
					   .nr_memory = 1,
					   .dynamic = !trial->setup.design->is_static,
					   .hkid_start_bit = TRIAL_HKID_START,
					   .global_hkid = TRIAL_GLOBAL_HKID,
					   .nr_hkids = TRIAL_NR_HKIDS };
	struct pamt_error error;

	trial->memory = (struct pamt_memory){ .base = hpa(TRIAL_RAM), .bytes = TRIAL_RAM_BYTES };
	if (pamt_host_create(os, &config, &trial->host, &error) ||
	    pamt_bring_up(trial->host, &error))
		return error.reason;
	return NULL;
}

static const char *make_design(struct trial *trial)
{
	struct design_env *env = &trial->env;

	env->os = box_services(trial->box);
	env->host = trial->host;
	env->ram = hpa(TRIAL_RAM);
	env->ram_bytes = TRIAL_RAM_BYTES;
	env->module = &trial->module;
	env->nr_regions = trial->setup.nr_regions;
	env->idle_limit = trial->setup.idle_limit;
	for (uint32_t i = 0; i < env->nr_regions; i++)
		env->region[i] = run_region(i);
	if (design_create(trial->setup.design, env, &trial->design))
		return "the design cannot be set up";
	trial->backing = design_backing_state(trial->setup.design, env, trial->design);
	return NULL;
}

static const char *fill_caches(struct trial *trial)
{
	for (uint32_t cpu = 0; cpu < trial->setup.program.nr_cpus; cpu++) {
		stage_pretend(cpu);
		if (trial->setup.design->backing->topup(trial->backing, &trial->cpu[cpu].cache, 2,
							2))
			return "the caches cannot be filled";
	}
	stage_pretend(0);
	return NULL;
}

static const char *set_up(struct trial *trial, bool steals)
{
	const char *why;

	mutants_tiny_chunks(trial->setup.tiny_chunks);
	trial->box = make_box(&trial->setup);
	if (!trial->box)
		return "no memory";
	why = trial_make_module(trial);
	if (!why)
		why = bring_up(trial);
	if (!why)
		why = make_design(trial);
	if (!why)
		why = trial_make_tds(trial);
	if (!why && trial->setup.design->shrink)
		trial->setup.design->shrink(trial->design, UINT64_MAX);
	if (!why && steals) {
		const struct os_services *os = box_services(trial->box);

		trial->split = os->alloc(os->ctx, sizeof(*trial->split));
		why = trial->split ? NULL : "no memory";
	}
	place_pages(trial);
	trial->pages_at_start = box_pages_taken(trial->box);
	if (!why && trial->setup.cached)
		why = fill_caches(trial);
	if (why)
		return why;
	memcpy(trial->cpu_at_start, trial->cpu, sizeof(trial->cpu));
	box_observe(trial->box, trial_observe, trial);
	box_fail(trial->box, &trial->setup.fault);
	/* Bring-up and the TDs were made without mistakes. */
	mutants_set(trial->setup.mutants);
	return box_freeze(trial->box) ? "the state cannot be kept" : NULL;
}

/* What the program does that decides what is right. */
static void read_program(struct trial *trial, bool *steals)
{
	const struct program *program = &trial->setup.program;
	bool softirqs = false;

	for (uint32_t cpu = 0; cpu < program->nr_cpus; cpu++)
		for (uint32_t i = 0; i < program->nr_ops[cpu]; i++) {
			const struct op *op = &program->op[cpu][i];

			if (op->kind == OP_MAP_2M)
				trial->uses_2m |= 1u << op->region;
			trial->touches |= op->kind == OP_TOUCH;
			trial->env.strays += op->kind == OP_STRAY;
			softirqs |= op->kind == OP_SOFTPUT;
			*steals |= op->kind == OP_STEAL;
		}
	stage_expect_softirqs(softirqs);
	/* What a failed REMOVE leaves behind is lost by design. */
	trial->env.may_lose =
		trial->setup.fault.call_at && trial->setup.fault.leaf != TDH_MEM_PAGE_AUG;
}

struct trial *trial_create(const struct setup *setup, const char **why)
{
	struct trial *trial = calloc(1, sizeof(*trial));
	bool steals = false;

	*why = "no memory";
	if (!trial || stage_open(setup->program.nr_cpus, 1)) {
		free(trial);
		return NULL;
	}
	trial->setup = *setup;
	for (uint32_t cpu = 0; cpu < PROGRAM_MAX_CPUS; cpu++)
		trial->cpu[cpu] = (struct trial_cpu){ .trial = trial, .cpu = cpu };
	read_program(trial, &steals);
	*why = set_up(trial, steals);
	if (*why) {
		trial_destroy(trial);
		return NULL;
	}
	return trial;
}

void trial_destroy(struct trial *trial)
{
	if (!trial)
		return;
	mutants_set(0);
	mutants_tiny_chunks(false);
	/* All that host, module and design have lies in the box. */
	box_destroy(trial->box);
	stage_close();
	free(trial);
}

uint32_t trial_max_steps(const struct setup *setup)
{
	enum { EACH = 5000 }; /* hundreds for an operation on the model, thousands on softseam */
	uint32_t steps = EACH;

	for (uint32_t cpu = 0; cpu < setup->program.nr_cpus; cpu++)
		steps += setup->program.nr_ops[cpu] * EACH;
	return steps;
}
