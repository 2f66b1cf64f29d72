// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * report_map.c - the 2 MiB regions of a machine by kind, in cells, as SVG.
 *
 * A cell is a square that is filled from the bottom with the kinds that its regions are of, each in
 * proportion: what is little is drawn little, and its number is in the table. All squares of a kind
 * are one path, so that the page stays small.
 */
#include <string.h>

#include "cli/report.h"

#define COLUMNS	  64u
#define MAX_CELLS 4096u
#define SIDE	  10.0 /* of a cell, with the gap */
#define GAP	  1.0

/* In the order in which they lie in a cell, and as they are told. */
static const struct {
	const char *kind, *class, *name, *what;
} kinds[] = {
	{ "pool", "k-pool", "pool", "pairs and control pages lie here" },
	{ "4k", "k-4k", "4K pages", "backed by a pair" },
	{ "idle", "k-idle", "idle", "backed, used by nobody" },
	{ "2m", "k-2m", "2M page", "needs no pair" },
	{ "free", "k-free", "not a TD's", "costs nothing at run time" },
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

/* Where a kind stands in the lists of the map; -1: it is not there. */
static int position(const json_t *regions, const char *kind)
{
	const json_t *names = json_object_get(regions, "kinds");

	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));

		if (name && !strcmp(name, kind))
			return (int)i;
	}
	return -1;
}

/* The heights of a cell's parts, of 1. */
static void heights(const double count[KINDS], double height[KINDS])
{
	double regions = 0;

	for (size_t k = 0; k < KINDS; k++)
		regions += count[k];
	for (size_t k = 0; k < KINDS; k++)
		height[k] = regions > 0 ? count[k] / regions : 0;
}

/* One path: the parts of all cells that are of this kind. */
static void draw_kind(FILE *to, const json_t *cells, size_t kind, const int at[KINDS])
{
	uint32_t cell = 0;

	fprintf(to, "<path class=\"%s\" d=\"", kinds[kind].class);
	for (size_t i = 0; i < json_array_size(cells); i++) {
		const json_t *run = json_array_get(cells, i);
		json_int_t n = json_integer_value(json_array_get(run, 0));
		double count[KINDS] = { 0 }, height[KINDS], below = 0;

		for (size_t k = 0; k < KINDS; k++)
			if (at[k] >= 0)
				count[k] = (double)json_integer_value(
					json_array_get(run, (size_t)at[k] + 1));
		heights(count, height);
		for (size_t k = 0; k < kind; k++)
			below += height[k];
		for (json_int_t c = 0; c < n && cell < MAX_CELLS; c++, cell++) {
			if (height[kind] > 0)
				fprintf(to, "M%.1f %.2fh%.1fv%.2fh-%.1fz", cell % COLUMNS * SIDE,
					cell / COLUMNS * SIDE + (SIDE - GAP) * (1 - below),
					SIDE - GAP, -(SIDE - GAP) * height[kind], SIDE - GAP);
		}
	}
	fputs("\"/>\n", to);
}

static uint32_t count_cells(const json_t *cells)
{
	uint64_t nr = 0;

	for (size_t i = 0; i < json_array_size(cells); i++)
		nr += (uint64_t)json_integer_value(json_array_get(json_array_get(cells, i), 0));
	return nr < MAX_CELLS ? (uint32_t)nr : MAX_CELLS;
}

/* Legend and table in one: it is read by everybody. */
static void write_totals(FILE *to, const json_t *regions)
{
	const json_t *total = json_object_get(regions, "total");
	char bytes[24], number[24];

	fputs("<div class=\"scroll\"><table><thead><tr><th scope=\"col\">Region</th>"
	      "<th scope=\"col\">Number</th><th scope=\"col\">Memory</th></tr></thead><tbody>\n",
	      to);
	for (size_t k = 0; k < KINDS; k++) {
		uint64_t nr = report_integer(total, kinds[k].kind);

		fprintf(to,
			"<tr><td><svg viewBox=\"0 0 28 16\" aria-hidden=\"true\" style=\"display:"
			"inline-block;width:1.4rem;height:.8rem\"><path class=\"%s\" "
			"d=\"M0 0h28v16H0z\"/></svg> %s: %s</td>",
			kinds[k].class, kinds[k].name, kinds[k].what);
		snprintf(number, sizeof(number), "%llu", (unsigned long long)nr);
		report_cell(to, "Number", number, false);
		report_cell(to, "Memory", cli_bytes(nr << 21, bytes), false);
		fputs("</tr>\n", to);
	}
	fputs("</tbody></table></div>\n", to);
}

void report_map(FILE *to, const json_t *regions)
{
	const json_t *cells = json_object_get(regions, "cells");
	uint32_t nr = count_cells(cells);
	uint64_t per_cell = report_integer(regions, "per_cell");
	int at[KINDS];
	char bytes[24];

	if (!nr)
		return;
	for (size_t k = 0; k < KINDS; k++)
		at[k] = position(regions, kinds[k].kind);
	fprintf(to,
		"<figure><figcaption>What memory is used for<small>Every square is %s, %llu "
		"region%s of 2 MB, in the order of addresses, with all TDs up, and filled in "
		"proportion; what is too little to be seen is in the table.</small></figcaption>\n",
		cli_bytes(per_cell << 21, bytes), (unsigned long long)per_cell,
		per_cell == 1 ? "" : "s");
	fprintf(to,
		"<svg role=\"img\" viewBox=\"0 0 %.0f %.0f\"><title>2 MiB regions by kind</title>"
		"<desc>The numbers of each kind are in the table below.</desc>\n",
		COLUMNS * SIDE - GAP, (nr + COLUMNS - 1) / COLUMNS * SIDE - GAP);
	for (size_t k = 0; k < KINDS; k++)
		draw_kind(to, cells, k, at);
	fputs("</svg>\n", to);
	write_totals(to, regions);
	fputs("</figure>\n", to);
}
