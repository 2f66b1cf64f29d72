// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * beside.c - where the parts of pamt are that are not in this program: beside it in a build folder,
 * or where they are installed.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

bool cli_find_part(const char *command, const char *built, const char *installed, char *path)
{
	const char *const places[] = { built, installed };
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
		if (realpath(candidate, path) && !access(path, R_OK))
			return true;
	}
	cli_error(CLI_NOT_POSSIBLE, "%s: %s is not there", command, candidate);
	return false;
}
