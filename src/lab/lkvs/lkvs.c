// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lkvs.c - the cases of lkvs.h, and how each is run.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/clock.h"
#include "lab/workload/error.h"
#include "lab/lkvs/lkvs_box.h"
#include "machine/memory.h"

#define GB (UINT64_C(1) << 30)

/* The ordinary VM: so much in 2M blocks, and some in single pages. */
#define VM_BYTES       (4 * GB)
#define VM_SMALL_PAGES 4096u
#define VM_BLOCKS      (VM_BYTES / TDX_2M_SIZE + VM_SMALL_PAGES)

/* Whole mappings that each vCPU flips while others boot; allocations that are made to fail. */
#define FLIPS	    256u
#define FAIL_POINTS 48u

static const struct lkvs_case cases[] = {
	{ 0, "the module is initialised", LKVS_MODULE, 1, 0, { 0 }, 1, false },
	{ 1, "Dynamic PAMT is on, nothing in use", LKVS_FIELD, 1, 0, { 0 }, 1, false },
	{ 2, "a TD of 1 GB", LKVS_TDS, 1, 1, { 1 }, 1, false },
	{ 3, "a TD of 4 GB", LKVS_TDS, 1, 1, { 4 }, 1, false },
	{ 4, "a TD of 96 GB", LKVS_TDS, 1, 1, { 96 }, 1, false },
	{ 5, "two TDs of 1 GB", LKVS_TDS, 1, 2, { 1, 1 }, 1, false },
	{ 6, "two TDs of 4 GB", LKVS_TDS, 1, 2, { 4, 4 }, 1, false },
	{ 7, "two TDs of 96 GB", LKVS_TDS, 1, 2, { 96, 96 }, 1, false },
	{ 8, "an ordinary VM", LKVS_TDS, 1, 0, { 0 }, 1, true },
	{ 9, "a TD of 1 GB and an ordinary VM", LKVS_TDS, 1, 1, { 1 }, 1, true },
	{ 10, "10 rounds: TDs of 1 and 96 GB", LKVS_TDS, 10, 2, { 1, 96 }, 1, false },
	{ 11,
	  "10 rounds: TDs of 1, 4, 8, 32, 96 GB",
	  LKVS_TDS,
	  10,
	  5,
	  { 1, 4, 8, 32, 96 },
	  1,
	  false },
	{ 12, "100 rounds: TDs of 1 and 96 GB", LKVS_TDS, 100, 2, { 1, 96 }, 1, false },
	{ 13,
	  "100 rounds: TDs of 1, 4, 8, 32, 96 GB",
	  LKVS_TDS,
	  100,
	  5,
	  { 1, 4, 8, 32, 96 },
	  1,
	  false },
	{ 14, "two TDs of 8 GB, 4 vCPUs each", LKVS_TDS, 2, 2, { 8, 8 }, 4, false },
	{ 15,
	  "5 rounds: five TDs up and down at once",
	  LKVS_TOGETHER,
	  5,
	  5,
	  { 1, 2, 4, 2, 1 },
	  2,
	  false },
	{ 16,
	  "five TDs, private and shared flipped",
	  LKVS_FLIPS,
	  2,
	  5,
	  { 1, 2, 4, 2, 1 },
	  2,
	  false },
	{ 17, "a TD of 1 GB, allocations fail", LKVS_NO_MEMORY, FAIL_POINTS, 1, { 1 }, 2, false },
};
_Static_assert(sizeof(cases) / sizeof(*cases) == LKVS_ALL_CASES, "as many as the header says");

const struct lkvs_case *lkvs_case(uint32_t nr) { return nr < LKVS_ALL_CASES ? &cases[nr] : NULL; }

static bool stopping(struct lkvs_box *box)
{
	if (box->config->stop && *box->config->stop)
		box->result->stopped = true;
	return box->result->stopped;
}

static bool vmm_failed(struct lkvs_box *box, const char *what, uint32_t t, int error)
{
	return lkvs_fail(box, "%s TD %u failed: %s", what, t, error_text(error));
}

/* ------------------------------------------------------------------------------------------- */
/* An ordinary VM: plain pages of the system's, of which no module knows                        */

static bool start_vm(struct lkvs_box *box)
{
	const struct os_services *os = box->stand.os;

	for (uint32_t i = 0; i < VM_BLOCKS; i++) {
		unsigned int order = i < VM_SMALL_PAGES ? 0 : 9;

		box->vm_blocks[i] = os->alloc_pages(os->ctx, order, OS_ANY_NODE);
		if (hpa_is_none(box->vm_blocks[i]))
			return lkvs_fail(box, "there is no memory for the VM");
		box->vm_bytes += TDX_PAGE_SIZE << order;
		/* It writes where it likes: with a module that thought otherwise this would show.
		 */
		if (i % 512 == 0)
			memset(os->map_host(os->ctx, box->vm_blocks[i], OS_WRITE), 0xa5,
			       TDX_PAGE_SIZE);
	}
	box->result->steps++;
	return true;
}

