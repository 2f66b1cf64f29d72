// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * complete.c - `pamt complete WORD... CURRENT`: what may stand in the place of CURRENT behind
 * `pamt WORD...`, for the completion of shells. There is no list of options beside the commands'
 * own tables: a command that completes itself is run as usual, and cli_next_option() comes here.
 *
 * A line each: the word, a tab, what it means; or what a shell knows better: ":files", ":commands",
 * and ":program N" where word N of the line is a program whose arguments are its own. Files and
 * commands stand for what is behind the last '=' or ',' of CURRENT.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/complete.h"

/* What is being completed: prefix stays as it is, typed is the beginning of what is offered. */
struct place {
	const char *(*names)(unsigned int i);
	const char *typed;
	char prefix[256];
};

static void offer(const struct place *place, const char *word, const char *meaning)
{
	if (!strncmp(word, place->typed, strlen(place->typed)))
		printf("%s%s\t%s\n", place->prefix, word, meaning);
}

void cli_complete_word(const char *typed, const char *word, const char *meaning)
{
	offer(&(struct place){ .typed = typed }, word, meaning);
}

/* The names that the command itself knows. */
#define NAMES ":names"

/* The words in capitals that the help has for values and operands. */
static const struct {
	const char *name, *words[4]; /* what stands for itself, then what a shell knows */
} kinds[] = {
	{ "LOG", { "builtin:256g", "builtin:2t", "builtin:64t", ":files" } },
	{ "SCENARIO", { ":files" } },
	{ "FILE", { ":files" } },
	{ "IMAGE", { ":files" } },
	{ "PATH", { ":files" } },
	{ "PROGRAM", { ":commands" } },
	{ "COMMAND", { ":commands" } },
	{ "NAME", { NAMES } },
	{ "LEAF", { NAMES } },
	{ "WORD", { NAMES, ":files" } },
};

static void offer_names(const struct place *place)
{
	const char *name;

	for (unsigned int i = 0; place->names && (name = place->names(i)); i++)
		offer(place, name, "");
}

static void offer_kind(const struct place *place, const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i].name, name))
			continue;
		for (size_t w = 0; w < 4 && kinds[i].words[w]; w++) {
			const char *word = kinds[i].words[w];

			if (!strcmp(word, NAMES))
				offer_names(place);
			else if (*word == ':')
				puts(word);
			else
				offer(place, word, "");
		}
	}
}

/* "cmr|linux" is two words, "LOG|builtin:..." a kind, "N" neither. */
static void offer_text(const struct place *place, const char *text)
{
	text += strspn(text, "[=");
	for (;;) {
		size_t length = strcspn(text, "|] ,[");
		const char *dots = strstr(text, "...");
		bool open = dots && dots < text + length;
		char word[32];

		snprintf(word, sizeof(word), "%.*s", (int)(open ? dots - text : (long)length),
			 text);
		if (isupper((unsigned char)*word))
			offer_kind(place, word);
		else if (*word && !open)
			offer(place, word, "");
		if (text[length] != '|')
			return;
		text += length + 1;
	}
}

/* The value of an option, behind "before", which is "--name=" or nothing. */
static void offer_value(const struct cli_args *args, const struct cli_option *option,
			const char *before, const char *typed)
{
	struct place place = { .names = args->names, .typed = typed };
	const char *comma = strstr(option->argument, ",...") ? strrchr(typed, ',') : NULL;

	if (comma)
		place.typed = comma + 1;
	snprintf(place.prefix, sizeof(place.prefix), "%s%.*s", before, (int)(place.typed - typed),
		 typed);
	offer_text(&place, option->argument);
}

static const struct cli_option *find_option(const struct cli_option *own, const char *name,
					    size_t length)
{
	const struct cli_option *o;

	for (unsigned int i = 0; (o = cli_option_at(own, i)); i++)
		if (!strncmp(o->name, name, length) && !o->name[length])
			return o;
	return NULL;
}

