// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * report_chart.c - a chart of lines as SVG: axes with round numbers, a legend, and the figures as a
 * table.
 *
 * The drawing is small, 400 units wide, so that its text can be read on a phone; on a wide screen
 * two of them stand side by side.
 */
#include <math.h>
#include <string.h>

#include "cli/report.h"

#define WIDTH	   400.0
#define HEIGHT	   230.0
#define LEFT	   56.0
#define RIGHT	   12.0
#define TOP	   22.0
#define BOTTOM	   34.0
#define MAX_TICKS  12u
#define TABLE_ROWS 24u

/* A value on an axis, to 0 .. 1. */
struct axis {
	double low, high; /* logarithms where log */
	bool log;
	unsigned int nr;
	double tick[MAX_TICKS];
};

static double place(const struct axis *axis, double value)
{
	if (axis->log)
		value = value > 0 ? log(value) : axis->low;
	if (axis->high <= axis->low)
		return 0;
	value = (value - axis->low) / (axis->high - axis->low);
	return value < 0 ? 0 : value > 1 ? 1 : value;
}

static double x_at(const struct axis *axis, double value)
{
	return LEFT + place(axis, value) * (WIDTH - LEFT - RIGHT);
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

static void find_range(const struct chart *chart, double *low, double *high)
{
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
		}
	}
}

static void make_axes(const struct chart *chart, struct axis *x, struct axis *y)
{
	double low, high;

	if (chart->log_x)
		log_axis(x, chart->x[0], chart->x[chart->nr - 1], 2);
	else
		time_axis(x, chart->x[chart->nr - 1], chart->x_unit);
	find_range(chart, &low, &high);
	if (chart->log_y && high > 0)
		log_axis(y, low, high, 10);
	else
		linear_axis(y, high, chart->y_unit);
}

static void draw_axes(FILE *to, const struct chart *chart, const struct axis *x,
		      const struct axis *y)
{
	char text[24];

	for (unsigned int i = 0; i < y->nr; i++) {
		double at = y_at(y, y->tick[i]);

		fprintf(to,
			"<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>"
			"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>",
			LEFT, at, WIDTH - RIGHT, LEFT - 6, at + 4,
			report_value(chart->y_unit, y->tick[i], text));
	}
	for (unsigned int i = 0; i < x->nr; i++) {
		double at = x_at(x, x->tick[i]);

		fprintf(to,
			"<path class=\"grid\" d=\"M%.1f %.1fv4\"/>"
			"<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>",
			at, HEIGHT - BOTTOM, at, HEIGHT - BOTTOM + 16,
			report_value(chart->x_unit, x->tick[i], text));
	}
	fprintf(to, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">", WIDTH - RIGHT, HEIGHT - 3);
	report_text(to, chart->x_name);
	fputs("</text>", to);
	if (chart->y_name) {
		fputs("<text x=\"4\" y=\"11\">", to);
		report_text(to, chart->y_name);
		fputs("</text>", to);
	}
	fputc('\n', to);
}

/* ------------------------------------------------------------------------------------------- */
/* Lines                                                                                        */

static void draw_line(FILE *to, const struct chart *chart, const struct chart_series *s,
		      const struct axis *x, const struct axis *y)
{
	bool main = s == chart->series && chart->nr_series > 3;
	char letter = (char)('a' + s->colour);
	unsigned int nr = 0, first = 0, last = 0;

	fprintf(to, "<path class=\"series s%c%s%s\" d=\"", letter, s->dashed ? " dashed" : "",
		main ? " main" : "");
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
	/* On few points marks help to see where they are. */
	for (unsigned int i = 0; chart->nr <= 16 && i < chart->nr; i++)
		if (!isnan(s->y[i]))
			fprintf(to, "<circle class=\"f%c\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>",
				letter, x_at(x, chart->x[i]), y_at(y, s->y[i]));
	if (!s->fill || !nr)
		return;
	fprintf(to, "<path class=\"area f%c\" d=\"M%.1f %.1f", letter, x_at(x, chart->x[first]),
		HEIGHT - BOTTOM);
	for (unsigned int i = first; i <= last; i++)
		if (!isnan(s->y[i]))
			fprintf(to, "L%.1f %.1f", x_at(x, chart->x[i]), y_at(y, s->y[i]));
	fprintf(to, "V%.1fz\"/>\n", HEIGHT - BOTTOM);
}

static void draw_legend(FILE *to, const struct chart *chart)
{
	fputs("<ul class=\"legend\" aria-hidden=\"true\">", to);
	for (unsigned int s = 0; s < chart->nr_series; s++) {
		fprintf(to,
			"<li><svg viewBox=\"0 0 28 16\"><path class=\"series s%c%s\" "
			"d=\"M2 8H26\"/></svg>",
			'a' + chart->series[s].colour, chart->series[s].dashed ? " dashed" : "");
		report_text(to, chart->series[s].name);
		fputs("</li>", to);
	}
	fputs("</ul>\n", to);
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
			fprintf(to, "<td>%s</td>",
				isnan(chart->series[s].y[i])
					? "-"
					: report_value(chart->y_unit, chart->series[s].y[i], text));
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
	/* The first series is what it is about: on top. */
	for (unsigned int s = chart->nr_series; s-- > 0;)
		draw_line(to, chart, &chart->series[s], &x, &y);
	fputs("</svg>\n", to);
	draw_legend(to, chart);
	write_table(to, chart);
	fputs("</figure>\n", to);
}