static void stop_vm(struct lkvs_box *box)
{
	const struct os_services *os = box->stand.os;

	for (uint32_t i = 0; box->vm_bytes && i < VM_BLOCKS; i++) {
		unsigned int order = i < VM_SMALL_PAGES ? 0 : 9;

		if (hpa_is_none(box->vm_blocks[i]))
			break;
		os->zero(os->ctx, box->vm_blocks[i], TDX_PAGE_SIZE);
		os->free_pages(os->ctx, box->vm_blocks[i], order);
		box->vm_blocks[i] = HPA_NONE;
	}
	box->vm_bytes = 0;
}

/* ------------------------------------------------------------------------------------------- */
/* TDs one after the other, as the suite has them                                               */

bool lkvs_start_td(struct lkvs_box *box, uint32_t t)
{
	int error = lkvs_build(box, t);

	if (error)
		return vmm_failed(box, "creating", t, error);
	error = lkvs_boot(box, t);
	if (error)
		return vmm_failed(box, "booting", t, error);
	error = lkvs_split(box, t);
	if (error)
		return vmm_failed(box, "splitting regions of", t, error);
	box->result->steps++;
	return lkvs_look(box, t);
}

/* "round 3, TD 2 started" */
static const char *moment(char *text, size_t size, uint32_t round, const char *what, uint32_t t)
{
	snprintf(text, size, "round %u, TD %u %s", round, t, what);
	return text;
}

static bool tds_round(struct lkvs_box *box, uint32_t round)
{
	const struct lkvs_case *c = box->c;
	bool ends = round == 0 || round + 1 == c->rounds;
	char text[64];

	for (uint32_t t = 0; t < c->nr_tds; t++)
		if (!lkvs_start_td(box, t) ||
		    !lkvs_check(box, true, ends, moment(text, sizeof(text), round, "started", t)))
			return false;
	if (c->vm && (!start_vm(box) || !lkvs_check(box, true, ends, "the VM started")))
		return false;
	for (uint32_t t = 0; t < c->nr_tds; t++) {
		if (!lkvs_stop_td(box, t))
			return false;
		box->result->steps++;
		if (!lkvs_check(box, true, ends, moment(text, sizeof(text), round, "stopped", t)))
			return false;
	}
	if (c->vm) {
		stop_vm(box);
		box->result->steps++;
		return lkvs_check(box, true, true, "the VM stopped");
	}
	return true;
}

/* ------------------------------------------------------------------------------------------- */
/* TDs at once, each vCPU on a thread of its own                                                */

struct task {
	struct lkvs_box *box;
	pthread_t thread;
	uint32_t t, v;
	int (*work)(struct task *task);
	int error;
};

static void *run_task(void *arg)
{
	struct task *task = arg;

	task->error = task->work(task);
	return NULL;
}

/* One task for each vCPU, or only for the first of each TD. */
static bool all_at_once(struct lkvs_box *box, int (*work)(struct task *task), bool each_vcpu,
			const char *what)
{
	struct task tasks[LKVS_MAX_TDS * LKVS_MAX_VCPUS];
	uint32_t nr = 0;
	bool ok = true;

	for (uint32_t t = 0; t < box->c->nr_tds; t++)
		for (uint32_t v = 0; v < (each_vcpu ? box->td[t].nr_vcpus : 1); v++)
			tasks[nr++] = (struct task){ .box = box, .t = t, .v = v, .work = work };
	for (uint32_t i = 0; i < nr; i++) {
		if (pthread_create(&tasks[i].thread, NULL, run_task, &tasks[i])) {
			nr = i;
			ok = lkvs_fail(box, "a thread could not be started");
		}
	}
	for (uint32_t i = 0; i < nr; i++) {
		pthread_join(tasks[i].thread, NULL);
		if (tasks[i].error)
			ok = vmm_failed(box, what, tasks[i].t, tasks[i].error);
	}
	box->result->steps += nr;
	threads_bind(box->stand.port, 0);
	return ok;
}

static int build_task(struct task *task) { return lkvs_build(task->box, task->t); }

static int boot_task(struct task *task) { return lkvs_run_vcpu(task->box, task->t, task->v, true); }

static int split_task(struct task *task) { return lkvs_split(task->box, task->t); }

