// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lab_matrix.c - `pamt compare --matrix`: how many times as long as libpamt other designs take,
 * over every cell of the matrix (lab/compare_matrix.c), the worst cell first.
 *
 * A cell is run with several seeds. Its get+put and its mean get are those of all runs together,
 * its longest wait that of the worst run. get+put is compared by get: who fails early, as
 * per-region does where pairs cross, is not to gain by that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/lab_compare.h"
#include "machine/clock.h"
#include "lab/explore/workers.h"

#define DEFAULT_SEEDS 3u
#define DEFAULT_PAGES 20000u

/* libpamt, and whom it is compared with. */
static const struct design *const rivals[] = { &design_ours, &design_v6, &design_per_region,
					       &design_merged };
#define NR_RIVALS ((uint32_t)(sizeof(rivals) / sizeof(rivals[0])))

/* All of a design's time for each get, in get alone, and its longest operation. */
enum figure { GET_PUT, MEAN_GET, LONGEST, FIGURES };
static const char *const figure_name[FIGURES] = { "ns_per_get", "mean_get_ns", "longest_ns" };

struct cell {
	uint32_t number, weight;
	char name[64];
	double figure[NR_RIVALS][FIGURES];
	double total[NR_RIVALS];     /* ns in get and put of all runs */
	double waited[NR_RIVALS];    /* part of get+put, for locks and words */
	double topped_up[NR_RIVALS]; /* part of it, allocating beforehand */
	uint64_t failures[NR_RIVALS];
};

/* What the figures of get+put are to be: of each cell, or of those with this in their names. */
static const struct target {
	uint32_t rival;
	double least;
	const char *cells; /* NULL: all */
	bool where_slow;   /* of those in which the other waits or allocates for most of its time */
} targets[] = {
	{ .rival = 1, .least = 1.0 },
	{ .rival = 1, .least = 5.0, .cells = "linear, unaged, 64 CPUs, 64M, fixed batches" },
	{ .rival = 2, .least = 0.9 },
	{ .rival = 3, .least = 4.0, .where_slow = true },
};
#define NR_TARGETS   (sizeof(targets) / sizeof(targets[0]))
#define LEAST_MEDIAN 1.5 /* of v6, over all cells */

struct matrix {
	const struct matrix_wishes *wishes;
	uint64_t pages;
	uint32_t nr_seeds, nr_cells;
	struct cell *cell;
	struct compare_result *result; /* shared: by cell, seed, design */
	struct cli_progress progress;
	double seconds;
};

static struct compare_result *result_of(const struct matrix *m, uint32_t cell, uint32_t seed,
					uint32_t rival)
{
	return &m->result[(cell * m->nr_seeds + seed) * NR_RIVALS + rival];
}

/* ------------------------------------------------------------------------------------------- */
/* Running                                                                                      */

static void run_unit(void *ctx, uint32_t i)
{
	const struct matrix *m = ctx;
	struct compare_result *result = &m->result[i];
	uint32_t cell = i / NR_RIVALS / m->nr_seeds;
	struct map_options options = { 0 };
	struct compare_config config = { .design = rivals[i % NR_RIVALS] };
	static struct scenario scenario;
	struct machine_map map;

	if (matrix_cell(m->cell[cell].number, m->pages, &scenario, result->error,
			sizeof(result->error)))
		return;
	scenario.seed = 1 + i / NR_RIVALS % m->nr_seeds;
	options.nr_cpus = scenario.cpus;
	options.nr_packages = scenario.packages;
	options.nr_nodes = scenario.nodes;
	if (map_load(scenario.machine, &options, &map, result->error, sizeof(result->error)))
		return;
	config.map = &map;
	config.scenario = &scenario;
	/* What a share is a share of. */
	config.bytes = scenario.fill_percent ? m->pages * TDX_PAGE_SIZE : 0;
	compare_run(&config, result);
	map_free(&map);
}

static void crashed(void *ctx, uint32_t i, int signal)
{
	const struct matrix *m = ctx;

	snprintf(m->result[i].error, sizeof(m->result[i].error), "it crashes (%s)",
		 signal ? strsignal(signal) : "exit");
}

static void given_up(void *ctx, uint32_t i)
{
	struct matrix *m = ctx;

	m->result[i].given_up = true;
}

static bool tick(void *ctx, uint32_t done)
{
	struct matrix *m = ctx;

	cli_progress(&m->progress, done);
	return true;
}

/* ------------------------------------------------------------------------------------------- */
/* Figures                                                                                      */

