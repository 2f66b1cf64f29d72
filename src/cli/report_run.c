// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * report_run.c - what a report tells of a `pamt run`.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report.h"

#define PAIR_BYTES 8192.0

/* The time series, column after column. */
enum column { TIME, PAMT, PAIRS, AT_BOOT, OTHER, TD_BYTES, GETS, ADDS, COLUMNS };

struct series {
	unsigned int nr;
	double *value[COLUMNS]; /* the first is to be freed */
};

/* A chart over time; the first line is what it is about. */
static const struct {
	bool dynamic; /* of Dynamic PAMT only */
	struct chart chart;
	enum column column[3]; /* of each line */
} charts[] = {
	{ true,
	  { .title = "PAMT over time, static against dynamic",
	    .description = "Static PAMT is taken at boot, TDs or not. Dynamic: what is taken at "
			   "boot, the region words, and all that libpamt holds.",
	    .y_name = "memory for PAMT",
	    .y_unit = CHART_BYTES,
	    .nr_series = 2,
	    .series = { { "dynamic", REPORT_A, NULL }, { "static", REPORT_B, NULL } } },
	  { PAMT, OTHER } },
	{ true,
	  { .title = "The same from nearby: dynamic alone",
	    .description = "What is there at boot, and what comes and goes with TDs: pages for "
			   "pairs, control structures and secure EPT.",
	    .y_name = "memory for PAMT",
	    .y_unit = CHART_BYTES,
	    .nr_series = 3,
	    .series = { { "all", REPORT_A, NULL },
			{ "page pairs", REPORT_C, NULL },
			{ "at boot", REPORT_G, NULL } } },
	  { PAMT, PAIRS, AT_BOOT } },
	{ false,
	  { .title = "Memory of TDs",
	    .description = "What the guests have accepted.",
	    .y_name = "memory of all TDs together",
	    .y_unit = CHART_BYTES,
	    .nr_series = 1,
	    .series = { { "accepted", REPORT_D, NULL } } },
	  { TD_BYTES } },
	{ true,
	  { .title = "Gets, and the SEAMCALLs that they cost",
	    .description = "So far, on a logarithmic scale: a 4K page mapped is a get; only the "
			   "first of a region is a PAMT.ADD.",
	    .y_name = "number so far",
	    .y_unit = CHART_NUMBER,
	    .log_y = true,
	    .nr_series = 2,
	    .series = { { "gets", REPORT_A, NULL }, { "PAMT.ADD", REPORT_B, NULL } } },
	  { GETS, ADDS } },
};

static void read_series(const json_t *root, struct series *s)
{
	const json_t *timeline = json_object_get(root, "timeline");
	const json_t *bytes = json_object_get(root, "bytes");
	bool dynamic = json_is_true(json_object_get(root, "dynamic"));
	double boot = dynamic ? report_number(bytes, "dynamic_boot") + report_number(bytes, "table")
			      : report_number(bytes, "static_boot");

	s->nr = (unsigned int)json_array_size(timeline);
	s->value[0] = cli_alloc((size_t)s->nr * COLUMNS + 1, sizeof(double));
	for (enum column c = 1; c < COLUMNS; c++)
		s->value[c] = s->value[c - 1] + s->nr;
	for (unsigned int i = 0; i < s->nr; i++) {
		const json_t *at = json_array_get(timeline, i);

		s->value[TIME][i] = report_number(at, "seconds");
		s->value[PAMT][i] = boot + report_number(at, "pamt_bytes");
		s->value[PAIRS][i] = report_number(at, "pairs") * PAIR_BYTES;
		s->value[AT_BOOT][i] = boot;
		s->value[OTHER][i] = report_number(bytes, dynamic ? "static_boot" : "dynamic_boot");
		s->value[TD_BYTES][i] = report_number(at, "td_bytes");
		s->value[GETS][i] = report_number(at, "gets");
		s->value[ADDS][i] = report_number(at, "adds");
	}
}

