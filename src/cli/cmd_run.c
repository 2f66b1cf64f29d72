// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cmd_run.c - `pamt run`: TDs on a machine, from bring-up to the last byte given back; those of a
 * scenario file, or four that options describe.
 *
 * The same source is in pamt-lab, where the CPUs are fibers in virtual time: `pamt run --virtual`
 * hands over to that.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/run.h"

/* As shells have it: ended by SIGINT. */
#define EXIT_INTERRUPTED 130

#define DEFAULT_TDS	4u
#define DEFAULT_VCPUS	2u
#define DEFAULT_PERCENT 2u
#define DEFAULT_FLIPS	256u
#define DEFAULT_FILL	75u
#define MAX_TDS		64u

/* So that a run of three quarters of any machine ends within half a minute. */
#define MAX_BYTES (UINT64_C(1536) << 30)
/* The same where a sanitizer slows everything down. */
#define MAX_BYTES_SANITIZED (UINT64_C(4) << 30)
#define FLIPS_SANITIZED	    32u

static os_a32_t interrupted;

/* TD: one of those that describe TDs, which a scenario does as well. */
enum { OPT_SEED = 's', OPT_TD = 256 };

static const struct cli_option run_options[] = {
	{ 'm', "machine", "LOG",
	  "the machine in this kernel log, '-' for stdin, or of this size, such as 768G "
	  "(default: the scenario's, or this machine)",
	  CLI_INTO(struct run, machine) },
	{ 0, "static", NULL, "static PAMT, to compare", CLI_INTO(struct run, wishes.is_static) },
	{ OPT_SEED, "seed", "N", "of what is done at random (default: 1)",
	  CLI_NUMBER(struct run, wishes.seed, 0, UINT32_MAX) },
	{ 0, "cpus", "N", "logical CPUs of the machine (default: what the log says)",
	  CLI_NUMBER(struct run, map_options.nr_cpus, 1, 1024) },
	{ 0, "virtual", NULL, "in virtual time: slower, and the same to the bit each time",
	  CLI_INTO(struct run, wishes.is_virtual) },
	/* Where it is given run_kernel.c reads the arguments, and not this. */
	{ 0, "kernel", NULL, "TDs in this machine's kernel, on pamt.ko; docs/kernel.md", CLI_OWN },
	{ 0, "timeline", "FILE", "TDs, page pairs and bytes over time, as CSV",
	  CLI_INTO(struct run, timeline_path) },
	{ 0, "pages", "N",
	  "of a scenario at most so many mappings: memory is divided by a power of two",
	  CLI_NUMBER(struct run, wishes.pages, 1, UINT64_C(1) << 40) },
	{ OPT_TD, "tds", "N", "without a scenario: TDs, sized 1:2:4:8:... (default: 4)",
	  CLI_NUMBER(struct run, wishes.tds, 1, MAX_TDS) },
	{ OPT_TD, "vcpus", "N", "vCPUs of each TD (default: 2)",
	  CLI_NUMBER(struct run, wishes.vcpus, 1, SCENARIO_MAX_VCPUS) },
	{ OPT_TD, "memory", "BYTES",
	  "of all TDs together, such as 64G or 2.5T, rounded up to 2M (default: three "
	  "quarters of what is free)",
	  CLI_NUMBER(struct run, config.bytes, TDX_2M_SIZE, UINT64_C(1) << TDX_PA_BITS) },
	{ OPT_TD, "4k", "PERCENT", "of the memory in 4K pages, the rest in 2M (default: 2)",
	  CLI_NUMBER(struct run, wishes.percent_4k, 0, 100) },
	{ OPT_TD, "flips", "N",
	  "whole mappings that each vCPU makes shared and private again (default: 256)",
	  CLI_NUMBER(struct run, wishes.flips, 0, 1000000) },
	{ OPT_TD, "partial", "N",
	  "the same with 4K pages out of 2M mappings, which splits them (default: 0)",
	  CLI_NUMBER(struct run, wishes.partial, 0, 1000000) },
	{ 0 },
};

static void on_interrupt(int signal)
{
	/* Relaxed: it is looked at again and again. */
	os_store32(&interrupted, 1, OS_RELAXED);
}

/* ------------------------------------------------------------------------------------------- */
/* Options                                                                                      */

/*
 * Sizes double from one TD to the next; after 16 they stay, so that the first is not nothing. The
 * second one is restarted.
 */