static void add_up(const struct matrix *m, uint32_t i)
{
	struct cell *cell = &m->cell[i];

	for (uint32_t d = 0; d < NR_RIVALS; d++) {
		double *figure = cell->figure[d], waited = 0, topped_up = 0, total = 0;
		uint64_t gets = 0, in_get = 0;

		for (uint32_t seed = 0; seed < m->nr_seeds; seed++) {
			const struct compare_result *r = result_of(m, i, seed, d);
			struct meter_figure sum;

			meter_sum(r->of, &sum);
			total += (double)sum.total;
			waited += (double)sum.waited;
			topped_up += (double)r->of[METER_TOPUP].total;
			gets += r->of[METER_GET].count;
			in_get += r->of[METER_GET].total;
			if ((double)sum.longest > figure[LONGEST])
				figure[LONGEST] = (double)sum.longest;
			cell->failures[d] += r->failures + (*r->error != 0);
		}
		figure[GET_PUT] = gets ? total / (double)gets : 0;
		figure[MEAN_GET] = gets ? (double)in_get / (double)gets : 0;
		cell->total[d] = total;
		cell->waited[d] = total > 0 ? waited / total : 0;
		cell->topped_up[d] = total > 0 ? topped_up / total : 0;
	}
}

/* How many times as long as libpamt. 0: libpamt took no time, there is nothing to compare. */
static double times(const struct cell *cell, uint32_t rival, enum figure figure)
{
	double ours = cell->figure[0][figure];

	return ours > 0 ? cell->figure[rival][figure] / ours : 0;
}

