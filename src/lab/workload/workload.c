// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * workload.c - a workload from bring-up to the last account, round by round.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/workload/workload_internal.h"

/* How often somebody looks on: real time, and virtual time. */
#define WATCH_NS	 UINT64_C(20000000)
#define WATCH_VIRTUAL_NS UINT64_C(100000)

const char *workload_round_name(enum workload_round round)
{
	static const char *const names[WORKLOAD_ROUNDS] = { "build", "boot", "verify", "restart",
							    "again", "work", "churn",  "end" };

	return round < WORKLOAD_ROUNDS ? names[round] : "";
}

const char *workload_sanitizer(void) { return strcmp(PAMT_SANITIZE, "none") ? PAMT_SANITIZE : ""; }

/* ------------------------------------------------------------------------------------------- */
/* Rounds                                                                                       */

/* All of a CPU's part in this round: TDs come and go first, so that others need not wait. */
static void work(void *arg, uint32_t cpu)
{
	struct workload *load = arg;
	struct worker *worker = &load->workers[cpu];

	for (uint32_t t = 0; t < load->nr_tenants && worker->used; t++)
		workload_tend(worker, &load->tenants[t]);
	/* Each CPU begins with another TD, so that different ones run at once. */
	for (uint32_t i = 0; i < load->nr_tenants && worker->used; i++)
		workload_run_vcpus(worker, &load->tenants[(i + cpu) % load->nr_tenants]);
}

/* By the set of all that TDs do; the first row that has room for all of them. */
static enum workload_round name_round(uint32_t actions)
{
#define DOES(action) (1u << SCENARIO_##action)
	static const struct {
		uint32_t allowed;
		enum workload_round round;
	} names[] = {
		{ DOES(BUILD), WORKLOAD_BUILD },
		{ DOES(BOOT), WORKLOAD_BOOT },
		{ DOES(WORK), WORKLOAD_WORK },
		{ DOES(END), WORKLOAD_END },
		{ DOES(BOOT) | DOES(WORK), WORKLOAD_AGAIN },
		{ DOES(RESTART) | DOES(WORK), WORKLOAD_RESTART },
	};
#undef DOES
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(actions & ~names[i].allowed))
			return names[i].round;
	}
	return WORKLOAD_CHURN;
}

static void begin_round(struct workload *load, uint32_t number, bool ending)
{
	uint32_t actions = 0;

	for (uint32_t t = 0; t < load->nr_tenants; t++) {
		struct workload_td *tenant = &load->tenants[t];

		tenant->action =
			scenario_action(load->scenario, tenant->group, tenant->index, number);
		if (ending)
			tenant->action = tenant->td ? SCENARIO_END : SCENARIO_ABSENT;
		if (tenant->action != SCENARIO_ABSENT)
			actions |= 1u << tenant->action;
	}
	load->number = number;
	load->round = ending ? WORKLOAD_END : name_round(actions);
	load->round_ns = runner_now(load->stand.runner);
}

/* One round on all CPUs. False: stopped, or a CPU failed. */
static bool run_round(struct workload *load, uint32_t number, bool ending)
{
	struct runner_job job = {
		.nr = load->nr_workers,
		.run = work,
		.watch = workload_watch,
		.watch_ns = runner_is_virtual() ? WATCH_VIRTUAL_NS : WATCH_NS,
		.arg = load,
	};
	char error[256];

	if (!ending && !(workload_move_cpus(load, number) && workload_move_memory(load, number)))
		return false;
	begin_round(load, number, ending);
	if (runner_run(load->stand.runner, &job, error, sizeof(error))) {
		/* TDs that are there stay: nobody can end them. */
		load->broken = runner_is_virtual() || ending;
		workload_fail(&load->workers[0], "%s", error);
	}
	load->result->seconds[load->round] +=
		(double)(runner_now(load->stand.runner) - load->round_ns) / 1e9;
	if (load->broken)
		return false;
	workload_watch(load);
	workload_check_bound(load);
	workload_sample(load);
	return !workload_stopped(load);
}

/* The round after which most TDs have booted, the first of these. */
static uint32_t peak_round(const struct workload *load)
{
	uint32_t peak = 0, most = 0;

	for (uint32_t round = 0; round < load->result->nr_rounds; round++) {
		uint32_t booted = 0;

		for (uint32_t t = 0; t < load->nr_tenants; t++) {
			enum scenario_action action =
				scenario_action(load->scenario, load->tenants[t].group,
						load->tenants[t].index, round);

			booted += action == SCENARIO_BOOT || action == SCENARIO_WORK;
		}
		if (booted > most) {
			most = booted;
			peak = round;
		}
	}
	return peak;
}

static void run_rounds(struct workload *load)
{
	uint32_t peak = peak_round(load);
	bool go_on = true;

	for (uint32_t round = 0; round < load->result->nr_rounds && go_on; round++) {
		go_on = run_round(load, round, false);
		if (!go_on || round != peak)
			continue;
		if (!load->config->attach)
			workload_verify(load);
		if (load->config->at_peak)
			load->config->at_peak(load->config->arg, &load->stand);
		go_on = !workload_stopped(load);
	}
	/* Whatever happened, no TD stays. */
	if (!load->broken && os_load32(&load->alive, OS_RELAXED))
		run_round(load, load->number, true);
}

/* ------------------------------------------------------------------------------------------- */
/* Set-up                                                                                       */

