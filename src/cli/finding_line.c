// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * finding_line.c - what of the ABI is named or numbered in a line of a kernel log.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "abi/word.h"
#include "cli/finding_add.h"

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
	token->number = finding_number(start, length, &token->value);
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
			finding_add_leaf(found, leaf->number, leaf->guest);
		for (unsigned int i = 0; (leaf = abi_other_leaf_at(i)); i++)
			if (word_same(leaf->symbol, text))
				finding_add_other_leaf(found, leaf);
		return;
	}
	if (!strchr(text, '_'))
		return;
	status = abi_status_by_name(text);
	if (status && (!strncmp(text, "TDX_", 4) || !strcmp(text, status->name)))
		finding_add(found, FOUND_STATUS, status->value)->by_name = true;
}

/* What the number in this token is, judged by the words before it. */
static void find_number_in_line(const struct token *token, const struct token *before,
				const struct token *call, struct findings *found)
{
	const struct abi_name *reg = register_named(before->text);
	static const char *const leaf_words[] = { "SEAMCALL", "TDCALL", "leaf", NULL };

	if (reg) {
		finding_add(found, FOUND_REGISTER, token->value)->reg = (uint8_t)reg->number;
		return;
	}
	if (*call->text && one_of(before->text, leaf_words)) {
		finding_add_leaf(found, token->value, !strcasecmp(call->text, "TDCALL"));
		return;
	}
	if (is_status(token->value, announces_status(before->text), *call->text))
		finding_add_status(found, token->value);
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
		finding_add(found, FOUND_MESSAGE, 0)->match = match;
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
