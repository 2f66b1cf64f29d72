// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cmd_report.c - `pamt report`: one HTML page from the JSON of runs and comparisons.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/report.h"

#define MAX_FILES 64

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

static const struct cli_option options[] = {
	{ 'o', "output", "FILE", "write the page to this file (default: standard output)",
	  CLI_INTO(struct request, output) },
	{ 0, "title", "TEXT", "title of the page (default: the machine, and when)",
	  CLI_INTO(struct request, title) },
	{ 0 },
};

/* -1: go on; else the exit code. */
static int parse_arguments(struct request *r, int argc, char **argv)
{
	r->args = (struct cli_args){ .options = options, .argc = argc, .argv = argv, .into = r };
	if (!cli_read_options(&r->args))
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

/* When the file was written; of what comes through a pipe, when it came. */
static json_t *written(FILE *from)
{
	struct stat stat;
	char text[64];
	struct tm tm;
	time_t at = time(NULL);

	if (!fstat(fileno(from), &stat) && S_ISREG(stat.st_mode))
		at = stat.st_mtime;
	if (!gmtime_r(&at, &tm) || !strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &tm))
		return json_null();
	return json_string(text);
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
	else
		json_object_set_new(root, REPORT_WRITTEN, written(from));
	if (from != stdin)
		fclose(from);
	return root;
}

/* Of whatever schema the file is: is it one of these? Else what is wrong, in a line of this buffer.
 */
static const char *unknown_schema(const json_t *root, char *text, size_t size)
{
	const char *schema = json_string_value(json_object_get(root, "schema"));

	if (!schema)
		snprintf(text, size, "no member 'schema'; allowed: pamt.run/1, pamt.compare/1");
	else
		snprintf(text, size,
			 "schema '%.64s' is not known; allowed: pamt.run/1, pamt.compare/1",
			 schema);
	return text;
}

static void make_title(const json_t *root, char *title, size_t size)
{
	const char *machine = json_string_value(json_object_get(root, "machine"));
	const char *when = json_string_value(json_object_get(root, REPORT_WRITTEN));

	snprintf(title, size, "Dynamic PAMT, %.80s, %.10s", machine ? machine : "a machine",
		 when ? when : "undated");
}

/* One file's part of the page; title: of the page, if this is the first. */
static int add_file(FILE *page, const char *file, char *title, size_t size)
{
	const char *name = strcmp(file, "-") ? file : "standard input", *schema, *wrong;
	json_t *root = load(file, name);
	char text[160];
	size_t kind = 0;

	if (!root)
		return CLI_USAGE;
	schema = json_string_value(json_object_get(root, "schema"));
	while (kind < KINDS && (!schema || strcmp(schema, kinds[kind].schema)))
		kind++;
	if (kind == KINDS)
		wrong = unknown_schema(root, text, sizeof(text));
	else
		wrong = kinds[kind].write(page, name, root);
	if (!wrong && !*title)
		make_title(root, title, size);
	if (wrong)
		cli_usage_error("%s: %s", name, wrong);
	json_decref(root);
	return wrong ? CLI_USAGE : CLI_OK;
}

static int frame(const char *title, const char *parts, char **text, size_t *size)
{
	FILE *page = open_memstream(text, size);

	if (!page)
		return cli_error(CLI_FAILED, "report: out of memory");
	report_begin(page, title);
	fputs(parts, page);
	report_end(page);
	return fclose(page) ? cli_error(CLI_FAILED, "report: out of memory") : CLI_OK;
}

/* The whole page in memory: nothing is written before all files were found good. */
static int make_page(const struct request *r, char **text, size_t *size)
{
	char *parts = NULL, title[160] = "";
	size_t parts_size = 0;
	FILE *page = open_memstream(&parts, &parts_size);
	int code = CLI_OK;

	if (!page)
		return cli_error(CLI_FAILED, "report: out of memory");
	for (int i = 0; i < r->nr && !code; i++)
		code = add_file(page, r->files[i], title, sizeof(title));
	if (fclose(page) && !code)
		code = cli_error(CLI_FAILED, "report: out of memory");
	if (!code)
		code = frame(r->title ? r->title : title, parts, text, size);
	free(parts);
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
		json_object_set_new(said, "bytes", cli_json_number(size));
		json_object_set_new(said, "files", json_integer(r.nr));
		cli_json_print(said);
	}
	return code;
}
