// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * workload_td.c - what a workload's CPUs do with one TD: build it, run its vCPUs, end it; and which
 * CPUs those are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/workload/error.h"
#include "lab/workload/workload_internal.h"

/* Measured pages that every TD begins with. */
#define INITIAL_PAGES 16u

/* ------------------------------------------------------------------------------------------- */
/* Building, running, ending                                                                    */

/* Somebody else on the machine allocates and frees, one step for each fault of a TD's. */
static void disturb(struct workload *load)
{
	os_irq_t irq;

	if (!load->scenario->background_bytes)
		return;
	irq = os_spin_lock(&load->background_lock);
	/* What it cannot remember it does not take: nothing to do about that here. */
	background_step(load->background, load->scenario->background_bytes);
	os_spin_unlock(&load->background_lock, irq);
}

/* Asked once for every fault. */
static enum tdx_size page_size(void *arg, tdx_gpa_t at)
{
	const struct workload_td *tenant = arg;

	workload_step(tenant->load);
	disturb(tenant->load);
	return guest_region_is_4k(tenant->group->percent_4k, at.v >> TDX_2M_SHIFT) ? TDX_4K
										   : TDX_2M;
}

static void forget_accepted(struct workload_td *tenant)
{
	for (uint32_t v = 0; v < tenant->group->vcpus; v++)
		guest_forget(&tenant->guests[v]);
}

static int add_vcpus(struct workload_td *tenant)
{
	int error = 0;

	for (uint32_t v = 0; v < tenant->group->vcpus && !error; v++) {
		/* Half a TD is ended like a whole one. */
		workload_step(tenant->load);
		if (workload_stopped(tenant->load))
			return 0;
		error = td_add_vcpu(tenant->td, &tenant->vcpus[v]);
		tenant->guests[v].tdr = tenant->td->tdr;
		tenant->guests[v].shared_bit = td_shared_bit(tenant->td);
	}
	return error;
}

static void build(struct worker *worker, struct workload_td *tenant)
{
	struct workload *load = worker->load;
	int error = td_create(&load->stand.vmm, &tenant->config, &tenant->td);

	if (error) {
		tenant->td = NULL;
		workload_fail(worker, "creating a TD failed: %s", error_text(error));
		return;
	}
	/* Relaxed: a figure. */
	os_fetch_add32(&load->alive, 1, OS_RELAXED);
	error = add_vcpus(tenant);
	for (uint32_t i = 0; i < INITIAL_PAGES && !error && !workload_stopped(load); i++) {
		error = td_add_page(tenant->td, gpa(i * TDX_PAGE_SIZE), load->image);
		workload_step(load);
	}
	if (!error && !workload_stopped(load))
		error = td_finalize(tenant->td);
	if (error)
		workload_fail(worker, "building a TD failed: %s", error_text(error));
	for (uint32_t v = 0; v < tenant->group->vcpus; v++)
		guest_boot(&tenant->guests[v]);
}

static void end(struct worker *worker, struct workload_td *tenant)
{
	struct td_counts counts;
	os_a64_t *to = (os_a64_t *)&worker->counts;
	const os_a64_t *from = (const os_a64_t *)&counts;

	if (!tenant->td)
		return;
	td_sum_counts(tenant->td, &counts);
	for (size_t i = 0; i < sizeof(counts) / sizeof(*from); i++)
		to[i].v += from[i].v;
	td_destroy(tenant->td);
	tenant->td = NULL;
	forget_accepted(tenant);
	os_fetch_add32(&worker->load->alive, UINT32_MAX, OS_RELAXED);
}

void workload_tend(struct worker *worker, struct workload_td *tenant)
{
	if (tenant->cpus[0] != worker->cpu)
		return;
	workload_step(worker->load);
	if (tenant->action == SCENARIO_END || tenant->action == SCENARIO_RESTART)
		end(worker, tenant);
	if ((tenant->action == SCENARIO_BUILD || tenant->action == SCENARIO_RESTART) &&
	    !workload_stopped(worker->load))
		build(worker, tenant);
}

static void judge(struct worker *worker, const struct guest *guest, const struct vcpu *vcpu,
		  enum vcpu_exit exit)
{
	struct workload *load = worker->load;

	if (exit == VCPU_FAILED && vcpu->error == -OS_ENOMEM && load->scenario->overcommit)
		os_fetch_add64(&load->starved, 1, OS_RELAXED); /* a figure */
	else if (exit == VCPU_FAILED)
		workload_fail(worker, "running a vCPU failed: %s, last status 0x%llx",
			      error_text(vcpu->error), (unsigned long long)vcpu->regs.rax);
	else if (exit != VCPU_HALTED)
		workload_fail(worker, "a vCPU left for no good reason (%d)", (int)exit);
	if (guest->error)
		workload_fail(worker,
			      "a guest saw what it must not: %s, at GPA 0x%llx, value 0x%llx",
			      guest->error, (unsigned long long)guest->error_at,
			      (unsigned long long)guest->error_value);
}

