// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cmd_explain.c - `pamt explain`: what a status code, a leaf or a line of a kernel log means, and
 * what failed in a recording.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/compressed.h"
#include "cli/explain.h"
#include "cli/failed_calls.h"
#include "cli/recording.h"
#include "machine/log_text.h"

/* One run of the command. */
struct explain {
	bool json, list;
	unsigned int nr_items;
	int exit;
};

/* ------------------------------------------------------------------------------------------- */
/* Words, lines, logs                                                                           */

/*
 * One item at a time, so that a log of any length needs the memory of one line: the object around
 * the items is written here as well.
 */
static void print_item(struct explain *run, json_t *item)
{
	if (!run->nr_items)
		printf("{\n  \"schema\": \"pamt.explain/1\",\n  \"items\": [");
	printf(run->nr_items ? ",\n    " : "\n    ");
	json_dumpf(item, stdout, 0);
	json_decref(item);
}

static void end_items(const struct explain *run)
{
	if (run->nr_items)
		printf("\n  ]\n}\n");
	else
		printf("{\n  \"schema\": \"pamt.explain/1\",\n  \"items\": []\n}\n");
}

/* Shows what was found in source; line: its number in a log, 0 for an argument. */
static void show(struct explain *run, const char *source, unsigned long line,
		 const struct findings *found, bool in_log)
{
	if (run->json) {
		json_t *item = json_object(), *list = json_array();

		json_object_set_new(item, "source", cli_json_text(source));
		json_object_set_new(item, "line",
				    line ? json_integer((json_int_t)line) : json_null());
		for (unsigned int i = 0; i < found->nr; i++)
			json_array_append_new(list, explain_json(&found->list[i]));
		json_object_set_new(item, "findings", list);
		print_item(run, item);
	} else {
		if (run->nr_items)
			putchar('\n');
		if (line)
			printf("line %lu: %s\n", line, source);
		for (unsigned int i = 0; i < found->nr; i++)
			explain_print(&found->list[i], in_log);
	}
	run->nr_items++;
}

/* The first name of which this is a part, such as BUSY; NULL: none, or the word is too short. */
static const char *name_with(const char *word)
{
	const char *name;

	for (unsigned int i = 0; strlen(word) >= 3 && (name = finding_name(i)); i++)
		if (strcasestr(name, word))
			return name;
	return NULL;
}

static void unknown_word(struct explain *run, const char *word)
{
	const char *nearest = cli_nearest(word, finding_name);

	if (!nearest)
		nearest = name_with(word);

	if (nearest)
		run->exit = cli_usage_error("explain: '%s' is not known; did you mean '%s'?", word,
					    nearest);
	else
		run->exit =
			cli_usage_error("explain: '%s' is not known; a status code, a leaf, a name "
					"of either or a line of a log is allowed",
					word);
}

/* The recording's own lines are what is explained: a leaf and a status are in each. */
static void explain_failures(struct explain *run, const struct failed_calls *failed)
{
	if (!run->json)
		printf("%" PRIu64 " of %" PRIu64 " calls failed%s", failed->failed, failed->calls,
		       failed->nr ? "\n\n" : "\n");
	for (size_t i = 0; i < failed->nr; i++) {
		struct log_context context = { 0 };
		struct findings found;
		char text[256];

		failed_call_text(&failed->list[i], text, sizeof(text));
		find_in_line(text, &context, &found);
		show(run, text, failed->list[i].first->line, &found, true);
	}
}

static void explain_recording(struct explain *run, FILE *file, const char *name)
{
	struct failed_calls failed;
	struct vector vector;

	run->exit = recording_read(file, name, &vector);
	if (run->exit)
		return;
	if (failed_calls_find(&vector, &failed))
		run->exit = cli_error(CLI_FAILED, "out of memory");
	else
		explain_failures(run, &failed);
	failed_calls_free(&failed);
	vector_free(&vector);
}

/* Of files only recordings have anything that a name alone can stand for. */
static void explain_file(struct explain *run, const char *name)
{
	const char *head;
	FILE *file = compressed_open(name, &head);

	if (file && recording_begins(head))
		explain_recording(run, file, name);
	else
		run->exit = cli_usage_error("explain: '%s' is a file, and no recording; a log is "
					    "read from standard input: pamt explain <%s",
					    name, name);
	if (file)
		fclose(file);
}

/* "field ID": nothing else is looked for. */
static void explain_field(struct explain *run, const char *word)
{
	struct findings found;

	if (!word)
		run->exit = cli_usage_error(
			"explain: field: no id given; an id or a name of a metadata field is "
			"allowed");
	else if (find_field(word, &found))
		show(run, word, 0, &found, false);
	else
		run->exit = cli_usage_error("explain: field: '%s' is no metadata field; an id or a "
					    "name of one is allowed",
					    word);
}