static int by_ratio(const void *a, const void *b)
{
	double x = times(a, 1, GET_PUT), y = times(b, 1, GET_PUT);

	return x < y ? -1 : x > y;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The smallest ratio of all cells, and the one in the middle. */
static void summarise(const struct matrix *m, uint32_t rival, enum figure figure, double *worst,
		      double *median)
{
	double *list = cli_alloc(m->nr_cells, sizeof(*list));

	for (uint32_t i = 0; i < m->nr_cells; i++)
		list[i] = times(&m->cell[i], rival, figure);
	qsort(list, m->nr_cells, sizeof(*list), by_value);
	*worst = list[0];
	*median = list[m->nr_cells / 2];
	free(list);
}

static bool misses(const struct cell *cell, const struct target *target)
{
	uint32_t d = target->rival;

	if (target->cells && strcmp(target->cells, cell->name))
		return false;
	if (target->where_slow && cell->waited[d] + cell->topped_up[d] < 0.5)
		return false;
	return cell->figure[0][GET_PUT] > 0 && times(cell, d, GET_PUT) < target->least;
}

/* Calls back, if that is wanted, with each cell that is behind. Return: how many, the median's miss
 * included. */
static uint32_t
for_misses(const struct matrix *m,
	   void (*call)(void *arg, const struct cell *cell, const struct target *target), void *arg)
{
	double worst, median;
	uint32_t nr = 0;

	for (uint32_t i = 0; i < m->nr_cells; i++)
		for (size_t t = 0; t < NR_TARGETS; t++) {
			if (!misses(&m->cell[i], &targets[t]))
				continue;
			nr++;
			if (call)
				call(arg, &m->cell[i], &targets[t]);
		}
	/* Of some cells a median says little. */
	summarise(m, 1, GET_PUT, &worst, &median);
	if (m->wishes->cells || median >= LEAST_MEDIAN)
		return nr;
	if (call)
		call(arg, NULL, &(struct target){ .rival = 1, .least = LEAST_MEDIAN });
	return nr + 1;
}

/* ------------------------------------------------------------------------------------------- */
/* Showing                                                                                      */

struct telling {
	const struct matrix *m;
	json_t *list; /* NULL: as text */
};

/* cell NULL: it is about the median of all. */
static void tell_miss(void *arg, const struct cell *cell, const struct target *target)
{
	const struct telling *telling = arg;
	const char *name = cell ? cell->name : "the median", *rival = rivals[target->rival]->name;
	double worst, is;

	if (cell)
		is = times(cell, target->rival, GET_PUT);
	else
		summarise(telling->m, target->rival, GET_PUT, &worst, &is);
	if (telling->list)
		json_array_append_new(telling->list,
				      json_pack("{s:s,s:s,s:f,s:f}", "cell", name, "design", rival,
						"times", is, "least", target->least));
	else
		printf("behind: %s: %s takes %.2f times as long as ours, %.1f is wanted\n", name,
		       rival, is, target->least);
}

static void show_text(const struct matrix *m)
{
	static const char *const what[FIGURES] = { "get+put", "mean get", "longest" };
	struct cli_column columns[2 + FIGURES * (NR_RIVALS - 1)] = { { "cell", false },
								     { "ours, ms", true } };
	unsigned int nr = 2;
	char first[FIGURES][32];
	struct cli_table *table;

	for (enum figure f = 0; f < FIGURES; f++) {
		snprintf(first[f], sizeof(first[f]), "%s: %s", what[f], rivals[1]->name);
		for (uint32_t d = 1; d < NR_RIVALS; d++)
			columns[nr++] =
				(struct cli_column){ d == 1 ? first[f] : rivals[d]->name, true };
	}
	table = cli_table_create(columns, nr);
	for (uint32_t i = 0; i < m->nr_cells; i++) {
		const struct cell *cell = &m->cell[i];

		cli_table_cell(table, "%s", cell->name);
		cli_table_cell(table, "%.3f", cell->total[0] / m->nr_seeds / 1e6);
		for (enum figure f = 0; f < FIGURES; f++)
			for (uint32_t d = 1; d < NR_RIVALS; d++)
				cli_table_cell(table, "%.2f", times(cell, d, f));
	}
	cli_table_print(table);
	printf("\ntimes as long as ours, get+put, of %u cells:\n", m->nr_cells);
	for (uint32_t d = 1; d < NR_RIVALS; d++) {
		double worst, median;

		summarise(m, d, GET_PUT, &worst, &median);
		printf("%-10s worst cell %.2f, median %.2f\n", rivals[d]->name, worst, median);
	}
	for_misses(m, tell_miss, &(struct telling){ .m = m });
	if (!cli_quiet())
		cli_note("%.1f s", m->seconds);
}

static json_t *cell_json(const struct matrix *m, const struct cell *cell)
{
	json_t *object = json_object(), *list = json_array();

	json_object_set_new(object, "cell", json_string(cell->name));
	for (uint32_t d = 0; d < NR_RIVALS; d++) {
		json_t *one = json_object();

		json_object_set_new(one, "design", json_string(rivals[d]->name));
		json_object_set_new(one, "get_put_ns", json_real(cell->total[d] / m->nr_seeds));
		for (enum figure f = 0; f < FIGURES; f++)
			json_object_set_new(one, figure_name[f], json_real(cell->figure[d][f]));
		json_object_set_new(one, "waited", json_real(cell->waited[d]));
		json_object_set_new(one, "topped_up", json_real(cell->topped_up[d]));
		json_object_set_new(one, "failures", cli_json_number(cell->failures[d]));
		if (d)
			json_object_set_new(one, "times", json_real(times(cell, d, GET_PUT)));
		json_array_append_new(list, one);
	}
	json_object_set_new(object, "designs", list);
	return object;
}

static void show_json(const struct matrix *m)
{
	json_t *object = cli_json("pamt.compare-matrix/2"), *cells = json_array();
	json_t *summary = json_object(), *behind = json_array();

	for (uint32_t i = 0; i < m->nr_cells; i++)
		json_array_append_new(cells, cell_json(m, &m->cell[i]));
	for (uint32_t d = 1; d < NR_RIVALS; d++) {
		json_t *one = json_object();
		double worst, median;

		for (enum figure f = 0; f < FIGURES; f++) {
			json_t *pair = json_object();

			summarise(m, d, f, &worst, &median);
			json_object_set_new(pair, "worst", json_real(worst));
			json_object_set_new(pair, "median", json_real(median));
			json_object_set_new(one, figure_name[f], pair);
		}
		json_object_set_new(summary, rivals[d]->name, one);
	}
	json_object_set_new(object, "seeds", json_integer(m->nr_seeds));
	json_object_set_new(object, "times", summary);
	for_misses(m, tell_miss, &(struct telling){ .m = m, .list = behind });
	json_object_set_new(object, "behind", behind);
	json_object_set_new(object, "cells", cells);
	cli_json_print(object);
}

/* ------------------------------------------------------------------------------------------- */

static int by_weight(const void *a, const void *b)
{
	const struct cell *x = a, *y = b;

	if (x->weight != y->weight)
		return x->weight < y->weight ? 1 : -1;
	return x->number < y->number ? -1 : 1;
}

static int choose_cells(struct matrix *m)
{
	static struct scenario scenario;
	char error[256];

	m->cell = cli_alloc(matrix_nr_cells(), sizeof(*m->cell));
	for (uint32_t i = 0; i < matrix_nr_cells(); i++) {
		struct cell *cell = &m->cell[m->nr_cells];
		int result = matrix_cell(i, m->pages, &scenario, error, sizeof(error));

		if (result < 0)
			return cli_error(CLI_FAILED, "compare: %s", error);
		if (result)
			continue;
		if (m->wishes->cells && !strstr(scenario.name, m->wishes->cells))
			continue;
		cell->number = i;
		cell->weight = scenario.cpus * (scenario.scattered ? 2 : 1);
		snprintf(cell->name, sizeof(cell->name), "%s", scenario.name);
		m->nr_cells++;
	}
	/* The longest ones first, so that no core waits for the last one. */
	qsort(m->cell, m->nr_cells, sizeof(*m->cell), by_weight);
	if (m->nr_cells)
		return CLI_OK;
	return cli_usage_error("compare: --cells '%s': no cell has this in its name; such as "
			       "'linear, unaged, 64 CPUs' is allowed",
			       m->wishes->cells);
}

static int judge(const struct matrix *m)
{
	int code = CLI_OK;

	for (uint32_t i = 0; i < m->nr_cells && !code; i++)
		for (uint32_t seed = 0; seed < m->nr_seeds && !code; seed++)
			code = compare_judge(result_of(m, i, seed, 0), m->cell[i].name);
	return code;
}

/* The figures of the cells that came to their end; the others are left out. */
static void drop_unfinished(struct matrix *m)
{
	uint32_t nr = m->nr_cells;

	m->nr_cells = 0;
	for (uint32_t i = 0; i < nr; i++) {
		bool whole = true;

		for (uint32_t run = 0; run < m->nr_seeds * NR_RIVALS; run++)
			whole = whole && !m->result[i * m->nr_seeds * NR_RIVALS + run].given_up;
		if (!whole)
			continue;
		add_up(m, i);
		m->cell[m->nr_cells++] = m->cell[i];
	}
}

static int end_by_signal(const struct matrix *m, uint32_t cells)
{
	cli_error(CLI_FAILED,
		  "compare: ended by signal %d with %u of %u cells; nothing is kept: --cells TEXT "
		  "runs those of that name alone",
		  cli_stop, m->nr_cells, cells);
	return cli_stop_end();
}

static int run_cells(struct matrix *m)
{
	uint32_t cells = m->nr_cells;
	struct workers workers = { .nr_workers = m->wishes->jobs,
				   .unit = run_unit,
				   .crashed = crashed,
				   .tick = tick,
				   .stop = &cli_stop,
				   .given_up = given_up,
				   .ctx = m };
	const char *why;
	double began;
	int code;

	workers.nr_units = m->nr_cells * m->nr_seeds * NR_RIVALS;
	m->result = workers_share(workers.nr_units * sizeof(*m->result));
	if (!m->result)
		return cli_error(CLI_FAILED, "compare: no memory");
	began = clock_seconds();
	cli_stop_expect();
	cli_progress_begin(&m->progress, "compare", workers.nr_units);
	why = workers_run(&workers) ? workers_why() : NULL;
	cli_progress_end(&m->progress);
	m->seconds = clock_seconds() - began;
	if (why)
		return cli_error(CLI_FAILED, "compare: %s", why);
	/* In the order in which they ran: sorted, a cell's results are no longer at its place. */
	code = cli_stop ? CLI_FAILED : judge(m);
	drop_unfinished(m);
	qsort(m->cell, m->nr_cells, sizeof(*m->cell), by_ratio);
	if (m->wishes->json && m->nr_cells)
		show_json(m);
	else if (m->nr_cells)
		show_text(m);
	workers_unshare(m->result, workers.nr_units * sizeof(*m->result));
	if (cli_stop)
		return end_by_signal(m, cells);
	if (!code && m->wishes->check && for_misses(m, NULL, NULL))
		code = CLI_FAILED;
	return code;
}

int lab_matrix(const struct matrix_wishes *wishes)
{
	struct matrix m = { .wishes = wishes,
			    .pages = wishes->pages ? wishes->pages : DEFAULT_PAGES,
			    .nr_seeds = wishes->seeds ? (uint32_t)wishes->seeds : DEFAULT_SEEDS };
	int code = choose_cells(&m);

	if (!code)
		code = run_cells(&m);
	free(m.cell);
	return code;
}
