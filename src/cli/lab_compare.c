// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lab_compare.c - `pamt compare`: the same TDs with each way to keep regions backed, in virtual
 * time, side by side; and the same per CPU over numbers of CPUs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/lab.h"
#include "cli/lab_compare.h"
#include "machine/clock.h"
#include "lab/workload/costs.h"
#include "lab/explore/workers.h"

/* Mappings that a design makes in a default run: a second or two of real time. */
#define DEFAULT_PAGES UINT64_C(100000)

struct wishes {
	struct comparison_table *table;
	const char *machine, *path;
	uint64_t cpus, seed, pages;
	struct matrix_wishes matrix;
	bool has_seed, has_pages, no_curve, has_matrix, fixed, costs, json;
};

enum { OPT_DESIGNS = 'd', OPT_SEED = 's', OPT_PAGES = 256 };

static const struct cli_option compare_options[] = {
	{ OPT_DESIGNS, "designs", "NAME,...", "only these (default: all)", CLI_OWN },
	{ 'm', "machine", "LOG", "the machine (default: the scenario's)",
	  CLI_INTO(struct wishes, machine) },
	{ 0, "cpus", "N", "logical CPUs of the machine (default: the scenario's)",
	  CLI_NUMBER(struct wishes, cpus, 1, 1024) },
	{ OPT_SEED, "seed", "N", "of what is done at random (default: the scenario's)",
	  CLI_NUMBER(struct wishes, seed, 0, UINT32_MAX) },
	{ OPT_PAGES, "pages", "N",
	  "at most so many mappings, memory is scaled to that; 0: as it is (default: 100000)",
	  CLI_NUMBER(struct wishes, pages, 0, UINT64_C(1) << 32) },
	{ 0, "no-curve", NULL, "not on 1 to 256 CPUs as well", CLI_INTO(struct wishes, no_curve) },
	{ 0, "matrix", NULL, "ours, v6, per-region and merged on many loads, worst first",
	  CLI_INTO(struct wishes, has_matrix) },
	{ 0, "cells", "TEXT", "of the matrix those with this in their names",
	  CLI_INTO(struct wishes, matrix.cells) },
	{ 0, "seeds", "N", "runs of each cell of the matrix (default: 3)",
	  CLI_NUMBER(struct wishes, matrix.seeds, 1, MATRIX_MAX_SEEDS) },
	{ 0, "fixed-batches", NULL,
	  "CPUs fetch single pages 64 at a time, not in batches that grow",
	  CLI_INTO(struct wishes, fixed) },
	{ 0, "costs", NULL, "the prices of virtual time and where they are from",
	  CLI_INTO(struct wishes, costs) },
	{ 0, "check", NULL, "exit 1 if a cell of the matrix is behind what it is to be",
	  CLI_INTO(struct wishes, matrix.check) },
	{ 'j', "jobs", "N", "processes; default: one for each CPU",
	  CLI_NUMBER(struct wishes, matrix.jobs, 1, 256) },
	{ 0 },
};

/* ------------------------------------------------------------------------------------------- */
/* Options                                                                                      */

static bool add_design(struct comparison_table *table, const char *name)
{
	char names[128];
	const struct design *design = design_find(name);

	for (uint32_t i = 0; i < table->nr_designs; i++)
		if (design && table->design[i] == design) {
			cli_usage_error("compare: --designs: %s is there twice", name);
			return false;
		}
	if (design) {
		table->design[table->nr_designs++] = design;
		return true;
	}
	cli_usage_error("compare: no design '%s'; allowed are %s", name,
			design_names(names, sizeof(names)));
	return false;
}

static bool add_designs(struct comparison_table *table, const char *list)
{
	char *copy = strdup(list), *save = NULL;
	bool good = copy;

	for (char *name = strtok_r(copy, ",", &save); good && name;
	     name = strtok_r(NULL, ",", &save))
		good = add_design(table, name);
	free(copy);
	if (good && !table->nr_designs)
		cli_usage_error("compare: --designs names none");
	return good && table->nr_designs;
}