static const struct cli_option *find_letter(const struct cli_option *own, char letter)
{
	const struct cli_option *o;

	for (unsigned int i = 0; (o = cli_option_at(own, i)); i++)
		if (o->id == letter)
			return o;
	return NULL;
}

/* The option whose argument is behind these letters: the first that has one ends them. */
static const struct cli_option *letters_want_next(const struct cli_option *own, const char *letters)
{
	const struct cli_option *o = NULL;

	for (; *letters; letters++) {
		o = find_letter(own, *letters);
		if (o && o->argument)
			return letters[1] ? NULL : o;
	}
	return NULL;
}

/* The option whose argument is the word behind this one; NULL: it has none there. */
static const struct cli_option *wants_next(const struct cli_option *own, const char *word)
{
	const struct cli_option *o = NULL;

	if (!strncmp(word, "--", 2))
		o = strchr(word, '=') ? NULL : find_option(own, word + 2, strlen(word + 2));
	else if (*word == '-' && word[1])
		o = letters_want_next(own, word + 1);
	return o && o->argument && *o->argument != '[' ? o : NULL;
}

static void offer_options(const struct cli_option *own, const char *typed)
{
	const struct cli_option *o;
	char word[64];

	for (unsigned int i = 0; (o = cli_option_at(own, i)); i++) {
		snprintf(word, sizeof(word), "--%s", o->name);
		cli_complete_word(typed, word, o->help);
	}
}

/* operand: what the help has in the place of the next one; NULL: the options are not over. */
static void offer_current(const struct cli_args *args, const struct cli_option *pending,
			  const char *operand)
{
	const char *typed = args->argv[args->argc - 1], *equals = strchr(typed, '=');
	const struct cli_option *o;
	char before[128];

	if (pending) {
		offer_value(args, pending, "", typed);
	} else if (!operand && !strncmp(typed, "--", 2) && equals) {
		o = find_option(args->options, typed + 2, (size_t)(equals - typed - 2));
		snprintf(before, sizeof(before), "%.*s", (int)(equals + 1 - typed), typed);
		if (o && o->argument)
			offer_value(args, o, before, equals + 1);
	} else if (!operand && *typed == '-') {
		offer_options(args->options, typed);
	} else {
		offer_text(&(struct place){ .names = args->names, .typed = typed },
			   operand ? operand : cli_operand_text());
	}
}

/* "PROGRAM [ARGUMENTS]", "[COMMAND]": a program, and what follows is its own. */
static bool names_program(const char *operand)
{
	operand += strspn(operand, "[");
	return !strncmp(operand, "PROGRAM", 7) || !strncmp(operand, "COMMAND", 7);
}

/* "FILE [COMMAND]": what stands behind the file. */
static const char *next_operand(const char *operand)
{
	operand += strcspn(operand, " ");
	return operand + strspn(operand, " ");
}

static void complete(const struct cli_args *args)
{
	const struct cli_option *pending = NULL;
	const char *operand = cli_operand_text(), *over = NULL;
	/* What follows is another program's, and not a program with its arguments. */
	bool foreign = !strncmp(operand, "[--", 3);

	for (int i = 1; i < args->argc - 1; i++) {
		const char *word = args->argv[i];

		if (pending) {
			pending = NULL;
		} else if (!over && !strcmp(word, "--") && !foreign) {
			over = operand;
		} else if (!over && *word == '-' && strcmp(word, "--") && word[1]) {
			pending = wants_next(args->options, word);
		} else if (args->options_first && foreign) {
			puts(":files");
			return;
		} else if (args->options_first && names_program(operand)) {
			printf(":program %d\n", i + 1);
			return;
		} else if (args->options_first) {
			over = operand = next_operand(operand);
		}
	}
	if (args->argc > 1)
		offer_current(args, pending, over);
}

void cli_complete_begin(void) { cli_complete_with(complete); }
