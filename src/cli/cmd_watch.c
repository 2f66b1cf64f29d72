// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cmd_watch.c - `pamt watch`: what this machine's own kernel asks of its TDX module.
 *
 * A reading every interval, until a signal comes or the command that it was given has ended: onto a
 * screen, as a line of JSON, into a file for Prometheus. With --once there is one, at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/child.h"
#include "cli/cli.h"
#include "cli/watch_show.h"

#define PAUSE_NS 50000000L

struct request {
	bool once, json;
	uint64_t interval;   /* seconds */
	const char *metrics; /* NULL: none */
	struct child child;
};

static const struct cli_option options[] = {
	{ 'o', "once", NULL, "one reading, at the end", CLI_INTO(struct request, once) },
	{ 'i', "interval", "SECONDS", "between two readings; default: 2",
	  CLI_NUMBER(struct request, interval, 1, 86400) },
	{ 'p', "prometheus", "FILE", "write each reading there, for node_exporter",
	  CLI_INTO(struct request, metrics) },
	{ 0 },
};

/* Until it is time for another reading; false: it was the last one. */
static bool wait_for_next(struct request *request)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	const bool endless = request->once && request->child.words;

	for (uint64_t n = 0; endless || n < request->interval * (1000000000 / PAUSE_NS); n++) {
		if (cli_stop || child_is_over(&request->child))
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static void show_screen(const struct watch *watch, const struct watch_reading *now,
			const struct watch_reading *before)
{
	/* Where it is a screen: from its top. */
	if (isatty(STDOUT_FILENO))
		printf("\033[H\033[2J");
	watch_show_table(watch, now, before);
	printf("\n");
}

static int show(const struct request *request, const struct watch *watch,
		const struct watch_reading *now, const struct watch_reading *before)
{
	if (request->json)
		watch_show_json(watch, now);
	else if (request->once)
		watch_show_table(watch, now, before);
	else if (!request->metrics)
		show_screen(watch, now, before);
	return request->metrics ? watch_show_metrics(watch, now, request->metrics) : CLI_OK;
}

static int readings(struct request *request, struct watch *watch)
{
	struct watch_reading now = { 0 }, before = { 0 };
	int code = CLI_OK;
	bool more = true;
	struct why why;

	while (more && code == CLI_OK) {
		struct watch_reading old = before;

		more = wait_for_next(request) && !request->once;
		before = now;
		now = old;
		if (watch_read(watch, &now, &why))
			code = cli_error(CLI_FAILED, "watch: %s", why.text);
		else
			code = show(request, watch, &now, &before);
		/* Nobody reads any more: cli_finish() will meet it again, and says so. */
		if (code == CLI_OK && fflush(stdout))
			code = CLI_FAILED;
	}
	free(now.count);
	free(before.count);
	return code;
}

static int run(struct request *request)
{
	int code = request->metrics ? watch_show_metrics_try(request->metrics) : CLI_OK;
	struct watch *watch;
	struct why why;

	if (code != CLI_OK)
		return code;
	watch = cli_alloc(1, sizeof(*watch));
	cli_stop_expect();
	if (watch_begin(watch, &why)) {
		code = cli_error(CLI_NOT_POSSIBLE, "watch: %s", why.text);
		free(watch);
		return code;
	}
	code = child_start(&request->child) ? readings(request, watch)
					    : cli_error(CLI_FAILED, "watch: no further process");
	if (code == CLI_OK)
		code = child_code(&request->child);
	if (watch_end(watch, &why))
		code = cli_error(CLI_FAILED, "watch: %s", why.text);
	free(watch);
	return code;
}

int cmd_watch(int argc, char **argv)
{
	struct request request = { .interval = 2 };
	struct cli_args args = {
		.options = options,
		.argc = argc,
		.argv = argv,
		.into = &request,
		.options_first = true,
	};
	int nr;

	if (!cli_read_options(&args))
		return args.exit;
	request.json = args.json;
	request.child.words = cli_operands(&args, &nr);
	if (!nr)
		request.child.words = NULL;
	return run(&request);
}
