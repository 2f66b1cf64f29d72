// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cmd_run.c - `pamt run`: TDs on a machine, from bring-up to the last byte given back.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "lab/workload.h"

/* As shells have it: ended by SIGINT. */
#define EXIT_INTERRUPTED 130

#define DEFAULT_TDS	4u
#define DEFAULT_VCPUS	2u
#define DEFAULT_PERCENT 2u
#define DEFAULT_FLIPS	256u

/* So that a run of three quarters of any machine ends within half a minute. */
#define MAX_BYTES (UINT64_C(1536) << 30)
/* The same where a sanitizer slows everything down. */
#define MAX_BYTES_SANITIZED (UINT64_C(4) << 30)
#define FLIPS_SANITIZED	    32u

static os_a32_t interrupted;

enum {
	OPT_MACHINE = 'm',
	OPT_SEED = 's',
	OPT_STATIC = 256,
	OPT_TDS,
	OPT_VCPUS,
	OPT_MEMORY,
	OPT_4K,
	OPT_FLIPS,
	OPT_PARTIAL,
	OPT_CPUS
};

static const struct cli_option run_options[] = {
	{ OPT_MACHINE, "machine", "LOG",
	  "the machine in this kernel log, '-' for stdin, builtin:256g, builtin:2t or "
	  "builtin:64t (default: this machine)" },
	{ OPT_STATIC, "static", NULL, "static PAMT, to compare" },
	{ OPT_SEED, "seed", "N", "of what is done at random (default: 1)" },
	{ OPT_TDS, "tds", "N", "TDs, sized 1:2:4:8:... (default: 4)" },
	{ OPT_VCPUS, "vcpus", "N", "vCPUs of each TD (default: 2)" },
	{ OPT_MEMORY, "memory", "BYTES",
	  "of all TDs together (default: three quarters of what is free)" },
	{ OPT_4K, "4k", "PERCENT", "of the memory in 4K pages, the rest in 2M (default: 2)" },
	{ OPT_FLIPS, "flips", "N",
	  "whole mappings that each vCPU makes shared and private again (default: 256)" },
	{ OPT_PARTIAL, "partial", "N",
	  "the same with 4K pages out of 2M mappings, which splits them (default: 0)" },
	{ OPT_CPUS, "cpus", "N", "logical CPUs of the machine (default: what the log says)" },
	{ 0 },
};

struct run {
	struct cli_args args;
	struct workload_config config;
	struct workload_result result;
	const char *machine;
	struct map_options map_options;
	struct machine_map map;
	struct cli_progress progress;
	enum workload_round round; /* shown last */
	uint64_t accepted_before;  /* when it began */
	json_t *findings;	   /* NULL: text */
};

static void on_interrupt(int signal)
{
	(void)signal;
	/* Relaxed: looked at again and again. */
	os_store32(&interrupted, 1, OS_RELAXED);
}

/* ------------------------------------------------------------------------------------------- */
/* Options                                                                                      */

static bool number(const char *name, const char *text, uint64_t min, uint64_t max, uint32_t *to)
{
	uint64_t value;

	if (!cli_option_number(name, text, min, max, &value))
		return false;
	*to = (uint32_t)value;
	return true;
}

static bool take_option(struct run *run, int option)
{
	struct workload_config *config = &run->config;
	const char *value = run->args.value;

	switch (option) {
	case OPT_MACHINE:
		run->machine = value;
		return true;
	case OPT_STATIC:
		config->dynamic = false;
		return true;
	case OPT_SEED:
		return cli_option_number("seed", value, 0, UINT32_MAX, &config->seed);
	case OPT_TDS:
		return number("tds", value, 1, WORKLOAD_MAX_TDS, &config->nr_tds);
	case OPT_VCPUS:
		return number("vcpus", value, 1, 576, &config->vcpus);
	case OPT_MEMORY:
		return cli_option_number("memory", value, TDX_2M_SIZE, UINT64_C(1) << TDX_PA_BITS,
					 &config->bytes);
	case OPT_4K:
		return number("4k", value, 0, 100, &config->percent_4k);
	case OPT_FLIPS:
		return number("flips", value, 0, 1000000, &config->flips);
	case OPT_PARTIAL:
		return number("partial", value, 0, 1000000, &config->partial);
	default:
		return number("cpus", value, 1, 1024, &run->map_options.nr_cpus);
	}
}

/* Sizes double from one TD to the next; after 16 they stay, so that the first is not nothing. */
static void set_shares(struct workload_config *config)
{
	for (uint32_t t = 0; t < config->nr_tds; t++)
		config->share[t] = UINT32_C(1) << (t < 16 ? t : 16);
}

