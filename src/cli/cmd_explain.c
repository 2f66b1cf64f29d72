// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cmd_explain.c - `pamt explain`: what a status code, a leaf or a line of a kernel log means.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/findings.h"
#include "machine/log_text.h"

/* One run of the command. */
struct explain {
	bool json;
	unsigned int nr_items;
	int exit;
};

/* ------------------------------------------------------------------------------------------- */
/* Text                                                                                         */

static void print_heading(const char *name, const char *number)
{
	printf("%s%s%s  %s\n", cli_bold(), name, cli_plain(), number);
}

static void print_row(const char *label, const char *text)
{
	if (*text)
		printf("  %-9s %s\n", label, text);
}

static const char *kind_of_status(const struct abi_decoded *d)
{
	if (d->fatal)
		return d->error ? "error, not recoverable, fatal to the TD"
				: "not recoverable, fatal to the TD";
	if (d->non_recoverable)
		return d->error ? "error, not recoverable: repeating the call cannot help"
				: "not recoverable";
	if (d->software)
		return "error, not from the module";
	return d->error ? "error, recoverable: the call may be repeated" : "no error";
}

static void print_class(const struct abi_decoded *d)
{
	char text[80];

	snprintf(text, sizeof(text), "%s (0x%02x), code 0x%02x",
		 d->class_name ? d->class_name : "unknown", d->class, d->code);
	print_row("class", text);
}

/* The detail, and if it names a register of a known leaf, what is in that register. */
static void print_detail(const struct abi_decoded *d, const struct abi_leaf *leaf)
{
	char text[ABI_TEXT];
	const struct abi_operand *in;

	abi_detail_text(d, text, sizeof(text));
	if (!leaf || !d->status || d->status->detail != ABI_DETAIL_OPERAND || !d->detail) {
		print_row("detail", text);
		return;
	}
	for (in = leaf->in; in < leaf->in + ABI_MAX_OPERANDS && in->value; in++)
		if (in->reg == d->detail) {
			printf("  %-9s %s, which holds: %s\n", "detail", text, in->what);
			return;
		}
	print_row("detail", text);
}

/* What it means of this leaf, else of all. */
static const struct abi_status *meaning_of(const struct finding *f, const struct abi_decoded *d)
{
	const struct abi_status *own = abi_status_of_leaf(f->leaf, (tdx_status_t){ f->value });

	return own ? own : d->status;
}

static void print_status(const struct finding *f)
{
	struct abi_decoded d;
	char number[32], name[80], text[128];

	snprintf(number, sizeof(number), "0x%016" PRIx64, f->value);
	if (f->loader) {
		print_heading(f->loader->name, number);
		print_row("class", "P-SEAMLDR, which loads and updates the TDX module");
		print_row("meaning", f->loader->meaning);
		print_row("advice", f->loader->advice);
		return;
	}
	abi_decode((tdx_status_t){ f->value }, &d);
	snprintf(name, sizeof(name), "%s%s", d.status ? "TDX_" : "unknown status",
		 d.status ? d.status->name : "");
	print_heading(name, number);
	print_class(&d);
	print_row("kind", kind_of_status(&d));
	if (d.host_hint)
		print_row("hint", "the host can recover from it (bit 60)");
	if (!f->by_name)
		print_detail(&d, f->leaf);
	if (d.reserved) {
		snprintf(text, sizeof(text),
			 "bits 59:48 are 0x%03x, no status of the module has them", d.reserved);
		print_row("reserved", text);
	}
	if (d.status) {
		print_row("meaning", meaning_of(f, &d)->meaning);
		print_row("advice", meaning_of(f, &d)->advice);
	} else if (d.similar) {
		snprintf(text, sizeof(text), "TDX_%s has this class and code, but other flags",
			 d.similar->name);
		print_row("similar", text);
	}
}

static void print_operands(const char *label, const struct abi_operand *list)
{
	for (const struct abi_operand *o = list; o < list + ABI_MAX_OPERANDS && o->value; o++) {
		char text[ABI_TEXT];

		snprintf(text, sizeof(text), "%-4s %s", abi_name(ABI_OPERAND, o->reg)->name,
			 o->what);
		print_row(o == list ? label : "", text);
	}
}

