// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * compare.c - one design under a workload, with a meter in front of it and a ledger behind it.
 */
#include <stdio.h>
#include <string.h>

#include "lab/compare/compare.h"
#include "lab/workload/costs.h"
#include "lab/workload/ledger.h"
#include "vmm/verdict.h"

struct comparison {
	const struct compare_config *config;
	struct compare_result *result;
	struct ledger host; /* what the design takes from the OS */
	struct ledger vmm;  /* what the vmm calls */
	struct design_env env;
	void *design;
	struct meter meter;
};

/* Told of each SEAMCALL, the design's and the vmm's. */
static void count_call(void *arg, uint32_t leaf, const struct tdx_regs *out)
{
	struct compare_result *result = arg;
	tdx_status_t status = { out->rax };

	if (!status.v) {
		result->adds += leaf == TDH_PHYMEM_PAMT_ADD;
		result->removes += leaf == TDH_PHYMEM_PAMT_REMOVE;
		return;
	}
	result->missing += tdx_status_is(status, TDX_MISSING_PAMT_PAGE_PAIR);
	if (leaf == TDH_PHYMEM_PAMT_ADD || leaf == TDH_PHYMEM_PAMT_REMOVE)
		result->busy += tdx_status_is(status, TDX_OPERAND_BUSY);
	else
		result->busy += call_judge(leaf, out, NULL) == CALL_PAMT;
}

/* Before bring-up: everybody's services go through a ledger. */
static int put_ledgers(struct comparison *c, struct stand *stand)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < c->config->map->nr_ranges; i++)
		end = c->config->map->ranges[i].base + c->config->map->ranges[i].size;
	if (ledger_create(&c->host, stand->os, end) || ledger_create(&c->vmm, stand->os, end))
		return -1;
	c->env = (struct design_env){ .os = &c->host.services, .ram_bytes = end };
	stand->config.dynamic = !c->config->design->is_static;
	stand->host_os = &c->host.services;
	stand->os = &c->vmm.services;
	return 0;
}

/* After it: the design takes libpamt's place. Only now is anything counted. */
static int put_design(struct comparison *c, struct stand *stand)
{
	struct vmm *vmm = &stand->vmm;

	c->env.host = stand->host;
	c->env.idle_limit = c->config->scenario->idle_limit;
	if (design_create(c->config->design, &c->env, &c->design))
		return -1;
	meter_init(&c->meter, c->config->design->backing,
		   design_backing_state(c->config->design, &c->env, c->design), stand->runner,
		   costs_table()->seamcall);
	vmm->backing = &c->meter.backing;
	vmm->backing_state = &c->meter;
	c->host.called = c->vmm.called = count_call;
	c->host.arg = c->vmm.arg = c->result;
	c->result->boot_bytes = pamt_layout(stand->host)->pamt_bytes;
	return 0;
}

static int attach(void *arg, struct stand *stand, bool is_up)
{
	return is_up ? put_design(arg, stand) : put_ledgers(arg, stand);
}

static void detach(void *arg, struct stand *stand)
{
	struct comparison *c = arg;
	struct compare_result *result = c->result;

	if (!c->design)
		return;
	result->peak_bytes = result->boot_bytes + c->host.peak.v * TDX_PAGE_SIZE;
	result->left_bytes = c->host.held.v * TDX_PAGE_SIZE;
	meter_read(&c->meter, result->of);
	/* Broken off: locks may be held, so that nothing can be asked to go. */
	if (!stand->host)
		return;
	design_destroy(c->design);
	/* libpamt's own design has ended the host as well. */
	if (c->config->design == &design_ours)
		stand_abandon_host(stand);
}

static void collect(struct compare_result *result, const struct workload_result *w)
{
	result->failures = w->failures;
	snprintf(result->failure, sizeof(result->failure), "%s", w->failure);
	result->retries = w->retries;
	result->lost_pages = w->leaked_pages;
	result->faults = os_load64(&w->counts.faults, OS_RELAXED);
	result->boot_seconds = w->boot_longest;
	for (enum workload_round r = 0; r < WORKLOAD_ROUNDS; r++)
		if (r != WORKLOAD_BUILD && r != WORKLOAD_VERIFY && r != WORKLOAD_END)
			result->run_seconds += w->seconds[r];
	result->seconds = w->total_seconds;
	result->td_bytes = w->td_bytes;
	result->nr_tds = w->nr_tds;
	result->nr_vcpus = w->nr_vcpus;
	result->cpus = w->threads;
	result->hash = w->hash;
}

int compare_run(const struct compare_config *config, struct compare_result *result)
{
	/* Large, and of one run at a time. */
	static struct workload_result workload_result;
	static struct comparison c;
	struct scenario scenario = *config->scenario;
	struct workload_config workload = {
		.map = config->map,
		.scenario = &scenario,
		.bytes = config->bytes,
		/* Warnings are of pages that were lost: the table says how many. */
		.log_level = OS_LOG_ERROR,
		.attach = attach,
		.detach = detach,
		.attach_arg = &c,
		.count_failures = true,
	};
	char error[256];
	int failed;

	memset(&c, 0, sizeof(c));
	memset(result, 0, sizeof(*result));
	c.config = config;
	c.result = result;
	scenario.dynamic = !config->design->is_static;
	failed = workload_run(&workload, &workload_result, error, sizeof(error));
	if (failed)
		snprintf(result->error, sizeof(result->error), "%s", error);
	collect(result, &workload_result);
	ledger_destroy(&c.host);
	ledger_destroy(&c.vmm);
	return failed;
}
