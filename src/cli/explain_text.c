// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * explain_text.c - a finding of `pamt explain` for people.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/explain.h"

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
		print_row("meaning", explain_meaning(f, &d)->meaning);
		print_row("advice", explain_meaning(f, &d)->advice);
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

static void print_register(const struct finding *f)
{
	char text[ABI_TEXT];

	explain_register_words(f, text, sizeof(text));
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

void explain_print(const struct finding *f, bool brief)
{
	switch (f->kind) {
	case FOUND_LEAF:
		print_leaf(f, brief);
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
