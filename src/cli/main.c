// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * main.c - the command's entry: the table of subcommands, help and version.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/complete.h"
#include "cli/version.h"

/* By what somebody has in hand; a group begins with a heading, which is no command. */
static const struct cli_command commands[] = {
	{ NULL, NULL, "a log:", NULL },
	{ "diagnose", "[LOG]", "why TDX or a TD did not come up, and what to do", cmd_diagnose },
	{ "plan", "[LOG...]", "what a machine's PAMT costs, its TDMRs, and what TDs cost on it",
	  cmd_plan },
	{ "explain", "[WORD...]", "say what a status code, a leaf or a line of a log means",
	  cmd_explain },
	{ NULL, NULL, "this host:", NULL },
	{ "watch", "[COMMAND]", "what this machine's kernel asks of its TDX module", cmd_watch },
	{ "record", "FILE [COMMAND]", "every SEAMCALL of this machine's kernel, with registers",
	  cmd_record },
	{ NULL, NULL, "code:", NULL },
	{ "qemu", "[-- QEMU ARGUMENTS]", "a machine in QEMU that is a TDX host", cmd_qemu },
	{ "trap", "PROGRAM [ARGUMENTS]", "run a program whose SEAMCALLs the software module serves",
	  cmd_trap },
	{ "run", "[SCENARIO]", "TDs on a machine, from bring-up to the last byte given back",
	  cmd_run_or_kernel },
	{ "check", "", "hunt races: every schedule of small programs, and random ones", cmd_check },
	{ "compare", "[SCENARIO]", "the same TDs with each design from the mails, side by side",
	  cmd_compare },
	{ "replay", "FILE...", "recordings of a real module against the software one", cmd_replay },
	{ "lkvs", "[N...]", "the public test suite's Dynamic PAMT cases, with exact amounts",
	  cmd_lkvs },
	{ "bench", "host|seam", "what libpamt costs; the software module; designs on many CPUs",
	  cmd_bench },
	{ NULL, NULL, "results:", NULL },
	{ "report", "FILE...", "an HTML page from the JSON of runs and comparisons", cmd_report },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(*commands))

static const struct cli_command *find_command(const char *name)
{
	for (unsigned int i = 0; i < NR_COMMANDS; i++)
		if (commands[i].name && !strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static const char *command_name(unsigned int i)
{
	for (unsigned int j = 0; j < NR_COMMANDS; j++)
		if (commands[j].name && !i--)
			return commands[j].name;
	return NULL;
}

static int unknown_command(const char *name)
{
	const char *nearest = cli_nearest(name, command_name);

	if (nearest)
		return cli_usage_error("no subcommand '%s'; did you mean '%s'?", name, nearest);
	return cli_usage_error("no subcommand '%s'; `pamt help` lists them", name);
}

static void print_usage(FILE *to)
{
	fprintf(to, "usage: pamt COMMAND [ARGUMENTS]\n\n"
		    "Dynamic PAMT for Intel TDX hosts, on a software TDX module.\n\n");
	for (const struct cli_command *c = commands; c < commands + NR_COMMANDS; c++)
		if (c->name)
			fprintf(to, "  %-9s %-24s %s\n", c->name, c->arguments, c->summary);
		else
			fprintf(to, "%s%s\n", c == commands ? "" : "\n", c->summary);
	fprintf(to,
		"\n`pamt COMMAND --help` lists the options of one; all take --json, -q and -v.\n"
		"Exit: 0 good, 1 a violation or failure was found, 2 usage, 77 not possible "
		"here.\n");
}

static int run(const struct cli_command *command, int argc, char **argv)
{
	cli_set_command(command);
	return command->run(argc, argv);
}

/* `pamt help plan` is `pamt plan --help`. */
static int help(int argc, char **argv)
{
	const struct cli_command *command;
	char option[] = "--help";
	char *words[] = { argv[1], option, NULL };

	if (argc < 2) {
		print_usage(stdout);
		return CLI_OK;
	}
	command = find_command(argv[1]);
	return command ? run(command, 2, words) : unknown_command(argv[1]);
}

static void complete_command(const char *typed)
{
	for (const struct cli_command *c = commands; c < commands + NR_COMMANDS; c++)
		if (c->name)
			cli_complete_word(typed, c->name, c->summary);
}

/* What may stand in the place of the last word; of words that mean nothing, nothing. */
static int complete(int argc, char **argv)
{
	const struct cli_command *command;
	bool first = argc == 2, help = argc == 3 && !strcmp(argv[1], "help");

	if (first || help)
		complete_command(argv[argc - 1]);
	if (first) {
		cli_complete_word(argv[1], "help", "what a command is for, and its options");
		cli_complete_word(argv[1], "--help", "the same");
		cli_complete_word(argv[1], "--version", "which version this is");
	}
	command = argc > 2 ? find_command(argv[1]) : NULL;
	if (!command)
		return CLI_OK;
	cli_complete_begin();
	return run(command, argc - 1, argv + 1);
}

static int dispatch(int argc, char **argv)
{
	const struct cli_command *command;

	if (argc < 2) {
		print_usage(stderr);
		return CLI_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("pamt %s\n", PAMT_VERSION);
		return CLI_OK;
	}
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return help(argc - 1, argv + 1);
	if (!strcmp(argv[1], "complete"))
		return complete(argc - 1, argv + 1);
	if (argv[1][0] == '-')
		return cli_usage_error("no option '%s' before a subcommand; --help and --version "
				       "are allowed",
				       argv[1]);
	command = find_command(argv[1]);
	return command ? run(command, argc - 1, argv + 1) : unknown_command(argv[1]);
}

int main(int argc, char **argv)
{
	cli_start();
	return cli_finish(dispatch(argc, argv));
}
