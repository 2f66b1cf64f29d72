// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cmd_diagnose.c - `pamt diagnose`: why TDX, or a TD, did not come up, out of a whole log or out of
 * a recording.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>

#include "cli/cli.h"
#include "cli/compressed.h"
#include "cli/diagnose.h"
#include "cli/recording.h"
#include "machine/log_text.h"

static const struct cli_option options[] = { { 0 } };

/* A log in memory, or a recording. */
struct text {
	bool recording;
	struct vector vector; /* of that, and then there are no bytes */
	char *bytes;
	size_t size;
};

/* ------------------------------------------------------------------------------------------- */
/* Where it comes from                                                                          */

static int read_all(FILE *file, const char *name, struct text *text)
{
	size_t room = 0;

	for (;;) {
		if (text->size == room) {
			char *larger = realloc(text->bytes, room ? 2 * room : 1 << 16);

			if (!larger)
				return cli_error(CLI_FAILED, "diagnose: out of memory");
			room = room ? 2 * room : 1 << 16;
			text->bytes = larger;
		}
		text->size += fread(text->bytes + text->size, 1, room - text->size, file);
		if (text->size > LOG_MAX_BYTES)
			return cli_usage_error("%s: not a log; allowed: up to 1 GB", name);
		if (feof(file))
			return CLI_OK;
		if (ferror(file))
			return cli_usage_error("%s: %s", name, strerror(errno));
	}
}

static int read_file(const char *path, const char *name, struct text *text)
{
	const char *head;
	FILE *file = strcmp(path, "-") ? compressed_open(path, &head) : compressed_stdin(&head);
	int code;

	if (!file)
		return cli_usage_error("%s: %s; allowed: a log, a recording, or - for standard "
				       "input",
				       path, strerror(errno));
	text->recording = recording_begins(head);
	code = text->recording ? recording_read(file, name, &text->vector)
			       : read_all(file, name, text);
	fclose(file);
	return code;
}

/* The kernel's own buffer, as dmesg reads it. */
static int read_this_machine(struct text *text)
{
	enum { READ_ALL = 3, SIZE_BUFFER = 10 };
	int size = klogctl(SIZE_BUFFER, NULL, 0);

	text->bytes = size > 0 ? malloc((size_t)size) : NULL;
	size = text->bytes ? klogctl(READ_ALL, text->bytes, size) : -1;
	if (size <= 0)
		return cli_error(CLI_NOT_POSSIBLE,
				 "diagnose: this machine's log cannot be read (%s); as root, or: "
				 "journalctl -k -b | pamt diagnose",
				 size ? strerror(errno) : "it is empty");
	text->size = (size_t)size;
	return CLI_OK;
}

/* ------------------------------------------------------------------------------------------- */
/* Text                                                                                         */

static const char *state_of(const struct evidence *e)
{
	if (!e)
		return "not known";
	if (e->kind == MESSAGE_GOOD)
		return "good";
	return e->kind == MESSAGE_WARNING ? "loss" : "failed";
}

static const char *sureness(const struct evidence *e)
{
	if (e->sure == SURE_UNKNOWN)
		return "not understood";
	if (e->kind == MESSAGE_RESULT)
		return "it failed, why is not in the log";
	return e->sure == SURE_CERTAIN ? "certain" : "likely";
}

static void print_evidence(const struct evidence *e)
{
	printf("  cause   %s\n", e->cause);
	if (*e->advice)
		printf("  do      %s\n", e->advice);
	if (e->line)
		printf("  line %llu: %s\n", (unsigned long long)e->line, e->source);
}

/* What a stage that no message is about is known to be from the rest. */
static void other_words(const struct diagnosis *d, enum stage stage, char *text, size_t size)
{
	char bytes[24], lost[24];

	*text = '\0';
	if (stage == STAGE_MEMORY && d->has_map)
		snprintf(text, size, "%s usable in %u ranges, %u CMRs%s%s%s",
			 cli_bytes(d->map.usable_bytes, bytes), d->map.nr_ranges, d->map.nr_cmrs,
			 d->map.cmrs_assumed ? " assumed" : "",
			 d->map.outside_bytes ? ", outside of them " : "",
			 d->map.outside_bytes ? cli_bytes(d->map.outside_bytes, lost) : "");
	else if (stage == STAGE_MEMORY)
		return;
	else if (stage == STAGE_PAMT)
		snprintf(text, size, "%s", d->pamt);
	else if (stage < STAGE_PAMT && d->good[STAGE_PAMT].line)
		snprintf(text, size, "the module came up, so this did");
	else if (stage == STAGE_KVM && diagnosis_stage(d, STAGE_TD))
		snprintf(text, size, "a TD was tried, so KVM offers them");
	else if (stage == STAGE_DYNAMIC && d->good[STAGE_PAMT].line)
		snprintf(text, size, "not switched on: static PAMT");
}

