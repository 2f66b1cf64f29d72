// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * explain_json.c - a finding of `pamt explain` as JSON.
 */
#include "cli/cli.h"
#include "cli/explain.h"

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
	set_text(o, "meaning", d.status ? explain_meaning(f, &d)->meaning : NULL);
	set_text(o, "advice", d.status ? explain_meaning(f, &d)->advice : NULL);
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

	explain_register_words(f, text, sizeof(text));
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

json_t *explain_json(const struct finding *f)
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
