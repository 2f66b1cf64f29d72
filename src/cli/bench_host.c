// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bench_host.c - `pamt bench host`: what libpamt costs, in virtual time on many CPUs beside two
 * designs of the Linux series, and on real threads beside the least that a get and a put can be.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/bench_host.h"
#include "cli/bench_watch.h"
#include "cli/cli.h"
#include "lab/bench/bench_host.h"

/* What it is to be, and where it stands in the JSON. */
enum figure {
	LINEAR_MERGED,
	LINEAR_V6,
	EDGES_V6,
	MORE_CPUS,
	LONGEST_GET,
	HOT,
	RANGE,
	NR_FIGURES,
};
static const struct {
	const char *name;
	double min, max; /* max 0: none */
} targets[NR_FIGURES] = {
	[LINEAR_MERGED] = { "virtual, 64 CPUs, linear: merged over ours", 30, 0 },
	[LINEAR_V6] = { "virtual, 64 CPUs, linear: v6 over ours", 1, 0 },
	[EDGES_V6] = { "virtual, 64 CPUs, edges: v6 over ours", 20, 0 },
	[MORE_CPUS] = { "virtual, ours: each of 256 CPUs over each of 64", 0.9, 1.5 },
	/* One PAMT.ADD and 1 us, as in the cost table. */
	[LONGEST_GET] = { "virtual, 64 CPUs, edges: longest get of ours, ns", 0, 5000 },
	[HOT] = { "threads: hot get and put, ours over bare", 0, 1.05 },
	[RANGE] = { "threads: 512 gets over one range of 512", 50, 0 },
};

struct results {
	json_t *linear, *edges; /* of `pamt compare` */
	struct bench_host threads;
	double figure[NR_FIGURES];
};

static bool misses(const struct results *r, enum figure i)
{
	return r->figure[i] < targets[i].min ||
	       (targets[i].max > 0 && r->figure[i] > targets[i].max);
}

/* ------------------------------------------------------------------------------------------- */

/* The run of a design, on so many CPUs of the curve, or with 0 the scenario's; NULL: there is none.
 */
static const json_t *find_run(const json_t *compared, const char *design, json_int_t cpus)
{
	const json_t *run;
	size_t i;

	json_array_foreach(json_object_get(compared, cpus ? "curve" : "runs"), i, run)
	{
		if (cpus && json_integer_value(json_object_get(run, "cpus")) != cpus)
			continue;
		if (!strcmp(json_string_value(json_object_get(run, "design")), design))
			return run;
	}
	return NULL;
}

/* Of get and put and all that belongs to it, for each get, in ns. */
static double per_get(const json_t *compared, const char *design, json_int_t cpus)
{
	return json_number_value(json_object_get(find_run(compared, design, cpus), "ns_per_get"));
}

static double longest_get(const json_t *compared)
{
	const json_t *ops = json_object_get(find_run(compared, "ours", 0), "ops");

	return json_number_value(json_object_get(json_object_get(ops, "get"), "longest_ns"));
}

static int run_virtual(struct results *r)
{
	static char *const linear[] = { "pamt-lab",	  "compare",   "--json",
					"--no-curve",	  "--designs", "ours,v6,merged",
					"builtin:linear", NULL };
	static char *const edges[] = { "pamt-lab", "compare",	    "--json", "--designs",
				       "ours,v6",  "builtin:edges", NULL };
	double *f = r->figure, ours;

	r->linear = cli_lab_json("bench", linear);
	if (r->linear)
		r->edges = cli_lab_json("bench", edges);
	if (!r->edges)
		return CLI_FAILED;
	ours = per_get(r->linear, "ours", 0);
	f[LINEAR_MERGED] = per_get(r->linear, "merged", 0) / ours;
	f[LINEAR_V6] = per_get(r->linear, "v6", 0) / ours;
	f[EDGES_V6] = per_get(r->edges, "v6", 0) / per_get(r->edges, "ours", 0);
	f[MORE_CPUS] = per_get(r->edges, "ours", 256) / per_get(r->edges, "ours", 64);
	f[LONGEST_GET] = longest_get(r->edges);
	for (enum figure i = 0; i < NR_FIGURES; i++)
		if (!isfinite(f[i]))
			return cli_error(CLI_FAILED, "bench: compare has no figure for '%s'",
					 targets[i].name);
	return CLI_OK;
}

