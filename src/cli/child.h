/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * child.h - a command that runs as long as something is looked at.
 */
#ifndef PAMT_CLI_CHILD_H
#define PAMT_CLI_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

struct child {
	char **words; /* NULL: none */
	pid_t pid;
	bool ended;
	int status; /* and then: as wait() has it */
};

/* false: there can be no further process. A program that is not there ends at once, and says so. */
bool child_start(struct child *child);
/* false also where there is none. */
bool child_is_over(struct child *child);
/* An exit code: that it ended otherwise than with 0 is reported, and a failure. */
int child_code(const struct child *child);

#endif
