// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * workload_account.c - what a workload tells: samples over time, checks between rounds, and the
 * final account.
 */
#include "lab/workload/error.h"
#include "lab/workload/workload_internal.h"
#include "machine/memory.h"

/* ------------------------------------------------------------------------------------------- */
/* Over time                                                                                    */

static void take_sample(struct workload *load, struct workload_sample *sample,
			const struct pamt_stats *stats)
{
	*sample = (struct workload_sample){
		.ns = runner_now(load->stand.runner),
		.round = load->number,
		/* Relaxed, all: figures. */
		.tds = os_load32(&load->alive, OS_RELAXED),
		.pairs = stats->pairs_installed,
		.pamt_bytes = stats->os_bytes,
		.gets = stats->gets_fast + stats->gets_slow,
		.adds = stats->adds,
	};
	for (uint32_t t = 0; t < load->nr_tenants; t++) {
		for (uint32_t v = 0; v < load->tenants[t].group->vcpus; v++)
			sample->td_bytes +=
				os_load64(&load->tenants[t].guests[v].accepted_bytes, OS_RELAXED);
	}
}

/* When there is no room every second sample goes, and they come half as often from here on. */
static void keep_sample(struct workload *load, const struct workload_sample *sample)
{
	struct workload_result *result = load->result;

	/* In virtual time the CPU that looks on may be behind another that did before. */
	if (result->nr_samples && result->sample[result->nr_samples - 1].ns > sample->ns)
		return;
	if (result->nr_samples == WORKLOAD_SAMPLES) {
		result->nr_samples /= 2;
		for (uint32_t i = 1; i < result->nr_samples; i++)
			result->sample[i] = result->sample[2 * i];
		load->sample_ns *= 2;
	}
	result->sample[result->nr_samples++] = *sample;
}

static uint64_t bytes_alive(const struct workload *load)
{
	uint64_t bytes = 0;

	for (uint32_t t = 0; t < load->nr_tenants; t++) {
		if (load->tenants[t].action != SCENARIO_ABSENT)
			bytes += workload_td_bytes(&load->tenants[t], load->number);
	}
	return bytes;
}

void workload_sample(struct workload *load)
{
	struct workload_sample sample;
	struct pamt_stats stats;

	pamt_stats(load->stand.host, &stats);
	take_sample(load, &sample, &stats);
	keep_sample(load, &sample);
}

/* While a round is on. */
void workload_watch(void *arg)
{
	struct workload *load = arg;
	const struct workload_config *config = load->config;
	struct workload_progress progress = { .round = load->round };

	/* Relaxed: soon is enough. */
	if (config->stop && os_load32(config->stop, OS_RELAXED))
		workload_stop(load);
	pamt_stats(load->stand.host, &progress.stats);
	take_sample(load, &progress.now, &progress.stats);
	if (!load->result->nr_samples ||
	    progress.now.ns - load->result->sample[load->result->nr_samples - 1].ns >=
		    load->sample_ns)
		keep_sample(load, &progress.now);
	if (!config->progress)
		return;
	progress.seconds = (double)progress.now.ns / 1e9;
	progress.total_bytes = bytes_alive(load);
	config->progress(config->arg, &progress);
}

/* ------------------------------------------------------------------------------------------- */
/* Between two rounds                                                                           */

void workload_verify(struct workload *load)
{
	uint64_t begin = runner_now(load->stand.runner);
	int64_t found;

	load->round = WORKLOAD_VERIFY;
	pamt_stats(load->stand.host, &load->result->peak);
	found = pamt_verify(load->stand.host, load->config->finding, load->config->arg);
	if (found < 0)
		workload_fail(&load->workers[0], "verifying the regions failed: %s",
			      error_text((int)found));
	else
		load->result->findings = (uint64_t)found;
	load->result->seconds[WORKLOAD_VERIFY] +=
		(double)(runner_now(load->stand.runner) - begin) / 1e9;
}

/*
 * What libpamt may hold while nothing runs: twice what is in use, and a little for each node. The
 * caches of vCPUs are included.
 */
#define BOUND_PER_NODE UINT64_C(65536)

void workload_check_bound(struct workload *load)
{
	struct workload_result *result = load->result;
	struct pamt_stats stats;
	uint64_t bound;

	pamt_stats(load->stand.host, &stats);
	bound = 2 * stats.used_bytes + BOUND_PER_NODE * load->stand.os->nr_nodes;
	if (stats.os_bytes > bound && stats.os_bytes - bound > result->over_bound)
		result->over_bound = stats.os_bytes - bound;
}

/* ------------------------------------------------------------------------------------------- */
/* The end                                                                                      */

static void add_workers(struct workload *load)
{
	struct workload_result *result = load->result;

	for (uint32_t i = 0; i < load->nr_workers; i++) {
		const os_a64_t *from = (const os_a64_t *)&load->workers[i].counts;
		os_a64_t *to = (os_a64_t *)&result->counts;

		for (size_t c = 0; c < sizeof(result->counts) / sizeof(*from); c++)
			to[c].v += from[c].v;
		if (load->workers[i].boot_longest > result->boot_longest)
			result->boot_longest = load->workers[i].boot_longest;
	}
}

void workload_take_account(struct workload *load, uint64_t free_before)
{
	struct workload_result *result = load->result;
	struct call_counts *counts = &load->stand.vmm.caller.counts;
	uint64_t free_after = stand_free_bytes(&load->stand);

	pamt_stats(load->stand.host, &result->stats);
	add_workers(load);
	result->starved = os_load64(&load->starved, OS_RELAXED);
	result->failures = os_load64(&load->failures, OS_RELAXED);
	result->steps = os_load64(&load->steps, OS_RELAXED);
	result->stopped = os_load32(&load->stopped, OS_RELAXED);
	result->retries = os_load64(&counts->of[CALL_AGAIN], OS_RELAXED) +
			  os_load64(&counts->of[CALL_VCPU], OS_RELAXED);
	result->pamt_busy = os_load64(&counts->of[CALL_PAMT], OS_RELAXED) + result->stats.busy;
	result->leaked_pages = os_load64(&load->stand.vmm.leaked_pages, OS_RELAXED);
	if (!load->config->attach)
		result->leaked_regions =
			pamt_leaks(load->stand.host, load->config->finding, load->config->arg);
	result->left_bytes = result->stats.os_bytes;
	/* What the pool still holds is missing in the allocator too: count it once. */
	if (free_before > free_after && free_before - free_after > result->left_bytes)
		result->left_bytes = free_before - free_after;
	result->seamcalls = runner_seamcalls(load->stand.runner);
	result->hash = runner_hash(load->stand.runner);
	result->real_memory = memory_backed_peak(machine_memory(load->stand.machine));
}