/* An argument is a line if it has more than one word in it. */
static void explain_argument(struct explain *run, char *argument)
{
	struct log_context context = { 0 };
	struct findings found;

	log_text_clean(argument);
	if (find_in_word(argument, &found))
		show(run, argument, 0, &found, false);
	else if (strpbrk(argument, " \t:=,") && find_in_line(argument, &context, &found))
		show(run, argument, 0, &found, true);
	else if (!access(argument, R_OK))
		explain_file(run, argument);
	else
		unknown_word(run, argument);
}

static void explain_log(struct explain *run)
{
	struct log_context context = { 0 };
	struct log_reader reader;
	struct findings found;
	unsigned int before = run->nr_items;
	unsigned long number;
	const char *line;
	bool binary = false;

	if (log_reader_open(&reader, stdin)) {
		run->exit = cli_error(CLI_FAILED, "explain: out of memory");
		return;
	}
	while (!binary && (line = log_reader_next(&reader))) {
		binary = reader.zero;
		/* A word alone on its line is a word, whatever else is in the log. */
		if (!binary && (find_in_line(line, &context, &found) ||
				(!strchr(line, ' ') && find_in_word(line, &found))))
			show(run, line, reader.number, &found, true);
	}
	number = reader.number;
	log_reader_close(&reader);
	if (binary)
		run->exit =
			cli_usage_error("explain: stdin:%lu: not text (a byte 0); a kernel log is "
					"expected",
					number);
	else if (ferror(stdin))
		run->exit = cli_usage_error("explain: standard input cannot be read");
	else if (!number)
		run->exit = cli_usage_error(
			"explain: standard input is empty; a kernel log is expected");
	else if (run->nr_items == before)
		run->exit = cli_usage_error("explain: nothing to explain in %lu line%s of standard "
					    "input: no leaf, no status code, no message of TDX",
					    number, number == 1 ? "" : "s");
}

/* ------------------------------------------------------------------------------------------- */
/* --list: everything that is known                                                             */

static json_t *leaves_json(void)
{
	json_t *leaves = json_array();
	const struct abi_leaf *leaf;

	for (unsigned int i = 0; (leaf = abi_leaf_at(i)); i++) {
		struct finding f = { .kind = FOUND_LEAF, .value = leaf->number, .leaf = leaf };

		json_array_append_new(leaves, explain_json(&f));
	}
	return leaves;
}

static json_t *statuses_json(void)
{
	json_t *statuses = json_array();
	const struct abi_status *status;

	for (unsigned int i = 0; (status = abi_status_at(i)); i++) {
		struct finding f = { .kind = FOUND_STATUS,
				     .value = status->value,
				     .by_name = true };

		json_array_append_new(statuses, explain_json(&f));
	}
	return statuses;
}

static int list_all(const struct cli_args *args, int nr)
{
	static const struct cli_shown of_leaf[] = { { "LEAF", "number", 1, 0 },
						    { "NAME", "name", CLI_TEXT, 0 },
						    { "", "purpose", CLI_TEXT, 0 } };
	static const struct cli_shown of_status[] = { { "STATUS", "value", CLI_TEXT, 0 },
						      { "NAME", "name", CLI_TEXT, 0 },
						      { "CLASS", "class", CLI_TEXT, 0 } };
	json_t *root;

	if (nr)
		return cli_usage_error("explain: --list takes no words");
	root = cli_json("pamt.explain.list/1");
	json_object_set_new(root, "leaves", leaves_json());
	json_object_set_new(root, "statuses", statuses_json());
	if (args->json) {
		cli_json_print(root);
		return CLI_OK;
	}
	cli_table_json(json_object_get(root, "leaves"), of_leaf, 3);
	putchar('\n');
	cli_table_json(json_object_get(root, "statuses"), of_status, 3);
	json_decref(root);
	return CLI_OK;
}

/* ------------------------------------------------------------------------------------------- */

static const struct cli_option options[] = {
	{ 0, "list", NULL, "all leaves and status codes", CLI_INTO(struct explain, list) },
	{ 0 },
};

int cmd_explain(int argc, char **argv)
{
	struct explain run = { .exit = CLI_OK };
	struct cli_args args = {
		.options = options, .argc = argc, .argv = argv, .into = &run, .names = finding_name
	};
	char **words;
	int nr;

	if (!cli_read_options(&args))
		return args.exit;
	words = cli_operands(&args, &nr);
	if (run.list)
		return list_all(&args, nr);
	if (!nr && isatty(STDIN_FILENO))
		return cli_usage_error(
			"explain: no word given; `pamt explain WORD...`, or a log on "
			"standard input");
	run.json = args.json;
	for (int i = 0; i < nr; i++) {
		if (!strcmp(words[i], "field"))
			explain_field(&run, i + 1 < nr ? words[++i] : NULL);
		else if (strcmp(words[i], "-"))
			explain_argument(&run, words[i]);
		else
			explain_log(&run);
	}
	if (!nr)
		explain_log(&run);
	if (run.json)
		end_items(&run);
	return run.exit;
}
