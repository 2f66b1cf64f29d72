/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * cli.h - what the subcommands of `pamt` share: the command table, exit codes, one-line errors.
 */
#ifndef PAMT_CLI_H
#define PAMT_CLI_H

#include <stdbool.h>
#include <stdint.h>

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,	       /* a violation, a difference or a leak was found */
	CLI_USAGE = 2,	       /* bad input: one line on stderr said what, where, what is allowed */
	CLI_NOT_POSSIBLE = 77, /* not possible on this machine */
};

/*
 * A subcommand. run gets the arguments after the name, argv[0] being the name; it returns an
 * exit code. One file per subcommand, cmd_<name>.c; the table is in main.c.
 */
struct cli_command {
	const char *name;
	const char *arguments; /* for the usage line */
	const char *summary;   /* one line */
	int (*run)(int argc, char **argv);
};

/* "pamt: ..." on stderr, one line; returns CLI_USAGE. */
int cli_usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A number with an optional K, M, G, T suffix (powers of 1024), or hexadecimal with 0x. */
bool cli_parse_number(const char *text, uint64_t *value);
/* "12.3 GB", with up to three significant digits, into a buffer of at least 24 bytes. */
const char *cli_bytes(uint64_t bytes, char *buffer);

int cmd_plan(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_explain(int argc, char **argv);

#endif
