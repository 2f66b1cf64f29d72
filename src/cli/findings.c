// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * findings.c - looks for leaves, status codes, registers and other names of the ABI in words and in
 * lines of kernel logs.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "abi/word.h"
#include "cli/findings.h"

static struct finding *add(struct findings *found, enum finding_kind kind, uint64_t value)
{
	static struct finding spare; /* written and never read: the list is full */
	struct finding *f = found->nr < MAX_FINDINGS ? &found->list[found->nr++] : &spare;

	*f = (struct finding){ .kind = kind, .value = value };
	return f;
}

/*
 * A number as logs and people write them: 0x and up to 16 digits, or exactly 16 hexadecimal digits
 * without it (Linux prints a zero so), or decimal.
 */
static bool parse_number(const char *text, size_t length, uint64_t *value)
{
	bool prefixed = length > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = prefixed ? text + 2 : text;
	size_t nr = prefixed ? length - 2 : length;
	bool hex = prefixed || nr == 16;
	uint64_t v = 0;

	if (!nr || (prefixed && nr > 16))
		return false;
	for (size_t i = 0; i < nr; i++) {
		char c = (char)tolower((unsigned char)digits[i]);
		unsigned int digit;

		if (hex ? !isxdigit((unsigned char)c) : !isdigit((unsigned char)c))
			return false;
		digit = (unsigned int)(isdigit((unsigned char)c) ? c - '0' : c - 'a' + 10);
		if (__builtin_mul_overflow(v, hex ? 16u : 10u, &v) ||
		    __builtin_add_overflow(v, digit, &v))
			return false;
	}
	*value = v;
	return true;
}

/* RAX on input: reserved bits 0, so that an address is not taken for a leaf. */
static bool is_call(uint64_t value) { return !(value & TDX_RAX_RESERVED); }

static void add_leaf(struct findings *found, uint64_t rax, bool guest)
{
	struct finding *f = add(found, FOUND_LEAF, rax);

	f->leaf = is_call(rax) ? abi_leaf(TDX_RAX_LEAF(rax), guest) : NULL;
	if (!f->leaf && !guest)
		f->leaf = abi_other_leaf(rax);
}

static void add_other_leaf(struct findings *found, const struct abi_leaf *leaf)
{
	add(found, FOUND_LEAF, leaf->number | (leaf->loader ? ABI_LOADER_BIT : 0))->leaf = leaf;
}

/* Codes of the P-SEAMLDR are none of the module's: the value tells them apart. */
static struct finding *add_status(struct findings *found, uint64_t value)
{
	struct finding *f = add(found, FOUND_STATUS, value);

	f->loader = abi_loader_status(value);
	return f;
}

static void add_name(struct findings *found, enum abi_name_kind kind, const struct abi_name *name)
{
	struct finding *f = add(found, FOUND_NAME, name->number);

	f->name_kind = kind;
	f->name = name;
}

