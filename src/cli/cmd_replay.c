// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cmd_replay.c - `pamt replay`: recordings against the software module.
 *
 * All files are read before the first is replayed: bad input costs one line and no half results.
 * With --fill one file is printed again, with the results that the software module gives.
 */
#include <errno.h>
#include <fts.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/abi.h"
#include "cli/cli.h"
#include "cli/compressed.h"
#include "cli/recording.h"
#include "lab/recordings/live.h"
#include "lab/recordings/live_order.h"
#include "lab/recordings/replay.h"

struct recording {
	struct vector vector;
	bool live; /* and then: */
	struct live_counts live_counts;
	struct live_orders orders;
	struct replay_result result;
};

struct recordings {
	bool fill;
	uint64_t memory; /* bytes, 0: it was not said */
	size_t nr;
	struct recording *list;
};

static void recordings_free(struct recordings *all)
{
	for (size_t i = 0; i < all->nr; i++)
		vector_free(&all->list[i].vector);
	free(all->list);
}

/* ------------------------------------------------------------------------------------------- */
/* Reading.                                                                                     */

static int read_stream(struct recordings *all, FILE *file, const char *name)
{
	struct recording *list = realloc(all->list, (all->nr + 1) * sizeof(*list)), *r;
	int code;

	if (!list)
		return cli_error(CLI_FAILED, "out of memory");
	all->list = list;
	r = &list[all->nr];
	*r = (struct recording){ 0 };
	code = recording_read(file, name, &r->vector);
	if (code)
		return code;
	all->nr++;
	r->live = live_is(&r->vector);
	if (r->live && live_prepare(&r->vector, &r->live_counts))
		return cli_error(CLI_FAILED, "out of memory");
	return CLI_OK;
}

static int read_file(struct recordings *all, const char *path)
{
	FILE *file = compressed_open(path, NULL);
	int code;

	if (!file)
		return cli_usage_error("%s: cannot open: %s", path, strerror(errno));
	code = read_stream(all, file, path);
	fclose(file);
	return code;
}

static bool is_recording(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && !strcmp(dot, ".vec");
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* One entry of a walk: a file given by name is read whatever it is called. */
static int read_entry(struct recordings *all, const FTSENT *entry)
{
	switch (entry->fts_info) {
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		return cli_usage_error("%s: cannot open: %s", entry->fts_path,
				       strerror(entry->fts_errno));
	case FTS_D:
	case FTS_DP:
	case FTS_DC:
		return CLI_OK;
	default:
		if (entry->fts_level > 0 && !is_recording(entry->fts_name))
			return CLI_OK;
		/* Named by the user it may be anything, also a pipe that somebody writes to. */
		if (entry->fts_level > 0 && entry->fts_info == FTS_DEFAULT)
			return cli_usage_error("%s: not a file", entry->fts_path);
		return read_file(all, entry->fts_path);
	}
}

/* A file, or all *.vec files of a directory and those below it, in order of their names. */
static int read_path(struct recordings *all, char *path)
{
	char *paths[] = { path, NULL };
	size_t before = all->nr;
	int code = CLI_OK;
	FTSENT *entry;
	FTS *walk;

	if (!*path)
		return cli_usage_error("an empty file name; allowed: a recording, a directory, -");
	walk = fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, by_name);
	if (!walk)
		return cli_error(CLI_FAILED, "%s: %s", path, strerror(errno));
	while (code == CLI_OK && (entry = fts_read(walk)))
		code = read_entry(all, entry);
	fts_close(walk);
	if (code == CLI_OK && all->nr == before)
		return cli_usage_error("%s: no *.vec file in this directory", path);
	return code;
}

static int read_stdin(struct recordings *all)
{
	FILE *file = compressed_stdin(NULL);
	int code;

	if (!file)
		return cli_error(CLI_FAILED, "out of memory");
	code = read_stream(all, file, "stdin");
	fclose(file);
	return code;
}