/*
 * The guest's balloon driver gives memory up for good, and the host takes it out of the TD, while
 * other vCPUs run. A TD that boots later has no more than what was kept.
 */
static void give_up(struct worker *worker, struct workload_td *tenant, struct guest *guest)
{
	const struct scenario_balloon *balloon = &tenant->group->balloon;
	int error;

	if (guest->given || !balloon->percent || worker->load->number < balloon->from)
		return;
	guest_give_up(guest);
	if (guest->keep == guest->high)
		return;
	error = td_zap(tenant->td, gpa(guest->keep), guest->high - guest->keep);
	if (error)
		workload_fail(worker, "line %u: taking a balloon's memory failed: %s",
			      balloon->line, error_text(error));
}

static void run_vcpu(struct worker *worker, struct workload_td *tenant, uint32_t v)
{
	struct workload *load = worker->load;
	struct guest *guest = &tenant->guests[v];
	enum vcpu_exit exit;
	double seconds;

	/* More vCPUs than regions. */
	if (guest->low == guest->high)
		return;
	give_up(worker, tenant, guest);
	guest->flips = tenant->group->flips;
	guest->partial = tenant->group->partial;
	guest_work(guest);
	/* workload_guest() finds it by the CPU, which is nobody else meanwhile. */
	worker->guest = guest;
	exit = vcpu_run(tenant->vcpus[v]);
	worker->guest = NULL;
	judge(worker, guest, tenant->vcpus[v], exit);
	if (tenant->action != SCENARIO_BOOT)
		return;
	seconds = (double)(runner_now(load->stand.runner) - load->round_ns) / 1e9;
	if (seconds > worker->boot_longest)
		worker->boot_longest = seconds;
}

void workload_run_vcpus(struct worker *worker, struct workload_td *tenant)
{
	if (tenant->action != SCENARIO_BOOT && tenant->action != SCENARIO_WORK)
		return;
	for (uint32_t v = 0; v < tenant->group->vcpus; v++) {
		if (workload_stopped(worker->load) || !tenant->td ||
		    tenant->td->state != TD_RUNNABLE)
			return;
		if (tenant->cpus[v] == worker->cpu)
			run_vcpu(worker, tenant, v);
	}
}

enum seam_exit workload_guest(void *ctx, struct seam_vcpu *vcpu)
{
	struct workload *load = ctx;

	return guest_run(load->workers[os_cpu()].guest, vcpu);
}

/* ------------------------------------------------------------------------------------------- */
/* Setting up                                                                                   */

/* Bytes for TDs with a share, in units of 2M. */
static void choose_size(struct workload *load, uint64_t *to_fill)
{
	const struct scenario *s = load->scenario;
	uint64_t bytes = load->config->bytes;

	if (!bytes)
		bytes = stand_free_bytes(&load->stand) / 100 * s->fill_percent;
	load->result->wanted_bytes = bytes;
	if (!load->config->bytes && s->fill_limit && bytes > s->fill_limit)
		bytes = s->fill_limit;
	*to_fill = bytes & ~(TDX_2M_SIZE - 1);
}

/* Shares are whole regions; the last vCPU has what is left over. */
static void set_up_guests(struct workload *load, struct workload_td *tenant)
{
	const struct scenario_group *group = tenant->group;
	uint64_t regions = tenant->bytes >> TDX_2M_SHIFT;

	for (uint32_t v = 0; v < group->vcpus; v++) {
		struct guest *guest = &tenant->guests[v];
		uint64_t seed = load->scenario->seed * 1000003 + tenant->number * 1009 + v;

		guest->runner = load->stand.runner;
		guest->low = (regions * v / group->vcpus) << TDX_2M_SHIFT;
		guest->high = (regions * (v + 1) / group->vcpus) << TDX_2M_SHIFT;
		/* Whole regions, and always less than there are. */
		guest->keep =
			guest->high -
			(((guest->high - guest->low) >> TDX_2M_SHIFT) * group->balloon.percent / 100
			 << TDX_2M_SHIFT);
		guest->percent_4k = group->percent_4k;
		guest->touch = group->touch;
		guest->flip_rate = group->flip_rate;
		guest->random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1;
		guest->stop = &load->stop;
	}
}

static int set_up_tenant(struct workload *load, struct workload_td *tenant, char *error,
			 size_t size)
{
	const struct scenario_group *group = tenant->group;
	uint32_t nr_nodes = load->stand.os->nr_nodes, node = group->node;

	if (node == SCENARIO_NODE_SPREAD)
		node = tenant->number % nr_nodes;
	else if (node == SCENARIO_NODE_ANY)
		node = OS_ANY_NODE;
	else if (node >= nr_nodes) {
		snprintf(error, size, "td %s: node %u: this machine has %u, from 0 on", group->name,
			 node, nr_nodes);
		return -1;
	}
	tenant->load = load;
	tenant->vcpus = calloc(group->vcpus, sizeof(struct vcpu *));
	tenant->homes = calloc(group->vcpus, sizeof(*tenant->homes));
	tenant->cpus = calloc(group->vcpus, sizeof(*tenant->cpus));
	tenant->guests = calloc(group->vcpus, sizeof(*tenant->guests));
	if (!tenant->vcpus || !tenant->guests || !tenant->homes || !tenant->cpus) {
		snprintf(error, size, "out of memory");
		return -1;
	}
	tenant->config = (struct td_config){
		.node = node,
		.max_vcpus = (uint16_t)group->vcpus,
		.bytes = tenant->bytes,
		.page_size = page_size,
		.arg = tenant,
	};
	set_up_guests(load, tenant);
	return 0;
}