static void print_leaf(const struct finding *f, bool brief)
{
	char number[64];
	const uint32_t version = TDX_RAX_VERSION(f->value);

	if (!f->leaf) {
		snprintf(number, sizeof(number), "0x%" PRIx64, f->value);
		print_heading("unknown leaf", number);
		return;
	}
	if (f->leaf->loader)
		snprintf(number, sizeof(number), "SEAMCALL of the P-SEAMLDR, 0x%016" PRIx64,
			 f->value);
	else
		snprintf(number, sizeof(number), "%s leaf %u (0x%x)",
			 f->leaf->guest ? "TDCALL" : "SEAMCALL", f->leaf->number, f->leaf->number);
	print_heading(f->leaf->name, number);
	print_row("purpose", f->leaf->purpose);
	if (f->leaf->later)
		print_row("module", "later than 1.5: older ones answer OPERAND_INVALID(RAX)");
	if (f->leaf->loader || f->leaf->later)
		return;
	if (version || f->leaf->max_version) {
		snprintf(number, sizeof(number), "%u, the highest is %u%s", version,
			 f->leaf->max_version,
			 version > f->leaf->max_version ? ": refused with OPERAND_INVALID(RAX)"
							: "");
		print_row("version", number);
	}
	if (brief)
		return;
	print_operands("takes", f->leaf->in);
	print_operands("returns", f->leaf->out);
}

static void register_words(const struct finding *f, char *text, size_t size)
{
	text[0] = 0;
	if (f->leaf)
		abi_register_text(f->leaf, f->has_status ? &f->status : NULL, f->reg, f->value,
				  text, size);
}

static void print_register(const struct finding *f)
{
	char text[ABI_TEXT];

	register_words(f, text, sizeof(text));
	printf("%-4s 0x%016" PRIx64 "%s%s\n", abi_name(ABI_OPERAND, f->reg)->name, f->value,
	       *text ? "  " : "", text);
}

static void print_name(const struct finding *f)
{
	char number[64];

	snprintf(number, sizeof(number), "%s %u (0x%x)", abi_kind_text(f->name_kind),
		 f->name->number, f->name->number);
	print_heading(f->name->name, number);
	print_row("meaning", f->name->what);
}

static void print_message(const struct finding *f)
{
	const struct message *m = f->match.message;
	char text[512];

	printf("%s%s%s\n", cli_bold(), stage_name(m->stage), cli_plain());
	print_row("meaning", message_text(&f->match, m->cause, text, sizeof(text)));
	print_row("advice", message_text(&f->match, m->advice, text, sizeof(text)));
	print_row("said by", m->versions);
}

static void mask_words(uint64_t mask, const struct abi_field *field, char *text, size_t size)
{
	const uint64_t all = UINT64_MAX >> (64 - abi_id_bits(field->id));

	if (!(mask & all))
		snprintf(text, size, "no");
	else if ((mask & all) == all)
		snprintf(text, size, "yes");
	else
		snprintf(text, size, "bits 0x%" PRIx64, mask & all);
}

static void print_masks(const char *label, const struct abi_field *field, uint64_t production,
			uint64_t debug)
{
	char text[160], one[32], other[32];

	mask_words(production, field, one, sizeof(one));
	mask_words(debug, field, other, sizeof(other));
	if (strcmp(one, other))
		snprintf(text, sizeof(text), "%s; of debug TDs: %s", one, other);
	else
		snprintf(text, sizeof(text), "%s", one);
	print_row(label, text);
}

static void print_field(const struct finding *f)
{
	const struct abi_field *field = f->field;
	char text[160];

	snprintf(text, sizeof(text), "0x%016" PRIx64, f->value);
	print_heading(field->name, text);
	snprintf(text, sizeof(text), "metadata of %s%s, %u bits",
		 f->context == ABI_SYS ? "the " : "a ", abi_context_name(f->context),
		 abi_id_bits(field->id));
	print_row("field", text);
	if (abi_field_elements(field) > 1) {
		snprintf(text, sizeof(text), "%u, of %u field%s of %u", f->element, field->fields,
			 field->fields == 1 ? "" : "s", field->elements);
		print_row("element", text);
	}
	print_masks("readable", field, field->read, field->read_debug);
	print_masks("writable", field, field->write, field->write_debug);
	if (field->needs == ABI_DYNAMIC_PAMT)
		print_row("needs", "Dynamic PAMT");
	else if (field->needs != ABI_ALWAYS) {
		snprintf(text, sizeof(text), "a TD with %u L2 VMs or more", field->needs);
		print_row("needs", text);
	}
}

static void print_findings(const struct findings *found, bool in_log)
{
	for (unsigned int i = 0; i < found->nr; i++) {
		const struct finding *f = &found->list[i];

		switch (f->kind) {
		case FOUND_LEAF:
			print_leaf(f, in_log);
			break;
		case FOUND_STATUS:
			print_status(f);
			break;
		case FOUND_REGISTER:
			print_register(f);
			break;
		case FOUND_NAME:
			print_name(f);
			break;
		case FOUND_FIELD:
			print_field(f);
			break;
		case FOUND_MESSAGE:
			print_message(f);
			break;
		}
	}
}