/* -1: go on; else the exit code. */
static int read_options(struct run *run, int argc, char **argv)
{
	char **operands;
	int option, nr;

	run->args = (struct cli_args){ .options = run_options, .argc = argc, .argv = argv };
	while ((option = cli_next_option(&run->args)) > 0) {
		if (!take_option(run, option))
			return CLI_USAGE;
	}
	if (option < 0)
		return run->args.exit;
	operands = cli_operands(&run->args, &nr);
	if (nr)
		return cli_usage_error("run: '%s' is not wanted: a machine is given with --machine",
				       operands[0]);
	set_shares(&run->config);
	return -1;
}

/* ------------------------------------------------------------------------------------------- */
/* While it runs                                                                                */

/* Gigabytes: accepted since the round began, or at the end given back by now. */
static void show_progress(void *arg, const struct workload_progress *at)
{
	static const char *const what[WORKLOAD_ROUNDS] = {
		[WORKLOAD_BUILD] = "build, GB",
		[WORKLOAD_BOOT] = "boot, GB accepted",
		[WORKLOAD_VERIFY] = "verify, GB",
		[WORKLOAD_RESTART] = "restart, GB accepted",
		[WORKLOAD_AGAIN] = "again, GB accepted",
		[WORKLOAD_END] = "end, GB given back",
	};
	bool whole = at->round == WORKLOAD_BOOT || at->round == WORKLOAD_END;
	uint64_t mapped = at->stats.leaf_regions * TDX_2M_SIZE;
	struct run *run = arg;

	if (at->round != run->round) {
		cli_progress_end(&run->progress);
		cli_progress_begin(&run->progress, what[at->round],
				   whole ? at->total_bytes >> 30 : 0);
		run->round = at->round;
		run->accepted_before = at->accepted_bytes;
	}
	if (at->round == WORKLOAD_END)
		cli_progress(&run->progress,
			     at->total_bytes > mapped ? (at->total_bytes - mapped) >> 30 : 0);
	else
		cli_progress(&run->progress, (at->accepted_bytes - run->accepted_before) >> 30);
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
/* Results                                                                                      */

static const char *plural(uint32_t nr, const char *one, const char *many)
{
	return nr == 1 ? one : many;
}

static void print_setting(const struct run *run)
{
	const struct workload_config *config = &run->config;
	const struct workload_result *result = &run->result;
	char td[24], wanted[24];

	cli_bytes(result->td_bytes, td);
	printf("%s%s%s: %u %s, %u %s; %u %s of together %s, %u %s each on %u threads, %u %% in 4K "
	       "pages, seed %" PRIu64 "\n",
	       cli_bold(), run->map.name, cli_plain(), run->map.nr_cpus,
	       plural(run->map.nr_cpus, "CPU", "CPUs"), run->map.nr_nodes,
	       plural(run->map.nr_nodes, "node", "nodes"), config->nr_tds,
	       plural(config->nr_tds, "TD", "TDs"), td, config->vcpus,
	       plural(config->vcpus, "vCPU", "vCPUs"), result->threads, config->percent_4k,
	       config->seed);
	if (!cli_quiet() && *run->map.notes)
		printf("%s", run->map.notes);
	if (result->wanted_bytes > result->td_bytes + TDX_2M_SIZE)
		printf("smaller TDs: three quarters of this machine would be %s; --memory sets "
		       "it\n",
		       cli_bytes(result->wanted_bytes, wanted));
	if (*workload_sanitizer())
		printf("built with a sanitizer (%s): smaller TDs and fewer flips by default\n",
		       workload_sanitizer());
	if (config->dynamic && !result->dynamic)
		printf("static PAMT is used: %s\n", result->why_static);
}

static void bytes_row(struct cli_table *table, const char *what, uint64_t with_static,
		      uint64_t with_dynamic)
{
	char buffer[24];

	cli_table_cell(table, "%s", what);
	cli_table_cell(table, "%s", cli_bytes(with_static, buffer));
	cli_table_cell(table, "%s", cli_bytes(with_dynamic, buffer));
}

static void print_memory(const struct workload_result *result)
{
	static const struct cli_column columns[] = { { "PAMT", false },
						     { "static", true },
						     { "dynamic", true } };
	struct cli_table *table = cli_table_create(columns, 3);

	bytes_row(table, "at boot", result->static_bytes, result->dynamic_bytes);
	if (result->dynamic) {
		bytes_row(table, "at run time, peak", 0, result->stats.os_bytes_peak);
		bytes_row(table, "together", result->static_bytes,
			  result->dynamic_bytes + result->stats.os_bytes_peak);
		cli_table_cell(table, "page pairs, peak");
		cli_table_cell(table, "0");
		cli_table_cell(table, "%" PRIu64, result->stats.pairs_installed_peak);
	}
	cli_table_print(table);
}

/* What is counted, for table and JSON alike. */
struct figure {
	const char *key, *title;
	uint64_t value;
};

#define MAX_FIGURES 32

static uint64_t count_of(const os_a64_t *counter) { return os_load64(counter, OS_RELAXED); }

static unsigned int list_figures(const struct workload_result *r, struct figure *to)
{
	const struct figure figures[] = {
		{ "gets", "gets", r->stats.gets_fast + r->stats.gets_slow },
		{ "gets_slow", "  of these, past the fast path", r->stats.gets_slow },
		{ "puts", "puts", r->stats.puts },
		{ "adds", "PAMT.ADD", r->stats.adds },
		{ "removes", "PAMT.REMOVE", r->stats.removes },
		{ "waits", "waits for a region", r->stats.waits },
		{ "busy", "PAMT operands found busy", r->pamt_busy },
		{ "retries", "ordinary contention, tried again", r->retries },
		{ "faults", "faults", count_of(&r->counts.faults) },
		{ "lost_races", "  of these, lost to another vCPU",
		  count_of(&r->counts.lost_races) },
		{ "maps_4k", "4K pages mapped", count_of(&r->counts.maps_4k) },
		{ "maps_2m", "2M pages mapped", count_of(&r->counts.maps_2m) },
		{ "fallbacks", "  wanted as 2M, mapped as 4K", count_of(&r->counts.fallbacks) },
		{ "sept_pages", "S-EPT pages added", count_of(&r->counts.sept_pages) },
		{ "conversions", "conversions", count_of(&r->counts.conversions) },
		{ "zaps_4k", "4K pages zapped", count_of(&r->counts.zaps_4k) },
		{ "zaps_2m", "2M pages zapped", count_of(&r->counts.zaps_2m) },
		{ "splits", "2M pages split", count_of(&r->counts.splits) },
		{ "tracks", "TLB flushes", count_of(&r->counts.tracks) },
		{ "exits", "TD exits", count_of(&r->counts.exits) },
		{ "seamcalls", "SEAMCALLs", r->seamcalls },
	};
	unsigned int nr = sizeof(figures) / sizeof(figures[0]);

	_Static_assert(sizeof(figures) / sizeof(figures[0]) <= MAX_FIGURES, "room for all");
	memcpy(to, figures, sizeof(figures));
	return nr;
}

static void print_figures(const struct workload_result *result)
{
	static const struct cli_column columns[] = { { "what", false }, { "times", true } };
	struct cli_table *table = cli_table_create(columns, 2);
	struct figure figures[MAX_FIGURES];
	unsigned int nr = list_figures(result, figures);

	for (unsigned int i = 0; i < nr; i++) {
		cli_table_cell(table, "%s", figures[i].title);
		cli_table_cell(table, "%" PRIu64, figures[i].value);
	}
	cli_table_print(table);
}

static void print_times(const struct workload_result *result)
{
	char memory[24];

	for (enum workload_round round = 0; round < WORKLOAD_ROUNDS; round++)
		printf("%s%s %.2f s", round ? ", " : "", workload_round_name(round),
		       result->seconds[round]);
	printf("; all %.2f s, %s of real memory for simulated\n", result->total_seconds,
	       cli_bytes(result->real_memory, memory));
}

static void print_text(const struct run *run)
{
	const struct workload_result *result = &run->result;

	print_setting(run);
	if (!cli_quiet()) {
		printf("\n");
		print_memory(result);
		printf("\n");
		print_figures(result);
		printf("\n");
		print_times(result);
	}
	if (result->stopped)
		printf("stopped early, on request\n");
	if (result->findings)
		printf("%" PRIu64 " regions were not as the module has them\n", result->findings);
	if (result->pamt_busy)
		printf("%" PRIu64 " times a PAMT operand was busy, which must not be\n",
		       result->pamt_busy);
	if (result->over_bound)
		printf("libpamt held %" PRIu64 " bytes more than twice what was in use\n",
		       result->over_bound);
	if (result->leaked_pages)
		printf("%" PRIu64 " pages could not be reclaimed\n", result->leaked_pages);
	if (result->leaked_regions)
		printf("%" PRIu64 " regions are still in use\n", result->leaked_regions);
	printf("left with zero TDs: %" PRIu64 " bytes\n", result->left_bytes);
}

static json_t *integer(uint64_t value) { return json_integer((json_int_t)value); }

static json_t *json_memory(const struct workload_result *r)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "static_boot",
			 integer(r->static_bytes), "dynamic_boot", integer(r->dynamic_bytes),
			 "table", integer(r->layout.table_bytes), "os_peak",
			 integer(r->stats.os_bytes_peak), "pairs_peak",
			 integer(r->stats.pairs_installed_peak), "left", integer(r->left_bytes),
			 "given_up", integer(r->layout.given_up_bytes));
}

