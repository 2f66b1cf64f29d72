// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cmd_bench.c - `pamt bench seam`: how fast the software module is, against the reference module's
 * code scaled to this machine.
 */
#include <stdio.h>
#include <string.h>

#include "cli/bench_host.h"
#include "cli/bench_watch.h"
#include "cli/cli.h"
#include "lab/bench/bench_seam.h"

#define DEFAULT_ROUNDS 101
#define THREAD_ROUNDS  9
#define MIN_RATIO      1.9 /* of two threads to one */
#define SLACK_BYTES    (UINT64_C(64) << 20)

/* TDs of the size that people run. */
static const struct {
	uint64_t bytes;
	bool huge;
	const char *name;
	double target; /* seconds */
} large_tds[] = {
	{ UINT64_C(1) << 40, true, "1 TB TD in 2M pages", 2 },
	{ UINT64_C(16) << 30, false, "16 GB TD in 4K pages", 10 },
};
#define NR_LARGE (sizeof(large_tds) / sizeof(large_tds[0]))

static const char *const mode_names[BENCH_MODES] = { "dynamic", "static" };

struct results {
	bool has_calls;
	struct bench_seam calls;
	bool has_threads; /* there were two processors */
	struct bench_seam_threads threads;
	unsigned int nr_large; /* that were measured */
	struct bench_seam_large large[NR_LARGE];
};

/* What is slower or larger than it should be; with say, each is named on stderr. */
static unsigned int count_misses(const struct results *r, bool say)
{
	unsigned int misses = 0;

	for (unsigned int row = 0; row < BENCH_SEAM_ROWS; row++) {
		for (unsigned int mode = 0; mode < BENCH_MODES; mode++) {
			const struct bench_seam_figure *f = &r->calls.figure[row][mode];

			if (f->ratio <= f->limit)
				continue;
			misses++;
			if (say)
				cli_note("%s (%s) takes %.2f times the reference, more than %.1f",
					 bench_seam_row_name(row), mode_names[mode], f->ratio,
					 f->limit);
		}
	}
	if (r->has_threads && r->threads.ratio < MIN_RATIO) {
		misses++;
		if (say)
			cli_note("two threads make %.2f times the calls of one, less than %.1f",
				 r->threads.ratio, MIN_RATIO);
	}
	for (unsigned int i = 0; i < r->nr_large; i++) {
		const struct bench_seam_large *l = &r->large[i];
		bool slow = l->seconds > large_tds[i].target;
		bool big = l->resident > l->metadata + SLACK_BYTES;

		misses += slow + big;
		if (say && slow)
			cli_note("%s takes %.1f s, more than %.0f s", large_tds[i].name, l->seconds,
				 large_tds[i].target);
		if (say && big)
			cli_note("%s takes more memory than its metadata and 64 MB",
				 large_tds[i].name);
	}
	return misses;
}

/* ------------------------------------------------------------------------------------------- */

static void print_calibration(const struct bench_seam *calls)
{
	static const struct cli_column columns[] = { { "this machine", false },
						     { "ns", true },
						     { "reference", true } };
	struct cli_table *table = cli_table_create(columns, 3);

	for (unsigned int i = 0; i < BENCH_CALIBRATORS; i++) {
		cli_table_cell(table, "%s", bench_calibrator_name(i));
		cli_table_cell(table, "%.3g", calls->calibration[i]);
		cli_table_cell(table, "%.3g", bench_reference_calibration(i));
	}
	cli_table_cell(table, "empty leaf");
	cli_table_cell(table, "%.3g", calls->empty_ns);
	cli_table_cell(table, "-");
	cli_table_print(table);
}

static json_t *json_figure(const struct bench_seam_figure *f)
{
	json_t *object = json_object();

	json_object_set_new(object, "ns", json_real(f->ns));
	json_object_set_new(object, "reference_ns", json_real(f->reference));
	json_object_set_new(object, "scaled_ns", json_real(f->scaled));
	json_object_set_new(object, "ratio", json_real(f->ratio));
	json_object_set_new(object, "with_entry", json_boolean(f->with_entry));
	json_object_set_new(object, "limit", json_real(f->limit));
	return object;
}

