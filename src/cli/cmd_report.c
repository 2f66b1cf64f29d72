// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cmd_report.c - `pamt report`: one HTML page from the JSON of runs and comparisons.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report.h"

#define MAX_FILES 64

enum { OPT_OUTPUT = 'o', OPT_TITLE = 256 };

static const struct cli_option options[] = {
	{ OPT_OUTPUT, "output", "FILE", "write the page to this file (default: standard output)" },
	{ OPT_TITLE, "title", "TEXT", "title of the page (default: Dynamic PAMT)" },
	{ 0 },
};

static const struct {
	const char *schema;
	const char *(*write)(FILE *to, const char *name, const json_t *root);
} kinds[] = {
	{ "pamt.run/1", report_run },
	{ "pamt.compare/1", report_compare },
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

struct request {
	struct cli_args args;
	const char *output, *title;
	char **files;
	int nr;
};

/* -1: go on; else the exit code. */
static int parse_arguments(struct request *r, int argc, char **argv)
{
	int option;

	r->args = (struct cli_args){ .options = options, .argc = argc, .argv = argv };
	r->title = "Dynamic PAMT";
	while ((option = cli_next_option(&r->args)) > 0) {
		if (option == OPT_OUTPUT)
			r->output = r->args.value;
		else
			r->title = r->args.value;
	}
	if (option < 0)
		return r->args.exit;
	r->files = cli_operands(&r->args, &r->nr);
	if (!r->nr || r->nr > MAX_FILES)
		return cli_usage_error("report: 1 to %d files are allowed: the --json output of "
				       "pamt run or pamt compare, - for standard input",
				       MAX_FILES);
	if (r->args.json && !r->output)
		return cli_usage_error("report: --json says what was written, and needs --output");
	return -1;
}

static json_t *load(const char *file, const char *name)
{
	json_error_t error;
	json_t *root;
	FILE *from = strcmp(file, "-") ? fopen(file, "r") : stdin;

	if (!from) {
		cli_usage_error("%s: %s", name, strerror(errno));
		return NULL;
	}
	root = json_loadf(from, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		cli_usage_error("%s:%d: %s; allowed: the --json output of pamt run or pamt compare",
				name, error.line, error.text);
	if (from != stdin)
		fclose(from);
	return root;
}

/* One file's part of the page. */
static int add_file(FILE *page, const char *file)
{
	const char *name = strcmp(file, "-") ? file : "standard input", *schema, *wrong;
	json_t *root = load(file, name);
	size_t kind = 0;

	if (!root)
		return CLI_USAGE;
	schema = json_string_value(json_object_get(root, "schema"));
	while (kind < KINDS && (!schema || strcmp(schema, kinds[kind].schema)))
		kind++;
	if (kind == KINDS)
		wrong = "is of no known schema; allowed: pamt.run/1, pamt.compare/1";
	else
		wrong = kinds[kind].write(page, name, root);
	json_decref(root);
	return wrong ? cli_usage_error("%s: %s", name, wrong) : CLI_OK;
}

/* The whole page in memory: nothing is written before all files were found good. */
static int make_page(const struct request *r, char **text, size_t *size)
{
	FILE *page = open_memstream(text, size);
	int code = CLI_OK;

	if (!page)
		return cli_error(CLI_FAILED, "report: out of memory");
	report_begin(page, r->title);
	for (int i = 0; i < r->nr && !code; i++)
		code = add_file(page, r->files[i]);
	report_end(page);
	if (fclose(page) && !code)
		code = cli_error(CLI_FAILED, "report: out of memory");
	return code;
}

static int write_file(const char *path, const char *text, size_t size)
{
	FILE *to = fopen(path, "w");
	bool good;

	if (!to)
		return cli_usage_error("report: %s: %s", path, strerror(errno));
	good = fwrite(text, 1, size, to) == size;
	if (fclose(to) || !good)
		return cli_error(CLI_FAILED, "report: %s: %s", path, strerror(errno));
	return CLI_OK;
}

int cmd_report(int argc, char **argv)
{
	struct request r = { .output = NULL };
	char *text = NULL;
	size_t size = 0;
	json_t *said;
	int code = parse_arguments(&r, argc, argv);

	if (code >= 0)
		return code;
	code = make_page(&r, &text, &size);
	if (!code && !r.output)
		fwrite(text, 1, size, stdout); /* whether it could be written is seen at the end */
	else if (!code)
		code = write_file(r.output, text, size);
	free(text);
	if (!code && r.args.json) {
		said = cli_json("pamt.report/1");
		json_object_set_new(said, "output", cli_json_text(r.output));
		json_object_set_new(said, "bytes", json_integer((json_int_t)size));
		json_object_set_new(said, "files", json_integer(r.nr));
		cli_json_print(said);
	}
	return code;
}
