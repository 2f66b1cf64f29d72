// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * report_compare.c - what a report tells of a `pamt compare`: the designs in a table, and curves
 * over CPUs.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report.h"

#define MAX_POINTS 32u

/* A figure of every design at every number of CPUs. */
struct curves {
	unsigned int nr_designs, nr_points;
	const char *design[CHART_SERIES];
	double cpus[MAX_POINTS];
	double value[CHART_SERIES][MAX_POINTS];
};

/* ------------------------------------------------------------------------------------------- */
/* Curves                                                                                       */

static unsigned int design_index(struct curves *c, const char *name)
{
	unsigned int i = 0;

	while (i < c->nr_designs && strcmp(c->design[i], name))
		i++;
	if (i == c->nr_designs && i < CHART_SERIES)
		c->design[c->nr_designs++] = name;
	return i;
}

/* MAX_POINTS: it has no place. */
static unsigned int point_index(struct curves *c, double cpus)
{
	unsigned int i = 0;

	if (cpus < 1) /* no machine has that, and it has no logarithm */
		return MAX_POINTS;
	while (i < c->nr_points && c->cpus[i] < cpus)
		i++;
	if (i < c->nr_points && c->cpus[i] == cpus)
		return i;
	if (c->nr_points == MAX_POINTS)
		return MAX_POINTS;
	memmove(&c->cpus[i + 1], &c->cpus[i], (c->nr_points - i) * sizeof(*c->cpus));
	c->cpus[i] = cpus;
	c->nr_points++;
	return i;
}

/* One run's figure: a member, or a member by gets. */
static double figure(const json_t *run, const char *key, bool per_get)
{
	double value = report_number(run, key);
	double gets = report_number(json_object_get(json_object_get(run, "ops"), "get"), "count");

	if (json_is_string(json_object_get(run, "error")))
		return NAN; /* it came to no end */
	if (!per_get)
		return value;
	return gets >= 1 ? value / gets : NAN;
}

static void read_curves(const json_t *list, const char *key, bool per_get, struct curves *c)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		point_index(c, report_number(json_array_get(list, i), "cpus"));
	for (unsigned int d = 0; d < CHART_SERIES; d++)
		for (unsigned int p = 0; p < MAX_POINTS; p++)
			c->value[d][p] = NAN;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *run = json_array_get(list, i);
		const char *name = json_string_value(json_object_get(run, "design"));
		unsigned int d, p = point_index(c, report_number(run, "cpus"));

		if (!name)
			continue;
		d = design_index(c, name);
		if (d < CHART_SERIES && p < MAX_POINTS)
			c->value[d][p] = figure(run, key, per_get);
	}
}

/* A design without a figure anywhere has no line. */
static bool has_values(const struct curves *c, unsigned int design)
{
	for (unsigned int p = 0; p < c->nr_points; p++)
		if (c->value[design][p] > 0)
			return true;
	return false;
}

static void draw_curves(FILE *to, const json_t *list, const char *key, bool per_get,
			struct chart chart)
{
	struct curves *c = cli_alloc(1, sizeof(*c));

	read_curves(list, key, per_get, c);
	for (unsigned int d = 0; d < c->nr_designs; d++) {
		if (!has_values(c, d))
			continue;
		chart.series[chart.nr_series++] = (struct chart_series){
			.name = c->design[d],
			.colour = (enum report_colour)(d % REPORT_COLOURS),
			.y = c->value[d],
		};
	}
	chart.nr = c->nr_points;
	chart.x = c->cpus;
	chart.x_name = "CPUs of the machine";
	chart.log_x = chart.log_y = true;
	chart.x_unit = CHART_NUMBER;
	if (chart.nr > 1)
		report_chart(to, &chart);
	free(c);
}