static json_t *json_calls(const struct bench_seam *calls)
{
	json_t *list = json_array();

	for (unsigned int row = 0; row < BENCH_SEAM_ROWS; row++) {
		json_t *object = json_object();

		json_object_set_new(object, "call", json_string(bench_seam_row_name(row)));
		for (unsigned int mode = 0; mode < BENCH_MODES; mode++)
			if (calls->figure[row][mode].ns)
				json_object_set_new(object, mode_names[mode],
						    json_figure(&calls->figure[row][mode]));
		json_array_append_new(list, object);
	}
	return list;
}

static json_t *json_large(const struct results *r, unsigned int nr)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < nr; i++) {
		const struct bench_seam_large *l = &r->large[i];
		json_t *object = json_object();

		json_object_set_new(object, "bytes", cli_json_number(l->bytes));
		json_object_set_new(object, "page_bytes",
				    json_integer(l->huge ? 0x200000 : 0x1000));
		json_object_set_new(object, "seconds", json_real(l->seconds));
		json_object_set_new(object, "target_seconds", json_real(large_tds[i].target));
		json_object_set_new(object, "metadata", cli_json_number(l->metadata));
		json_object_set_new(object, "resident", cli_json_number(l->resident));
		json_object_set_new(object, "simulated", cli_json_number(l->simulated));
		json_array_append_new(list, object);
	}
	return list;
}

static void print_calls(const struct bench_seam *calls)
{
	static const struct cli_shown columns[] = {
		{ "ns per call, empty leaf off", "call", CLI_TEXT, 0 },
		{ "dynamic", "dynamic.ns", 1, 0 },
		{ "reference", "dynamic.scaled_ns", 1, 0 },
		{ "ratio", "dynamic.ratio", 1, 2 },
		{ "static", "static.ns", 1, 0 },
		{ "reference", "static.scaled_ns", 1, 0 },
		{ "ratio", "static.ratio", 1, 2 },
	};
	json_t *rows = json_calls(calls);

	for (unsigned int row = 0; row < BENCH_SEAM_ROWS; row++)
		for (unsigned int mode = 0; mode < BENCH_MODES; mode++)
			if (calls->figure[row][mode].ns && calls->figure[row][mode].with_entry)
				json_object_set_new(
					json_object_get(json_array_get(rows, row),
							mode_names[mode]),
					"ratio",
					json_sprintf("%.2f*", calls->figure[row][mode].ratio));
	cli_table_json(rows, columns, sizeof(columns) / sizeof(*columns));
	json_decref(rows);
	printf("reference: figures of the reference module's code on a 2-core virtual machine, "
	       "scaled\nto this one by the calibration above; a ratio below 1 is faster\n"
	       "*: with what each module takes to be entered and left, which is most of it\n");
}

static void print_large(const struct results *r)
{
	static const struct cli_shown columns[] = {
		{ "built and torn down, one thread", "name", CLI_TEXT, 0 },
		{ "seconds", "seconds", 1, 2 },
		{ "target", "target_seconds", 1, 0 },
		{ "metadata", "metadata", CLI_BYTES, 0 },
		{ "real memory", "resident", CLI_BYTES, 0 },
	};
	json_t *rows = json_large(r, r->nr_large);

	for (unsigned int i = 0; i < r->nr_large; i++)
		json_object_set_new(json_array_get(rows, i), "name",
				    json_string(large_tds[i].name));
	cli_table_json(rows, columns, sizeof(columns) / sizeof(*columns));
	json_decref(rows);
}

static void print_text(const struct results *r)
{
	if (r->has_calls) {
		print_calibration(&r->calls);
		putchar('\n');
		print_calls(&r->calls);
		putchar('\n');
	}
	if (r->has_threads)
		printf("one thread %.2f, two threads on TDs of their own %.2f million calls per "
		       "second: %.2f times\n\n",
		       r->threads.one, r->threads.two, r->threads.ratio);
	if (r->nr_large)
		print_large(r);
}

/* ------------------------------------------------------------------------------------------- */

static json_t *json_calibration(const struct bench_seam *calls)
{
	static const char *const names[] = { "chain_ns", "cas_ns", "call_ns", "fill_ns" };
	json_t *object = json_object(), *reference = json_object();

	for (unsigned int i = 0; i < BENCH_CALIBRATORS; i++) {
		json_object_set_new(object, names[i], json_real(calls->calibration[i]));
		json_object_set_new(reference, names[i], json_real(bench_reference_calibration(i)));
	}
	json_object_set_new(object, "empty_leaf_ns", json_real(calls->empty_ns));
	json_object_set_new(object, "reference", reference);
	return object;
}