/* ------------------------------------------------------------------------------------------- */
/* JSON                                                                                         */

static void set_text(json_t *object, const char *key, const char *text)
{
	json_object_set_new(object, key, text && *text ? json_string(text) : json_null());
}

static json_t *status_json(const struct finding *f)
{
	json_t *o = json_object();
	struct abi_decoded d;
	char text[ABI_TEXT];

	abi_decode((tdx_status_t){ f->value }, &d);
	set_text(o, "kind", "status");
	json_object_set_new(o, "value", cli_json_hex(f->value));
	json_object_set_new(o, "loader", json_boolean(f->loader != NULL));
	if (f->loader) {
		set_text(o, "name", f->loader->name);
		set_text(o, "meaning", f->loader->meaning);
		set_text(o, "advice", f->loader->advice);
		return o;
	}
	json_object_set_new(o, "name",
			    d.status ? json_sprintf("TDX_%s", d.status->name) : json_null());
	set_text(o, "class", d.class_name);
	json_object_set_new(o, "class_number", json_integer(d.class));
	json_object_set_new(o, "code", json_integer(d.code));
	json_object_set_new(o, "error", json_boolean(d.error));
	json_object_set_new(o, "recoverable", json_boolean(!d.non_recoverable));
	json_object_set_new(o, "fatal", json_boolean(d.fatal));
	json_object_set_new(o, "host_hint", json_boolean(d.host_hint));
	json_object_set_new(o, "software", json_boolean(d.software));
	json_object_set_new(o, "reserved", json_integer(d.reserved));
	json_object_set_new(o, "detail", f->by_name ? json_null() : json_integer(d.detail));
	set_text(o, "detail_text", f->by_name ? NULL : abi_detail_text(&d, text, sizeof(text)));
	set_text(o, "meaning", d.status ? meaning_of(f, &d)->meaning : NULL);
	set_text(o, "advice", d.status ? meaning_of(f, &d)->advice : NULL);
	return o;
}

static json_t *operands_json(const struct abi_operand *list)
{
	json_t *array = json_array();

	for (const struct abi_operand *o = list; o < list + ABI_MAX_OPERANDS && o->value; o++)
		json_array_append_new(array, json_pack("{ss ss}", "register",
						       abi_name(ABI_OPERAND, o->reg)->name, "what",
						       o->what));
	return array;
}

static json_t *leaf_json(const struct finding *f)
{
	json_t *o = json_object();

	set_text(o, "kind", "leaf");
	json_object_set_new(o, "value", cli_json_hex(f->value));
	set_text(o, "name", f->leaf ? f->leaf->name : NULL);
	if (!f->leaf)
		return o;
	json_object_set_new(o, "number", json_integer(f->leaf->number));
	json_object_set_new(o, "guest", json_boolean(f->leaf->guest));
	json_object_set_new(o, "loader", json_boolean(f->leaf->loader));
	json_object_set_new(o, "version", json_integer(TDX_RAX_VERSION(f->value)));
	json_object_set_new(o, "max_version", json_integer(f->leaf->max_version));
	set_text(o, "purpose", f->leaf->purpose);
	json_object_set_new(o, "takes", operands_json(f->leaf->in));
	json_object_set_new(o, "returns", operands_json(f->leaf->out));
	return o;
}

static json_t *register_json(const struct finding *f)
{
	json_t *o = json_object();
	char text[ABI_TEXT];

	register_words(f, text, sizeof(text));
	set_text(o, "kind", "register");
	set_text(o, "name", abi_name(ABI_OPERAND, f->reg)->name);
	json_object_set_new(o, "value", cli_json_hex(f->value));
	set_text(o, "meaning", text);
	return o;
}

static json_t *name_json(const struct finding *f)
{
	return json_pack("{ss ss ss si ss}", "kind", "name", "of", abi_kind_text(f->name_kind),
			 "name", f->name->name, "number", (int)f->name->number, "meaning",
			 f->name->what);
}

static json_t *message_json(const struct finding *f)
{
	const struct message *m = f->match.message;
	char cause[512], advice[512];
	json_t *o = json_object();

	set_text(o, "kind", "message");
	set_text(o, "stage", stage_name(m->stage));
	json_object_set_new(o, "meaning",
			    cli_json_text(message_text(&f->match, m->cause, cause, sizeof(cause))));
	json_object_set_new(
		o, "advice",
		cli_json_text(message_text(&f->match, m->advice, advice, sizeof(advice))));
	set_text(o, "versions", m->versions);
	return o;
}

