// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * progress.c - one line on a terminal's stderr that says how far a long job is, at what rate and
 * how long it will take.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "machine/clock.h"

#define BETWEEN_NS UINT64_C(200000000) /* often enough to look alive */

void cli_progress_begin(struct cli_progress *p, const char *what, uint64_t total)
{
	uint64_t now = clock_ns();

	*p = (struct cli_progress){ .what = what,
				    .total = total,
				    .on = !cli_quiet() && isatty(STDERR_FILENO),
				    .started_ns = now,
				    .shown_ns = now };
}

bool cli_progress_due(struct cli_progress *p)
{
	uint64_t now;

	if (!p->on)
		return false;
	now = clock_ns();
	if (now - p->shown_ns < BETWEEN_NS)
		return false;
	p->shown_ns = now;
	return true;
}

void cli_progress_line(struct cli_progress *p, const char *format, ...)
{
	va_list args;

	fputs("\r\033[K", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fflush(stderr);
	p->shown = true;
}

void cli_progress(struct cli_progress *p, uint64_t done)
{
	uint64_t per_second;
	double seconds;

	if (!cli_progress_due(p))
		return;
	seconds = (double)(p->shown_ns - p->started_ns) / 1e9;
	per_second = (uint64_t)((double)done / seconds);
	fprintf(stderr, "\r\033[K%s: %" PRIu64, p->what, done);
	if (p->total)
		fprintf(stderr, " of %" PRIu64, p->total);
	fprintf(stderr, ", %" PRIu64 " per second", per_second);
	if (p->total && done && done < p->total)
		fprintf(stderr, ", %.0f s left",
			seconds / (double)done * (double)(p->total - done));
	fflush(stderr);
	p->shown = true;
}

void cli_progress_end(struct cli_progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->on = p->shown = false;
}
