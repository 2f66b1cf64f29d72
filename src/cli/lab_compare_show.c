// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lab_compare_show.c - a comparison as JSON, and as tables made of that.
 */
#include <stdio.h>

#include "cli/lab_compare.h"

/* The run of a design, which has one; point as in struct compare_run_of. */
static const struct compare_run_of *find_run(const struct comparison_table *table,
					     const struct design *design, uint32_t point)
{
	const struct compare_run_of *run = table->run;

	while (run->config.design != design || run->point != point)
		run++;
	return run;
}

/* A run of the scenario that came to its end, if there is one: all have the same TDs. */
static const struct compare_result *first_run(const struct comparison_table *t)
{
	const struct compare_result *run;

	for (uint32_t i = 0; i < t->nr_designs; i++) {
		run = &find_run(t, t->design[i], 0)->result;
		if (!run->given_up)
			return run;
	}
	return &find_run(t, t->design[0], 0)->result;
}

/* ns in get, put, top-up, control pages for each get; 0: there was none. */
static double per_get(const struct compare_result *result)
{
	struct meter_figure sum;

	meter_sum(result->of, &sum);
	return result->of[METER_GET].count ? (double)sum.total / (double)result->of[METER_GET].count
					   : 0;
}

/* Served per second of virtual time in which guests run. */
static double fault_rate(const struct compare_result *result)
{
	return result->run_seconds > 0 ? (double)result->faults / result->run_seconds : 0;
}

int compare_judge(const struct compare_result *r, const char *title)
{
	if (*r->error)
		return cli_error(CLI_FAILED, "compare: ours, %s: %s", title, r->error);
	if (!r->failures && !r->left_bytes && !r->busy && !r->missing)
		return CLI_OK;
	return cli_error(
		CLI_FAILED, "compare: ours, %s: %llu failures, %llu BUSY, %llu bytes left%s%s",
		title, (unsigned long long)r->failures, (unsigned long long)(r->busy + r->missing),
		(unsigned long long)r->left_bytes, *r->failure ? ": " : "", r->failure);
}

/* ------------------------------------------------------------------------------------------- */
/* As JSON                                                                                      */

static json_t *figures_json(const struct meter_figure of[METER_OPS])
{
	json_t *object = json_object();

	for (enum meter_op op = 0; op < METER_OPS; op++) {
		const struct meter_figure *f = &of[op];
		json_t *one = json_object();

		json_object_set_new(one, "count", cli_json_number(f->count));
		json_object_set_new(one, "failed", cli_json_number(f->failed));
		json_object_set_new(one, "total_ns", cli_json_number(f->total));
		json_object_set_new(one, "longest_ns", cli_json_number(f->longest));
		json_object_set_new(one, "p50_ns", cli_json_number(f->p50));
		json_object_set_new(one, "p99_ns", cli_json_number(f->p99));
		json_object_set_new(one, "p999_ns", cli_json_number(f->p999));
		json_object_set_new(one, "waited_ns", cli_json_number(f->waited));
		json_object_set_new(one, "waited_longest_ns", cli_json_number(f->waited_longest));
		json_object_set_new(object, meter_op_name(op), one);
	}
	return object;
}

static json_t *explored_json(const struct comparison_table *t)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < t->nr_designs; i++) {
		const struct compare_explored *e = &t->explored[i];
		json_t *one = json_object();

		json_object_set_new(one, "design", json_string(t->design[i]->name));
		json_object_set_new(one, "schedules",
				    e->given_up ? json_null() : cli_json_number(e->schedules));
		json_object_set_new(one, "violation",
				    *e->text ? cli_json_text(e->text) : json_null());
		json_object_set_new(one, "command",
				    *e->text ? cli_json_text(e->command) : json_null());
		json_array_append_new(list, one);
	}
	return list;
}

