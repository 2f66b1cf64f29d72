// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * findings.c - looks for leaves, status codes, fields and other names of the ABI in a word.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "abi/word.h"
#include "cli/finding_add.h"

static void add_name(struct findings *found, enum abi_name_kind kind, const struct abi_name *name)
{
	struct finding *f = finding_add(found, FOUND_NAME, name->number);

	f->name_kind = kind;
	f->name = name;
}

static void add_field(struct findings *found, enum abi_context context,
		      const struct abi_field *field, uint32_t element)
{
	struct finding *f = finding_add(found, FOUND_FIELD,
					field->id + (uint64_t)element * abi_field_step(field));

	f->context = context;
	f->field = field;
	f->element = element;
}

/*
 * The fields whose own id this is, all that describes them included; or, loosely, those that a leaf
 * takes it for: of what is in its context bits.
 */
static void find_field_id(uint64_t id, bool loose, struct findings *found)
{
	const struct abi_field *field;
	uint32_t element;

	if (id & (ABI_ID_RESERVED | ABI_ID_LIST))
		return;
	for (unsigned int context = 0; context < ABI_NR_CONTEXTS; context++) {
		field = abi_field(context, id, &element);
		if (!field)
			continue;
		if (loose ? (id ^ field->id) & ABI_ID_CONTEXT
			  : id != field->id + (uint64_t)element * abi_field_step(field))
			continue;
		add_field(found, context, field, element);
	}
}

/* A bare number: a status if it is as large as one, else everything that has this number. */
static void find_number(uint64_t value, struct findings *found)
{
	const struct abi_name *operand = abi_name(ABI_OPERAND, (uint32_t)value);

	if (!value || value >> 32) {
		find_field_id(value, false, found);
		/* A number that is a field's id is a status too only if there is such a status. */
		if (!found->nr || abi_status((tdx_status_t){ value }))
			finding_add_status(found, value);
		if (value && abi_other_leaf(value))
			finding_add_leaf(found, value, false);
		if (value)
			return;
	}
	if ((finding_is_call(value) && abi_leaf(TDX_RAX_LEAF(value), false)) ||
	    abi_other_leaf(value))
		finding_add_leaf(found, value, false);
	if (operand && !(value >> 32))
		add_name(found, ABI_OPERAND, operand);
	if (!found->nr)
		finding_add(found, FOUND_STATUS, value);
}

/* "OPERAND_BUSY(SEPT_TREE)", "PAMT_OVERLAP(0x10101)", as abi_status_text() writes them. */
static bool find_status_with_detail(const char *word, struct findings *found)
{
	const char *open = strchr(word, '(');
	size_t length = strlen(word);
	const struct abi_status *status;
	const struct abi_name *name;
	enum abi_name_kind kind;
	char base[64], inner[64];
	uint64_t detail;

	if (!open || word[length - 1] != ')' || (size_t)(open - word) >= sizeof(base) ||
	    length - (size_t)(open - word) >= sizeof(inner))
		return false;
	memcpy(base, word, (size_t)(open - word));
	base[open - word] = 0;
	length -= (size_t)(open - word) + 2;
	memcpy(inner, open + 1, length);
	inner[length] = 0;
	status = abi_status_by_name(base);
	if (!status || (uint32_t)status->value)
		return false;
	if (abi_detail_names(status, &kind) && (name = abi_name_by_name(kind, inner)))
		detail = name->number;
	else if (!finding_number(inner, length, &detail) || detail >> 32)
		return false;
	finding_add(found, FOUND_STATUS, status->value | detail);
	return true;
}

bool find_field(const char *word, struct findings *found)
{
	const struct abi_field *field;
	uint64_t id;

	found->nr = 0;
	if (finding_number(word, strlen(word), &id)) {
		find_field_id(id, true, found);
		return found->nr;
	}
	for (unsigned int context = 0; context < ABI_NR_CONTEXTS; context++) {
		field = abi_field_by_name(context, word);
		if (field)
			add_field(found, context, field, 0);
	}
	return found->nr;
}

static void find_name(const char *word, struct findings *found)
{
	const struct abi_status *status = abi_status_by_name(word);
	const struct abi_leaf *leaf;

	if (status)
		finding_add(found, FOUND_STATUS, status->value)->by_name = true;
	/* Without its prefix a name can be a leaf of both sides: "VP.RD". */
	for (unsigned int i = 0; (leaf = abi_leaf_at(i)); i++)
		if (word_same(leaf->symbol, word) || word_same(leaf->symbol + 4, word))
			finding_add_leaf(found, leaf->number, leaf->guest);
	for (unsigned int i = 0; (leaf = abi_other_leaf_at(i)); i++)
		if (word_same(leaf->symbol, word) || word_same(leaf->symbol + 4, word))
			finding_add_other_leaf(found, leaf);
	for (unsigned int i = 0; (status = abi_loader_status_at(i)); i++)
		if (word_same(status->name, word))
			finding_add_status(found, status->value)->by_name = true;
	for (unsigned int kind = 0; kind < ABI_NR_NAME_KINDS; kind++) {
		const struct abi_name *name = abi_name_by_name(kind, word);

		if (name)
			add_name(found, kind, name);
	}
}

bool find_in_word(const char *word, struct findings *found)
{
	uint64_t value;

	found->nr = 0;
	if (!*word)
		return false;
	if (finding_number(word, strlen(word), &value))
		find_number(value, found);
	else if (!find_status_with_detail(word, found))
		find_name(word, found);
	return found->nr;
}

const char *finding_name(unsigned int i)
{
	unsigned int nr = 0;
	const struct abi_status *status;
	const struct abi_leaf *leaf;

	for (; (status = abi_status_at(nr)); nr++)
		if (nr == i)
			return status->name;
	i -= nr;
	leaf = abi_leaf_at(i);
	return leaf ? leaf->name : NULL;
}
