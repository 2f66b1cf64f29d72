// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * exec_lab.c - subcommands that pamt-lab runs, in this process's place: `pamt check`, and `pamt
 * bench virtual`.
 *
 * The library is compiled once against threads, into this program, and once against the stage,
 * into the other one: the two cannot be linked together.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/version.h"

/* Beside this program, as in a build folder, or where it is installed. False: reported. */
static bool find_lab(const char *command, char path[PATH_MAX])
{
	static const char *const places[] = { "pamt-lab", PAMT_LAB };
	char self[PATH_MAX], candidate[2 * PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length < 0) {
		cli_error(CLI_NOT_POSSIBLE, "%s: /proc/self/exe: %s", command, strerror(errno));
		return false;
	}
	self[length] = 0;
	*strrchr(self, '/') = 0;
	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if (places[i][0] == '/')
			snprintf(candidate, sizeof(candidate), "%s", places[i]);
		else
			snprintf(candidate, sizeof(candidate), "%s/%s", self, places[i]);
		if (realpath(candidate, path) && !access(path, X_OK))
			return true;
	}
	cli_error(CLI_NOT_POSSIBLE, "%s: the program %s is not there", command, candidate);
	return false;
}

int cli_exec_lab(int argc, char **argv)
{
	char path[PATH_MAX], name[] = "pamt-lab";
	char **words = calloc((size_t)argc + 2, sizeof(*words));

	if (!words)
		return cli_error(CLI_FAILED, "%s: no memory", argv[0]);
	if (!find_lab(argv[0], path)) {
		free(words);
		return CLI_NOT_POSSIBLE;
	}
	words[0] = name;
	for (int i = 0; i < argc; i++)
		words[i + 1] = argv[i];
	execv(path, words);
	free(words);
	return cli_error(CLI_NOT_POSSIBLE, "%s: %s: %s", argv[0], path, strerror(errno));
}

int cmd_check(int argc, char **argv) { return cli_exec_lab(argc, argv); }