static void make_scenario(struct scenario *scenario, const struct run_wishes *wishes)
{
	scenario_defaults(scenario);
	scenario->fill_percent = DEFAULT_FILL;
	scenario->fill_limit = *workload_sanitizer() ? MAX_BYTES_SANITIZED : MAX_BYTES;
	for (uint32_t t = 0; t < wishes->tds && t <= 16; t++) {
		struct scenario_group *group = &scenario->group[scenario->nr_groups++];

		scenario_group_defaults(group);
		snprintf(group->name, sizeof(group->name), "td%u", t);
		group->count = t < 16 ? 1 : wishes->tds - 16;
		group->share = UINT32_C(1) << t;
		group->vcpus = wishes->vcpus;
		group->percent_4k = wishes->percent_4k;
		group->flips = wishes->flips;
		group->partial = wishes->partial;
		group->restarts = t == (wishes->tds > 1 ? 1 : 0);
	}
}

/* A file, or what the options describe. False: reported. */
static bool choose_scenario(struct run *run)
{
	const struct run_wishes *wishes = &run->wishes;
	char **operands, error[512];
	int nr;

	operands = cli_operands(&run->args, &nr);
	if (nr > 1) {
		cli_usage_error("run: '%s' is one scenario too many: one is allowed", operands[1]);
		return false;
	}
	if (!nr && wishes->pages) {
		cli_usage_error("run: --pages is of a scenario, and none is given");
		return false;
	}
	run->scaled = 1;
	if (!nr) {
		make_scenario(&run->scenario, wishes);
		return true;
	}
	run->path = operands[0];
	if (wishes->only_without) {
		cli_usage_error("run: --%s and a scenario: the scenario says that; --machine, "
				"--cpus, --seed and --static are allowed",
				wishes->only_without);
		return false;
	}
	if (scenario_load(run->path, &run->scenario, error, sizeof(error))) {
		cli_usage_error("%s", error);
		return false;
	}
	if (!wishes->pages)
		return true;
	/* What a share is a share of: the memory that so many mappings, all in 4K, come to. */
	if (run->scenario.fill_percent)
		run->config.bytes = wishes->pages * TDX_PAGE_SIZE;
	run->scaled = scenario_scale(&run->scenario, wishes->pages);
	return true;
}

/* -1: go on; else the exit code. */
static int read_options(struct run *run, int argc, char **argv)
{
	struct run_wishes *wishes = &run->wishes;
	int option;

	run->args = (struct cli_args){
		.options = run_options, .argc = argc, .argv = argv, .into = run
	};
	*wishes = (struct run_wishes){
		.tds = DEFAULT_TDS,
		.vcpus = DEFAULT_VCPUS,
		.percent_4k = DEFAULT_PERCENT,
		.flips = *workload_sanitizer() ? FLIPS_SANITIZED : DEFAULT_FLIPS,
	};
	while ((option = cli_next_option(&run->args)) > 0) {
		wishes->has_seed |= option == OPT_SEED;
		if (option == OPT_TD)
			wishes->only_without = run->args.name;
	}
	if (option < 0)
		return run->args.exit;
	/* Regions are mapped whole. */
	run->config.bytes = (run->config.bytes + TDX_2M_SIZE - 1) & ~(TDX_2M_SIZE - 1);
	/* Nothing is open yet that the other program would not have. */
	if (wishes->is_virtual && !runner_is_virtual())
		return cli_exec_lab(argc, argv);
	if (!choose_scenario(run))
		return CLI_USAGE;
	if (wishes->has_seed)
		run->scenario.seed = wishes->seed;
	if (wishes->is_static)
		run->scenario.dynamic = false;
	return -1;
}

/* ------------------------------------------------------------------------------------------- */
/* While it runs                                                                                */

static void show_progress(void *arg, const struct workload_progress *at)
{
	struct run *run = arg;
	uint64_t ns = at->now.ns - run->shown_ns, adds = at->now.adds - run->shown_adds;

	if (!cli_progress_due(&run->progress))
		return;
	cli_progress_line(&run->progress,
			  "%s: %u TDs, %" PRIu64 " of %" PRIu64 " GB, %" PRIu64
			  " pairs, %.0f PAMT.ADD per second",
			  workload_round_name(at->round), at->now.tds, at->now.td_bytes >> 30,
			  at->total_bytes >> 30, at->now.pairs,
			  ns ? (double)adds * 1e9 / (double)ns : 0.0);
	run->shown_ns = at->now.ns;
	run->shown_adds = at->now.adds;
}

