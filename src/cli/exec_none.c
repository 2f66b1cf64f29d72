// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * exec_none.c - exec_lab.c's part in pamt-lab, which is that other program already.
 */
#include "cli/cli.h"

/* This is that program: who asks for it to be run has lost its way. */
int cli_exec_lab(int argc, char **argv)
{
	return cli_error(CLI_NOT_POSSIBLE, "%s: already in pamt-lab", argv[0]);
}
