// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * exec_lab.c - what pamt-lab runs: whole subcommands in this process's place, `pamt check` and
 * `pamt compare` among them, and one whose results `pamt bench host` wants to have.
 *
 * The library is compiled once against threads, into this program, and once against the stage,
 * into the other one: the two cannot be linked together.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/version.h"

int cli_exec_lab(int argc, char **argv)
{
	char path[PATH_MAX], name[] = "pamt-lab", complete[] = "complete";
	char **words = cli_alloc((size_t)argc + 3, sizeof(*words)), **word = words;

	if (!cli_find_part(argv[0], "pamt-lab", PAMT_LAB, path)) {
		free(words);
		return CLI_NOT_POSSIBLE;
	}
	*word++ = name;
	if (cli_completing())
		*word++ = complete;
	memcpy(word, argv, (size_t)argc * sizeof(*word));
	execv(path, words);
	free(words);
	return cli_error(CLI_NOT_POSSIBLE, "%s: %s: %s", argv[0], path, strerror(errno));
}

/* The child's side: its output goes into the pipe. */
static void become_lab(const char *path, char *const words[], const int to[2])
{
	dup2(to[1], STDOUT_FILENO);
	close(to[0]);
	close(to[1]);
	execv(path, words);
	_exit(CLI_NOT_POSSIBLE);
}

json_t *cli_lab_json(const char *command, char *const words[])
{
	char path[PATH_MAX];
	json_t *json = NULL;
	int from[2], status = 0;
	FILE *output;
	pid_t child;

	if (!cli_find_part(command, "pamt-lab", PAMT_LAB, path))
		return NULL;
	fflush(stdout);
	if (pipe(from) || (child = fork()) < 0) {
		cli_error(CLI_FAILED, "%s: %s", command, strerror(errno));
		return NULL;
	}
	if (!child)
		become_lab(path, words, from);
	close(from[1]);
	output = fdopen(from[0], "r");
	if (output) {
		json = json_loadf(output, 0, NULL);
		fclose(output);
	}
	if (cli_stop)
		kill(child, SIGTERM);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	/* Its own complaint is on stderr already. */
	if (!json || status) {
		json_decref(json);
		if (!cli_stop)
			cli_error(CLI_FAILED, "%s: %s has no result", command, words[1]);
		return NULL;
	}
	return json;
}

int cmd_compare(int argc, char **argv) { return cli_exec_lab(argc, argv); }
