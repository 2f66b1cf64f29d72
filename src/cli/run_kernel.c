// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * run_kernel.c - `pamt run --kernel`: the TDs are in this machine's kernel, on pamt.ko, and are
 * driven through /dev/pamt. What comes out is shown as every other run is.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/run.h"
#include "kernel/device_abi.h"
#include "machine/clock.h"

#define DEFAULT_TDS    4u
#define MAX_TDS	       16u
#define DEFAULT_MEMORY (UINT64_C(256) << 20)

/* One TD: an open file, and the thread that waits for it. */
struct kernel_td {
	struct pamt_abi_create create;
	struct pamt_abi_counts counts;
	pthread_t thread;
	int fd;
	int error; /* errno of what failed, 0 */
	const char *what;
};

struct kernel_run {
	struct run *run;
	int fd; /* for questions about the machine */
	uint64_t memory, percent_4k, flips, vcpus, tds, seed;
	uint64_t memory_bytes; /* that TDs may use on this machine */
	struct kernel_td td[MAX_TDS];
	struct pamt_abi_stats before;
	double began;
};

static const struct cli_option kernel_options[] = {
	{ 0, "kernel", NULL, "TDs in this machine's kernel; pamt.ko must be loaded", CLI_OWN },
	{ 0, "tds", "N", "TDs, sized 1:2:4:8:... (default: 4)",
	  CLI_NUMBER(struct kernel_run, tds, 1, MAX_TDS) },
	{ 0, "vcpus", "N", "vCPUs of each TD (default: 2)",
	  CLI_NUMBER(struct kernel_run, vcpus, 1, 64) },
	{ 0, "memory", "BYTES", "of all TDs together (default: 256M)",
	  CLI_NUMBER(struct kernel_run, memory, TDX_2M_SIZE, UINT64_C(1) << 46) },
	{ 0, "4k", "PERCENT", "of the regions in 4K pages, the rest in 2M (default: 2)",
	  CLI_NUMBER(struct kernel_run, percent_4k, 0, 100) },
	{ 0, "flips", "N",
	  "whole mappings that each vCPU makes shared and private again (default: 32)",
	  CLI_NUMBER(struct kernel_run, flips, 0, 1000000) },
	{ 's', "seed", "N", "of what is done at random (default: 1)",
	  CLI_NUMBER(struct kernel_run, seed, 0, UINT32_MAX) },
	{ 0 },
};

/* ------------------------------------------------------------------------------------------- */
/* TDs                                                                                          */

/* The first failure of a TD is the one that is told. */
static bool td_call(struct kernel_td *td, const char *what, unsigned long request, void *argument)
{
	if (td->error)
		return false;
	if (ioctl(td->fd, request, argument) < 0) {
		td->error = errno;
		td->what = what;
	}
	return !td->error;
}

static void *td_boot(void *arg)
{
	struct kernel_td *td = arg;

	td_call(td, "creating it", PAMT_IOC_CREATE, &td->create);
	td_call(td, "running it", PAMT_IOC_RUN, NULL);
	return NULL;
}

/* Its last region in other ways: zapped, faulted in, split, a part of it shared and private. */
static void *td_change(void *arg)
{
	struct kernel_td *td = arg;
	struct pamt_abi_range last = { .gpa = td->create.bytes - TDX_2M_SIZE,
				       .bytes = TDX_2M_SIZE };
	struct pamt_abi_range part = { .gpa = last.gpa + TDX_PAGE_SIZE,
				       .bytes = TDX_PAGE_SIZE,
				       .shared = 1 };
	__u64 at = last.gpa;

	td_call(td, "zapping", PAMT_IOC_ZAP, &last);
	td_call(td, "faulting", PAMT_IOC_FAULT, &at);
	td_call(td, "splitting", PAMT_IOC_SPLIT, &at);
	td_call(td, "converting to shared", PAMT_IOC_CONVERT, &part);
	part.shared = 0;
	td_call(td, "converting to private", PAMT_IOC_CONVERT, &part);
	return NULL;
}

static void add_counts(struct td_counts *sum, const struct pamt_abi_counts *of)
{
	const struct {
		os_a64_t *to;
		uint64_t n;
	} each[] = {
		{ &sum->faults, of->faults },
		{ &sum->lost_races, of->lost_races },
		{ &sum->maps_4k, of->maps_4k },
		{ &sum->maps_2m, of->maps_2m },
		{ &sum->fallbacks, of->fallbacks },
		{ &sum->sept_pages, of->sept_pages },
		{ &sum->conversions, of->conversions },
		{ &sum->zaps_4k, of->zaps_4k },
		{ &sum->zaps_2m, of->zaps_2m },
		{ &sum->splits, of->splits },
		{ &sum->merges, of->merges },
		{ &sum->tracks, of->tracks },
		{ &sum->exits, of->exits },
	};

	/* Relaxed: one thread only. */
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++)
		os_fetch_add64(each[i].to, each[i].n, OS_RELAXED);
}

