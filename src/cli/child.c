// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * child.c - a command that runs as long as something is looked at.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/child.h"
#include "cli/cli.h"

bool child_start(struct child *child)
{
	if (!child->words)
		return true;
	child->pid = fork();
	if (!child->pid) {
		cli_signals_back();
		execvp(child->words[0], child->words);
		fprintf(stderr, "pamt: %s: %s\n", child->words[0], strerror(errno));
		_exit(127);
	}
	return child->pid > 0;
}

bool child_is_over(struct child *child)
{
	if (child->words && !child->ended)
		/* -1: nobody waits for it where SIGCHLD is ignored, and it is gone. */
		child->ended = waitpid(child->pid, &child->status, WNOHANG);
	return child->ended;
}

int child_code(const struct child *child)
{
	if (!child->ended || !child->status)
		return CLI_OK;
	if (WIFSIGNALED(child->status))
		return cli_error(CLI_FAILED, "%s was ended by signal %d", child->words[0],
				 WTERMSIG(child->status));
	return cli_error(CLI_FAILED, "%s ended with %d", child->words[0],
			 WEXITSTATUS(child->status));
}
