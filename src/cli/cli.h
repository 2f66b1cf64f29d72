/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * cli.h - what the subcommands of `pamt` share: the command table, options, exit codes, one-line
 * errors, and the ways to print a result (tables, JSON).
 *
 * A subcommand is one file, cmd_<name>.c, with one function in the table of main.c. It reads its
 * options with cli_next_option(), writes results to stdout (the text form, or with --json one
 * object), and returns an exit code. Whether stdout took what was written is checked by main().
 */
#ifndef PAMT_CLI_H
#define PAMT_CLI_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <jansson.h>

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,	       /* a violation, a difference or a leak was found */
	CLI_USAGE = 2,	       /* bad input: one line on stderr said what, where, what is allowed */
	CLI_NOT_POSSIBLE = 77, /* not possible on this machine */
};

struct machine_map;
struct map_options;

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

int cmd_plan(int argc, char **argv);
int cmd_run(int argc, char **argv);
/* The same, or with --kernel in this machine's kernel. */
int cmd_run_or_kernel(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_diagnose(int argc, char **argv);
int cmd_lkvs(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_trap(int argc, char **argv);
int cmd_qemu(int argc, char **argv);
int cmd_watch(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_compare(int argc, char **argv);

/*
 * Runs pamt-lab with these words, argv[0] being its subcommand, in this process's place. Returns
 * only if that cannot be done, an exit code; reported.
 */
int cli_exec_lab(int argc, char **argv);
/* Runs pamt-lab with these words, NULL-terminated, the first of them its name, and --json among
 * them. NULL: reported. */
json_t *cli_lab_json(const char *command, char *const words[]);

/*
 * Where a part of pamt is: built, seen from the folder of this program, or installed. path has
 * PATH_MAX bytes. Return: false: it is not there; reported.
 */
bool cli_find_part(const char *command, const char *built, const char *installed, char *path);

/* ------------------------------------------------------------------------------------------- */
/* Errors: "pamt: ..." on stderr, always one line (control characters are shown as '?').         */

/* Bad input; returns CLI_USAGE. */
int cli_usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Anything else that ends the command; returns code. */
int cli_error(enum cli_exit code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Memory, all zero, to be freed. Where there is none the process ends (exit 1), reported. */
void *cli_alloc(size_t nr, size_t size);
/* A remark that changes no exit code; nothing with -q. */
void cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ------------------------------------------------------------------------------------------- */
/* Options                                                                                      */

/* Where an option goes in the structure that cli_args.into is, and which numbers are allowed. */
enum cli_kind { CLI_IS_OWN, CLI_IS_FLAG, CLI_IS_TEXT, CLI_IS_32, CLI_IS_64 };
#define CLI_NUMBER(type, member, min, max)          \
	{                                           \
		_Generic(((type *)0)->member,     \
			bool: CLI_IS_FLAG,        \
			const char *: CLI_IS_TEXT, \
			uint32_t: CLI_IS_32,      \
			uint64_t: CLI_IS_64),     \
			offsetof(type, member), min, max \
	}
/* A flag, or the text as it is; "-" for an argument that may be left out and was. */
#define CLI_INTO(type, member) CLI_NUMBER(type, member, 0, 0)
/* Nowhere: the command does something with args->value itself. */
#define CLI_OWN                     \
	{                           \
		CLI_IS_OWN, 0, 0, 0 \
	}

/* One option of a command. The table ends with a zero entry. */
struct cli_option {
	/* Returned by cli_next_option(); a letter: also the short form; 0: nobody wants to know. */
	int id;
	const char *name; /* the long form, without dashes */
	/* What stands for its argument in the help; NULL: takes none; "[=FILE]": may have one. */
	const char *argument;
	const char *help;
	struct {
		enum cli_kind kind;
		size_t offset;
		uint64_t min, max;
	} into;
};

/*
 * Arguments of one command on their way through the options. --json, -q/--quiet, -v/--verbose
 * and -h/--help are every command's and are not in the command's own table.
 */
struct cli_args {
	const struct cli_option *options;
	int argc;
	char **argv;
	void *into;	    /* the structure where its options go */
	bool options_first; /* what comes after the first operand is not this command's */
	/* For completion: what NAME, LEAF and WORD stand for in this command; NULL at the end. */
	const char *(*names)(unsigned int i);
	bool json;
	const char *name;  /* of the option just returned */
	const char *value; /* its argument; NULL: it has none */
	int exit;	   /* what to return when cli_next_option() says so */
};

/*
 * cli_next_option - the next option, which is where it goes: its id, or some number > 0; 0 when all
 * are read and cli_operands() may be called; -1 when the command is over (a bad option or value,
 * reported; or --help, printed): return args->exit.
 */
int cli_next_option(struct cli_args *args);
/* All of them, where the table says it all. False: return args->exit. */
bool cli_read_options(struct cli_args *args);
/*
 * For completion: cli_next_option() reads nothing and hands its arguments over. Is it so? Then
 * option i of a command and the common ones behind its own, NULL at the end; and what the usage
 * line says of operands.
 */
void cli_complete_with(void (*with)(const struct cli_args *args));
bool cli_completing(void);
const struct cli_option *cli_option_at(const struct cli_option *own, unsigned int i);
const char *cli_operand_text(void);
/* The command as it was given, "pamt run --seed 3", once cli_next_option() was called. */
const char *cli_command_line(void);
/* The words that are not options, and how many. */
char **cli_operands(const struct cli_args *args, int *nr);
/* Is standard input a pipe or a file, so that a command without operands reads it? */
bool cli_stdin_is_input(void);
/* -q was given: results and errors only. -v: how often. */
bool cli_quiet(void);
unsigned int cli_verbose(void);
/* A character of words that may hold anything: no control of a terminal. */
char cli_harmless(char c);

/* size_parse() for the argument of an option, within bounds; false: reported as a usage error. */
bool cli_option_number(const char *option, const char *text, uint64_t min, uint64_t max,
		       uint64_t *value);
/* map_load(); false: reported as a usage error. */
bool cli_map_load(const char *source, const struct map_options *options, struct machine_map *map);
/* The argument of --module-version; false: reported as a usage error. */
bool cli_module_version(const char *text, bool *next);
/* The word that was most likely meant, NULL if none is near. name(i) is NULL at the end. */
const char *cli_nearest(const char *word, const char *(*name)(unsigned int i));

/* ------------------------------------------------------------------------------------------- */
/* Output                                                                                       */

/* "12.3 GB", with up to three significant digits, into a buffer of at least 24 bytes. */
const char *cli_bytes(uint64_t bytes, char *buffer);
/* Escape sequences for a terminal that wants them (not with NO_COLOR), else "". */
const char *cli_bold(void);
const char *cli_plain(void);

/* A table on stdout: columns, then cells from left to right, row by row. */
struct cli_table;
struct cli_column {
	const char *title;
	bool right; /* flush right, for numbers */
};
struct cli_table *cli_table_create(const struct cli_column *columns, unsigned int nr);
void cli_table_cell(struct cli_table *table, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Prints and frees. */
void cli_table_print(struct cli_table *table);

/*
 * JSON: an object whose first member is "schema": "pamt.<command>/<version>". Out of memory ends
 * the process (exit 1), so json_*() results need no check.
 */
json_t *cli_json(const char *schema);
/* Prints the object, indented, and frees it. */
void cli_json_print(json_t *object);
/* A 64-bit word as a string, "0xc000030400000001": JSON numbers do not hold it. */
json_t *cli_json_hex(uint64_t value);
json_t *cli_json_number(uint64_t value);
/* Any text of the user as a string; what is not UTF-8 becomes '?'. */
json_t *cli_json_text(const char *text);

/* Figures of a result. */
struct cli_figure {
	const char *key;
	uint64_t value;
};
void cli_json_figures(json_t *object, const struct cli_figure *figures, unsigned int nr);

/* A member of JSON objects as a column. */
struct cli_shown {
	const char *title;
	const char *key; /* "a.b": b of the member a */
	double unit;	 /* that a number is shown in, or: */
#define CLI_TEXT  0.0	 /* none: flush left; true and false are yes and no */
#define CLI_BYTES -1.0	 /* bytes, "12.3 GB" */
	int digits;	 /* behind the point */
};
/*
 * A JSON array of objects as a table on stdout. null is "-", and so is a number that is not there.
 */
#define CLI_MAX_SHOWN 16u
void cli_table_json(const json_t *rows, const struct cli_shown *columns, unsigned int nr);

/*
 * A JSON array of objects as CSV: the keys of the first are the columns; numbers that are not whole
 * have so many digits behind the point.
 */
void cli_csv(FILE *file, const json_t *rows, int digits);

/*
 * Progress on stderr: what, how many of how many (total 0: not known), the time left and the rate;
 * on a terminal all the time, else a line a minute. cli_progress() may be called as often as the
 * caller likes; errors are to be printed after cli_progress_end(). One thread at a time.
 */
struct cli_progress {
	const char *what;
	uint64_t total, started_ns, shown_ns, between_ns;
	bool on, terminal, shown;
};
void cli_progress_begin(struct cli_progress *progress, const char *what, uint64_t total);
void cli_progress(struct cli_progress *progress, uint64_t done);
void cli_progress_end(struct cli_progress *progress);
/* A line of the caller's own instead: is it time for another one? */
bool cli_progress_due(struct cli_progress *progress);
void cli_progress_line(struct cli_progress *progress, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * A long job that is ended (Ctrl-C, SIGTERM, SIGHUP) ends by itself, with what it has so far. From
 * cli_stop_expect() on the signal is in cli_stop, once; cli_stop_end() comes after all that there
 * is was printed, and ends the process as whoever sent the signal expects. Return: an exit code.
 */
extern volatile sig_atomic_t cli_stop;
void cli_stop_expect(void);
int cli_stop_end(void);

/* Before another program is executed: SIGPIPE is for it what it was for this one. */
void cli_signals_back(void);

/* Called by main() only: set-up, which command it is, and the check that stdout took everything. */
void cli_start(void);
void cli_set_command(const struct cli_command *command);
int cli_finish(int code);

#endif