static int read_all(struct recordings *all, char **operands, int nr)
{
	int code = CLI_OK;

	if (!nr)
		return cli_usage_error("nothing to replay; allowed: recordings, directories with "
				       "*.vec files, - for stdin");
	for (int i = 0; i < nr && code == CLI_OK; i++)
		code = strcmp(operands[i], "-") ? read_path(all, operands[i]) : read_stdin(all);
	return code;
}

static int replay_all(struct recordings *all, struct replay_result *total)
{
	char error[1024];

	for (size_t i = 0; i < all->nr; i++) {
		struct recording *r = &all->list[i];

		if (r->live ? live_replay(&r->vector, &r->orders, &r->result, error, sizeof(error))
			    : replay_run(&r->vector, NULL, &r->result, error, sizeof(error)))
			return cli_usage_error("%s", error);
		if (r->live) /* they cannot differ */
			r->result.passed -= r->live_counts.given;
		total->passed += r->result.passed;
		total->failed += r->result.failed;
	}
	return CLI_OK;
}

/* ------------------------------------------------------------------------------------------- */
/* Showing.                                                                                     */

/* "TDH.MEM.PAGE.AUG on LP 1", or "" for what is no call. */
static const char *call_text(const struct vector_item *item, char *buffer, size_t size)
{
	const struct abi_leaf *leaf;

	buffer[0] = '\0';
	if (item->kind != VECTOR_CALL)
		return buffer;
	leaf = abi_leaf(TDX_RAX_LEAF(item->call.in.rax), false);
	snprintf(buffer, size, "%s on LP %u", leaf ? leaf->name : "no known leaf", item->call.lp);
	return buffer;
}

static void print_value(struct cli_table *table, const struct replay_value *v, uint64_t value)
{
	char text[ABI_TEXT];

	if (v->status)
		cli_table_cell(table, "0x%016" PRIx64 " %s", value,
			       abi_status_text((tdx_status_t){ value }, text, sizeof(text)));
	else
		cli_table_cell(table, "0x%" PRIx64, value);
}

/* Files of a folder that somebody else packed may be called anything. */
static void print_name(const char *name)
{
	for (; *name; name++)
		putchar(cli_harmless(*name));
}

static void print_difference(const struct recording *r)
{
	static const struct cli_column columns[] = { { "", false },
						     { "expected", false },
						     { "got", false } };
	const struct replay_difference *d = &r->result.first;
	struct cli_table *table = cli_table_create(columns, 3);
	char text[64];

	print_name(r->vector.name);
	printf(":%u: %s\n", d->item->line, d->item->text);
	if (d->item->kind == VECTOR_CALL)
		printf("%s\n", call_text(d->item, text, sizeof(text)));
	if (strcmp(d->expected, d->got)) {
		cli_table_cell(table, "outcome");
		cli_table_cell(table, "%s", d->expected);
		cli_table_cell(table, "%s", d->got);
	}
	for (unsigned int i = 0; i < d->nr_values; i++) {
		cli_table_cell(table, "%s", d->value[i].name);
		print_value(table, &d->value[i], d->value[i].expected);
		print_value(table, &d->value[i], d->value[i].got);
	}
	cli_table_print(table);
	if (r->result.failed > 1)
		printf("and %" PRIu64 " more after it in this file\n", r->result.failed - 1);
	printf("\n");
}

