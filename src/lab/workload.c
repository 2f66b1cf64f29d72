// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * workload.c - TDs on a simulated machine: threads, rounds, accounts.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lab/guest.h"
#include "lab/workload.h"
#include "machine/memory.h"

/* Measured pages that every TD begins with. */
#define INITIAL_PAGES 16u
/* How often progress is shown. */
#define PROGRESS_NS 100000000

struct workload;

/* One logical CPU. */
struct worker {
	struct workload *load;
	pthread_t thread;
	uint32_t cpu;
	struct guest *guest; /* of the vCPU that runs here now */
	struct td_counts counts;
	char error[256];
	bool failed;
};

/*
 * One TD, and its guests. Built and ended by one worker, run by others: rounds are joined in
 * between, so that nothing here needs a lock.
 */
struct tenant {
	struct td *td;
	struct td_config config;
	uint64_t bytes;
	struct vcpu **vcpus;
	struct guest *guests;
};

struct workload {
	const struct workload_config *config;
	struct workload_result *result;
	struct stand stand;
	struct timespec start;
	uint32_t nr_workers;
	struct worker *workers;
	struct tenant *tenants;
	hpa_t image; /* source of the measured pages */
	enum workload_round round;
	os_a32_t stop; /* of the guests: a failure, or config->stop seen */
	os_a32_t running;
};

static double since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

const char *workload_round_name(enum workload_round round)
{
	static const char *const names[WORKLOAD_ROUNDS] = { "build",   "boot",	"verify",
							    "restart", "again", "end" };

	return round < WORKLOAD_ROUNDS ? names[round] : "";
}

const char *workload_sanitizer(void) { return strcmp(PAMT_SANITIZE, "none") ? PAMT_SANITIZE : ""; }

/* ------------------------------------------------------------------------------------------- */
/* What one worker does with one TD                                                             */

/* The first failure of a worker is the one that is told. */
static void __attribute__((format(printf, 2, 3)))
fail(struct worker *worker, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!worker->failed)
		vsnprintf(worker->error, sizeof(worker->error), format, args);
	va_end(args);
	worker->failed = true;
	/* Relaxed: the others stop soon. */
	os_store32(&worker->load->stop, 1, OS_RELAXED);
}

static enum tdx_size page_size(void *arg, gpa_t at)
{
	const struct workload *load = arg;

	return guest_region_is_4k(load->config->percent_4k, at.v >> TDX_2M_SHIFT) ? TDX_4K : TDX_2M;
}

/* Shares are whole regions; the last vCPU has what is left over. */
static void set_shares(struct workload *load, struct tenant *tenant, uint32_t index)
{
	const struct workload_config *config = load->config;
	uint64_t regions = tenant->bytes >> TDX_2M_SHIFT;

	for (uint32_t v = 0; v < config->vcpus; v++) {
		struct guest *guest = &tenant->guests[v];
		uint64_t seed = config->seed * 1000003 + index * 1009 + v;

		guest->low = (regions * v / config->vcpus) << TDX_2M_SHIFT;
		guest->high = (regions * (v + 1) / config->vcpus) << TDX_2M_SHIFT;
		guest->percent_4k = config->percent_4k;
		guest->random = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1;
		guest->stop = &load->stop;
	}
}

static void build(struct worker *worker, uint32_t index)
{
	struct workload *load = worker->load;
	struct tenant *tenant = &load->tenants[index];
	int error = td_create(&load->stand.vmm, &tenant->config, &tenant->td);

	if (error) {
		tenant->td = NULL;
		fail(worker, "creating a TD failed: error %d", -error);
		return;
	}
	for (uint32_t v = 0; v < load->config->vcpus && !error; v++) {
		error = td_add_vcpu(tenant->td, &tenant->vcpus[v]);
		tenant->guests[v].tdr = tenant->td->tdr;
		tenant->guests[v].shared_bit = td_shared_bit(tenant->td);
	}
	for (uint32_t i = 0; i < INITIAL_PAGES && !error; i++)
		error = td_add_page(tenant->td, gpa(i * TDX_PAGE_SIZE), load->image);
	if (!error)
		error = td_finalize(tenant->td);
	if (error)
		fail(worker, "building a TD failed: error %d", -error);
}

static void end(struct worker *worker, uint32_t index)
{
	struct tenant *tenant = &worker->load->tenants[index];
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
}