static json_t *json_seconds(const struct workload_result *result)
{
	json_t *seconds = json_object();

	for (enum workload_round round = 0; round < WORKLOAD_ROUNDS; round++)
		json_object_set_new(seconds, workload_round_name(round),
				    json_real(result->seconds[round]));
	json_object_set_new(seconds, "all", json_real(result->total_seconds));
	return seconds;
}

static void print_json(struct run *run)
{
	const struct workload_result *result = &run->result;
	struct figure figures[MAX_FIGURES];
	unsigned int nr = list_figures(result, figures);
	json_t *object = cli_json("pamt.run/1"), *counts = json_object();

	for (unsigned int i = 0; i < nr; i++)
		json_object_set_new(counts, figures[i].key, integer(figures[i].value));
	json_object_set_new(object, "machine", cli_json_text(run->map.name));
	json_object_set_new(object, "dynamic", json_boolean(result->dynamic));
	json_object_set_new(object, "seed", integer(run->config.seed));
	json_object_set_new(object, "tds", integer(run->config.nr_tds));
	json_object_set_new(object, "vcpus", integer(run->config.vcpus));
	json_object_set_new(object, "threads", integer(result->threads));
	json_object_set_new(object, "td_bytes", integer(result->td_bytes));
	json_object_set_new(object, "wanted_bytes", integer(result->wanted_bytes));
	json_object_set_new(object, "bytes", json_memory(result));
	json_object_set_new(object, "counts", counts);
	json_object_set_new(object, "seconds", json_seconds(result));
	json_object_set_new(object, "stopped", json_boolean(result->stopped));
	json_object_set_new(object, "over_bound", integer(result->over_bound));
	json_object_set_new(object, "leaked_pages", integer(result->leaked_pages));
	json_object_set_new(object, "leaked_regions", integer(result->leaked_regions));
	json_object_set_new(object, "findings", json_incref(run->findings));
	json_object_set_new(object, "clean", json_boolean(workload_is_clean(result)));
	cli_json_print(object);
}

