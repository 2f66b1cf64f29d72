/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * explain.h - a finding, shown.
 */
#ifndef PAMT_CLI_EXPLAIN_H
#define PAMT_CLI_EXPLAIN_H

#include <jansson.h>

#include "cli/findings.h"

/* brief: of a leaf without its operands. */
void explain_print(const struct finding *f, bool brief);
json_t *explain_json(const struct finding *f);

/* What a status means of the leaf that returned it, else of all. */
static inline const struct abi_status *explain_meaning(const struct finding *f,
						       const struct abi_decoded *d)
{
	const struct abi_status *own = abi_status_of_leaf(f->leaf, (tdx_status_t){ f->value });

	return own ? own : d->status;
}

/* What a register holds; "" where that is not known. */
static inline void explain_register_words(const struct finding *f, char *text, size_t size)
{
	text[0] = 0;
	if (f->leaf)
		abi_register_text(&(struct abi_register){ f->leaf,
							  f->has_status ? &f->status : NULL, f->reg,
							  f->value },
				  text, size);
}

#endif