/* Where PAMT goes at boot, one way and the other, before anything else is taken. */
static int compare_layouts(struct workload *load, char *error, size_t error_size)
{
	struct workload_result *result = load->result;

	if (stand_plan(&load->stand, false, &result->layout, error, error_size))
		return -1;
	result->static_bytes = result->layout.pamt_bytes;
	if (stand_plan(&load->stand, true, &result->layout, error, error_size))
		return -1;
	result->dynamic_bytes = result->layout.pamt_bytes;
	return 0;
}

/* The machine as months of uptime leave it. */
static int age(struct workload *load, char *error, size_t error_size)
{
	const struct scenario *s = load->scenario;
	uint64_t held = 0;

	if (!s->aged_percent && !s->background_bytes)
		return 0;
	load->background = background_create(load->stand.machine, s->seed);
	if (!load->background || background_age(load->background, OS_ANY_NODE, s->aged_percent))
		goto fail;
	/* Until it has what it is to have, or the machine has no more. */
	while (background_bytes(load->background) < s->background_bytes) {
		for (unsigned int i = 0; i < 1024; i++) {
			if (background_step(load->background, s->background_bytes))
				goto fail;
		}
		if (background_bytes(load->background) <= held)
			break;
		held = background_bytes(load->background);
	}
	return 0;
fail:
	snprintf(error, error_size, "out of memory for the other users of the machine");
	return -1;
}

static int first_failure(const struct workload *load, char *error, size_t error_size)
{
	bool counted = load->config->count_failures && !load->broken;

	for (uint32_t i = 0; i < load->nr_workers; i++) {
		if (!load->workers[i].failed)
			continue;
		if (counted)
			snprintf(load->result->failure, sizeof(load->result->failure), "%s",
				 load->workers[i].error);
		else
			snprintf(error, error_size, "%s", load->workers[i].error);
		return counted ? 0 : -1;
	}
	return 0;
}

static int run_tds(struct workload *load, char *error, size_t error_size)
{
	const struct os_services *os = load->stand.os;
	uint64_t free_before = stand_free_bytes(&load->stand);

	runner_choose_lists(load->stand.runner, load->scenario->fixed_batches,
			    load->scenario->scattered);
	if (age(load, error, error_size) || workload_set_up(load, error, error_size))
		return -1;
	load->image = os->alloc_pages(os->ctx, 0, OS_ANY_NODE);
	if (hpa_is_none(load->image)) {
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	memset(os->map_host(os->ctx, load->image, OS_WRITE), 0x5a, TDX_PAGE_SIZE);
	run_rounds(load);
	if (load->broken) {
		stand_abandon_host(&load->stand);
		return first_failure(load, error, error_size);
	}
	workload_move_memory(load, UINT32_MAX);
	/* Everything of the workload's own goes back before the count, and what is kept on purpose.
	 */
	if (load->scenario->idle_limit) {
		pamt_set_idle_limit(load->stand.host, 0);
		pamt_shrink(load->stand.host, UINT64_MAX);
	}
	os->zero(os->ctx, load->image, TDX_PAGE_SIZE);
	os->free_pages(os->ctx, load->image, 0);
	background_destroy(load->background);
	load->background = NULL;
	workload_take_account(load, free_before);
	workload_sample(load);
	return first_failure(load, error, error_size);
}

static int bring_up(struct workload *load, char *error, size_t error_size)
{
	struct workload_result *result = load->result;

	const struct workload_config *config = load->config;

	if (compare_layouts(load, error, error_size) ||
	    (config->attach && config->attach(config->attach_arg, &load->stand, false)) ||
	    stand_bring_up(&load->stand, error, error_size) ||
	    (config->attach && config->attach(config->attach_arg, &load->stand, true)))
		return -1;
	result->layout = *pamt_layout(load->stand.host);
	result->dynamic = pamt_is_dynamic(load->stand.host, &result->why_static);
	if (load->scenario->idle_limit)
		pamt_set_idle_limit(load->stand.host, load->scenario->idle_limit);
	return 0;
}

int workload_run(const struct workload_config *config, struct workload_result *result, char *error,
		 size_t error_size)
{
	/* Whole cache lines, for virtual time. */
	struct workload *load = aligned_alloc(64, (sizeof(*load) + 63) & ~(size_t)63);
	struct stand_config stand = {
		.map = config->map,
		.dynamic = config->scenario->dynamic,
		.guest = workload_guest,
		.guest_ctx = load,
		.log_level = config->log_level,
	};
	int failed = -1;

	memset(result, 0, sizeof(*result));
	snprintf(error, error_size, "out of memory");
	if (!load)
		return -1;
	memset(load, 0, sizeof(*load));
	os_spin_init(&load->background_lock);
	load->config = config;
	load->scenario = config->scenario;
	load->result = result;
	load->sample_ns = runner_is_virtual() ? WATCH_VIRTUAL_NS : WATCH_NS;
	result->is_virtual = runner_is_virtual();
	if (!stand_create(&load->stand, &stand, error, error_size)) {
		failed = bring_up(load, error, error_size);
		if (!failed)
			failed = run_tds(load, error, error_size);
		result->total_seconds = (double)runner_now(load->stand.runner) / 1e9;
		background_destroy(load->background);
		if (config->detach)
			config->detach(config->attach_arg, &load->stand);
		workload_clean_up(load);
		stand_destroy(&load->stand);
	}
	free(load);
	return failed;
}

bool workload_is_clean(const struct workload_result *result)
{
	return !result->left_bytes && !result->leaked_regions && !result->leaked_pages &&
	       !result->findings && !result->pamt_busy && !result->over_bound &&
	       !result->stats.unbalanced_puts;
}