static json_t *run_json(const struct compare_run_of *run)
{
	const struct compare_result *r = &run->result;
	const struct design *design = run->config.design;
	json_t *object = json_object();
	uint32_t cpus = r->given_up && run->point ? compare_curve_cpus[run->point - 1] : r->cpus;
	struct meter_figure sum;

	meter_sum(r->of, &sum);
	json_object_set_new(object, "design", json_string(design->name));
	json_object_set_new(object, "follows",
			    design->follows ? json_string(design->follows) : json_null());
	json_object_set_new(object, "cpus", json_integer(cpus));
	json_object_set_new(object, "error",
			    r->given_up ? json_string("given up before its end")
			    : *r->error ? cli_json_text(r->error)
					: json_null());
	json_object_set_new(object, "pamt_boot", cli_json_number(r->boot_bytes));
	json_object_set_new(object, "pamt_peak", cli_json_number(r->peak_bytes));
	json_object_set_new(object, "left", cli_json_number(r->left_bytes));
	json_object_set_new(object, "lost_pages", cli_json_number(r->lost_pages));
	json_object_set_new(object, "adds", cli_json_number(r->adds));
	json_object_set_new(object, "removes", cli_json_number(r->removes));
	json_object_set_new(object, "busy", cli_json_number(r->busy));
	json_object_set_new(object, "missing", cli_json_number(r->missing));
	json_object_set_new(object, "retries", cli_json_number(r->retries));
	json_object_set_new(object, "failures", cli_json_number(r->failures));
	json_object_set_new(object, "failure",
			    *r->failure ? cli_json_text(r->failure) : json_null());
	json_object_set_new(object, "ops", figures_json(r->of));
	json_object_set_new(object, "get_put_ns", cli_json_number(sum.total));
	json_object_set_new(object, "waited_ns", cli_json_number(sum.waited));
	json_object_set_new(object, "waited_longest_ns", cli_json_number(sum.waited_longest));
	json_object_set_new(object, "ns_per_get", json_real(per_get(r)));
	json_object_set_new(object, "faults", cli_json_number(r->faults));
	json_object_set_new(object, "faults_per_second", json_real(fault_rate(r)));
	json_object_set_new(object, "td_boot_seconds", json_real(r->boot_seconds));
	json_object_set_new(object, "seconds", json_real(r->seconds));
	json_object_set_new(object, "hash", cli_json_hex(r->hash));
	return object;
}

void compare_show_json(const struct comparison_table *t)
{
	const struct compare_result *first = first_run(t);
	json_t *object = cli_json("pamt.compare/1"), *runs = json_array(), *curve = json_array();

	json_object_set_new(object, "command", cli_json_text(cli_command_line()));
	json_object_set_new(
		object, "scenario",
		cli_json_text(*t->scenario.title ? t->scenario.title : t->scenario.name));
	json_object_set_new(object, "machine", cli_json_text(t->map.name));
	json_object_set_new(object, "seed", cli_json_number(t->scenario.seed));
	json_object_set_new(object, "scaled", json_integer(t->scaled));
	json_object_set_new(object, "tds", json_integer(first->nr_tds));
	json_object_set_new(object, "vcpus", json_integer(first->nr_vcpus));
	json_object_set_new(object, "td_bytes", cli_json_number(first->td_bytes));
	for (uint32_t point = 0; point <= t->nr_points; point++)
		for (uint32_t i = 0; i < t->nr; i++)
			if (t->run[i].point == point)
				json_array_append_new(point ? curve : runs, run_json(&t->run[i]));
	json_object_set_new(object, "runs", runs);
	json_object_set_new(object, "curve", curve);
	json_object_set_new(object, "explored", explored_json(t));
	cli_json_print(object);
}

/* ------------------------------------------------------------------------------------------- */
/* As text                                                                                      */

/* The runs of the scenario, and beside each what small programs have shown of its design. */
static json_t *text_rows(const struct comparison_table *t)
{
	json_t *rows = json_array();

	for (uint32_t i = 0; i < t->nr_designs; i++) {
		const struct compare_run_of *run = find_run(t, t->design[i], 0);
		const struct meter_figure *get = &run->result.of[METER_GET];
		/* Of what was given up there is no figure. */
		json_t *row = run->result.given_up
				      ? json_pack("{s:s}", "design", t->design[i]->name)
				      : run_json(run);

		if (!run->result.given_up)
			json_object_set_new(
				row, "mean_get_ns",
				json_real(get->count ? (double)get->total / (double)get->count
						     : 0));
		json_object_set_new(row, "explored",
				    json_string(t->explored[i].given_up ? "-"
						: *t->explored[i].text	? "fails"
									: "holds"));
		json_array_append_new(rows, row);
	}
	return rows;
}

