// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * report_chart.c - a chart of lines as SVG: axes with round numbers, names at the ends of the
 * lines, and the figures as a table.
 *
 * The drawing is small, 400 units wide, so that its text can be read on a phone; on a wide screen
 * two of them stand side by side. Lines are told apart by colour, by the form of their marks, and
 * by their names.
 */
#include <math.h>
#include <string.h>

#include "cli/report.h"

#define WIDTH	   400.0
#define HEIGHT	   230.0
#define LEFT	   56.0
#define RIGHT	   84.0 /* with the names; without: */
#define RIGHT_BARE 12.0
#define TOP	   22.0
#define BOTTOM	   36.0
#define NAME_SPACE 11.0 /* between two names */
#define NAME_WIDTH 74.0
#define TICK_WIDTH 50.0 /* of the longest text under a tick */
#define ZERO_BAND  0.12 /* of a logarithmic axis: below its lowest number there is 0 */
#define MARKS	   16u	/* at most, on a line */
#define MAX_TICKS  12u
#define TABLE_ROWS 24u

/* A value on an axis, to 0 .. 1. */
struct axis {
	double low, high; /* logarithms where log */
	bool log, zero;	  /* zero: of a logarithmic one, there are values of 0 */
	double end;	  /* of the horizontal one: where the drawing has it */
	unsigned int nr;
	double tick[MAX_TICKS];
};

static double place(const struct axis *axis, double value)
{
	double below = axis->zero ? ZERO_BAND : 0;

	if (axis->log && value <= 0)
		return 0;
	if (axis->log)
		value = log(value);
	if (axis->high <= axis->low)
		return below;
	value = (value - axis->low) / (axis->high - axis->low);
	return below + (1 - below) * (value < 0 ? 0 : value > 1 ? 1 : value);
}

static double x_at(const struct axis *axis, double value)
{
	return LEFT + place(axis, value) * (axis->end - LEFT);
}

static double y_at(const struct axis *axis, double value)
{
	return HEIGHT - BOTTOM - place(axis, value) * (HEIGHT - TOP - BOTTOM);
}

/* ------------------------------------------------------------------------------------------- */
/* Numbers                                                                                      */

static const char *scaled(double value, const char *const *units, double factor, unsigned int nr,
			  char *buffer)
{
	unsigned int i = 0;

	/* What would be printed as 1000 of this unit is 1 of the next. */
	while (i + 1 < nr && value >= factor * 0.9995) {
		value /= factor;
		i++;
	}
	snprintf(buffer, 24, "%.3g%s", value, units[i]);
	return buffer;
}

/* A file may name any number: what no memory has is as much as can be said. */
static uint64_t whole_bytes(double value)
{
	return value >= 0x1p64 ? UINT64_MAX : value > 0 ? (uint64_t)value : 0;
}

const char *report_value(enum chart_unit unit, double value, char *buffer)
{
	static const char *const times[] = { " ns", " us", " ms", " s" };
	static const char *const numbers[] = { "", " k", " M", " G" };

	switch (unit) {
	case CHART_BYTES:
		return cli_bytes(whole_bytes(value), buffer);
	case CHART_SECONDS:
		value *= 1e9;
		/* fallthrough */
	case CHART_NS:
		return value ? scaled(value, times, 1000, 4, buffer) : strcpy(buffer, "0");
	default:
		return scaled(value, numbers, 1000, 4, buffer);
	}
}

/* ------------------------------------------------------------------------------------------- */
/* Axes                                                                                         */

/* 1, 2 or 5 times a power of ten; of bytes a power of two. */
static double round_step(double step, enum chart_unit unit)
{
	double power;

	if (unit == CHART_BYTES)
		return exp2(ceil(log2(step)));
	power = pow(10, floor(log10(step)));
	if (step <= power)
		return power;
	if (step <= 2 * power)
		return 2 * power;
	return step <= 5 * power ? 5 * power : 10 * power;
}

