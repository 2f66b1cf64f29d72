// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cli.c - the input side of every subcommand: options, numbers, one-line errors.
 */
#include <ctype.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "machine/size.h"

#define MAX_OPTIONS 32

static const struct cli_command *current;
static bool quiet;
static unsigned int verbose;
static void (*completer)(const struct cli_args *args);

void cli_set_command(const struct cli_command *command) { current = command; }
const char *cli_operand_text(void) { return current->arguments; }
void cli_complete_with(void (*with)(const struct cli_args *args)) { completer = with; }
bool cli_completing(void) { return completer; }
bool cli_quiet(void) { return quiet; }
unsigned int cli_verbose(void) { return verbose; }

char cli_harmless(char c) { return iscntrl((unsigned char)c) ? '?' : c; }

/* Words of the user may hold anything; a message stays on its line whatever they hold. */
static void print_line(const char *format, va_list ap)
{
	char line[1024];

	vsnprintf(line, sizeof(line), format, ap);
	for (char *c = line; *c; c++)
		*c = cli_harmless(*c);
	fflush(stdout); /* in order, where both go to one place */
	fprintf(stderr, "pamt: %s\n", line);
}

int cli_usage_error(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	print_line(format, ap);
	va_end(ap);
	return CLI_USAGE;
}

int cli_error(enum cli_exit code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	print_line(format, ap);
	va_end(ap);
	return code;
}

void cli_note(const char *format, ...)
{
	va_list ap;

	if (quiet)
		return;
	va_start(ap, format);
	print_line(format, ap);
	va_end(ap);
}

/* ------------------------------------------------------------------------------------------- */
/* Options                                                                                      */

enum { OPTION_JSON = 1000, OPTION_WITHOUT_ID };

static const struct cli_option common_options[] = {
	{ OPTION_JSON, "json", NULL, "print one JSON object instead of text", CLI_OWN },
	{ 'q', "quiet", NULL, "results and errors only", CLI_OWN },
	{ 'v', "verbose", NULL, "say more; may be repeated", CLI_OWN },
	{ 'h', "help", NULL, "print this", CLI_OWN },
	{ 0 },
};

static bool is_short(int id) { return id > ' ' && id < 0x7f; }

static bool is_optional(const struct cli_option *o) { return o->argument && *o->argument == '['; }

static int getopt_argument(const struct cli_option *o)
{
	if (!o->argument)
		return no_argument;
	return is_optional(o) ? optional_argument : required_argument;
}

static unsigned int count_options(const struct cli_option *options)
{
	unsigned int nr = 0;

	while (options && options[nr].name)
		nr++;
	return nr;
}

/* The i-th of a command's options and the common ones after them. */
const struct cli_option *cli_option_at(const struct cli_option *own, unsigned int i)
{
	unsigned int nr = count_options(own);

	if (i < nr)
		return &own[i];
	return i - nr < count_options(common_options) ? &common_options[i - nr] : NULL;
}

static void print_options(const struct cli_args *args)
{
	const struct cli_option *o;

	printf("usage: pamt %s [OPTIONS]%s%s\n\n%s\n\n", current->name,
	       *current->arguments ? " " : "", current->arguments, current->summary);
	for (unsigned int i = 0; (o = cli_option_at(args->options, i)); i++) {
		char text[64];

		snprintf(text, sizeof(text), "--%s%s%s", o->name,
			 o->argument && !is_optional(o) ? " " : "", o->argument ? o->argument : "");
		if (is_short(o->id))
			printf("  -%c, %-22s %s\n", o->id, text, o->help);
		else
			printf("      %-22s %s\n", text, o->help);
	}
}

/* What getopt wants: a long table and a string of letters. */
static void to_getopt(const struct cli_args *args, struct option *longs, char *letters)
{
	const struct cli_option *o;
	unsigned int n;

	if (args->options_first)
		*letters++ = '+'; /* the first operand ends the options */
	*letters++ = ':';	  /* tell a missing argument from an unknown option */
	for (n = 0; n < MAX_OPTIONS && (o = cli_option_at(args->options, n)); n++) {
		longs[n] = (struct option){ o->name, getopt_argument(o), NULL,
					    is_short(o->id) ? o->id : OPTION_WITHOUT_ID + (int)n };
		if (!is_short(o->id))
			continue;
		*letters++ = (char)o->id;
		for (int i = 0; i < getopt_argument(o); i++)
			*letters++ = ':';
	}
	longs[n] = (struct option){ 0 };
	*letters = 0;
}

/* cli_nearest() takes a function of an index alone, so the table in question stands here. */
static const struct cli_option *nearest_options;

static const char *option_name(unsigned int i)
{
	const struct cli_option *o = cli_option_at(nearest_options, i);

	return o ? o->name : NULL;
}

static int bad_option(struct cli_args *args, int kind)
{
	const char *word = args->argv[optind - 1];
	const char *command = args->argv[0], *nearest;
	char name[64];

	args->exit = CLI_USAGE;
	/* A letter that is unknown, alone or in a cluster: optopt has it. */
	if (kind == '?' && is_short(optopt) && strncmp(word, "--", 2)) {
		cli_usage_error("%s: no option '-%c'; `pamt %s --help` lists them", command, optopt,
				command);
		return -1;
	}
	if (kind == ':') {
		cli_usage_error("%s: option '%s' needs an argument", command, word);
		return -1;
	}
	if (optopt) { /* known, but got "=argument" and takes none */
		cli_usage_error("%s: option '%s' takes no argument", command, word);
		return -1;
	}
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	nearest_options = args->options;
	nearest = cli_nearest(name, option_name);
	if (nearest)
		cli_usage_error("%s: no option '--%s'; did you mean '--%s'?", command, name,
				nearest);
	else
		cli_usage_error("%s: no option '--%s'; `pamt %s --help` lists them", command, name,
				command);
	return -1;
}