static void run_vcpu(struct worker *worker, struct tenant *tenant, uint32_t v, bool accept)
{
	const struct workload_config *config = worker->load->config;
	struct guest *guest = &tenant->guests[v];
	struct vcpu *vcpu = tenant->vcpus[v];
	enum vcpu_exit exit;

	guest_restart(guest, accept);
	guest->flips = config->flips;
	guest->partial = config->partial;
	/* More vCPUs than regions. */
	if (guest->low == guest->high)
		return;
	/* run_guest() finds it by the CPU, which no other thread is meanwhile. */
	worker->guest = guest;
	exit = vcpu_run(vcpu);
	worker->guest = NULL;
	if (exit == VCPU_FAILED)
		fail(worker, "running a vCPU failed: error %d, last status 0x%llx", -vcpu->error,
		     (unsigned long long)vcpu->regs.rax);
	else if (exit != VCPU_HALTED)
		fail(worker, "a vCPU left for no good reason (%d)", (int)exit);
	if (guest->error)
		fail(worker, "a guest saw what it must not: %s, at GPA 0x%llx, value 0x%llx",
		     guest->error, (unsigned long long)guest->error_at,
		     (unsigned long long)guest->error_value);
}

/* ------------------------------------------------------------------------------------------- */
/* Rounds                                                                                       */

/* vCPU v of TD t belongs to this worker? */
static bool is_mine(const struct worker *worker, uint32_t t, uint32_t v)
{
	const struct workload *load = worker->load;

	return (t * load->config->vcpus + v) % load->nr_workers == worker->cpu;
}

static bool stopped(const struct workload *load) { return os_load32(&load->stop, OS_RELAXED); }

static void run_all(struct worker *worker, uint32_t booting)
{
	struct workload *load = worker->load;
	uint32_t nr = load->config->nr_tds;

	/* Each worker begins with another TD, so that different ones run at once. */
	for (uint32_t i = 0; i < nr; i++) {
		uint32_t t = (i + worker->cpu) % nr;

		for (uint32_t v = 0; v < load->config->vcpus && !stopped(load); v++) {
			if (is_mine(worker, t, v) && load->tenants[t].td)
				run_vcpu(worker, &load->tenants[t], v,
					 booting == nr || t == booting);
		}
	}
}

static void run_others(struct worker *worker, uint32_t but)
{
	struct workload *load = worker->load;

	for (uint32_t t = 0; t < load->config->nr_tds; t++) {
		for (uint32_t v = 0; v < load->config->vcpus && !stopped(load); v++) {
			if (t != but && is_mine(worker, t, v) && load->tenants[t].td)
				run_vcpu(worker, &load->tenants[t], v, false);
		}
	}
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct workload *load = worker->load;
	uint32_t nr = load->config->nr_tds, restart = load->config->restart;

	threads_bind(load->stand.port, worker->cpu);
	switch (load->round) {
	case WORKLOAD_BUILD:
		for (uint32_t t = worker->cpu; t < nr && !stopped(load); t += load->nr_workers)
			build(worker, t);
		break;
	case WORKLOAD_BOOT:
		run_all(worker, nr);
		break;
	case WORKLOAD_RESTART:
		if (worker->cpu == 0) {
			end(worker, restart);
			build(worker, restart);
		}
		run_others(worker, restart);
		break;
	case WORKLOAD_AGAIN:
		run_all(worker, restart);
		break;
	case WORKLOAD_END:
		for (uint32_t t = worker->cpu; t < nr; t += load->nr_workers)
			end(worker, t);
		break;
	default:
		break;
	}
	/* Release: all of it is done when the main thread sees it. */
	os_fetch_add32(&load->running, UINT32_MAX, OS_RELEASE);
	return NULL;
}

static void show_progress(struct workload *load)
{
	const struct workload_config *config = load->config;
	struct workload_progress progress = {
		.round = load->round,
		.seconds = since(&load->start),
		.total_bytes = load->result->td_bytes,
	};

	if (!config->progress)
		return;
	for (uint32_t t = 0; t < config->nr_tds; t++) {
		for (uint32_t v = 0; v < config->vcpus; v++)
			progress.accepted_bytes +=
				os_load64(&load->tenants[t].guests[v].accepted_bytes, OS_RELAXED);
	}
	pamt_stats(load->stand.host, &progress.stats);
	config->progress(config->arg, &progress);
}

/*
 * What libpamt may hold while nothing runs: twice what is in use, and a little for each node. The
 * caches of vCPUs are included.
 */
#define BOUND_PER_NODE UINT64_C(65536)

static void check_bound(struct workload *load)
{
	struct workload_result *result = load->result;
	struct pamt_stats stats;
	uint64_t bound;

	pamt_stats(load->stand.host, &stats);
	bound = 2 * stats.used_bytes + BOUND_PER_NODE * load->stand.os->nr_nodes;
	if (stats.os_bytes > bound && stats.os_bytes - bound > result->over_bound)
		result->over_bound = stats.os_bytes - bound;
}

/*
 * One round on all workers, on threads of its own: creating and joining them is what orders the
 * rounds. This thread only watches meanwhile. False: stopped, or a worker failed.
 */