static void show_finding(void *arg, const struct pamt_finding *finding)
{
	struct run *run = arg;
	uint64_t base = region_to_hpa(finding->region).v;

	cli_progress_end(&run->progress);
	if (run->findings) {
		json_array_append_new(run->findings,
				      json_pack("{s:I, s:i, s:o, s:s}", "base", (json_int_t)base,
						"word", finding->word, "rdmd",
						cli_json_hex(finding->rdmd_rcx), "what",
						finding->what));
		return;
	}
	printf("region [0x%" PRIx64 ", 0x%" PRIx64 "): %s (host's word 0x%04x, module's RCX "
	       "0x%" PRIx64 ")\n",
	       base, base + TDX_2M_SIZE, finding->what, finding->word, finding->rdmd_rcx);
}

/* ------------------------------------------------------------------------------------------- */

/* Opened before the run: a long one is not to end in "permission denied". */
static bool open_timeline(struct run *run)
{
	if (!run->timeline_path)
		return true;
	run->timeline = fopen(run->timeline_path, "w");
	if (run->timeline)
		return true;
	cli_usage_error("run: --timeline %s: %s", run->timeline_path, strerror(errno));
	return false;
}

static int close_timeline(struct run *run, int code)
{
	bool failed;

	if (!run->timeline)
		return code;
	failed = !run_write_timeline(run, run->timeline);
	/* Both: a full disk may show only here. */
	if (fclose(run->timeline) || failed)
		return cli_error(CLI_FAILED, "run: --timeline %s: %s", run->timeline_path,
				 strerror(errno));
	return code;
}

static int run_it(struct run *run)
{
	struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = SA_RESETHAND };
	struct sigaction before_int, before_term;
	char error[512];
	int failed;

	sigaction(SIGINT, &action, &before_int);
	sigaction(SIGTERM, &action, &before_term);
	cli_progress_begin(&run->progress, "run", 0);
	failed = workload_run(&run->config, &run->result, error, sizeof(error));
	sigaction(SIGINT, &before_int, NULL);
	sigaction(SIGTERM, &before_term, NULL);
	cli_progress_end(&run->progress);
	/* A failure on the way still has figures; one before the first TD has none. */
	if (!failed || run->result.threads) {
		if (run->args.json)
			run_show_json(run);
		else
			run_show_text(run);
	}
	if (failed && run->result.refused)
		return cli_usage_error("run: %s", error);
	if (failed)
		return cli_error(CLI_FAILED, "run: %s (seed %" PRIu64 ")", error,
				 run->scenario.seed);
	if (!workload_is_clean(&run->result))
		return CLI_FAILED;
	return run->result.stopped ? EXIT_INTERRUPTED : CLI_OK;
}

/* What the scenario says of the machine, where no option does. False: reported. */
static bool load_machine(struct run *run)
{
	const struct scenario *scenario = &run->scenario;
	struct map_options *options = &run->map_options;

	if (!run->machine && *scenario->machine)
		run->machine = scenario->machine;
	if (!options->nr_cpus)
		options->nr_cpus = scenario->cpus;
	options->nr_packages = scenario->packages;
	options->nr_nodes = scenario->nodes;
	return cli_map_load(run->machine, options, &run->map);
}

int cmd_run(int argc, char **argv)
{
	static const enum os_log_level levels[] = { OS_LOG_WARN, OS_LOG_INFO, OS_LOG_DEBUG };
	struct run *run = cli_alloc(1, sizeof(*run));
	int exit;

	exit = read_options(run, argc, argv);
	if (exit < 0 && (!load_machine(run) || !open_timeline(run)))
		exit = CLI_USAGE;
	if (exit < 0) {
		run->config.scenario = &run->scenario;
		run->config.stop = &interrupted;
		run->config.progress = show_progress;
		run->config.finding = show_finding;
		run->config.map = &run->map;
		run->config.arg = run;
		run->config.log_level = levels[cli_verbose() < 2 ? cli_verbose() : 2];
		if (run->args.json) {
			run->findings = json_array();
			run->config.at_peak = run_read_regions;
		}
		exit = close_timeline(run, run_it(run));
	}
	json_decref(run->findings);
	json_decref(run->regions);
	map_free(&run->map);
	free(run);
	return exit;
}