static json_t *field_json(const struct finding *f)
{
	const struct abi_field *field = f->field;
	json_t *o = json_object();

	set_text(o, "kind", "field");
	set_text(o, "name", field->name);
	json_object_set_new(o, "id", cli_json_hex(f->value));
	set_text(o, "of", abi_context_name(f->context));
	json_object_set_new(o, "bits", json_integer(abi_id_bits(field->id)));
	json_object_set_new(o, "element", json_integer(f->element));
	json_object_set_new(o, "fields", json_integer(field->fields));
	json_object_set_new(o, "elements", json_integer(field->elements));
	json_object_set_new(o, "read", cli_json_hex(field->read));
	json_object_set_new(o, "write", cli_json_hex(field->write));
	json_object_set_new(o, "read_debug", cli_json_hex(field->read_debug));
	json_object_set_new(o, "write_debug", cli_json_hex(field->write_debug));
	return o;
}

static json_t *finding_json(const struct finding *f)
{
	switch (f->kind) {
	case FOUND_LEAF:
		return leaf_json(f);
	case FOUND_STATUS:
		return status_json(f);
	case FOUND_REGISTER:
		return register_json(f);
	case FOUND_NAME:
		return name_json(f);
	case FOUND_FIELD:
		return field_json(f);
	case FOUND_MESSAGE:
		return message_json(f);
	}
	return json_null();
}

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
			json_array_append_new(list, finding_json(&found->list[i]));
		json_object_set_new(item, "findings", list);
		print_item(run, item);
	} else {
		if (run->nr_items)
			putchar('\n');
		if (line)
			printf("line %lu: %s\n", line, source);
		print_findings(found, in_log);
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
	else if (!access(word, R_OK))
		run->exit = cli_usage_error("explain: '%s' is a file; a log is read from standard "
					    "input: pamt explain <%s",
					    word, word);
	else
		run->exit =
			cli_usage_error("explain: '%s' is not known; a status code, a leaf, a name "
					"of either or a line of a log is allowed",
					word);
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

static void list_leaves(void)
{
	static const struct cli_column columns[] = { { "LEAF", true },
						     { "NAME", false },
						     { "", false } };
	struct cli_table *table = cli_table_create(columns, 3);
	const struct abi_leaf *leaf;

	for (unsigned int i = 0; (leaf = abi_leaf_at(i)); i++) {
		cli_table_cell(table, "%u", leaf->number);
		cli_table_cell(table, "%s", leaf->name);
		cli_table_cell(table, "%s", leaf->purpose);
	}
	cli_table_print(table);
}

static void list_statuses(void)
{
	static const struct cli_column columns[] = { { "STATUS", false },
						     { "NAME", false },
						     { "CLASS", false } };
	struct cli_table *table = cli_table_create(columns, 3);
	const struct abi_status *status;

	for (unsigned int i = 0; (status = abi_status_at(i)); i++) {
		cli_table_cell(table, "0x%016" PRIx64, status->value);
		cli_table_cell(table, "TDX_%s", status->name);
		cli_table_cell(table, "%s", abi_class_name((uint8_t)(status->value >> 40)));
	}
	cli_table_print(table);
}

static void list_json(void)
{
	json_t *root = cli_json("pamt.explain.list/1");
	json_t *leaves = json_array(), *statuses = json_array();
	const struct abi_status *status;
	const struct abi_leaf *leaf;

	for (unsigned int i = 0; (leaf = abi_leaf_at(i)); i++) {
		struct finding f = { .kind = FOUND_LEAF, .value = leaf->number, .leaf = leaf };

		json_array_append_new(leaves, leaf_json(&f));
	}
	for (unsigned int i = 0; (status = abi_status_at(i)); i++) {
		struct finding f = { .kind = FOUND_STATUS,
				     .value = status->value,
				     .by_name = true };

		json_array_append_new(statuses, status_json(&f));
	}
	json_object_set_new(root, "leaves", leaves);
	json_object_set_new(root, "statuses", statuses);
	cli_json_print(root);
}

static int list_all(const struct cli_args *args, int nr)
{
	if (nr)
		return cli_usage_error("explain: --list takes no words");
	if (args->json) {
		list_json();
		return CLI_OK;
	}
	list_leaves();
	putchar('\n');
	list_statuses();
	return CLI_OK;
}

/* ------------------------------------------------------------------------------------------- */

enum { OPTION_LIST = 1 };

static const struct cli_option options[] = {
	{ OPTION_LIST, "list", NULL, "all leaves and status codes" },
	{ 0 },
};

int cmd_explain(int argc, char **argv)
{
	struct cli_args args = { .options = options, .argc = argc, .argv = argv };
	struct explain run = { .exit = CLI_OK };
	bool list = false;
	int nr, option;
	char **words;

	while ((option = cli_next_option(&args)) > 0)
		list |= option == OPTION_LIST;
	if (option < 0)
		return args.exit;
	words = cli_operands(&args, &nr);
	if (list)
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