static void draw_all(FILE *to, const json_t *curve)
{
	report_charts(to);
	draw_curves(to, curve, "ns_per_get", false,
		    (struct chart){ .title = "Get and put, for each get",
				    .description = "All time in get, put, top-up and control "
						   "pages, by the number of gets. Flat is what "
						   "scales.",
				    .y_name = "time for each get",
				    .y_unit = CHART_NS });
	draw_curves(to, curve, "waited_ns", true,
		    (struct chart){ .title = "Waited, for each get",
				    .description = "The part of it that CPUs waited for locks and "
						   "for each other.",
				    .y_name = "time for each get",
				    .y_unit = CHART_NS });
	draw_curves(to, curve, "waited_longest_ns", false,
		    (struct chart){ .title = "Longest",
				    .description = "The longest wait of any CPU, for a lock or a "
						   "region.",
				    .y_name = "time of one wait",
				    .y_unit = CHART_NS });
	draw_curves(to, curve, "faults_per_second", false,
		    (struct chart){ .title = "Faults/s",
				    .description = "Page faults served by all CPUs together while "
						   "guests run. Twice the CPUs should serve twice "
						   "as many.",
				    .y_name = "page faults served in a second",
				    .y_unit = CHART_NUMBER });
	report_charts_end(to);
}

/* ------------------------------------------------------------------------------------------- */
/* The table                                                                                    */

/* As `pamt compare` prints them on a terminal, under the same names. */
static const struct column {
	const char *key, *title;
	enum chart_unit unit;
	bool bad;	/* should be 0 */
	const char *op; /* a member of this operation's figures */
	bool mean;	/* and by their count */
} columns[] = {
	{ .key = "pamt_boot", .title = "PAMT at boot", .unit = CHART_BYTES },
	{ .key = "pamt_peak", .title = "at peak", .unit = CHART_BYTES },
	{ .key = "left", .title = "left", .unit = CHART_BYTES, .bad = true },
	{ .key = "adds", .title = "ADD", .unit = CHART_NUMBER },
	{ .key = "removes", .title = "REMOVE", .unit = CHART_NUMBER },
	{ .key = "busy", .title = "BUSY", .unit = CHART_NUMBER, .bad = true },
	{ .key = "missing", .title = "missing", .unit = CHART_NUMBER, .bad = true },
	{ .key = "failures", .title = "failures", .unit = CHART_NUMBER, .bad = true },
	{ .key = "lost_pages", .title = "lost pages", .unit = CHART_NUMBER, .bad = true },
	/* The second table begins here. */
	{ .key = "count", .title = "gets", .unit = CHART_NUMBER, .op = "get" },
	{ .key = "total_ns", .title = "mean get", .unit = CHART_NS, .op = "get", .mean = true },
	{ .key = "total_ns", .title = "in get", .unit = CHART_NS, .op = "get" },
	{ .key = "get_put_ns", .title = "get+put", .unit = CHART_NS },
	{ .key = "waited_ns", .title = "waited", .unit = CHART_NS },
	{ .key = "waited_longest_ns", .title = "longest", .unit = CHART_NS },
	{ .key = "faults_per_second", .title = "faults/s", .unit = CHART_NUMBER },
	{ .key = "td_boot_seconds", .title = "TD boot", .unit = CHART_SECONDS },
};
#define COLUMNS	     (sizeof(columns) / sizeof(*columns))
#define TIME_COLUMNS 9u /* from here on */

static double column_value(const json_t *run, const struct column *column)
{
	const json_t *of = run;
	double count;

	if (column->op)
		of = json_object_get(json_object_get(run, "ops"), column->op);
	if (!column->mean)
		return report_number(of, column->key);
	count = report_number(of, "count");
	return count >= 1 ? report_number(of, column->key) / count : 0;
}

/* Numbers of calls in full, as on the terminal; what is measured with three digits. */
static const char *column_text(const struct column *column, double value, char *text)
{
	if (column->unit != CHART_NUMBER || !strcmp(column->key, "faults_per_second") ||
	    value >= 1e15)
		return report_value(column->unit, value, text);
	snprintf(text, 24, "%.0f", value);
	return text;
}