static void linear_axis(struct axis *axis, double high, enum chart_unit unit)
{
	double step;

	*axis = (struct axis){ .high = high > 0 ? high : 1 };
	step = round_step(axis->high / 4.5, unit);
	if (unit == CHART_NUMBER && step < 1)
		step = 1;
	for (unsigned int i = 0; i < MAX_TICKS && i * step < axis->high + step; i++)
		axis->tick[axis->nr++] = i * step;
	axis->high = axis->tick[axis->nr - 1];
}

/* Time ends where it ends: no room behind it. */
static void time_axis(struct axis *axis, double high, enum chart_unit unit)
{
	linear_axis(axis, high, unit);
	if (high > 0)
		axis->high = high;
	while (axis->nr > 1 && axis->tick[axis->nr - 1] > axis->high)
		axis->nr--;
}

static void log_axis(struct axis *axis, double low, double high, double base)
{
	int first = (int)floor(log(low) / log(base) + 1e-9);
	int last = (int)ceil(log(high) / log(base) - 1e-9);
	int step;

	if (last == first)
		last++;
	step = (last - first + 5) / 6;
	*axis = (struct axis){ .log = true, .low = first * log(base), .high = last * log(base) };
	for (int i = first; i <= last && axis->nr < MAX_TICKS; i += step)
		axis->tick[axis->nr++] = pow(base, i);
}

/* Return: is there a value of 0? */
static bool find_range(const struct chart *chart, double *low, double *high)
{
	bool zero = false;

	*low = INFINITY;
	*high = 0;
	for (unsigned int s = 0; s < chart->nr_series; s++) {
		for (unsigned int i = 0; i < chart->nr; i++) {
			double y = chart->series[s].y[i];

			/* Not a number: there is no such point. */
			if (y > 0 && y < *low)
				*low = y;
			if (y > *high)
				*high = y;
			zero |= y == 0;
		}
	}
	return zero;
}

static void make_axes(const struct chart *chart, struct axis *x, struct axis *y)
{
	double low, high;
	bool zero;

	if (chart->log_x)
		log_axis(x, chart->x[0], chart->x[chart->nr - 1], 2);
	else
		time_axis(x, chart->x[chart->nr - 1], chart->x_unit);
	x->end = WIDTH - (chart->nr_series > 1 ? RIGHT : RIGHT_BARE);
	zero = find_range(chart, &low, &high);
	if (chart->log_y && high > 0) {
		log_axis(y, low, high, 10);
		y->zero = zero;
	} else {
		linear_axis(y, high, chart->y_unit);
	}
}

static void draw_y_tick(FILE *to, const struct chart *chart, const struct axis *x,
			const struct axis *y, double value)
{
	double at = y_at(y, value);
	char text[24];

	fprintf(to,
		"<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>"
		"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>",
		LEFT, at, x->end, LEFT - 6, at + 4,
		value > 0 ? report_value(chart->y_unit, value, text) : "0");
}