static const char *stage_words(const struct diagnosis *d, enum stage stage, char *text, size_t size)
{
	const struct evidence *e = diagnosis_stage(d, stage);
	char more[200];

	other_words(d, stage, more, sizeof(more));
	if (e)
		snprintf(text, size, "%s%s%s", e->cause, *more && stage == STAGE_PAMT ? "; " : "",
			 stage == STAGE_PAMT ? more : "");
	else
		snprintf(text, size, "%s", more);
	return text;
}

static const char *stage_state(const struct diagnosis *d, enum stage stage)
{
	const struct evidence *e = diagnosis_stage(d, stage);
	char text[200];

	other_words(d, stage, text, sizeof(text));
	if (e || !*text)
		return state_of(e);
	return stage == STAGE_DYNAMIC ? "off" : "good";
}

static bool known(const struct diagnosis *d, enum stage stage)
{
	return strcmp(stage_state(d, stage), "not known");
}

/* Up to where the first fault is: what comes later had no chance. */
static bool worth_asking(const struct diagnosis *d, enum stage stage)
{
	const struct evidence *first = diagnosis_first(d);

	return !known(d, stage) &&
	       !(first && first->kind >= MESSAGE_RESULT && stage > first->stage);
}

static void print_stages(const struct diagnosis *d)
{
	char text[800];

	putchar('\n');
	for (enum stage stage = 0; stage < NR_STAGES; stage++) {
		const struct evidence *e = diagnosis_stage(d, stage);
		char line[32] = "";

		if (e && e->line)
			snprintf(line, sizeof(line), " (line %llu)", (unsigned long long)e->line);
		stage_words(d, stage, text, sizeof(text));
		printf("%-24s %-9s %s%s\n", stage_name(stage), stage_state(d, stage), text, line);
	}
}

static void print_missing(const struct diagnosis *d)
{
	bool any = false;

	for (enum stage stage = 0; stage < NR_STAGES; stage++) {
		if (!worth_asking(d, stage))
			continue;
		printf("%snot in this log: %s; it is in: %s\n", any ? "" : "\n", stage_name(stage),
		       diagnosis_source_of(stage));
		if (stage == STAGE_MEMORY)
			printf("  %s\n", d->map_error);
		any = true;
	}
}

static void print_others(const struct diagnosis *d, const struct evidence *first)
{
	for (uint32_t i = 0; i < d->nr; i++) {
		const struct evidence *e = &d->evidence[i];

		if (e == first || e->kind < MESSAGE_WARNING)
			continue;
		printf("\n%s%s%s: also\n", cli_bold(), stage_name(e->stage), cli_plain());
		print_evidence(e);
	}
	if (d->left_out)
		printf("\nand %u more\n", d->left_out);
}

/* Is any line of it about TDX? A memory map alone is not. */
static bool says_of_tdx(const struct diagnosis *d)
{
	bool any = d->nr;

	for (enum stage stage = 0; stage < NR_STAGES; stage++)
		any = any || d->good[stage].line;
	return any;
}

static const char *what_is_missing(const struct diagnosis *d)
{
	if (d->good[STAGE_PAMT].line)
		return "";
	return says_of_tdx(d) ? ", but none says that the module came up"
			      : ", but none of them is about TDX";
}

static void print_text(const struct diagnosis *d)
{
	const struct evidence *first = diagnosis_first(d);

	if (first) {
		printf("%sfirst wrong: %s%s (%s)\n", cli_bold(), stage_name(first->stage),
		       cli_plain(), sureness(first));
		print_evidence(first);
	} else {
		printf("%snothing wrong%s in %llu lines%s\n", cli_bold(), cli_plain(),
		       (unsigned long long)d->lines, what_is_missing(d));
	}
	print_stages(d);
	print_missing(d);
	print_others(d, first);
}

/* ------------------------------------------------------------------------------------------- */
/* JSON                                                                                         */

