// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bitmap.c - a bitmap with 64-ary summaries over it.
 */
#include <stddef.h>
#include <sys/mman.h>

#include "machine/bitmap.h"

bool bitmap_create(struct bitmap *bitmap, uint64_t bits, bool all_set)
{
	uint64_t words = 0;
	void *at;

	*bitmap = (struct bitmap){ .bits = bits, .flip = all_set ? UINT64_MAX : 0 };
	for (uint64_t below = bits; !words || below > 1; bitmap->nr_levels++) {
		below = (below + 63) / 64;
		bitmap->words[bitmap->nr_levels] = below;
		words += below;
	}

	bitmap->bytes = words * sizeof(uint64_t);
	at = mmap(NULL, bitmap->bytes, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED) {
		bitmap->bytes = 0;
		return false;
	}
	bitmap->level[0] = at;
	for (unsigned int i = 1; i < bitmap->nr_levels; i++)
		bitmap->level[i] = bitmap->level[i - 1] + bitmap->words[i - 1];
	return true;
}

void bitmap_destroy(struct bitmap *bitmap)
{
	if (bitmap->bytes)
		munmap(bitmap->level[0], bitmap->bytes);
	bitmap->bytes = 0;
}

static uint64_t word_at(const struct bitmap *bitmap, unsigned int level, uint64_t word)
{
	return bitmap->level[level][word] ^ bitmap->flip;
}

bool bitmap_test(const struct bitmap *bitmap, uint64_t bit)
{
	return word_at(bitmap, 0, bit / 64) >> bit % 64 & 1;
}

void bitmap_set(struct bitmap *bitmap, uint64_t bit)
{
	for (unsigned int level = 0; level < bitmap->nr_levels; level++, bit /= 64) {
		uint64_t old = word_at(bitmap, level, bit / 64);

		bitmap->level[level][bit / 64] = (old | UINT64_C(1) << bit % 64) ^ bitmap->flip;
		/* The summary above said so already. */
		if (old)
			return;
	}
}

void bitmap_clear(struct bitmap *bitmap, uint64_t bit)
{
	for (unsigned int level = 0; level < bitmap->nr_levels; level++, bit /= 64) {
		uint64_t left = word_at(bitmap, level, bit / 64) & ~(UINT64_C(1) << bit % 64);

		bitmap->level[level][bit / 64] = left ^ bitmap->flip;
		if (left)
			return;
	}
}

/* From a set bit of a level's summary down to the lowest, or highest, bit under it. */
static uint64_t descend(const struct bitmap *bitmap, unsigned int level, uint64_t bit, bool highest)
{
	while (level--) {
		uint64_t word = word_at(bitmap, level, bit);

		bit = bit * 64 + (highest ? 63 - (uint64_t)__builtin_clzll(word)
					  : (uint64_t)__builtin_ctzll(word));
	}
	return bit;
}

/*
 * Both searches climb while the rest of the word they stand in has nothing, then go down again.
 * Bits beyond the end, which look set in a bitmap that starts so, can only be met by next.
 */
uint64_t bitmap_next(const struct bitmap *bitmap, uint64_t from)
{
	unsigned int top = bitmap->nr_levels - 1;
	uint64_t bit = from, word;

	if (from >= bitmap->bits)
		return BITMAP_NONE;
	/* The first of all: straight down from the top. */
	if (!from) {
		word = word_at(bitmap, top, 0);
		if (!word)
			return BITMAP_NONE;
		bit = descend(bitmap, top, (uint64_t)__builtin_ctzll(word), false);
		return bit < bitmap->bits ? bit : BITMAP_NONE;
	}
	for (unsigned int level = 0; level < bitmap->nr_levels; level++) {
		word = word_at(bitmap, level, bit / 64) & UINT64_MAX << bit % 64;
		if (word) {
			bit = bit / 64 * 64 + (uint64_t)__builtin_ctzll(word);
			bit = descend(bitmap, level, bit, false);
			return bit < bitmap->bits ? bit : BITMAP_NONE;
		}
		bit = bit / 64 + 1;
		if (bit >= bitmap->words[level])
			return BITMAP_NONE;
	}
	return BITMAP_NONE;
}

uint64_t bitmap_prev(const struct bitmap *bitmap, uint64_t from)
{
	uint64_t bit = from < bitmap->bits ? from : bitmap->bits - 1;

	for (unsigned int level = 0; level < bitmap->nr_levels; level++) {
		uint64_t word = word_at(bitmap, level, bit / 64) & UINT64_MAX >> (63 - bit % 64);

		if (word) {
			bit = bit / 64 * 64 + 63 - (uint64_t)__builtin_clzll(word);
			return descend(bitmap, level, bit, true);
		}
		if (bit < 64)
			return BITMAP_NONE;
		bit = bit / 64 - 1;
	}
	return BITMAP_NONE;
}

uint64_t bitmap_next_clear(const struct bitmap *bitmap, uint64_t from, uint64_t end)
{
	while (from < end) {
		uint64_t clear = ~word_at(bitmap, 0, from / 64) & UINT64_MAX << from % 64;

		if (clear) {
			from = from / 64 * 64 + (uint64_t)__builtin_ctzll(clear);
			return from < end ? from : BITMAP_NONE;
		}
		from = (from / 64 + 1) * 64;
	}
	return BITMAP_NONE;
}

uint64_t bitmap_prev_clear(const struct bitmap *bitmap, uint64_t from, uint64_t start)
{
	for (;;) {
		uint64_t clear = ~word_at(bitmap, 0, from / 64) & UINT64_MAX >> (63 - from % 64);

		if (clear) {
			from = from / 64 * 64 + 63 - (uint64_t)__builtin_clzll(clear);
			return from >= start ? from : BITMAP_NONE;
		}
		if (from / 64 * 64 <= start)
			return BITMAP_NONE;
		from = from / 64 * 64 - 1;
	}
}