static void draw_axes(FILE *to, const struct chart *chart, const struct axis *x,
		      const struct axis *y)
{
	char text[24];

	if (y->zero)
		draw_y_tick(to, chart, x, y, 0);
	for (unsigned int i = 0; i < y->nr; i++)
		draw_y_tick(to, chart, x, y, y->tick[i]);
	for (unsigned int i = 0; i < x->nr; i++) {
		double at = x_at(x, x->tick[i]);

		/* A tick may be at the edge of the drawing, its text stays within. */
		fprintf(to,
			"<path class=\"grid\" d=\"M%.1f %.1fv4\"/>"
			"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>",
			at, HEIGHT - BOTTOM, fmin(at, WIDTH - TICK_WIDTH / 2), HEIGHT - BOTTOM + 16,
			report_value(chart->x_unit, x->tick[i], text));
	}
	fprintf(to, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", x->end, HEIGHT - 3);
	report_text(to, chart->x_name);
	fputs(chart->log_x ? " (logarithmic)</text><text x=\"4\" y=\"11\">"
			   : "</text><text x=\"4\" y=\"11\">",
	      to);
	report_text(to, chart->y_name);
	fputs(y->log ? " (logarithmic)</text>\n" : "</text>\n", to);
}

/* ------------------------------------------------------------------------------------------- */
/* Lines                                                                                        */

/* A form of its own for each line, about (x, y); they differ where colours cannot be seen. */
static void draw_mark(FILE *to, unsigned int series, char letter, double x, double y)
{
	static const char *const forms[] = {
		"m-3 0a3 3 0 1 0 6 0a3 3 0 1 0 -6 0z",			/* a disc */
		"m-2.7 -2.7h5.4v5.4h-5.4z",				/* a square */
		"m0 -3.6l3.4 6h-6.8z",					/* a triangle */
		"m0 -3.8l3.4 3.8l-3.4 3.8l-3.4 -3.8z",			/* a diamond */
		"m0 3.6l3.4 -6h-6.8z",					/* a triangle on its tip */
		"m-3.5 -1.1h7v2.2h-7z",					/* a bar */
		"m-1.1 -3.5h2.2v7h-2.2z",				/* a bar that stands */
		"m-3.5 -1h2.5v-2.5h2v2.5h2.5v2h-2.5v2.5h-2v-2.5h-2.5z", /* a cross */
		"m-3 -3l6 6v-6l-6 6z",					/* a bow tie */
		"m-3 -3l6 6h-6l6 -6z",					/* an hourglass */
		"m-3 -3v6l6 -3z", /* a triangle to the right */
		"m3 -3v6l-6 -3z", /* and to the left */
	};

	fprintf(to, "<path class=\"f%c\" d=\"M%.1f %.1f%s\"/>", letter, x, y,
		forms[series % (sizeof(forms) / sizeof(forms[0]))]);
}

/* The last point that there is; nr of the chart: none. */
static unsigned int last_point(const struct chart *chart, const struct chart_series *s)
{
	for (unsigned int i = chart->nr; i-- > 0;)
		if (!isnan(s->y[i]))
			return i;
	return chart->nr;
}

/* Names at the ends of the lines, in the order of these, apart from each other. */
static void draw_names(FILE *to, const struct chart *chart, const struct axis *x,
		       const struct axis *y)
{
	unsigned int order[CHART_SERIES], nr = 0;
	double at[CHART_SERIES], floor = HEIGHT - BOTTOM + 4;

	for (unsigned int s = 0; s < chart->nr_series; s++) {
		unsigned int last = last_point(chart, &chart->series[s]), i = nr;

		if (last == chart->nr)
			continue;
		at[s] = y_at(y, chart->series[s].y[last]) + 4;
		for (; i > 0 && at[order[i - 1]] > at[s]; i--)
			order[i] = order[i - 1];
		order[i] = s;
		nr++;
	}
	for (unsigned int i = 1; i < nr; i++)
		if (at[order[i]] < at[order[i - 1]] + NAME_SPACE)
			at[order[i]] = at[order[i - 1]] + NAME_SPACE;
	for (unsigned int i = nr; i-- > 0; floor = at[order[i]] - NAME_SPACE)
		if (at[order[i]] > floor)
			at[order[i]] = floor;
	for (unsigned int i = 0; i < nr; i++) {
		const struct chart_series *s = &chart->series[order[i]];

		fprintf(to, "<text class=\"name f%c\" x=\"%.1f\" y=\"%.1f\"", 'a' + s->colour,
			x->end + 9, at[order[i]]);
		/* A long one is made narrow. */
		if (strlen(s->name) > 13)
			fprintf(to, " textLength=\"%.0f\" lengthAdjust=\"spacingAndGlyphs\"",
				NAME_WIDTH);
		fputc('>', to);
		report_text(to, s->name);
		fputs("</text>", to);
	}
}

static void draw_line(FILE *to, const struct chart *chart, const struct chart_series *s,
		      const struct axis *x, const struct axis *y)
{
	bool main = s == chart->series && chart->nr_series > 3;
	char letter = (char)('a' + s->colour);
	unsigned int number = (unsigned int)(s - chart->series);
	unsigned int step = chart->nr <= MARKS ? 1 : chart->nr / 5;
	unsigned int nr = 0, first = 0, last = 0;

	fprintf(to, "<path class=\"series s%c%s\" d=\"", letter, main ? " main" : "");
	for (unsigned int i = 0; i < chart->nr; i++) {
		if (isnan(s->y[i]))
			continue;
		if (!nr++)
			first = i;
		last = i;
		fprintf(to, "%c%.1f %.1f", nr == 1 ? 'M' : 'L', x_at(x, chart->x[i]),
			y_at(y, s->y[i]));
	}
	fputs("\"/>", to);
	/* Lines that lie upon each other have theirs at different places. */
	for (unsigned int i = chart->nr <= MARKS ? 0 : number * step / 5; i < chart->nr; i += step)
		if (!isnan(s->y[i]) && chart->nr_series > 1)
			draw_mark(to, number, letter, x_at(x, chart->x[i]), y_at(y, s->y[i]));
	if (s != chart->series || chart->log_y || !nr)
		return;
	fprintf(to, "<path class=\"area f%c\" d=\"M%.1f %.1f", letter, x_at(x, chart->x[first]),
		HEIGHT - BOTTOM);
	for (unsigned int i = first; i <= last; i++)
		if (!isnan(s->y[i]))
			fprintf(to, "L%.1f %.1f", x_at(x, chart->x[i]), y_at(y, s->y[i]));
	fprintf(to, "V%.1fz\"/>\n", HEIGHT - BOTTOM);
}

/* All points, or so many of them at equal distances, the last one included. */
static void write_table(FILE *to, const struct chart *chart)
{
	unsigned int rows = chart->nr < TABLE_ROWS ? chart->nr : TABLE_ROWS;
	char text[24];

	fputs("<details><summary>The figures as a table</summary><div class=\"scroll\"><table>"
	      "<thead><tr><th scope=\"col\">",
	      to);
	report_text(to, chart->x_name);
	for (unsigned int s = 0; s < chart->nr_series; s++) {
		fputs("</th><th scope=\"col\">", to);
		report_text(to, chart->series[s].name);
	}
	fputs("</th></tr></thead><tbody>\n", to);
	for (unsigned int row = 0; row < rows; row++) {
		unsigned int i = rows > 1 ? row * (chart->nr - 1) / (rows - 1) : 0;

		fprintf(to, "<tr><td>%s</td>", report_value(chart->x_unit, chart->x[i], text));
		for (unsigned int s = 0; s < chart->nr_series; s++)
			report_cell(
				to, chart->series[s].name,
				isnan(chart->series[s].y[i])
					? "-"
					: report_value(chart->y_unit, chart->series[s].y[i], text),
				false);
		fputs("</tr>\n", to);
	}
	fputs("</tbody></table></div></details>\n", to);
}

void report_charts(FILE *to) { fputs("<div class=\"charts\">\n", to); }

void report_charts_end(FILE *to) { fputs("</div>\n", to); }

void report_chart(FILE *to, const struct chart *chart)
{
	struct axis x, y;

	if (!chart->nr || !chart->nr_series)
		return;
	make_axes(chart, &x, &y);
	fputs("<figure><figcaption>", to);
	report_text(to, chart->title);
	fputs("<small>", to);
	report_text(to, chart->description);
	fprintf(to, "</small></figcaption>\n<svg role=\"img\" viewBox=\"0 0 %.0f %.0f\"><title>",
		WIDTH, HEIGHT);
	report_text(to, chart->title);
	fputs("</title><desc>", to);
	report_text(to, chart->description);
	fputs("</desc>\n", to);
	draw_axes(to, chart, &x, &y);
	for (unsigned int s = chart->nr_series; s-- > 0;)
		draw_line(to, chart, &chart->series[s], &x, &y);
	if (chart->nr_series > 1)
		draw_names(to, chart, &x, &y);
	fputs("</svg>\n", to);
	write_table(to, chart);
	fputs("</figure>\n", to);
}