/* What exploring small programs of this design found. */
static void write_explored(FILE *to, const json_t *explored, const char *design)
{
	for (size_t i = 0; i < json_array_size(explored); i++) {
		const json_t *one = json_array_get(explored, i);
		const char *name = json_string_value(json_object_get(one, "design"));
		bool fails = json_is_string(json_object_get(one, "violation"));

		if (!name || strcmp(name, design))
			continue;
		report_cell(to, "in any order",
			    json_is_null(json_object_get(one, "schedules")) ? "-"
			    : fails					    ? "fails"
									    : "holds",
			    fails);
		return;
	}
	report_cell(to, "in any order", "-", false);
}

static void write_row(FILE *to, const json_t *run, const json_t *explored, size_t from, size_t end)
{
	const char *design = json_string_value(json_object_get(run, "design"));
	bool ended = !json_is_string(json_object_get(run, "error"));
	char text[24];

	fputs("<tr><td>", to);
	report_text(to, design ? design : "?");
	fputs("</td>", to);
	for (size_t c = from; c < end; c++) {
		double value = column_value(run, &columns[c]);

		report_cell(to, columns[c].title,
			    ended ? column_text(&columns[c], value, text) : "-",
			    ended && columns[c].bad && value > 0);
	}
	if (!from)
		write_explored(to, explored, design ? design : "");
	fputs("</tr>\n", to);
}

static void write_note(FILE *to, const json_t *run, const char *key)
{
	const char *design = json_string_value(json_object_get(run, "design"));
	const char *note = json_string_value(json_object_get(run, key));

	if (!note || !design)
		return;
	fputs("<li><strong>", to);
	report_text(to, design);
	fputs("</strong>: ", to);
	report_text(to, note);
	fputs("</li>\n", to);
}

/* The first one has a column for what was explored. */
static void write_table(FILE *to, const json_t *runs, const json_t *explored, size_t from,
			size_t end)
{
	fputs("<div class=\"scroll\"><table><thead><tr><th scope=\"col\">Design</th>", to);
	for (size_t c = from; c < end; c++)
		fprintf(to, "<th scope=\"col\">%s</th>", columns[c].title);
	fputs(!from ? "<th scope=\"col\">in any order</th></tr></thead><tbody>\n"
		    : "</tr></thead><tbody>\n",
	      to);
	for (size_t i = 0; i < json_array_size(runs); i++)
		write_row(to, json_array_get(runs, i), explored, from, end);
	fputs("</tbody></table></div>\n", to);
}

/* explored: what was found when schedules of the design were searched. */
static void write_designs(FILE *to, const json_t *runs, const json_t *explored)
{
	write_table(to, runs, explored, 0, TIME_COLUMNS);
	write_table(to, runs, explored, TIME_COLUMNS, COLUMNS);
	fputs("<ul class=\"notes\">\n", to);
	for (size_t i = 0; i < json_array_size(runs); i++) {
		write_note(to, json_array_get(runs, i), "error");
		write_note(to, json_array_get(runs, i), "failure");
	}
	for (size_t i = 0; i < json_array_size(explored); i++)
		write_note(to, json_array_get(explored, i), "violation");
	fputs("</ul>\n", to);
}

const char *report_compare(FILE *to, const char *name, const json_t *root)
{
	const json_t *runs = json_object_get(root, "runs");
	const char *scenario = json_string_value(json_object_get(root, "scenario"));
	const char *machine = json_string_value(json_object_get(root, "machine"));
	char text[256], bytes[24];

	if (!json_is_array(runs))
		return "member 'runs' is not a list";
	snprintf(text, sizeof(text), "%s: %" PRIu64 " TDs of together %s, in virtual time",
		 machine ? machine : name, report_integer(root, "tds"),
		 report_value(CHART_BYTES, report_number(root, "td_bytes"), bytes));
	report_section(to, scenario ? scenario : name, text);
	report_origin(to, root);
	write_designs(to, runs, json_object_get(root, "explored"));
	if (json_array_size(json_object_get(root, "curve")))
		draw_all(to, json_object_get(root, "curve"));
	report_section_end(to);
	return NULL;
}