/* What was not compared, and why not: as text, or into to. */
static void show_live(const struct recording *r, json_t *to)
{
	const struct live_counts *c = &r->live_counts;
	const struct {
		const char *key;
		uint64_t value;
		const char *before, *after; /* after NULL: it is no text */
	} lines[] = {
		{ "calls", c->calls, "", NULL },
		{ "given", c->given, "",
		  "calls of TDH.VP.ENTER, whose results are taken as they are" },
		{ "before", c->before, "",
		  "calls not checked: of TDs that are older than the recording" },
		{ "busy", c->busy, "", "calls not checked: they met locks of others" },
		{ "no_td_params", c->no_params, "",
		  "calls of TDH.MNG.INIT not checked: their TD_PARAMS are missing" },
		{ "moved", r->orders.moved,
		  "order: ", "calls stand before or behind others that overlapped them" },
		{ "in_vain", r->orders.in_vain, "order: in none of ",
		  r->result.failed ? "other places among the calls that overlap it is the first "
				     "difference gone"
				   : NULL },
		{ "tds_before", c->tds_before, "guessed: ", "TDs were there before the start" },
	};

	for (unsigned int i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		if (to)
			json_object_set_new(to, lines[i].key, cli_json_number(lines[i].value));
		else if (lines[i].value && lines[i].after)
			printf("%s%" PRIu64 " %s\n", lines[i].before, lines[i].value,
			       lines[i].after);
	}
}

static void print_text(const struct recordings *all, const struct replay_result *total)
{
	for (size_t i = 0; i < all->nr; i++) {
		const struct recording *r = &all->list[i];

		if (r->result.failed && !cli_quiet())
			print_difference(r);
		else if (cli_verbose()) {
			print_name(r->vector.name);
			printf(": %" PRIu64 " passed\n", r->result.passed);
		}
		if (r->live && !cli_quiet())
			show_live(r, NULL);
	}
	printf("%" PRIu64 " passed, %" PRIu64 " failed\n", total->passed, total->failed);
}

static json_t *json_value(const struct replay_value *v)
{
	json_t *object = json_object();
	char text[ABI_TEXT];

	json_object_set_new(object, "name", json_string(v->name));
	json_object_set_new(object, "expected", cli_json_hex(v->expected));
	json_object_set_new(object, "got", cli_json_hex(v->got));
	if (v->status) {
		json_object_set_new(object, "expected_status",
				    json_string(abi_status_text((tdx_status_t){ v->expected }, text,
								sizeof(text))));
		json_object_set_new(
			object, "got_status",
			json_string(abi_status_text((tdx_status_t){ v->got }, text, sizeof(text))));
	}
	return object;
}

static json_t *json_difference(const struct replay_difference *d)
{
	json_t *object = json_object(), *values = json_array();
	char text[64];

	json_object_set_new(object, "line", json_integer(d->item->line));
	json_object_set_new(object, "text", json_string(d->item->text));
	json_object_set_new(object, "call", json_string(call_text(d->item, text, sizeof(text))));
	json_object_set_new(object, "expected", json_string(d->expected));
	json_object_set_new(object, "got", json_string(d->got));
	for (unsigned int i = 0; i < d->nr_values; i++)
		json_array_append_new(values, json_value(&d->value[i]));
	json_object_set_new(object, "values", values);
	return object;
}

static void print_json(const struct recordings *all, const struct replay_result *total)
{
	json_t *root = cli_json("pamt.replay/1"), *files = json_array();

	json_object_set_new(root, "passed", cli_json_number(total->passed));
	json_object_set_new(root, "failed", cli_json_number(total->failed));
	for (size_t i = 0; i < all->nr; i++) {
		const struct recording *r = &all->list[i];
		json_t *file = json_object();

		json_object_set_new(file, "name", cli_json_text(r->vector.name));
		json_object_set_new(file, "passed", cli_json_number(r->result.passed));
		json_object_set_new(file, "failed", cli_json_number(r->result.failed));
		json_object_set_new(file, "first",
				    r->result.failed ? json_difference(&r->result.first)
						     : json_null());
		if (r->live) {
			json_object_set_new(file, "live", json_object());
			show_live(r, json_object_get(file, "live"));
		}
		json_array_append_new(files, file);
	}
	json_object_set_new(root, "files", files);
	cli_json_print(root);
}

/* ------------------------------------------------------------------------------------------- */
/* Filling in.                                                                                 */

