// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lab_main.c - the entry of pamt-lab, the program behind those subcommands of `pamt` that run on
 * the stage, where the library is compiled against other primitives.
 */
#include <stdio.h>
#include <string.h>

#include "cli/lab.h"

static const struct cli_command commands[] = {
	{ "check", "", "hunt races: every schedule of small programs, and random ones", lab_check },
	{ NULL, NULL, NULL, NULL },
};

static int dispatch(int argc, char **argv)
{
	for (const struct cli_command *c = commands; argc > 1 && c->name; c++) {
		if (strcmp(c->name, argv[1]))
			continue;
		cli_set_command(c);
		return c->run(argc - 1, argv + 1);
	}
	return cli_usage_error("pamt-lab is run by pamt: `pamt check`");
}

int main(int argc, char **argv)
{
	cli_start();
	return cli_finish(dispatch(argc, argv));
}
