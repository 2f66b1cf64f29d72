/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * findings.h - what of the ABI is named or numbered in a word or in a line of a kernel log.
 *
 * A word is something that somebody typed and wants explained, so a bare number or name is taken
 * for whatever it can be. A line is text that happens to have such things in it, so a number
 * counts only where its place or its value makes clear what it is: after SEAMCALL, after "failed",
 * after the name of a register, or a known code with its error bit set.
 */
#ifndef PAMT_CLI_FINDINGS_H
#define PAMT_CLI_FINDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/abi.h"
#include "cli/messages.h"

enum finding_kind {
	FOUND_LEAF,
	FOUND_STATUS,
	FOUND_REGISTER,
	FOUND_NAME,
	FOUND_MESSAGE,
	FOUND_FIELD
};

struct finding {
	enum finding_kind kind;
	uint64_t value; /* leaf: RAX on input; status: RAX on output; register: contents */
	bool by_name;	/* status: no detail was given */
	const struct abi_leaf *leaf; /* leaf: it, NULL if unknown; others: the call it belongs to */
	bool has_status;	     /* register: the call's status is known, in status */
	tdx_status_t status;
	uint8_t reg;		      /* register: enum tdx_operand */
	enum abi_name_kind name_kind; /* name */
	const struct abi_name *name;
	const struct abi_status *loader; /* status: a code of the P-SEAMLDR */
	struct message_match match;	 /* message */
	enum abi_context context;	 /* field: of what; value is its id */
	const struct abi_field *field;
	uint32_t element;
};

#define MAX_FINDINGS 32

struct findings {
	unsigned int nr;
	struct finding list[MAX_FINDINGS]; /* more than that in one line are left out */
};

/*
 * The call of which a log has spoken last: Linux prints a failed call's registers on lines of
 * their own. Zero-initialised: none.
 */
struct log_context {
	const struct abi_leaf *leaf;
	bool has_status;
	tdx_status_t status;
	unsigned int age; /* lines since then */
};

/* Both return whether anything was found; found is overwritten. */
bool find_in_word(const char *word, struct findings *found);
bool find_in_line(const char *line, struct log_context *context, struct findings *found);

/*
 * A metadata field by its id, as the leaves take it: what they ignore is ignored; or by its name.
 * Return: whether there is one.
 */
bool find_field(const char *word, struct findings *found);

/* The i-th name that find_in_word() knows; NULL at the end. For cli_nearest(). */
const char *finding_name(unsigned int i);

#endif
