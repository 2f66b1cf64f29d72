// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * fuzz_words.c - whatever a log or a word holds, `pamt explain` and `pamt diagnose` find in it what
 * is there and nothing else: no more findings than there is room for, each of them with its words.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/findings.h"
#include "machine/log_text.h"
#include "machine/size.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const struct findings *found)
{
	char text[ABI_TEXT], long_text[512];

	if (found->nr > MAX_FINDINGS)
		abort();
	for (unsigned int i = 0; i < found->nr; i++) {
		const struct finding *f = &found->list[i];
		struct abi_decoded decoded;

		if (f->kind == FOUND_STATUS) {
			abi_decode((tdx_status_t){ f->value }, &decoded);
			abi_detail_text(&decoded, text, sizeof(text));
			abi_status_of_leaf(f->leaf, (tdx_status_t){ f->value });
		}
		if (f->kind == FOUND_REGISTER && f->leaf)
			abi_register_text(&(struct abi_register){ f->leaf,
								  f->has_status ? &f->status : NULL,
								  f->reg, f->value },
					  text, sizeof(text));
		if (f->kind == FOUND_MESSAGE) {
			message_text(&f->match, f->match.message->cause, long_text,
				     sizeof(long_text));
			if (strlen(long_text) >= sizeof(long_text))
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *file = size ? fmemopen((void *)data, size, "r") : NULL;
	struct log_context context = { 0 };
	struct log_reader reader;
	struct findings found;
	uint64_t value;
	char *line;

	if (!file)
		return 0;
	if (!log_reader_open(&reader, file)) {
		while ((line = log_reader_next(&reader))) {
			if (strlen(line) >= LOG_LINE_SIZE || strchr(line, '\n'))
				abort();
			find_in_line(line, &context, &found);
			look_at(&found);
			find_in_word(line, &found);
			look_at(&found);
			size_parse(line, &value);
		}
		log_reader_close(&reader);
	}
	fclose(file);
	return 0;
}
