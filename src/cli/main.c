// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * main.c - the command's entry: finds the subcommand.
 */
#include <stdio.h>

#include "cli/cli.h"

int main(int argc, char **argv)
{
	(void)argv;
	(void)argc;
	fprintf(stderr, "pamt: no subcommand is built in yet\n");
	return CLI_USAGE;
}