/* ------------------------------------------------------------------------------------------- */

static int run_it(struct run *run)
{
	struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = SA_RESETHAND };
	struct sigaction before;
	char error[512];
	int failed;

	sigaction(SIGINT, &action, &before);
	failed = workload_run(&run->config, &run->result, error, sizeof(error));
	sigaction(SIGINT, &before, NULL);
	cli_progress_end(&run->progress);
	/* A failure on the way still has figures; one before the first TD has none. */
	if (!failed || run->result.threads) {
		if (run->args.json)
			print_json(run);
		else
			print_text(run);
	}
	if (failed)
		return cli_error(CLI_FAILED, "run: %s (seed %" PRIu64 ")", error, run->config.seed);
	if (!workload_is_clean(&run->result))
		return CLI_FAILED;
	return run->result.stopped ? EXIT_INTERRUPTED : CLI_OK;
}

int cmd_run(int argc, char **argv)
{
	static const enum os_log_level levels[] = { OS_LOG_WARN, OS_LOG_INFO, OS_LOG_DEBUG };
	struct run run = {
		.config = {
			.dynamic = true,
			.seed = 1,
			.nr_tds = DEFAULT_TDS,
			.vcpus = DEFAULT_VCPUS,
			.max_bytes = MAX_BYTES,
			.percent_4k = DEFAULT_PERCENT,
			.flips = DEFAULT_FLIPS,
			.stop = &interrupted,
			.progress = show_progress,
			.finding = show_finding,
		},
		.round = WORKLOAD_ROUNDS,
	};
	char error[512];
	int exit;

	if (*workload_sanitizer()) {
		run.config.max_bytes = MAX_BYTES_SANITIZED;
		run.config.flips = FLIPS_SANITIZED;
	}
	exit = read_options(&run, argc, argv);

	if (exit >= 0)
		return exit;
	if (map_load(run.machine, &run.map_options, &run.map, error, sizeof(error)))
		return cli_usage_error("%s", error);
	run.config.map = &run.map;
	run.config.arg = &run;
	run.config.restart = run.config.nr_tds > 1 ? 1 : 0;
	run.config.log_level = levels[cli_verbose() < 2 ? cli_verbose() : 2];
	if (run.args.json)
		run.findings = json_array();
	exit = run_it(&run);
	json_decref(run.findings);
	map_free(&run.map);
	return exit;
}