static bool run_round(struct workload *load, enum workload_round round)
{
	const struct timespec pause = { .tv_nsec = PROGRESS_NS / 10 };
	struct timespec start;
	uint32_t started = 0;

	clock_gettime(CLOCK_MONOTONIC, &start);
	load->round = round;
	os_store32(&load->running, load->nr_workers, OS_RELAXED);
	for (uint32_t i = 0; i < load->nr_workers; i++, started++) {
		if (pthread_create(&load->workers[i].thread, NULL, work, &load->workers[i]))
			break;
	}
	if (started < load->nr_workers) {
		fail(&load->workers[started], "a thread could not be started");
		os_fetch_add32(&load->running, started - load->nr_workers, OS_RELAXED);
	}
	for (uint32_t tick = 0; os_load32(&load->running, OS_ACQUIRE); tick++) {
		nanosleep(&pause, NULL);
		if (load->config->stop && os_load32(load->config->stop, OS_RELAXED)) {
			load->result->stopped = true;
			os_store32(&load->stop, 1, OS_RELAXED);
		}
		if (tick % 10 == 9)
			show_progress(load);
	}
	for (uint32_t i = 0; i < started; i++)
		pthread_join(load->workers[i].thread, NULL);
	load->result->seconds[round] = since(&start);
	check_bound(load);
	return !stopped(load);
}

static enum seam_exit run_guest(void *ctx, struct seam_vcpu *vcpu)
{
	struct workload *load = ctx;

	return guest_run(load->workers[os_cpu()].guest, vcpu);
}

/* ------------------------------------------------------------------------------------------- */
/* Set-up and accounts                                                                          */

static int set_up_tenants(struct workload *load)
{
	const struct workload_config *config = load->config;
	uint64_t shares = 0;

	for (uint32_t t = 0; t < config->nr_tds; t++)
		shares += config->share[t];
	load->tenants = calloc(config->nr_tds, sizeof(*load->tenants));
	if (!load->tenants)
		return -1;
	for (uint32_t t = 0; t < config->nr_tds; t++) {
		struct tenant *tenant = &load->tenants[t];

		tenant->vcpus = calloc(config->vcpus, sizeof(*tenant->vcpus));
		tenant->guests = calloc(config->vcpus, sizeof(*tenant->guests));
		if (!tenant->vcpus || !tenant->guests)
			return -1;
		/* In this order, or the product would not fit for the largest machines. */
		tenant->bytes = (load->result->td_bytes >> TDX_2M_SHIFT) * config->share[t] / shares
				<< TDX_2M_SHIFT;
		tenant->config = (struct td_config){
			.node = t % load->stand.os->nr_nodes,
			.max_vcpus = (uint16_t)config->vcpus,
			.page_size = page_size,
			.arg = load,
		};
		set_shares(load, tenant, t);
	}
	return 0;
}

static int set_up_workers(struct workload *load)
{
	uint32_t vcpus = load->config->nr_tds * load->config->vcpus;

	load->nr_workers = load->stand.os->nr_cpus < vcpus ? load->stand.os->nr_cpus : vcpus;
	load->result->threads = load->nr_workers;
	load->workers = calloc(load->nr_workers, sizeof(*load->workers));
	if (!load->workers)
		return -1;
	for (uint32_t i = 0; i < load->nr_workers; i++) {
		load->workers[i].load = load;
		load->workers[i].cpu = i;
	}
	return 0;
}

static void choose_size(struct workload *load)
{
	const struct workload_config *config = load->config;
	uint64_t bytes = config->bytes;

	if (!bytes)
		bytes = stand_free_bytes(&load->stand) / 4 * 3;
	load->result->wanted_bytes = bytes;
	if (!config->bytes && config->max_bytes && bytes > config->max_bytes)
		bytes = config->max_bytes;
	load->result->td_bytes = bytes & ~(TDX_2M_SIZE - 1);
}

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

static void verify(struct workload *load)
{
	struct timespec start;
	int64_t found;

	clock_gettime(CLOCK_MONOTONIC, &start);
	load->round = WORKLOAD_VERIFY;
	pamt_stats(load->stand.host, &load->result->peak);
	found = pamt_verify(load->stand.host, load->config->finding, load->config->arg);
	if (found < 0)
		fail(&load->workers[0], "verifying the regions failed: error %d", (int)-found);
	else
		load->result->findings = (uint64_t)found;
	load->result->seconds[WORKLOAD_VERIFY] = since(&start);
}