static json_t *evidence_json(const struct evidence *e)
{
	json_t *o = json_object();

	json_object_set_new(o, "stage", json_string(stage_name(e->stage)));
	json_object_set_new(o, "state", json_string(state_of(e)));
	json_object_set_new(o, "sure",
			    json_string(e->sure == SURE_UNKNOWN	    ? "unknown"
					: e->kind == MESSAGE_RESULT ? "result"
					: e->sure == SURE_CERTAIN   ? "certain"
								    : "likely"));
	json_object_set_new(o, "cause", cli_json_text(e->cause));
	json_object_set_new(o, "advice", cli_json_text(e->advice));
	json_object_set_new(o, "line", e->line ? json_integer((json_int_t)e->line) : json_null());
	json_object_set_new(o, "source", e->line ? cli_json_text(e->source) : json_null());
	return o;
}

static json_t *stages_json(const struct diagnosis *d)
{
	json_t *stages = json_array();
	char text[800];

	for (enum stage stage = 0; stage < NR_STAGES; stage++) {
		const struct evidence *e = diagnosis_stage(d, stage);
		json_t *o = json_object();

		json_object_set_new(o, "stage", json_string(stage_name(stage)));
		json_object_set_new(o, "state", json_string(stage_state(d, stage)));
		json_object_set_new(o, "words",
				    cli_json_text(stage_words(d, stage, text, sizeof(text))));
		json_object_set_new(o, "line",
				    e && e->line ? json_integer((json_int_t)e->line) : json_null());
		json_array_append_new(stages, o);
	}
	return stages;
}

static void print_json(const struct diagnosis *d)
{
	const struct evidence *first = diagnosis_first(d);
	json_t *root = cli_json("pamt.diagnose/1"), *others = json_array();
	json_t *missing = json_array();

	json_object_set_new(root, "lines", json_integer((json_int_t)d->lines));
	json_object_set_new(root, "whole", json_boolean(d->whole));
	json_object_set_new(root, "first", first ? evidence_json(first) : json_null());
	json_object_set_new(root, "stages", stages_json(d));
	for (uint32_t i = 0; i < d->nr; i++)
		if (&d->evidence[i] != first && d->evidence[i].kind >= MESSAGE_WARNING)
			json_array_append_new(others, evidence_json(&d->evidence[i]));
	json_object_set_new(root, "others", others);
	for (enum stage stage = 0; stage < NR_STAGES; stage++)
		if (worth_asking(d, stage))
			json_array_append_new(missing,
					      json_pack("{ss ss}", "stage", stage_name(stage),
							"source", diagnosis_source_of(stage)));
	json_object_set_new(root, "missing", missing);
	cli_json_print(root);
}

/* ------------------------------------------------------------------------------------------- */

static int judge(const struct text *text, const char *name, bool json)
{
	static struct diagnosis diagnosis;
	int code = CLI_OK;

	if (text->recording ? diagnose_recording(&text->vector, &diagnosis)
			    : diagnose(text->bytes, text->size, name, &diagnosis))
		return cli_error(CLI_FAILED, "diagnose: %s: no memory", name);
	if (!says_of_tdx(&diagnosis) && !diagnosis.has_map)
		code = cli_usage_error("%s: nothing about TDX or memory in %llu lines; wanted: the "
				       "whole dmesg, or what QEMU or libvirt printed",
				       name, (unsigned long long)diagnosis.lines);
	else if (json)
		print_json(&diagnosis);
	else
		print_text(&diagnosis);
	if (!code && diagnosis_first(&diagnosis))
		code = CLI_FAILED;
	diagnosis_free(&diagnosis);
	return code;
}

int cmd_diagnose(int argc, char **argv)
{
	struct cli_args args = { .options = options, .argc = argc, .argv = argv };
	struct text text = { 0 };
	const char *name = "this machine";
	char **words;
	int nr, code;

	if (!cli_read_options(&args))
		return args.exit;
	words = cli_operands(&args, &nr);
	if (nr > 1)
		return cli_usage_error("diagnose: '%s' is one log too many: one is allowed",
				       words[1]);
	if (nr || cli_stdin_is_input()) {
		const char *path = nr ? words[0] : "-";

		name = strcmp(path, "-") ? path : "stdin";
		code = read_file(path, name, &text);
	} else {
		code = read_this_machine(&text);
	}
	if (!code)
		code = judge(&text, name, args.json);
	free(text.bytes);
	vector_free(&text.vector);
	return code;
}