static void td_end(struct kernel_run *k, struct kernel_td *td)
{
	struct workload_result *result = &k->run->result;
	__u64 leaked = 0;
	int error = td->error;

	/* Also after a failure: what there is is counted and ended. */
	td->error = 0;
	if (td_call(td, "its counters", PAMT_IOC_COUNTS, &td->counts))
		add_counts(&result->counts, &td->counts);
	if (td_call(td, "ending it", PAMT_IOC_DESTROY, &leaked))
		result->leaked_pages += leaked;
	if (error)
		td->error = error;
}

/* step of every TD, each in a thread of its own; seconds are added to the round's. */
static void all_tds(struct kernel_run *k, enum workload_round round, void *(*step)(void *))
{
	double start = clock_seconds();
	bool started[MAX_TDS];

	for (uint64_t i = 0; i < k->tds; i++) {
		started[i] = !pthread_create(&k->td[i].thread, NULL, step, &k->td[i]);
		if (!started[i])
			step(&k->td[i]);
	}
	for (uint64_t i = 0; i < k->tds; i++)
		if (started[i])
			pthread_join(k->td[i].thread, NULL);
	k->run->result.seconds[round] += clock_seconds() - start;
}

/* ------------------------------------------------------------------------------------------- */

/* As every run has it: sizes double from one TD to the next. */
static void describe_tds(struct kernel_run *k)
{
	uint64_t shares = (UINT64_C(1) << k->tds) - 1;

	for (uint64_t i = 0; i < k->tds; i++) {
		uint64_t bytes = k->memory / shares * (UINT64_C(1) << i) & ~(TDX_2M_SIZE - 1);

		k->td[i].create = (struct pamt_abi_create){
			.bytes = bytes < 2 * TDX_2M_SIZE ? 2 * TDX_2M_SIZE : bytes,
			.vcpus = (uint32_t)k->vcpus,
			.percent_4k = (uint32_t)k->percent_4k,
			.flips = (uint32_t)k->flips,
			.seed = (uint32_t)(k->seed + i),
			.node = PAMT_ANY_NODE,
		};
		k->run->result.td_bytes += k->td[i].create.bytes;
	}
}

static void run_tds(struct kernel_run *k)
{
	struct workload_result *result = &k->run->result;
	struct kernel_td *again = &k->td[k->tds > 1 ? 1 : 0];
	double start;
	__u64 findings = 0;

	all_tds(k, WORKLOAD_BOOT, td_boot);
	all_tds(k, WORKLOAD_AGAIN, td_change);
	start = clock_seconds();
	if (!ioctl(k->fd, PAMT_IOC_VERIFY, &findings))
		result->findings = findings;
	result->seconds[WORKLOAD_VERIFY] = clock_seconds() - start;

	start = clock_seconds();
	td_end(k, again);
	if (!again->error)
		td_boot(again);
	result->seconds[WORKLOAD_RESTART] = clock_seconds() - start;

	start = clock_seconds();
	for (uint64_t i = 0; i < k->tds; i++)
		td_end(k, &k->td[i]);
	result->seconds[WORKLOAD_END] = clock_seconds() - start;
}

/* Counters are the module's since it was loaded; of these only what this run added. */
static void take_stats(struct kernel_run *k, const struct pamt_abi_stats *after)
{
	const struct pamt_abi_stats *before = &k->before;
	struct workload_result *result = &k->run->result;

	result->stats.os_bytes_peak = after->os_bytes_peak;
	result->stats.pairs_installed_peak = after->pairs_installed_peak;
	result->stats.gets_fast = after->gets_fast - before->gets_fast;
	result->stats.gets_slow = after->gets_slow - before->gets_slow;
	result->stats.puts = after->puts - before->puts;
	result->stats.adds = after->adds - before->adds;
	result->stats.removes = after->removes - before->removes;
	result->stats.waits = after->waits - before->waits;
	result->pamt_busy = after->busy - before->busy;
	result->seamcalls = after->seamcalls - before->seamcalls;
	result->retries = after->retries - before->retries;
	result->leaked_regions = after->leaked_regions;
	result->left_bytes = after->os_bytes;
}

static bool take_machine(struct kernel_run *k)
{
	struct workload_result *result = &k->run->result;
	struct pamt_abi_info info;

	if (ioctl(k->fd, PAMT_IOC_INFO, &info))
		return false;
	snprintf(k->run->map.name, sizeof(k->run->map.name), "this machine's kernel");
	k->run->map.nr_cpus = info.cpus;
	k->run->map.nr_nodes = info.nodes;
	k->memory_bytes = info.memory_bytes;
	result->dynamic = info.dynamic;
	result->why_static = "see the kernel log";
	result->static_bytes = info.static_bytes;
	result->dynamic_bytes = info.dynamic_bytes;
	result->layout.table_bytes = info.table_bytes;
	result->layout.given_up_bytes = info.given_up_bytes;
	result->threads = info.cpus;
	return true;
}

