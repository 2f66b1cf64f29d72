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

static unsigned int point_index(struct curves *c, double cpus)
{
	unsigned int i = 0;

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
	return gets > 0 ? value / gets : NAN;
}

static void read_curves(const json_t *list, const char *key, bool per_get, struct curves *c)
{
	memset(c, 0, sizeof(*c));
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
	struct curves *c = malloc(sizeof(*c));

	if (!c)
		return;
	read_curves(list, key, per_get, c);
	for (unsigned int d = 0; d < c->nr_designs; d++) {
		if (!has_values(c, d))
			continue;
		chart.series[chart.nr_series++] = (struct chart_series){
			.name = c->design[d],
			.colour = (enum report_colour)(d % REPORT_COLOURS),
			.dashed = d >= REPORT_COLOURS,
			.y = c->value[d],
		};
	}
	chart.nr = c->nr_points;
	chart.x = c->cpus;
	chart.x_name = "CPUs";
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
		    (struct chart){ .title = "Time for each get",
				    .description = "In get, put, top-up and control pages, by the "
						   "number of gets. Flat is what scales.",
				    .y_name = "per get",
				    .y_unit = CHART_NS });
	draw_curves(to, curve, "waited_ns", true,
		    (struct chart){ .title = "Of that, waiting for locks",
				    .description = "By the number of gets.",
				    .y_name = "per get",
				    .y_unit = CHART_NS });
	draw_curves(to, curve, "waited_longest_ns", false,
		    (struct chart){ .title = "The longest wait",
				    .description = "Of any CPU, for a lock or a region.",
				    .y_name = "once",
				    .y_unit = CHART_NS });
	draw_curves(to, curve, "faults_per_second", false,
		    (struct chart){ .title = "Faults served",
				    .description =
					    "By all CPUs together, while TDs boot. Twice the "
					    "CPUs should serve twice as many.",
				    .y_name = "per second",
				    .y_unit = CHART_NUMBER });
	report_charts_end(to);
}

/* ------------------------------------------------------------------------------------------- */
/* The table                                                                                    */

static const struct {
	const char *key, *title;
	enum chart_unit unit;
	bool bad; /* should be 0 */
} columns[] = {
	{ "pamt_boot", "PAMT at boot", CHART_BYTES, false },
	{ "pamt_peak", "at the peak", CHART_BYTES, false },
	{ "left", "left with zero TDs", CHART_BYTES, true },
	{ "adds", "ADDs", CHART_NUMBER, false },
	{ "removes", "REMOVEs", CHART_NUMBER, false },
	{ "busy", "BUSY", CHART_NUMBER, true },
	{ "failures", "failures", CHART_NUMBER, true },
	{ "lost_pages", "lost pages", CHART_NUMBER, true },
	/* The second table begins here. */
	{ "ns_per_get", "per get", CHART_NS, false },
	{ "get_put_ns", "in get and put", CHART_NS, false },
	{ "waited_ns", "waited", CHART_NS, false },
	{ "waited_longest_ns", "longest wait", CHART_NS, false },
	{ "faults_per_second", "faults/s", CHART_NUMBER, false },
	{ "td_boot_seconds", "TD boot", CHART_SECONDS, false },
};
#define COLUMNS	     (sizeof(columns) / sizeof(*columns))
#define TIME_COLUMNS 8u /* from here on */

static void write_row(FILE *to, const json_t *run, size_t from, size_t end)
{
	const char *design = json_string_value(json_object_get(run, "design"));
	char text[24];

	fputs("<tr><td>", to);
	report_text(to, design ? design : "?");
	fputs("</td>", to);
	for (size_t c = from; c < end; c++) {
		double value = report_number(run, columns[c].key);
		bool bad = columns[c].bad && value > 0;

		fprintf(to, "<td>%s%s%s</td>", bad ? "<strong>" : "",
			report_value(columns[c].unit, value, text), bad ? "</strong>" : "");
	}
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

static void write_table(FILE *to, const json_t *runs, const char *what, size_t from, size_t end)
{
	fprintf(to,
		"<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"%s\"><table>"
		"<thead><tr><th scope=\"col\">Design</th>",
		what);
	for (size_t c = from; c < end; c++)
		fprintf(to, "<th scope=\"col\">%s</th>", columns[c].title);
	fputs("</tr></thead><tbody>\n", to);
	for (size_t i = 0; i < json_array_size(runs); i++)
		write_row(to, json_array_get(runs, i), from, end);
	fputs("</tbody></table></div>\n", to);
}

/* explored: what was found when schedules of the design were searched. */
static void write_designs(FILE *to, const json_t *runs, const json_t *explored)
{
	write_table(to, runs, "Designs: memory and calls", 0, TIME_COLUMNS);
	write_table(to, runs, "Designs: time", TIME_COLUMNS, COLUMNS);
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
	write_designs(to, runs, json_object_get(root, "explored"));
	if (json_array_size(json_object_get(root, "curve")))
		draw_all(to, json_object_get(root, "curve"));
	report_section_end(to);
	return NULL;
}
