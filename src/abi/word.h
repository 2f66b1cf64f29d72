/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * word.h - comparing names as people write them, and putting short texts together, without libc.
 */
#ifndef PAMT_ABI_WORD_H
#define PAMT_ABI_WORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Equal, letters of either case, a dot as good as an underscore. */
bool word_same(const char *a, const char *b);
/* The rest of name after prefix (compared like that), or name itself if it does not begin so. */
const char *word_after(const char *name, const char *prefix);

/* A text under construction in a buffer: what does not fit is left out, the end is always 0. */
struct words {
	char *at;
	size_t left; /* bytes, the terminating 0 included */
};

void words_begin(struct words *words, char *buffer, size_t size);
void words_add(struct words *words, const char *text);
void words_number(struct words *words, uint64_t value);
/* "0x" and at least this many digits. */
void words_hex(struct words *words, uint64_t value, unsigned int digits);
/* A page size by its level: "4K", "2M", "1G", "512G", "256T"; the number if it is none. */
void words_level(struct words *words, uint64_t level);

#endif