static void print_json(const struct results *r)
{
	json_t *object = cli_json("pamt.bench.seam/1"), *threads = json_null();

	if (r->has_threads) {
		threads = json_object();
		json_object_set_new(threads, "one_mcalls", json_real(r->threads.one));
		json_object_set_new(threads, "two_mcalls", json_real(r->threads.two));
		json_object_set_new(threads, "ratio", json_real(r->threads.ratio));
	}
	json_object_set_new(object, "calibration", json_calibration(&r->calls));
	json_object_set_new(object, "calls", json_calls(&r->calls));
	json_object_set_new(object, "threads", threads);
	json_object_set_new(object, "large", json_large(r, NR_LARGE));
	json_object_set_new(object, "misses", json_integer(count_misses(r, false)));
	cli_json_print(object);
}

/* ------------------------------------------------------------------------------------------- */

static int run_all(uint32_t rounds, struct results *r)
{
	char error[256];
	int result;

	if (bench_seam_calls(rounds, &r->calls, error, sizeof(error)))
		return cli_error(CLI_FAILED, "bench: calls: %s", error);
	r->has_calls = r->calls.empty_ns > 0;
	result = bench_seam_threads(THREAD_ROUNDS, &r->threads, error, sizeof(error));
	if (result < 0)
		return cli_error(CLI_FAILED, "bench: threads: %s", error);
	r->has_threads = !result && r->threads.one > 0;
	if (result)
		cli_note("bench: threads are left out: %s", error);
	for (unsigned int i = 0; i < NR_LARGE && bench_goes_on("large TDs", i, NR_LARGE); i++) {
		if (bench_seam_large(large_tds[i].bytes, large_tds[i].huge, &r->large[i], error,
				     sizeof(error)))
			return cli_error(CLI_FAILED, "bench: %s: %s", large_tds[i].name, error);
		r->nr_large++;
	}
	return CLI_OK;
}

static int bench_seam(uint32_t rounds, bool json, bool check)
{
	struct results results = { 0 };
	int code = run_all(rounds, &results);

	if (code || !cli_bench_measured(json))
		return CLI_FAILED;
	if (json)
		print_json(&results);
	else
		print_text(&results);
	return check && count_misses(&results, true) ? CLI_FAILED : CLI_OK;
}

struct wishes {
	uint32_t rounds, threads;
	bool check;
};

static const struct cli_option options[] = {
	{ 'n', "rounds", "N", "rounds of calls to take medians of; default 101",
	  CLI_NUMBER(struct wishes, rounds, 1, BENCH_SAMPLES) },
	{ 'c', "check", NULL, "exit 1 if anything is slower or larger than it should be",
	  CLI_INTO(struct wishes, check) },
	{ 't', "threads", "N",
	  "host: ours, v6 and merged on 1 to N pinned threads, and nothing else",
	  CLI_NUMBER(struct wishes, threads, 1, 1024) },
	{ 0 },
};

int cmd_bench(int argc, char **argv)
{
	struct wishes w = { .rounds = DEFAULT_ROUNDS };
	struct cli_args args = { .options = options, .argc = argc, .argv = argv, .into = &w };
	char **operands;
	int nr;

	if (!cli_read_options(&args))
		return args.exit;
	operands = cli_operands(&args, &nr);
	if (w.threads && (nr != 1 || strcmp(operands[0], "host") || w.check))
		return cli_usage_error("bench: --threads goes with host, and without --check");
	cli_bench_begin();
	if (w.threads)
		return cli_bench_end(cli_bench_threads(w.threads, w.rounds, args.json));
	if (nr == 1 && !strcmp(operands[0], "host"))
		return cli_bench_end(cli_bench_host(w.rounds, args.json, w.check));
	if (nr != 1 || strcmp(operands[0], "seam"))
		return cli_usage_error("bench: say what to measure: host or seam%s%s%s",
				       nr ? ", not '" : "", nr ? operands[0] : "", nr ? "'" : "");
	return cli_bench_end(bench_seam(w.rounds, args.json, w.check));
}