static char command_line[1024];

const char *cli_command_line(void) { return command_line; }

/* Before getopt puts the words into another order. What is too long is cut. */
static void remember(const struct cli_args *args)
{
	size_t at;

	if (*command_line)
		return;
	at = (size_t)snprintf(command_line, sizeof(command_line), "pamt %s", current->name);
	for (int i = 1; i < args->argc && at < sizeof(command_line); i++)
		at += (size_t)snprintf(command_line + at, sizeof(command_line) - at, " %s",
				       args->argv[i]);
}

/* False: reported. */
static bool put(const struct cli_args *args, const struct cli_option *o)
{
	void *to = (char *)args->into + o->into.offset;
	uint64_t number;

	if (o->into.kind == CLI_IS_FLAG)
		*(bool *)to = true;
	if (o->into.kind == CLI_IS_TEXT)
		*(const char **)to = args->value ? args->value : "-";
	if (o->into.kind < CLI_IS_32)
		return true;
	if (!cli_option_number(o->name, args->value, o->into.min, o->into.max, &number))
		return false;
	if (o->into.kind == CLI_IS_32)
		*(uint32_t *)to = (uint32_t)number;
	else
		*(uint64_t *)to = number;
	return true;
}

int cli_next_option(struct cli_args *args)
{
	struct option longs[MAX_OPTIONS + 1];
	char letters[3 * MAX_OPTIONS + 3];
	const struct cli_option *o;
	unsigned int n;
	int code;

	if (completer) {
		completer(args);
		args->exit = CLI_OK;
		return -1;
	}
	remember(args);
	to_getopt(args, longs, letters);
	opterr = 0;
	for (;;) {
		code = getopt_long(args->argc, args->argv, letters, longs, NULL);
		if (code == -1)
			return 0;
		if (code == '?' || code == ':')
			return bad_option(args, code);
		for (n = 0; longs[n].val != code; n++)
			;
		o = cli_option_at(args->options, n);
		switch (o->id) {
		case 'h':
			print_options(args);
			args->exit = CLI_OK;
			return -1;
		case OPTION_JSON:
			args->json = true;
			break;
		case 'q':
			quiet = true;
			break;
		case 'v':
			verbose++;
			break;
		default:
			args->name = o->name;
			args->value = optarg;
			args->exit = CLI_USAGE;
			if (!put(args, o))
				return -1;
			return o->id ? o->id : OPTION_WITHOUT_ID;
		}
	}
}

bool cli_read_options(struct cli_args *args)
{
	int id;

	while ((id = cli_next_option(args)) > 0)
		;
	return !id;
}

bool cli_stdin_is_input(void)
{
	struct stat stat;

	return !fstat(STDIN_FILENO, &stat) &&
	       (S_ISFIFO(stat.st_mode) || S_ISREG(stat.st_mode) || S_ISSOCK(stat.st_mode));
}

char **cli_operands(const struct cli_args *args, int *nr)
{
	*nr = args->argc - optind;
	return args->argv + optind;
}

/* ------------------------------------------------------------------------------------------- */
/* Numbers and words                                                                            */

bool cli_option_number(const char *option, const char *text, uint64_t min, uint64_t max,
		       uint64_t *value)
{
	uint64_t v;

	if (size_parse(text, &v) && v >= min && v <= max) {
		*value = v;
		return true;
	}
	if (max == UINT64_MAX)
		cli_usage_error("--%s: '%s' is not a number from %llu up", option, text,
				(unsigned long long)min);
	else
		cli_usage_error("--%s: '%s' is not a number from %llu to %llu", option, text,
				(unsigned long long)min, (unsigned long long)max);
	return false;
}

bool cli_module_version(const char *text, bool *next)
{
	*next = !strcmp(text, "next");
	if (*next || !strcmp(text, "1.5.25"))
		return true;
	cli_usage_error("--module-version: '%s' is no version; allowed: 1.5.25, next", text);
	return false;
}

/* Edit distance with swaps of neighbours, for words of up to 63 letters, case ignored. */
static unsigned int distance(const char *a, const char *b)
{
	enum { MAX = 63 };
	unsigned int la = (unsigned int)strnlen(a, MAX), lb = (unsigned int)strnlen(b, MAX);
	unsigned int row[3][MAX + 1] = { 0 };

	for (unsigned int j = 0; j <= lb; j++)
		row[0][j] = j;
	for (unsigned int i = 1; i <= la; i++) {
		unsigned int *now = row[i % 3];
		const unsigned int *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];

		now[0] = i;
		for (unsigned int j = 1; j <= lb; j++) {
			int x = tolower((unsigned char)a[i - 1]);
			int y = tolower((unsigned char)b[j - 1]);
			unsigned int best = last[j - 1] + (x != y);

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
			    y == tolower((unsigned char)a[i - 2]) && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
	}
	return row[la % 3][lb];
}

const char *cli_nearest(const char *word, const char *(*name)(unsigned int i))
{
	/* A third of the letters may be wrong; beyond that a guess helps nobody. */
	unsigned int best = (unsigned int)strlen(word) / 3 + 1;
	const char *nearest = NULL, *candidate;

	for (unsigned int i = 0; (candidate = name(i)); i++) {
		unsigned int d = distance(word, candidate);

		if (d < best || (d == best && !nearest && d < strlen(word))) {
			best = d;
			nearest = candidate;
		}
	}
	return nearest;
}
