// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * stop.c - Ctrl-C, a terminal that is closed, or whoever ends a long job, ends it with what there
 * is so far. The second one ends it at once.
 */
#include <signal.h>
#include <string.h>

#include "cli/cli.h"

volatile sig_atomic_t cli_stop;

static void note(int signal) { cli_stop = signal; }

void cli_stop_expect(void)
{
	struct sigaction action = { .sa_handler = note, .sa_flags = (int)SA_RESETHAND }, found;

	sigemptyset(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	/* The terminal is gone; who said nohup wants to go on. */
	if (!sigaction(SIGHUP, NULL, &found) && found.sa_handler != SIG_IGN)
		sigaction(SIGHUP, &action, NULL);
}

int cli_stop_end(void)
{
	/* What was printed is not to be lost. */
	cli_finish(CLI_FAILED);
	signal(cli_stop, SIG_DFL);
	raise(cli_stop);
	return CLI_FAILED;
}
