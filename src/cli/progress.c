// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * progress.c - how far a long job is, at what rate and how long it will take, on stderr: a line
 * that is written over and over and fits the terminal; or, where there is none, a line a minute,
 * for who reads a log.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "machine/clock.h"

#define BETWEEN_NS     UINT64_C(200000000) /* often enough to look alive */
#define BETWEEN_LINES  UINT64_C(60000000000)
#define ASSUMED_WIDTH  80
#define LINES_VARIABLE "PAMT_PROGRESS_MS"

/* Between two lines of a log. The variable is for who wants more of them, or tests that there are.
 */
static uint64_t between_lines(void)
{
	const char *ms = getenv(LINES_VARIABLE);
	uint64_t n = ms ? strtoull(ms, NULL, 10) : 0;

	return n ? n * 1000000 : BETWEEN_LINES;
}

void cli_progress_begin(struct cli_progress *p, const char *what, uint64_t total)
{
	uint64_t now = clock_ns();
	bool terminal = isatty(STDERR_FILENO);

	*p = (struct cli_progress){ .what = what,
				    .total = total,
				    .on = !cli_quiet(),
				    .terminal = terminal,
				    .between_ns = terminal ? BETWEEN_NS : between_lines(),
				    .started_ns = now,
				    .shown_ns = now };
}

bool cli_progress_due(struct cli_progress *p)
{
	uint64_t now;

	if (!p->on)
		return false;
	now = clock_ns();
	if (now - p->shown_ns < p->between_ns)
		return false;
	p->shown_ns = now;
	return true;
}

/* A line that reached the last column would go on in the next one, which is not written over. */
static int width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		size.ws_col = ASSUMED_WIDTH;
	return size.ws_col - 1;
}

void cli_progress_line(struct cli_progress *p, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (p->terminal)
		fprintf(stderr, "\r\033[K%.*s", width(), text);
	else
		fprintf(stderr, "pamt: %s\n", text);
	fflush(stderr);
	p->shown = true;
}

void cli_progress(struct cli_progress *p, uint64_t done)
{
	char of[32] = "", left[48] = "";
	double seconds, rate;

	if (!cli_progress_due(p))
		return;
	seconds = (double)(p->shown_ns - p->started_ns) / 1e9;
	if (p->total)
		snprintf(of, sizeof(of), " of %" PRIu64, p->total);
	if (p->total && done && done < p->total)
		snprintf(left, sizeof(left), ", %.0f s left",
			 seconds / (double)done * (double)(p->total - done));
	rate = (double)done / seconds;
	/* Last what may be cut off. */
	cli_progress_line(p, "%s: %" PRIu64 "%s%s, %.*f per second", p->what, done, of, left,
			  rate < 10, rate);
}

void cli_progress_end(struct cli_progress *p)
{
	if (p->shown && p->terminal)
		fputs("\r\033[K", stderr);
	p->on = p->shown = false;
}