static void fill_call(const struct vector_call *call, const struct replay_outcome *outcome,
		      const struct seam *seam)
{
	char text[1024];
	struct seam_fatal fatal;
	struct words line;

	words_begin(&line, text, sizeof(text));
	call_line_in(&line, call->lp, &call->in);
	if (outcome->fatal && seam_is_fatal(seam, &fatal)) {
		words_add(&line, " -> fatal ");
		words_number(&line, fatal.id);
	} else {
		call_line_out(&line, &call->in, &outcome->regs);
	}
	printf("%s\n", text);
}

static void fill_accept(const struct vector_accept *a, const struct replay_outcome *outcome)
{
	printf("accept 0x%" PRIx64 " rcx=0x%" PRIx64 " -> ", a->tdr.v, a->rcx);
	if (outcome->how == SEAM_ACCEPT_STATUS)
		printf("rax=0x%" PRIx64 "\n", outcome->status.v);
	else
		printf("%s\n", outcome->how == SEAM_ACCEPT_TDEXIT ? "tdexit" : "interrupted");
}

struct filler {
	const struct vector_item *machine; /* the next one to come */
	const struct seam *seam;
};

static void fill_machine(void *ctx, const struct vector_machine *machine, struct seam *seam,
			 struct memory *memory)
{
	struct filler *filler = ctx;

	while (filler->machine->kind != VECTOR_MACHINE)
		filler->machine++;
	printf("%s\n", filler->machine++->text);
	filler->seam = seam;
}

static void fill_item(void *ctx, const struct vector_item *item,
		      const struct replay_outcome *outcome)
{
	struct filler *filler = ctx;

	if (item->kind == VECTOR_CALL)
		fill_call(&item->call, outcome, filler->seam);
	else if (item->kind == VECTOR_ACCEPT)
		fill_accept(&item->accept, outcome);
	else
		printf("%s\n", item->text);
}

static int fill(const struct recordings *all)
{
	struct filler filler;
	const struct replay_watcher watcher = {
		.ctx = &filler,
		.machine = fill_machine,
		.item = fill_item,
	};
	struct replay_result result;
	char error[1024];

	if (all->nr != 1)
		return cli_usage_error("--fill: %zu recordings; exactly 1 is allowed", all->nr);
	if (all->list[0].live)
		return cli_usage_error("--fill: %s is of a running host: its answers are not "
				       "softseam's to give",
				       all->list[0].vector.name);
	filler.machine = all->list[0].vector.items;
	if (replay_run(&all->list[0].vector, &watcher, &result, error, sizeof(error)))
		return cli_usage_error("%s", error);
	return CLI_OK;
}

/* ------------------------------------------------------------------------------------------- */

static int show(const struct recordings *all, const struct replay_result *total, bool json)
{
	if (json)
		print_json(all, total);
	else
		print_text(all, total);
	return total->failed ? CLI_FAILED : CLI_OK;
}

int cmd_replay(int argc, char **argv)
{
	static const struct cli_option options[] = {
		{ 'f', "fill", NULL, "print the recording with the results of softseam",
		  CLI_INTO(struct recordings, fill) },
		{ 'm', "memory", "SIZE", "use no more; default: three quarters of the machine's",
		  CLI_NUMBER(struct recordings, memory, UINT64_C(16) << 20, UINT64_C(1) << 50) },
		{ 0 },
	};
	struct recordings all = { 0 };
	struct cli_args args = { .options = options, .argc = argc, .argv = argv, .into = &all };
	struct replay_result total = { 0 };
	char **operands;
	int nr, code;

	if (!cli_read_options(&args))
		return args.exit;
	operands = cli_operands(&args, &nr);
	if (all.memory)
		recording_limit(all.memory);
	code = read_all(&all, operands, nr);
	if (code == CLI_OK && all.fill)
		code = fill(&all);
	else if (code == CLI_OK && (code = replay_all(&all, &total)) == CLI_OK)
		code = show(&all, &total, args.json);
	recordings_free(&all);
	return code;
}
