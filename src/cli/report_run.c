// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * report_run.c - what a report tells of a `pamt run`.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report.h"

#define PAIR_BYTES 8192.0
#define CURVES	   8u

/* The time series, a column each. */
struct series {
	unsigned int nr;
	double *memory; /* all columns, one after the other */
	double *seconds, *pamt, *pairs, *fixed, *other, *td_bytes, *gets, *adds;
};

static bool read_series(const json_t *root, struct series *s)
{
	const json_t *timeline = json_object_get(root, "timeline");
	const json_t *bytes = json_object_get(root, "bytes");
	bool dynamic = json_is_true(json_object_get(root, "dynamic"));
	double boot = dynamic ? report_number(bytes, "dynamic_boot") + report_number(bytes, "table")
			      : report_number(bytes, "static_boot");

	s->nr = (unsigned int)json_array_size(timeline);
	s->memory = calloc((size_t)s->nr * CURVES + 1, sizeof(*s->memory));
	if (!s->memory)
		return false;
	s->seconds = s->memory;
	s->pamt = s->seconds + s->nr;
	s->pairs = s->pamt + s->nr;
	s->fixed = s->pairs + s->nr;
	s->other = s->fixed + s->nr;
	s->td_bytes = s->other + s->nr;
	s->gets = s->td_bytes + s->nr;
	s->adds = s->gets + s->nr;
	for (unsigned int i = 0; i < s->nr; i++) {
		const json_t *at = json_array_get(timeline, i);

		s->seconds[i] = report_number(at, "seconds");
		s->pamt[i] = boot + report_number(at, "pamt_bytes");
		s->pairs[i] = report_number(at, "pairs") * PAIR_BYTES;
		s->fixed[i] = boot;
		s->other[i] = report_number(bytes, dynamic ? "static_boot" : "dynamic_boot");
		s->td_bytes[i] = report_number(at, "td_bytes");
		s->gets[i] = report_number(at, "gets");
		s->adds[i] = report_number(at, "adds");
	}
	return true;
}

static void draw_static_and_dynamic(FILE *to, const struct series *s, const char *time)
{
	const struct chart chart = {
		.title = "PAMT over time, static against dynamic",
		.description =
			"Static PAMT is taken at boot, TDs or not. Dynamic: what is taken at "
			"boot, the region words, and all that libpamt holds.",
		.x_name = time,
		.y_name = "memory for PAMT",
		.x_unit = CHART_SECONDS,
		.y_unit = CHART_BYTES,
		.nr = s->nr,
		.x = s->seconds,
		.nr_series = 2,
		.series = { { .name = "dynamic", .colour = REPORT_A, .fill = true, .y = s->pamt },
			    { .name = "static", .colour = REPORT_B, .y = s->other } },
	};

	report_chart(to, &chart);
}

static void draw_closer(FILE *to, const struct series *s, const char *time)
{
	const struct chart chart = {
		.title = "The same from nearby: dynamic alone",
		.description = "What is there at boot, and what comes and goes with TDs: pages for "
			       "pairs, control structures and secure EPT.",
		.x_name = time,
		.y_name = "memory for PAMT",
		.x_unit = CHART_SECONDS,
		.y_unit = CHART_BYTES,
		.nr = s->nr,
		.x = s->seconds,
		.nr_series = 3,
		.series = { { .name = "all", .colour = REPORT_A, .fill = true, .y = s->pamt },
			    { .name = "page pairs", .colour = REPORT_C, .y = s->pairs },
			    { .name = "at boot", .colour = REPORT_G, .y = s->fixed } },
	};

	report_chart(to, &chart);
}

static void draw_memory(FILE *to, const struct series *s, const char *time)
{
	const struct chart chart = {
		.title = "Memory of TDs",
		.description = "What the guests have accepted.",
		.x_name = time,
		.y_name = "memory of all TDs together",
		.x_unit = CHART_SECONDS,
		.y_unit = CHART_BYTES,
		.nr = s->nr,
		.x = s->seconds,
		.nr_series = 1,
		.series = { { .name = "accepted",
			      .colour = REPORT_D,
			      .fill = true,
			      .y = s->td_bytes } },
	};

	report_chart(to, &chart);
}

static void draw_calls(FILE *to, const struct series *s, const char *time)
{
	const struct chart chart = {
		.title = "Gets, and the SEAMCALLs that they cost",
		.description =
			"So far, on a logarithmic scale: a 4K page mapped is a get; only the "
			"first of a region is a PAMT.ADD.",
		.x_name = time,
		.y_name = "number so far",
		.x_unit = CHART_SECONDS,
		.y_unit = CHART_NUMBER,
		.log_y = true,
		.nr = s->nr,
		.x = s->seconds,
		.nr_series = 2,
		.series = { { .name = "gets", .colour = REPORT_A, .y = s->gets },
			    { .name = "PAMT.ADD", .colour = REPORT_B, .y = s->adds } },
	};

	report_chart(to, &chart);
}

static void draw_series(FILE *to, const json_t *root, const struct series *s)
{
	bool dynamic = json_is_true(json_object_get(root, "dynamic"));
	const char *time = json_is_true(json_object_get(root, "virtual"))
				   ? "simulated time since boot"
				   : "time since boot";

	report_charts(to);
	if (dynamic) {
		draw_static_and_dynamic(to, s, time);
		draw_closer(to, s, time);
	}
	draw_memory(to, s, time);
	if (dynamic)
		draw_calls(to, s, time);
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
	if (!read_series(root, &series))
		return "is too large for this machine's memory";
	write_subtitle(root, text, sizeof(text));
	if (!scenario)
		scenario = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	report_section(to, scenario, text);
	report_origin(to, root);
	write_cards(to, root);
	if (series.nr > 1)
		draw_series(to, root, &series);
	free(series.memory);
	if (json_is_object(json_object_get(root, "regions")))
		report_map(to, json_object_get(root, "regions"));
	if (json_is_object(json_object_get(root, "counts")))
		write_counts(to, root);
	report_section_end(to);
	return NULL;
}