/* What errno means here, where its usual words mislead. */
static void explain_error(const struct kernel_run *k, const struct kernel_td *td, uint64_t number)
{
	char why[120];

	snprintf(why, sizeof(why), "%s", strerror(td->error));
	if (td->error == EFBIG)
		snprintf(why, sizeof(why),
			 "it has %" PRIu64 " MB, and no TD here can be larger than %" PRIu64 " MB",
			 (uint64_t)td->create.bytes >> 20, k->memory_bytes >> 20);
	else if (td->error == ENOSPC)
		snprintf(why, sizeof(why), "no KeyID is left for it");
	cli_error(CLI_FAILED, "run: TD %" PRIu64 ": %s: %s", number, td->what, why);
}

static int report(struct kernel_run *k)
{
	int code = CLI_OK;

	if (k->run->args.json)
		run_show_json(k->run);
	else
		run_show_text(k->run);
	for (uint64_t i = 0; i < k->tds; i++) {
		struct kernel_td *td = &k->td[i];

		if (td->counts.guest_error)
			code = cli_error(CLI_FAILED,
					 "run: the guest of TD %" PRIu64 " gave up at 0x%" PRIx64
					 " with 0x%" PRIx64,
					 i, (uint64_t)td->counts.guest_error_at,
					 (uint64_t)td->counts.guest_error);
		else if (td->error)
			explain_error(k, td, i);
		if (td->error)
			code = CLI_FAILED;
	}
	return code || !workload_is_clean(&k->run->result) ? CLI_FAILED : CLI_OK;
}

static int run_on_device(struct kernel_run *k)
{
	struct workload_result *result = &k->run->result;
	struct pamt_abi_stats after;

	if (!take_machine(k) || ioctl(k->fd, PAMT_IOC_STATS, &k->before))
		return cli_error(CLI_FAILED, "run: %s: %s", PAMT_DEVICE, strerror(errno));
	describe_tds(k);
	for (uint64_t i = 0; i < k->tds; i++) {
		k->td[i].fd = open(PAMT_DEVICE, O_RDWR | O_CLOEXEC);
		if (k->td[i].fd < 0)
			return cli_error(CLI_FAILED, "run: %s: %s", PAMT_DEVICE, strerror(errno));
	}
	result->nr_tds = (uint32_t)k->tds;
	result->nr_vcpus = (uint32_t)(k->tds * k->vcpus);
	k->began = clock_seconds();
	run_tds(k);
	result->total_seconds = clock_seconds() - k->began;
	for (uint64_t i = 0; i < k->tds; i++)
		close(k->td[i].fd);
	if (ioctl(k->fd, PAMT_IOC_STATS, &after))
		return cli_error(CLI_FAILED, "run: %s: %s", PAMT_DEVICE, strerror(errno));
	take_stats(k, &after);
	return report(k);
}

/* -1: go on; else the exit code. */
static int read_options(struct kernel_run *k, int argc, char **argv)
{
	struct cli_args *args = &k->run->args;
	int nr;

	*args = (struct cli_args){
		.options = kernel_options, .argc = argc, .argv = argv, .into = k
	};
	if (!cli_read_options(args))
		return args->exit;
	if (*cli_operands(args, &nr) && nr)
		return cli_usage_error("run: --kernel takes no scenario file; options describe "
				       "its TDs");
	return -1;
}

static int run_kernel(int argc, char **argv)
{
	struct kernel_run *k = cli_alloc(1, sizeof(*k));
	struct run *run = cli_alloc(1, sizeof(*run));
	int code;

	*k = (struct kernel_run){ .run = run,
				  .memory = DEFAULT_MEMORY,
				  .percent_4k = 2,
				  .flips = 32,
				  .vcpus = 2,
				  .tds = DEFAULT_TDS,
				  .seed = 1 };
	code = read_options(k, argc, argv);
	if (code < 0) {
		scenario_defaults(&run->scenario);
		scenario_group_defaults(&run->scenario.group[run->scenario.nr_groups++]);
		run->scenario.group[0].vcpus = (uint32_t)k->vcpus;
		run->scenario.group[0].percent_4k = (uint32_t)k->percent_4k;
		run->scenario.seed = k->seed;
		run->findings = run->args.json ? json_array() : NULL;
		k->fd = open(PAMT_DEVICE, O_RDWR | O_CLOEXEC);
		if (k->fd < 0)
			code = cli_error(CLI_NOT_POSSIBLE, "run: %s: %s; is pamt.ko loaded?",
					 PAMT_DEVICE, strerror(errno));
		else
			code = run_on_device(k);
		json_decref(run->findings);
	}
	free(run);
	free(k);
	return code;
}

int cmd_run_or_kernel(int argc, char **argv)
{
	/* An option may be cut short. */
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strncmp(argv[i], "--k", 3) && !strncmp(argv[i], "--kernel", strlen(argv[i])))
			return run_kernel(argc, argv);
	return cmd_run(argc, argv);
}