static void print_figures(const struct comparison_table *t)
{
	static const struct cli_shown memory[] = {
		{ "design", "design", CLI_TEXT, 0 },
		{ "PAMT at boot", "pamt_boot", CLI_BYTES, 0 },
		{ "at peak", "pamt_peak", CLI_BYTES, 0 },
		{ "left", "left", CLI_BYTES, 0 },
		{ "ADD", "adds", 1, 0 },
		{ "REMOVE", "removes", 1, 0 },
		{ "BUSY", "busy", 1, 0 },
		{ "missing", "missing", 1, 0 },
		{ "failures", "failures", 1, 0 },
		{ "in any order", "explored", CLI_TEXT, 0 },
	};
	static const struct cli_shown time[] = {
		{ "design", "design", CLI_TEXT, 0 },
		{ "gets", "ops.get.count", 1, 0 },
		{ "mean get, ns", "mean_get_ns", 1, 1 },
		{ "in get, ms", "ops.get.total_ns", 1e6, 3 },
		{ "get+put, ms", "get_put_ns", 1e6, 3 },
		{ "waited, ms", "waited_ns", 1e6, 3 },
		{ "longest, us", "waited_longest_ns", 1e3, 1 },
		{ "k faults/s", "faults_per_second", 1e3, 0 },
		{ "TD boot, ms", "td_boot_seconds", 1e-3, 2 },
	};
	json_t *rows = text_rows(t);

	cli_table_json(rows, memory, sizeof(memory) / sizeof(*memory));
	printf("\n");
	cli_table_json(rows, time, sizeof(time) / sizeof(*time));
	json_decref(rows);
}

static void print_curve(const struct comparison_table *t)
{
	struct cli_shown columns[1 + COMPARE_CURVE] = {
		{ "ns per get, CPUs:", "design", CLI_TEXT, 0 },
	};
	char titles[COMPARE_CURVE][16];
	json_t *rows = json_array();

	for (uint32_t i = 0; i < t->nr_points; i++) {
		snprintf(titles[i], sizeof(titles[i]), "%u", compare_curve_cpus[i]);
		columns[1 + i] = (struct cli_shown){ titles[i], titles[i], 1, 1 };
	}
	for (uint32_t i = 0; i < t->nr_designs; i++) {
		json_t *row = json_pack("{s:s}", "design", t->design[i]->name);

		for (uint32_t point = 1; point <= t->nr_points; point++) {
			const struct compare_result *r = &find_run(t, t->design[i], point)->result;

			if (!r->given_up)
				json_object_set_new(row, titles[point - 1], json_real(per_get(r)));
		}
		json_array_append_new(rows, row);
	}
	cli_table_json(rows, columns, 1 + t->nr_points);
	json_decref(rows);
}

/* What a number alone does not say. */
static void print_failures(const struct comparison_table *t)
{
	for (uint32_t i = 0; i < t->nr; i++) {
		const struct compare_run_of *run = &t->run[i];
		const char *what = *run->result.error ? run->result.error : run->result.failure;

		if (*what && !run->result.given_up && (!run->point || *run->result.error))
			printf("%s, %s: %s\n", run->config.design->name,
			       run->config.scenario->title, what);
	}
	for (uint32_t i = 0; i < t->nr_designs; i++)
		if (*t->explored[i].text && !t->explored[i].given_up)
			printf("%s, in some order: %s\n    %s\n", t->design[i]->name,
			       t->explored[i].text, t->explored[i].command);
}

void compare_show_text(const struct comparison_table *t)
{
	const struct compare_result *first = first_run(t);
	char bytes[24];

	printf("%s%s%s: %u TDs, %u vCPUs on %u CPUs, %s in all", cli_bold(),
	       *t->scenario.title ? t->scenario.title : t->scenario.name, cli_plain(),
	       first->nr_tds, first->nr_vcpus, first->cpus, cli_bytes(first->td_bytes, bytes));
	if (t->scaled > 1)
		printf(": memory divided by %u", t->scaled);
	printf("; virtual time, seed %llu\n\n", (unsigned long long)t->scenario.seed);
	print_figures(t);
	if (t->nr_points) {
		printf("\n");
		print_curve(t);
	}
	printf("\n");
	print_failures(t);
	if (!cli_quiet())
		cli_note("%.1f s", t->seconds);
}
