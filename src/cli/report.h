/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * report.h - between the parts of `pamt report`: the page (report_page.c), charts (report_chart.c),
 * the map of regions (report_map.c), and what is told of a run (report_run.c) or of a comparison
 * (report_compare.c).
 *
 * The page is one HTML file that needs nothing beside it: no script, no font, no picture. Colours
 * are CSS variables, so that light, dark and paper are three lists of colours and nothing else.
 * Every chart has a title and a description for those who do not see it, and its figures as a
 * table.
 */
#ifndef PAMT_CLI_REPORT_H
#define PAMT_CLI_REPORT_H

#include <stdio.h>

#include "cli/cli.h"

/* Colours: classes of the style sheet. */
enum report_colour {
	REPORT_A, /* what dynamic costs, the design that is ours */
	REPORT_B, /* static; the first of the others */
	REPORT_C,
	REPORT_D,
	REPORT_E,
	REPORT_F,
	REPORT_G,
	REPORT_H,
	REPORT_I,
	REPORT_COLOURS,
};

/* The member of a file's object that cmd_report.c adds: when the file was written, as text. */
#define REPORT_WRITTEN "written"

/* report_page.c */
void report_begin(FILE *to, const char *title);
void report_end(FILE *to);
/* Text of any origin, as text. */
void report_text(FILE *to, const char *text);
/* A file's part of the page. */
void report_section(FILE *to, const char *title, const char *subtitle);
void report_section_end(FILE *to);
/* Where a file's figures come from: when it was written, its seed, the command. */
void report_origin(FILE *to, const json_t *root);
/* Figures that are to be seen first: value, what it is. Between begin and end of cards. */
void report_cards(FILE *to);
void report_card(FILE *to, const char *value, const char *what, bool bad);
void report_cards_end(FILE *to);

/* report_chart.c: lines over time or over CPUs. */
#define CHART_SERIES 12u

enum chart_unit { CHART_BYTES, CHART_SECONDS, CHART_NUMBER, CHART_NS };

struct chart_series {
	const char *name;
	enum report_colour colour;
	const double *y;
};

struct chart {
	const char *title, *description;
	/* What is counted, for who sees such a chart for the first time. */
	const char *x_name, *y_name;
	enum chart_unit x_unit, y_unit;
	bool log_x, log_y; /* powers of two; of ten */
	unsigned int nr;   /* points of each series */
	const double *x;   /* ascending */
	unsigned int nr_series;
	/* The first is what it is about: on top, and filled where the axis begins at 0. */
	struct chart_series series[CHART_SERIES];
};

void report_charts(FILE *to); /* they stand side by side where there is room */
void report_chart(FILE *to, const struct chart *chart);
void report_charts_end(FILE *to);
/* "1.5 GB", "20 ms", "3.2 us" into a buffer of at least 24 bytes. */
const char *report_value(enum chart_unit unit, double value, char *buffer);

/* A cell of a table; where a row is too wide for the screen its column's title stands before it. */
void report_cell(FILE *to, const char *title, const char *value, bool bad);

/* report_map.c: the member "regions" of a run. */
void report_map(FILE *to, const json_t *regions);

/*
 * One file's part, from an object of the schema that it is for. NULL, or what is wrong with it:
 * what was written so far is to be thrown away.
 */
const char *report_run(FILE *to, const char *name, const json_t *root);
const char *report_compare(FILE *to, const char *name, const json_t *root);

/* Members, with a default where there is none. */
double report_number(const json_t *object, const char *key);
uint64_t report_integer(const json_t *object, const char *key);

#endif
