// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lab_main.c - the entry of pamt-lab, the program behind those subcommands of `pamt` that run on
 * the stage, where the library is compiled against other primitives.
 */
#include <stdio.h>
#include <string.h>

#include "cli/complete.h"
#include "cli/lab.h"

/* By the word that pamt passes on. */
static const struct {
	const char *word;
	struct cli_command command;
} commands[] = {
	{ "check",
	  { "check", "", "hunt races: every schedule of small programs, and random ones",
	    lab_check } },
	{ "compare",
	  { "compare", "[SCENARIO]", "the same TDs with each design, side by side", lab_compare } },
	{ "run", { "run", "[SCENARIO]", "run TDs, in virtual time", cmd_run } },
};

static int dispatch(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "complete")) {
		cli_complete_begin();
		argc--;
		argv++;
	}
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].word, argv[1]))
			continue;
		cli_set_command(&commands[i].command);
		return commands[i].command.run(argc - 1, argv + 1);
	}
	return cli_usage_error("pamt-lab is run by pamt: `pamt check`, `pamt compare`");
}

int main(int argc, char **argv)
{
	cli_start();
	return cli_finish(dispatch(argc, argv));
}