static void draw_series(FILE *to, const json_t *root, const struct series *s)
{
	bool dynamic = json_is_true(json_object_get(root, "dynamic"));
	struct chart chart;

	report_charts(to);
	for (size_t i = 0; i < sizeof(charts) / sizeof(*charts); i++) {
		if (charts[i].dynamic && !dynamic)
			continue;
		chart = charts[i].chart;
		chart.x_name = json_is_true(json_object_get(root, "virtual"))
				       ? "simulated time since boot"
				       : "time since boot";
		chart.x_unit = CHART_SECONDS;
		chart.nr = s->nr;
		chart.x = s->value[TIME];
		for (unsigned int line = 0; line < chart.nr_series; line++)
			chart.series[line].y = s->value[charts[i].column[line]];
		report_chart(to, &chart);
	}
	report_charts_end(to);
}

/* ------------------------------------------------------------------------------------------- */

static void write_cards(FILE *to, const json_t *root)
{
	const json_t *bytes = json_object_get(root, "bytes");
	bool dynamic = json_is_true(json_object_get(root, "dynamic"));
	double fixed = report_number(bytes, "static_boot");
	double boot = report_number(bytes, "dynamic_boot") + report_number(bytes, "table");
	double peak = boot + report_number(bytes, "os_peak");
	char text[40];

	report_cards(to);
	report_card(to, report_value(CHART_BYTES, fixed, text), "PAMT, static", false);
	report_card(to, report_value(CHART_BYTES, boot, text), "dynamic, at boot", false);
	if (dynamic) {
		report_card(to, report_value(CHART_BYTES, peak, text), "dynamic, at the peak",
			    false);
		snprintf(text, sizeof(text), "%.1f %%", fixed > 0 ? 100 * (1 - peak / fixed) : 0);
		report_card(to, text, "saved at the peak", peak > fixed);
		snprintf(text, sizeof(text), "%" PRIu64, report_integer(bytes, "pairs_peak"));
		report_card(to, text, "page pairs at the peak", false);
	}
	report_card(to, report_value(CHART_BYTES, report_number(bytes, "left"), text),
		    "left with zero TDs", report_integer(bytes, "left") > 0);
	report_cards_end(to);
}

static void write_counts(FILE *to, const json_t *root)
{
	json_t *counts = json_object_get(root, "counts"), *value;
	const char *key;
	char number[24];

	fputs("<details><summary>All that was counted</summary><div class=\"scroll\"><table><thead>"
	      "<tr><th scope=\"col\">What</th><th scope=\"col\">Times</th></tr></thead><tbody>\n",
	      to);
	json_object_foreach(counts, key, value)
	{
		if (!json_is_integer(value))
			continue;
		fputs("<tr><td>", to);
		report_text(to, key);
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		fputs("</td>", to);
		report_cell(to, "Times", number, false);
		fputs("</tr>\n", to);
	}
	fputs("</tbody></table></div></details>\n", to);
}

static void write_subtitle(const json_t *root, char *text, size_t size)
{
	const char *machine = json_string_value(json_object_get(root, "machine"));
	char bytes[24];

	snprintf(text, size, "%s: %" PRIu64 " TDs of together %s, %s PAMT%s", machine,
		 report_integer(root, "tds"),
		 report_value(CHART_BYTES, report_number(root, "td_bytes"), bytes),
		 json_is_true(json_object_get(root, "dynamic")) ? "dynamic" : "static",
		 json_is_true(json_object_get(root, "stopped")) ? "; stopped early" : "");
}

const char *report_run(FILE *to, const char *name, const json_t *root)
{
	const char *scenario = json_string_value(json_object_get(root, "scenario"));
	struct series series;
	char text[256];

	if (!json_is_string(json_object_get(root, "machine")))
		return "member 'machine' is not a text";
	if (!json_is_object(json_object_get(root, "bytes")))
		return "member 'bytes' is not an object";
	read_series(root, &series);
	write_subtitle(root, text, sizeof(text));
	if (!scenario)
		scenario = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	report_section(to, scenario, text);
	report_origin(to, root);
	write_cards(to, root);
	if (series.nr > 1)
		draw_series(to, root, &series);
	free(series.value[0]);
	if (json_is_object(json_object_get(root, "regions")))
		report_map(to, json_object_get(root, "regions"));
	if (json_is_object(json_object_get(root, "counts")))
		write_counts(to, root);
	report_section_end(to);
	return NULL;
}