static int run_threads(uint32_t rounds, struct results *r)
{
	char error[256];

	if (bench_host_threads(rounds, &r->threads, error, sizeof(error)))
		return cli_error(CLI_FAILED, "bench: threads: %s", error);
	if (r->threads.ours_ns > 0)
		r->figure[HOT] = r->threads.ours_over_bare;
	if (r->threads.range_ns > 0)
		r->figure[RANGE] = r->threads.gets_over_range;
	return CLI_OK;
}

/* ------------------------------------------------------------------------------------------- */

static void print_text(const struct results *r)
{
	static const struct cli_column columns[] = {
		{ "figure", false }, { "is", true }, { "to be", false }, { "", false }
	};
	struct cli_table *table = cli_table_create(columns, 4);

	for (enum figure i = 0; i < NR_FIGURES; i++) {
		cli_table_cell(table, "%s", targets[i].name);
		if (isnan(r->figure[i]))
			cli_table_cell(table, "-");
		else
			cli_table_cell(table, r->figure[i] < 10 ? "%.3f" : "%.1f", r->figure[i]);
		if (targets[i].min > 0 && targets[i].max > 0)
			cli_table_cell(table, "%g to %g", targets[i].min, targets[i].max);
		else if (targets[i].max > 0)
			cli_table_cell(table, "at most %g", targets[i].max);
		else
			cli_table_cell(table, "at least %g", targets[i].min);
		cli_table_cell(table, "%s", misses(r, i) ? "missed" : "");
	}
	cli_table_print(table);
	if (!r->threads.gets_ns)
		return;
	printf("%u threads: get and put %.1f ns, bare %.1f ns; a region of 512 pages %.0f ns, page "
	       "by page %.0f ns\n",
	       r->threads.threads, r->threads.ours_ns, r->threads.bare_ns, r->threads.range_ns,
	       r->threads.gets_ns);
}

/* All of one comparison, each with the scenario that it is of. */
static void add_runs(json_t *list, const json_t *compared, const char *workload)
{
	json_t *run;
	size_t i;

	json_array_foreach(json_object_get(compared, "runs"), i, run)
	{
		json_object_set_new(run, "workload", json_string(workload));
		json_array_append(list, run);
	}
}

static void print_json(const struct results *r, unsigned int missed)
{
	json_t *object = cli_json("pamt.bench.host/1"), *runs = json_array();
	const struct bench_host *t = &r->threads;

	add_runs(runs, r->linear, "linear");
	add_runs(runs, r->edges, "edges");
	json_object_set_new(object, "virtual64",
			    json_pack("{s:{s:f,s:f},s:{s:f}}", "linear", "merged_over_ours",
				      r->figure[LINEAR_MERGED], "v6_over_ours",
				      r->figure[LINEAR_V6], "edges", "v6_over_ours",
				      r->figure[EDGES_V6]));
	json_object_set_new(object, "virtual256_over_64", json_real(r->figure[MORE_CPUS]));
	json_object_set_new(object, "virtual_longest_get_ns", json_real(r->figure[LONGEST_GET]));
	json_object_set_new(object, "hot",
			    json_pack("{s:f,s:f,s:f,s:i}", "ours_over_bare", t->ours_over_bare,
				      "ours_ns", t->ours_ns, "bare_ns", t->bare_ns, "threads",
				      (int)t->threads));
	json_object_set_new(object, "range512",
			    json_pack("{s:f,s:f,s:f}", "gets_over_range", t->gets_over_range,
				      "range_ns", t->range_ns, "gets_ns", t->gets_ns));
	json_object_set_new(object, "runs", runs);
	json_object_set_new(object, "misses", json_integer(missed));
	cli_json_print(object);
}

int cli_bench_host(uint32_t rounds, bool json, bool check)
{
	struct results r = { 0 };
	unsigned int missed = 0;
	int code;

	for (enum figure i = 0; i < NR_FIGURES; i++)
		r.figure[i] = NAN;
	code = run_threads(rounds, &r);
	if (!code && !cli_stop)
		code = run_virtual(&r);
	if ((code && !cli_stop) || !cli_bench_measured(json)) {
		json_decref(r.linear);
		json_decref(r.edges);
		return CLI_FAILED;
	}
	for (enum figure i = 0; i < NR_FIGURES; i++)
		missed += misses(&r, i);
	if (json)
		print_json(&r, missed);
	else
		print_text(&r);
	json_decref(r.linear);
	json_decref(r.edges);
	return check && missed ? CLI_FAILED : CLI_OK;
}