static int set_up_tenants(struct workload *load, char *error, size_t size)
{
	const struct scenario *s = load->scenario;
	uint64_t shares = 0, to_fill;
	uint32_t t = 0;

	for (uint32_t g = 0; g < s->nr_groups; g++)
		shares += (uint64_t)s->group[g].share * s->group[g].count;
	choose_size(load, &to_fill);
	for (uint32_t g = 0; g < s->nr_groups; g++) {
		const struct scenario_group *group = &s->group[g];

		for (uint32_t i = 0; i < group->count; i++, t++) {
			struct workload_td *tenant = &load->tenants[t];

			tenant->group = group;
			tenant->index = i;
			tenant->number = t;
			/* In this order, or the product would not fit for the largest machines. */
			tenant->bytes = group->bytes;
			if (group->share)
				tenant->bytes = (to_fill >> TDX_2M_SHIFT) * group->share / shares
						<< TDX_2M_SHIFT;
			load->result->td_bytes += group->bytes;
			if (set_up_tenant(load, tenant, error, size))
				return -1;
		}
	}
	if (shares)
		load->result->td_bytes += to_fill;
	if (load->result->wanted_bytes < load->result->td_bytes)
		load->result->wanted_bytes = load->result->td_bytes;
	return 0;
}

/*
 * vCPUs are dealt to the CPUs of their TD's node in turn, those of TDs without a node to all. *nr:
 * CPUs up to the last that has one.
 */
static void deal_vcpus(struct workload *load, uint32_t *nr)
{
	const struct os_services *os = load->stand.os;
	uint32_t dealt[MAP_MAX_NODES] = { 0 }, anywhere = 0;

	*nr = 0;
	for (uint32_t t = 0; t < load->nr_tenants; t++) {
		struct workload_td *tenant = &load->tenants[t];
		uint32_t node = tenant->config.node;

		for (uint32_t v = 0; v < tenant->group->vcpus; v++) {
			uint32_t *cpu = &tenant->homes[v], on_node;

			/* CPU i is on node i % nodes: so many are on this one. */
			if (node == OS_ANY_NODE || os->nr_cpus <= node) {
				*cpu = anywhere++ % os->nr_cpus;
			} else {
				on_node = (os->nr_cpus - node - 1) / os->nr_nodes + 1;
				*cpu = node + dealt[node]++ % on_node * os->nr_nodes;
			}
			tenant->cpus[v] = *cpu;
			if (*cpu >= *nr)
				*nr = *cpu + 1;
		}
	}
}

static int set_up_workers(struct workload *load)
{
	deal_vcpus(load, &load->nr_workers);
	load->workers = aligned_alloc(64, load->nr_workers * sizeof(*load->workers));
	if (!load->workers)
		return -1;
	memset(load->workers, 0, load->nr_workers * sizeof(*load->workers));
	for (uint32_t i = 0; i < load->nr_workers; i++) {
		load->workers[i].load = load;
		load->workers[i].cpu = i;
	}
	for (uint32_t t = 0; t < load->nr_tenants; t++) {
		for (uint32_t v = 0; v < load->tenants[t].group->vcpus; v++)
			load->workers[load->tenants[t].cpus[v]].used = true;
	}
	for (uint32_t i = 0; i < load->nr_workers; i++)
		load->result->threads += load->workers[i].used;
	return 0;
}

int workload_set_up(struct workload *load, char *error, size_t error_size)
{
	uint32_t nr = scenario_nr_tds(load->scenario);

	snprintf(error, error_size, "out of memory");
	load->tenants = aligned_alloc(64, nr * sizeof(*load->tenants));
	if (!load->tenants)
		return -1;
	memset(load->tenants, 0, nr * sizeof(*load->tenants));
	load->nr_tenants = nr;
	if (set_up_tenants(load, error, error_size))
		return -1;
	load->result->nr_tds = nr;
	for (uint32_t t = 0; t < nr; t++)
		load->result->nr_vcpus += load->tenants[t].group->vcpus;
	load->result->nr_rounds = scenario_nr_rounds(load->scenario);
	if (workload_check_cpus(load, error, error_size) ||
	    workload_check_memory(load, error, error_size) ||
	    workload_check_sizes(load, error, error_size))
		return -1;
	return set_up_workers(load);
}

void workload_clean_up(struct workload *load)
{
	for (uint32_t t = 0; t < load->nr_tenants; t++) {
		free(load->tenants[t].vcpus);
		free(load->tenants[t].guests);
		free(load->tenants[t].homes);
		free(load->tenants[t].cpus);
	}
	free(load->tenants);
	free(load->workers);
}