static void add_field(struct findings *found, enum abi_context context,
		      const struct abi_field *field, uint32_t element)
{
	struct finding *f =
		add(found, FOUND_FIELD, field->id + (uint64_t)element * abi_field_step(field));

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

/* ------------------------------------------------------------------------------------------- */
/* Words                                                                                        */

/* A bare number: a status if it is as large as one, else everything that has this number. */
static void find_number(uint64_t value, struct findings *found)
{
	const struct abi_name *operand = abi_name(ABI_OPERAND, (uint32_t)value);

	if (!value || value >> 32) {
		find_field_id(value, false, found);
		/* A number that is a field's id is a status too only if there is such a status. */
		if (!found->nr || abi_status((tdx_status_t){ value }))
			add_status(found, value);
		if (value && abi_other_leaf(value))
			add_leaf(found, value, false);
		if (value)
			return;
	}
	if ((is_call(value) && abi_leaf(TDX_RAX_LEAF(value), false)) || abi_other_leaf(value))
		add_leaf(found, value, false);
	if (operand && !(value >> 32))
		add_name(found, ABI_OPERAND, operand);
	if (!found->nr)
		add(found, FOUND_STATUS, value);
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
	else if (!parse_number(inner, length, &detail) || detail >> 32)
		return false;
	add(found, FOUND_STATUS, status->value | detail);
	return true;
}

bool find_field(const char *word, struct findings *found)
{
	const struct abi_field *field;
	uint64_t id;

	found->nr = 0;
	if (parse_number(word, strlen(word), &id)) {
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
		add(found, FOUND_STATUS, status->value)->by_name = true;
	/* Without its prefix a name can be a leaf of both sides: "VP.RD". */
	for (unsigned int i = 0; (leaf = abi_leaf_at(i)); i++)
		if (word_same(leaf->symbol, word) || word_same(leaf->symbol + 4, word))
			add_leaf(found, leaf->number, leaf->guest);
	for (unsigned int i = 0; (leaf = abi_other_leaf_at(i)); i++)
		if (word_same(leaf->symbol, word) || word_same(leaf->symbol + 4, word))
			add_other_leaf(found, leaf);
	for (unsigned int i = 0; (status = abi_loader_status_at(i)); i++)
		if (word_same(status->name, word))
			add_status(found, status->value)->by_name = true;
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
	if (parse_number(word, strlen(word), &value))
		find_number(value, found);
	else if (!find_status_with_detail(word, found))
		find_name(word, found);
	return found->nr;
}

/* ------------------------------------------------------------------------------------------- */
/* Lines                                                                                        */

struct token {
	char text[64]; /* cut if longer: nothing that counts is */
	bool number;
	uint64_t value;
};

static bool in_token(char c) { return isalnum((unsigned char)c) || c == '_' || c == '.'; }

/* The next token at or after *at, which is moved behind it. */
static bool next_token(const char **at, struct token *token)
{
	const char *start;
	size_t length;

	while (**at && !in_token(**at))
		++*at;
	start = *at;
	while (in_token(**at))
		++*at;
	length = (size_t)(*at - start);
	while (length && start[length - 1] == '.') /* the end of a sentence */
		length--;
	if (*at == start)
		return false;
	token->number = parse_number(start, length, &token->value);
	if (length >= sizeof(token->text))
		length = sizeof(token->text) - 1;
	memcpy(token->text, start, length);
	token->text[length] = 0;
	return true;
}

/* "RCX", "rcx", "R08"; RAX is not one of them here, since on return it is the status. */
static const struct abi_name *register_named(const char *text)
{
	/* The names that KVM's and the kernel's variables have. */
	static const struct {
		const char *variable;
		uint32_t operand;
	} variables[] = {
		{ "entry", TDX_OP_RCX },	 { "level_state", TDX_OP_RDX },
		{ "ext_err1", TDX_OP_RCX },	 { "ext_err2", TDX_OP_RDX },
		{ "extended_err1", TDX_OP_RCX }, { "extended_err2", TDX_OP_RDX },
	};
	char name[4];
	const struct abi_name *operand;

	for (unsigned int i = 0; i < sizeof(variables) / sizeof(*variables); i++)
		if (!strcasecmp(text, variables[i].variable))
			return abi_name(ABI_OPERAND, variables[i].operand);
	if (toupper((unsigned char)text[0]) != 'R' || strlen(text) > 3)
		return NULL;
	strcpy(name, text);
	if (name[1] == '0') /* R08, R09 */
		memmove(name + 1, name + 2, strlen(name + 2) + 1);
	operand = abi_name_by_name(ABI_OPERAND, name);
	return operand && operand->number >= TDX_OP_RCX && operand->number <= TDX_OP_R15 ? operand
											 : NULL;
}

static bool one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (!strcasecmp(text, *words))
			return true;
	return false;
}

/* Is a number that stands after this word a status? */
static bool announces_status(const char *word)
{
	static const char *const words[] = { "failed", "error", "err",	"status", "ret", "returned",
					     "result", "rc",	"sret", "rax",	  NULL };

	return one_of(word, words);
}

/*
 * A known code with an error bit is a status wherever it stands. One without such a bit may as well
 * be an address, and an unknown code anything: they need a word before them that announces a
 * status. All ones is the error value of many things: it needs a call in the same line.
 */
static bool is_status(uint64_t value, bool announced, bool call)
{
	struct abi_decoded d;

	if (!(value >> 32))
		return false;
	if (value == UINT64_MAX)
		return announced && call;
	abi_decode((tdx_status_t){ value }, &d);
	if (abi_loader_status(value))
		return announced || call || value & 0xffff0000;
	if (d.error || d.non_recoverable)
		return d.status || (announced && !d.reserved && d.class_name);
	return announced && d.status && value >> 40;
}

/* Names in a line must look like names of the ABI, or every "free" would be an S-EPT state. */
static void find_name_in_line(const char *text, struct findings *found)
{
	const struct abi_status *status;
	const struct abi_leaf *leaf;

	if (!strncasecmp(text, "TDH", 3) || !strncasecmp(text, "TDG", 3) ||
	    !strncasecmp(text, "SEAMLDR", 7)) {
		leaf = abi_leaf_by_name(text);
		if (leaf && strlen(text) == strlen(leaf->name))
			add_leaf(found, leaf->number, leaf->guest);
		for (unsigned int i = 0; (leaf = abi_other_leaf_at(i)); i++)
			if (word_same(leaf->symbol, text))
				add_other_leaf(found, leaf);
		return;
	}
	if (!strchr(text, '_'))
		return;
	status = abi_status_by_name(text);
	if (status && (!strncmp(text, "TDX_", 4) || !strcmp(text, status->name)))
		add(found, FOUND_STATUS, status->value)->by_name = true;
}

/* What the number in this token is, judged by the words before it. */
static void find_number_in_line(const struct token *token, const struct token *before,
				const struct token *call, struct findings *found)
{
	const struct abi_name *reg = register_named(before->text);
	static const char *const leaf_words[] = { "SEAMCALL", "TDCALL", "leaf", NULL };

	if (reg) {
		add(found, FOUND_REGISTER, token->value)->reg = (uint8_t)reg->number;
		return;
	}
	if (*call->text && one_of(before->text, leaf_words)) {
		add_leaf(found, token->value, !strcasecmp(call->text, "TDCALL"));
		return;
	}
	if (is_status(token->value, announces_status(before->text), *call->text))
		add_status(found, token->value);
}

/* Ties registers to the call, of this line or of the one spoken of last. */
static void settle(struct log_context *context, struct findings *found)
{
	unsigned int kept = 0;
	bool named = false;

	for (unsigned int i = 0; i < found->nr; i++) {
		struct finding *f = &found->list[i];

		if (f->kind == FOUND_LEAF) {
			*context = (struct log_context){ .leaf = f->leaf };
			named = true;
		} else if (f->kind == FOUND_STATUS) {
			if (context->has_status && !named) /* of another call, not named */
				*context = (struct log_context){ 0 };
			context->has_status = true;
			context->status = (tdx_status_t){ f->value };
			context->age = 0;
		}
	}
	for (unsigned int i = 0; i < found->nr; i++) {
		struct finding *f = &found->list[i];

		/* Registers of no call are those of any oops. */
		if (f->kind == FOUND_REGISTER && !context->leaf && !context->has_status)
			continue;
		if (f->kind != FOUND_LEAF && f->kind != FOUND_MESSAGE)
			f->leaf = context->leaf;
		f->has_status = context->has_status;
		f->status = context->status;
		found->list[kept++] = *f;
	}
	found->nr = kept;
}

bool find_in_line(const char *line, struct log_context *context, struct findings *found)
{
	enum { FORGET = 4 }; /* lines; Linux needs two, others may come between */
	struct token token, before = { 0 }, call = { 0 };
	struct message_match match;
	const char *at = line;

	found->nr = 0;
	if (++context->age > FORGET)
		*context = (struct log_context){ 0 };
	if (message_find(line, &match))
		add(found, FOUND_MESSAGE, 0)->match = match;
	for (; next_token(&at, &token); before = token) {
		if (token.number)
			find_number_in_line(&token, &before, &call, found);
		else if (!strcasecmp(token.text, "SEAMCALL") || !strcasecmp(token.text, "TDCALL"))
			call = token;
		else
			find_name_in_line(token.text, found);
	}
	settle(context, found);
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