static void run_rounds(struct workload *load)
{
	bool restart = load->config->restart < load->config->nr_tds;

	if (run_round(load, WORKLOAD_BUILD) && run_round(load, WORKLOAD_BOOT)) {
		verify(load);
		if (load->config->at_peak)
			load->config->at_peak(load->config->arg, &load->stand);
		if (restart && run_round(load, WORKLOAD_RESTART))
			run_round(load, WORKLOAD_AGAIN);
	}
	/* Whatever happened, no TD stays. */
	run_round(load, WORKLOAD_END);
}

static int first_failure(const struct workload *load, char *error, size_t error_size)
{
	for (uint32_t i = 0; i < load->nr_workers; i++) {
		if (load->workers[i].failed) {
			snprintf(error, error_size, "%s", load->workers[i].error);
			return -1;
		}
	}
	return 0;
}

/* With zero TDs. What is missing now is missing for good. */
static void take_account(struct workload *load, uint64_t free_before)
{
	struct workload_result *result = load->result;
	struct call_counts *counts = &load->stand.vmm.caller.counts;
	uint64_t allocs, free_after = stand_free_bytes(&load->stand);

	pamt_stats(load->stand.host, &result->stats);
	for (uint32_t i = 0; i < load->nr_workers; i++) {
		const os_a64_t *from = (const os_a64_t *)&load->workers[i].counts;
		os_a64_t *to = (os_a64_t *)&result->counts;

		for (size_t c = 0; c < sizeof(result->counts) / sizeof(*from); c++)
			to[c].v += from[c].v;
	}
	result->retries = os_load64(&counts->of[CALL_AGAIN], OS_RELAXED) +
			  os_load64(&counts->of[CALL_VCPU], OS_RELAXED);
	result->pamt_busy = os_load64(&counts->of[CALL_PAMT], OS_RELAXED) + result->stats.busy;
	result->leaked_pages = os_load64(&load->stand.vmm.leaked_pages, OS_RELAXED);
	result->leaked_regions =
		pamt_leaks(load->stand.host, load->config->finding, load->config->arg);
	result->left_bytes = result->stats.os_bytes;
	/* What the pool still holds is missing in the allocator too: count it once. */
	if (free_before > free_after && free_before - free_after > result->left_bytes)
		result->left_bytes = free_before - free_after;
	threads_counts(load->stand.port, &allocs, &result->seamcalls);
	result->real_memory = memory_backed_peak(machine_memory(load->stand.machine));
}

static int run_tds(struct workload *load, char *error, size_t error_size)
{
	const struct os_services *os = load->stand.os;
	uint64_t free_before = stand_free_bytes(&load->stand);

	choose_size(load);
	load->image = os->alloc_pages(os->ctx, 0, OS_ANY_NODE);
	if (hpa_is_none(load->image) || set_up_workers(load) || set_up_tenants(load)) {
		snprintf(error, error_size, "out of memory");
		return -1;
	}
	memset(os->map_host(os->ctx, load->image, OS_WRITE), 0x5a, TDX_PAGE_SIZE);
	run_rounds(load);
	/* Everything of the workload's own goes back before the count. */
	os->zero(os->ctx, load->image, TDX_PAGE_SIZE);
	os->free_pages(os->ctx, load->image, 0);
	threads_bind(load->stand.port, 0);
	take_account(load, free_before);
	return first_failure(load, error, error_size);
}

static void clean_up(struct workload *load)
{
	for (uint32_t t = 0; load->tenants && t < load->config->nr_tds; t++) {
		free(load->tenants[t].vcpus);
		free(load->tenants[t].guests);
	}
	free(load->tenants);
	free(load->workers);
	stand_destroy(&load->stand);
}

int workload_run(const struct workload_config *config, struct workload_result *result, char *error,
		 size_t error_size)
{
	struct workload load = { .config = config, .result = result };
	struct stand_config stand = {
		.map = config->map,
		.dynamic = config->dynamic,
		.guest = run_guest,
		.guest_ctx = &load,
		.log_level = config->log_level,
	};
	int failed;

	memset(result, 0, sizeof(*result));
	clock_gettime(CLOCK_MONOTONIC, &load.start);
	if (stand_create(&load.stand, &stand, error, error_size))
		return -1;
	failed = compare_layouts(&load, error, error_size);
	if (!failed)
		failed = stand_bring_up(&load.stand, error, error_size);
	if (!failed) {
		result->layout = *pamt_layout(load.stand.host);
		result->dynamic = pamt_is_dynamic(load.stand.host, &result->why_static);
		failed = run_tds(&load, error, error_size);
	}
	clean_up(&load);
	result->total_seconds = since(&load.start);
	return failed;
}

bool workload_is_clean(const struct workload_result *result)
{
	return !result->left_bytes && !result->leaked_regions && !result->leaked_pages &&
	       !result->findings && !result->pamt_busy && !result->over_bound &&
	       !result->stats.unbalanced_puts;
}