static bool read_scenario(struct wishes *wishes)
{
	struct comparison_table *table = wishes->table;
	struct scenario *scenario = &table->scenario;
	char error[512];
	int failed;

	if (wishes->path)
		failed = scenario_load(wishes->path, scenario, error, sizeof(error));
	else
		failed = scenario_load_shipped("compare", scenario, error, sizeof(error));
	if (failed) {
		cli_usage_error("%s", error);
		return false;
	}
	if (wishes->has_seed)
		scenario->seed = wishes->seed;
	scenario->fixed_batches |= wishes->fixed;
	/* What a share is a share of: the memory that so many mappings, all in 4K, come to. */
	if (wishes->pages && scenario->fill_percent)
		table->bytes = wishes->pages * TDX_PAGE_SIZE;
	table->scaled = wishes->pages ? scenario_scale(scenario, wishes->pages) : 1;
	return true;
}

static bool load_map(const char *machine, const struct scenario *scenario, uint64_t cpus,
		     struct machine_map *map)
{
	struct map_options options = { .nr_cpus = (uint32_t)(cpus ? cpus : scenario->cpus),
				       .nr_packages = scenario->packages,
				       .nr_nodes = scenario->nodes };

	return cli_map_load(machine, &options, map);
}

static bool load_maps(struct wishes *wishes)
{
	struct comparison_table *table = wishes->table;
	const char *machine = wishes->machine;

	if (!machine && *table->scenario.machine)
		machine = table->scenario.machine;
	if (!load_map(machine, &table->scenario, wishes->cpus, &table->map))
		return false;
	table->nr_points = wishes->no_curve ? 0 : COMPARE_CURVE;
	for (uint32_t i = 0; i < table->nr_points; i++) {
		compare_curve_scenario(&table->curve[i], compare_curve_cpus[i],
				       table->scenario.seed);
		table->curve[i].fixed_batches = table->scenario.fixed_batches;
		if (!load_map("builtin:2t", &table->curve[i], 0, &table->curve_map[i]))
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------------------------------- */
/* Running                                                                                      */

/* The longest ones first, so that no core waits for the last one. */
static void plan(struct comparison_table *table)
{
	for (uint32_t point = table->nr_points + 1; point-- > 0;)
		for (uint32_t i = 0; i < table->nr_designs; i++) {
			struct compare_run_of *run = &table->run[table->nr++];

			run->point = point;
			run->config = (struct compare_config){
				.design = table->design[i],
				.map = point ? &table->curve_map[point - 1] : &table->map,
				.scenario = point ? &table->curve[point - 1] : &table->scenario,
				.bytes = point ? 0 : table->bytes,
			};
		}
}

static void run_one(void *ctx, uint32_t i)
{
	struct comparison_table *table = ctx;

	/* Behind the runs: what each design does with small programs. */
	if (i < table->nr)
		compare_run(&table->run[i].config, &table->run[i].result);
	else
		compare_explore(table->design[i - table->nr], &table->explored[i - table->nr]);
}

static void crashed(void *ctx, uint32_t i, int signal)
{
	struct comparison_table *table = ctx;
	char *text =
		i < table->nr ? table->run[i].result.error : table->explored[i - table->nr].text;

	snprintf(text, sizeof(table->run[i].result.error), "it crashes (%s)",
		 signal ? strsignal(signal) : "exit");
}

static void given_up(void *ctx, uint32_t i)
{
	struct comparison_table *table = ctx;

	if (i < table->nr)
		table->run[i].result.given_up = true;
	else
		table->explored[i - table->nr].given_up = true;
	table->nr_given_up++;
}

struct ticking {
	struct comparison_table *table;
	struct cli_progress progress;
};

static struct ticking ticking;

static bool tick(void *ctx, uint32_t done)
{
	cli_progress(&ticking.progress, done);
	return true;
}

/* Libpamt is not to fail, nor to leave anything, whatever others do. */
static int judge(const struct comparison_table *table)
{
	for (uint32_t i = 0; i < table->nr_designs; i++)
		if (table->design[i] == &design_ours && *table->explored[i].text)
			return cli_error(CLI_FAILED, "compare: ours: %s: %s",
					 table->explored[i].text, table->explored[i].command);
	for (uint32_t i = 0; i < table->nr; i++) {
		const struct compare_run_of *run = &table->run[i];
		int code = CLI_OK;

		if (run->config.design == &design_ours)
			code = compare_judge(&run->result, run->config.scenario->title);
		if (code)
			return code;
	}
	return CLI_OK;
}

static int run_all(struct wishes *wishes)
{
	struct comparison_table *table = wishes->table;
	struct workers workers = {
		.unit = run_one,
		.crashed = crashed,
		.tick = tick,
		.stop = &cli_stop,
		.given_up = given_up,
		.ctx = table,
	};
	double began = clock_seconds();
	const char *why;

	workers.nr_workers = wishes->matrix.jobs;
	for (uint32_t i = 0; !table->nr_designs && designs[i]; i++)
		table->design[i] = designs[i];
	while (table->design[table->nr_designs])
		table->nr_designs++;
	plan(table);
	workers.nr_units = table->nr + table->nr_designs;
	cli_progress_begin(&ticking.progress, "compare", workers.nr_units);
	cli_stop_expect();
	why = workers_run(&workers) ? workers_why() : NULL;
	cli_progress_end(&ticking.progress);
	if (why)
		return cli_error(CLI_FAILED, "compare: %s", why);
	table->seconds = clock_seconds() - began;
	if (wishes->json)
		compare_show_json(table);
	else
		compare_show_text(table);
	if (!cli_stop)
		return judge(table);
	cli_error(
		CLI_FAILED,
		"compare: ended by signal %d with %u of %u runs; nothing is kept: the same command "
		"begins anew, shorter with --designs, --no-curve or fewer --pages",
		cli_stop, workers.nr_units - table->nr_given_up, workers.nr_units);
	return cli_stop_end();
}

static void clean_up(struct comparison_table *table)
{
	map_free(&table->map);
	for (uint32_t i = 0; i < COMPARE_CURVE; i++)
		map_free(&table->curve_map[i]);
	workers_unshare(table, sizeof(*table));
}

static int run_matrix(struct wishes *w)
{
	if (w->path || w->machine || w->cpus || w->has_seed || w->table->nr_designs ||
	    w->no_curve || w->fixed)
		return cli_usage_error("compare: --matrix has scenarios, machines, seeds and "
				       "designs of its own: --cells, --seeds, --pages, --check and "
				       "--jobs are allowed");
	w->matrix.pages = w->has_pages ? w->pages : 0;
	w->matrix.json = w->json;
	return lab_matrix(&w->matrix);
}

static int show_costs(void)
{
	fputs(costs_text(), stdout);
	return CLI_OK;
}

int lab_compare(int argc, char **argv)
{
	struct wishes wishes = { .table = workers_share(sizeof(*wishes.table)),
				 .pages = DEFAULT_PAGES };
	struct cli_args args = { .options = compare_options,
				 .argc = argc,
				 .argv = argv,
				 .into = &wishes,
				 .names = design_name_at };
	char **operands;
	int option, nr, code;

	if (!wishes.table)
		return cli_error(CLI_FAILED, "compare: no memory");
	while ((option = cli_next_option(&args)) > 0) {
		wishes.has_seed |= option == OPT_SEED;
		wishes.has_pages |= option == OPT_PAGES;
		if (option == OPT_DESIGNS && !add_designs(wishes.table, args.value))
			return CLI_USAGE;
	}
	if (option < 0)
		return args.exit;
	operands = cli_operands(&args, &nr);
	if (nr > 1)
		return cli_usage_error("compare: '%s' is one scenario too many: one is allowed",
				       operands[1]);
	wishes.path = nr ? operands[0] : NULL;
	wishes.json = args.json;
	code = CLI_USAGE;
	if (wishes.costs)
		code = show_costs();
	else if (wishes.has_matrix)
		code = run_matrix(&wishes);
	else if (wishes.matrix.cells || wishes.matrix.seeds || wishes.matrix.check)
		cli_usage_error("compare: --cells, --seeds and --check go with --matrix");
	else if (read_scenario(&wishes) && load_maps(&wishes))
		code = run_all(&wishes);
	clean_up(wishes.table);
	return code;
}