static int end_task(struct task *task) { return lkvs_stop_td(task->box, task->t) ? 0 : -OS_EIO; }

static int flip_task(struct task *task)
{
	struct guest *guest = &task->box->td[task->t].guest[task->v];

	guest->flips = FLIPS;
	guest->partial = FLIPS / 16;
	return lkvs_run_vcpu(task->box, task->t, task->v, false);
}

static bool look_at_all(struct lkvs_box *box)
{
	for (uint32_t t = 0; t < box->c->nr_tds; t++)
		if (!lkvs_look(box, t))
			return false;
	return true;
}

static bool together_round(struct lkvs_box *box, uint32_t round)
{
	char text[64];

	snprintf(text, sizeof(text), "round %u, all TDs", round);
	return all_at_once(box, build_task, false, "creating") &&
	       all_at_once(box, boot_task, true, "booting") &&
	       all_at_once(box, split_task, false, "splitting regions of") && look_at_all(box) &&
	       lkvs_check(box, true, true, text) && all_at_once(box, end_task, false, "ending") &&
	       lkvs_check(box, true, true, text);
}

/* Where flipped pages end up is not to be foretold; that each region in use is backed, it is. */
static bool flips_round(struct lkvs_box *box, uint32_t round)
{
	char text[64];

	snprintf(text, sizeof(text), "round %u, flips", round);
	if (!all_at_once(box, build_task, false, "creating") ||
	    !all_at_once(box, boot_task, true, "booting") ||
	    !all_at_once(box, split_task, false, "splitting regions of"))
		return false;
	for (int i = 0; i < 3; i++)
		if (!all_at_once(box, flip_task, true, "flipping memory of") || !look_at_all(box) ||
		    !lkvs_check(box, false, true, text))
			return false;
	return all_at_once(box, end_task, false, "ending") && lkvs_check(box, true, true, text);
}

/* ------------------------------------------------------------------------------------------- */
/* Allocations that fail                                                                        */

/* The same life as in tds_round(), as far as it comes. Return: the vmm's error, 0: to the end. */
static int live(struct lkvs_box *box)
{
	int error = lkvs_build(box, 0);

	if (!error)
		error = lkvs_boot(box, 0);
	if (!error)
		error = lkvs_split(box, 0);
	return error;
}

static bool count_allocs(struct lkvs_box *box)
{
	static const struct threads_faults none;
	uint64_t seamcalls;
	int error;

	threads_faults(box->stand.port, &none);
	error = live(box);
	threads_counts(box->stand.port, &box->allocs, &seamcalls);
	if (error)
		return vmm_failed(box, "without a failure, running", 0, error);
	return lkvs_stop_td(box, 0);
}

/*
 * The allocations of one life are numbered; in round r the one that is r of FAIL_POINTS on the way
 * fails. The TD may come to its end nevertheless, where 4K pages do instead of 2M; it may fail for
 * want of memory, and for no other reason. Amounts are exact either way.
 */
static bool no_memory_round(struct lkvs_box *box, uint32_t round)
{
	static const struct threads_faults none;
	struct threads_faults faults = none;
	char text[64];
	int error;

	snprintf(text, sizeof(text), "allocation failure %u", round);
	if (!round && !count_allocs(box))
		return false;
	/* Most of the beginning, where every step allocates; the rest at equal distances. */
	faults.alloc_at = round < FAIL_POINTS / 2
				  ? 1 + 3 * (uint64_t)round
				  : 1 + box->allocs * (round - FAIL_POINTS / 2) / (FAIL_POINTS / 2);
	threads_faults(box->stand.port, &faults);
	error = live(box);
	threads_faults(box->stand.port, &none);
	if (error && error != -OS_ENOMEM)
		return vmm_failed(box, text, 0, error);
	box->result->steps += 2;
	return lkvs_look(box, 0) && lkvs_check(box, false, false, text) && lkvs_stop_td(box, 0) &&
	       lkvs_check(box, true, !round || round + 1 == box->c->rounds, text);
}

/* ------------------------------------------------------------------------------------------- */
/* Cases                                                                                        */

/* The module answers, and says that it is ready to create TDs. */
static bool module_round(struct lkvs_box *box, uint32_t round)
{
	const struct os_services *os = box->stand.os;
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_SYS_RD, 0), .rdx = TDX_MD_FEATURES0 };

	if (!tdx_status_ok(os->seamcall(os->ctx, &regs)))
		return lkvs_fail(box, "SYS.RD answers 0x%llx", (unsigned long long)regs.rax);
	return lkvs_check(box, true, true, "the module is up");
}

