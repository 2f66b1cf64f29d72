// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bench_threads.c - `pamt bench host --threads N`: ours, v6 and merged on pinned threads, and how
 * each scales.
 */
#include <stdio.h>

#include "cli/bench_host.h"
#include "cli/bench_watch.h"
#include "cli/cli.h"
#include "lab/bench/bench_threads.h"

/* How many times as much as one thread does. The row of one thread comes first of its kind. */
static double scale(const struct bench_threads *r, const struct bench_threads_row *row)
{
	const struct bench_threads_row *one = row;

	while (one > r->row && one->threads > 1)
		one--;
	return row->rate / one->rate;
}

static json_t *rows_json(const struct bench_threads *r)
{
	json_t *rows = json_array();

	for (enum bench_load load = 0; load < BENCH_LOADS; load++)
		for (uint32_t i = 0; i < r->nr; i++) {
			const struct bench_threads_row *row = &r->row[i];

			if (row->load != load)
				continue;
			json_array_append_new(rows, json_pack("{s:s,s:s,s:i,s:f,s:f,s:f}", "load",
							      bench_load_name(load), "design",
							      row->design, "threads",
							      (int)row->threads, "ns", row->ns,
							      "millions_per_second", row->rate,
							      "times_one_thread", scale(r, row)));
		}
	return rows;
}

static void print_text(json_t *rows)
{
	static const struct cli_shown columns[] = {
		{ "load", "load", CLI_TEXT, 0 },
		{ "design", "design", CLI_TEXT, 0 },
		{ "threads", "threads", 1, 0 },
		{ "ns per get+put", "ns", 1, 1 },
		{ "M/s in all", "millions_per_second", 1, 3 },
		{ "times one thread", "times_one_thread", 1, 2 },
	};

	cli_table_json(rows, columns, sizeof(columns) / sizeof(columns[0]));
	json_decref(rows);
}

static void print_json(json_t *rows)
{
	json_t *object = cli_json("pamt.bench.threads/1");

	json_object_set_new(object, "processors", json_integer(bench_processors()));
	json_object_set_new(object, "rows", rows);
	cli_json_print(object);
}

int cli_bench_threads(uint32_t threads, uint32_t rounds, bool json)
{
	static struct bench_threads result;
	char error[256];

	if (threads > bench_processors())
		return cli_usage_error(
			"bench: --threads %u: there are %u processors, each thread has "
			"one of its own; 1 to %u are allowed",
			threads, bench_processors(), bench_processors());
	if (bench_threads(threads, rounds, &result, error, sizeof(error)))
		return cli_error(CLI_FAILED, "bench: threads: %s", error);
	if (!cli_bench_measured(json))
		return CLI_FAILED;
	if (json)
		print_json(rows_json(&result));
	else
		print_text(rows_json(&result));
	return CLI_OK;
}