static bool field_round(struct lkvs_box *box, uint32_t round)
{
	const char *why = "not asked for";

	if (!pamt_is_dynamic(box->stand.host, &why))
		return lkvs_fail(box, "Dynamic PAMT is off: %s", why);
	return lkvs_check(box, true, true, "Dynamic PAMT is on");
}

static bool (*const rounds[])(struct lkvs_box *box, uint32_t round) = {
	[LKVS_MODULE] = module_round, [LKVS_FIELD] = field_round,
	[LKVS_TDS] = tds_round,	      [LKVS_TOGETHER] = together_round,
	[LKVS_FLIPS] = flips_round,   [LKVS_NO_MEMORY] = no_memory_round,
};

static void run_rounds(struct lkvs_box *box)
{
	bool ok = true;

	for (uint32_t i = 0; i < box->c->rounds && ok && !stopping(box); i++) {
		ok = rounds[box->c->kind](box, i);
		if (box->config->progress)
			box->config->progress(box->config->arg, box->c->nr, i + 1);
	}
	/* Whatever happened, no TD stays. */
	for (uint32_t t = 0; t < box->c->nr_tds; t++)
		lkvs_stop_td(box, t);
	box->result->passed = ok && !box->result->stopped;
}

static uint64_t end_of_memory(const struct machine_map *map)
{
	const struct map_range *last = &map->ranges[map->nr_ranges - 1];

	return last->base + last->size;
}

bool lkvs_set_up(struct lkvs_box *box)
{
	struct stand_config config = {
		.map = box->config->map,
		.dynamic = true,
		.guest = lkvs_guest,
		.guest_ctx = box,
		.log_level = OS_LOG_WARN,
	};
	uint64_t regions = (end_of_memory(box->config->map) >> TDX_2M_SHIFT) + 1;
	const struct os_services *os;
	char error[256];

	if (box->c->kind == LKVS_NO_MEMORY)
		config.log_level = OS_LOG_ERROR; /* that there is no memory is no news */
	if (stand_create(&box->stand, &config, error, sizeof(error)))
		return lkvs_fail(box, "%s", error);
	os = box->stand.os;
	if (box->c->nr_tds * box->c->vcpus > os->nr_cpus)
		return lkvs_fail(box, "the machine has %u CPUs, this case needs %u", os->nr_cpus,
				 box->c->nr_tds * box->c->vcpus);
	box->vm_blocks = calloc(VM_BLOCKS, sizeof(*box->vm_blocks));
	box->marks = calloc(regions, sizeof(*box->marks));
	box->marked = calloc(regions, sizeof(*box->marked));
	box->image = os->alloc_pages(os->ctx, 0, OS_ANY_NODE);
	if (!box->vm_blocks || !box->marks || !box->marked || hpa_is_none(box->image) ||
	    ledger_create(&box->ledger, os, end_of_memory(box->config->map)))
		return lkvs_fail(box, "out of memory");
	for (uint32_t i = 0; i < VM_BLOCKS; i++)
		box->vm_blocks[i] = HPA_NONE;
	memset(os->map_host(os->ctx, box->image, OS_WRITE), 0x5a, TDX_PAGE_SIZE);
	box->stand.host_os = &box->ledger.services;
	if (stand_bring_up(&box->stand, error, sizeof(error)))
		return lkvs_fail(box, "%s", error);
	box->free_at_start = stand_free_bytes(&box->stand);
	for (uint32_t t = 0; t < box->c->nr_tds; t++) {
		box->td[t].bytes = box->c->gb[t] * GB;
		box->td[t].nr_vcpus = box->c->vcpus;
		box->td[t].first_cpu = t * box->c->vcpus;
	}
	return true;
}

void lkvs_clean_up(struct lkvs_box *box)
{
	stop_vm(box);
	for (uint32_t t = 0; t < box->c->nr_tds; t++)
		free(box->td[t].use);
	free(box->vm_blocks);
	free(box->marks);
	free(box->marked);
	stand_end_host(&box->stand);
	stand_destroy(&box->stand);
	ledger_destroy(&box->ledger);
}

void lkvs_run(const struct lkvs_config *config, const struct lkvs_case *c,
	      struct lkvs_result *result)
{
	struct lkvs_box *box = calloc(1, sizeof(*box));
	double start = clock_seconds();

	memset(result, 0, sizeof(*result));
	if (!box) {
		snprintf(result->error, sizeof(result->error), "out of memory");
		return;
	}
	box->config = config;
	box->c = c;
	box->result = result;
	if (lkvs_set_up(box))
		run_rounds(box);
	lkvs_clean_up(box);
	free(box);
	result->seconds = clock_seconds() - start;
}
