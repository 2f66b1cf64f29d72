// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * pagemap.c - buddy arithmetic on the 512 pages of a 2M block.
 *
 * Runs of 2^order pages are a map too: bit i, at a multiple of 2^order, says that the pages from i
 * on are all set. Up to order 6 that map is made from the one below word by word; from there on
 * each word has a single bit, and the eight of them are worked on as one byte.
 */
#include "machine/pagemap.h"

/* The order of a run that fills a word. */
#define WORD_ORDER 6u

/* Bits at the multiples of 2^order. */
static const uint64_t aligned[WORD_ORDER + 1] = {
	UINT64_MAX,
	UINT64_C(0x5555555555555555),
	UINT64_C(0x1111111111111111),
	UINT64_C(0x0101010101010101),
	UINT64_C(0x0001000100010001),
	UINT64_C(0x0000000100000001),
	UINT64_C(0x0000000000000001),
};

/* The same in a byte: bits at the multiples of 2^(order - WORD_ORDER). */
static const uint8_t aligned_words[4] = { 0xff, 0x55, 0x11, 0x01 };

/* From runs of an order below WORD_ORDER to those of the next one. */
static uint64_t fold(struct pagemap *runs, unsigned int order)
{
	uint64_t any = 0;

	for (unsigned int i = 0; i < PAGEMAP_WORDS; i++) {
		runs->word[i] &= runs->word[i] >> (1u << order) & aligned[order + 1];
		any |= runs->word[i];
	}
	return any;
}

/* The same from WORD_ORDER + n on. */
static uint8_t fold_words(uint8_t runs, unsigned int n)
{
	return (uint8_t)(runs & runs >> (1u << n) & aligned_words[n + 1]);
}

/* Which words are set altogether. */
static uint8_t full_words(const struct pagemap *map)
{
	unsigned int full = 0;

	for (unsigned int i = 0; i < PAGEMAP_WORDS; i++)
		full |= (unsigned int)(map->word[i] == UINT64_MAX) << i;
	return (uint8_t)full;
}

int pagemap_order(const struct pagemap *map)
{
	uint8_t full = full_words(map);
	struct pagemap runs = *map;
	unsigned int order = 0;

	if (full) {
		while (order < 3 && (full = fold_words(full, order)))
			order++;
		return (int)(WORD_ORDER + order);
	}
	if (pagemap_next(map, 0) == PAGEMAP_BITS)
		return -1;
	/* No word is full, so this ends below WORD_ORDER. */
	while (fold(&runs, order))
		order++;
	return (int)order;
}

/* As pagemap_find(), among runs that fill words. */
static unsigned int find_words(uint8_t runs, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		runs = fold_words(runs, i);
	for (; n < 3; n++) {
		uint8_t larger = fold_words(runs, n);
		uint8_t unpaired = (uint8_t)(runs & ~(larger | larger << (1u << n)));

		if (unpaired)
			return (unsigned int)__builtin_ctz(unpaired) * 64;
		runs = larger;
	}
	return runs ? 0 : PAGEMAP_BITS;
}

unsigned int pagemap_find(const struct pagemap *map, unsigned int order)
{
	struct pagemap runs = *map;

	for (unsigned int i = 0; i < order && i < WORD_ORDER; i++)
		fold(&runs, i);
	for (; order < WORD_ORDER; order++) {
		struct pagemap larger = runs;

		fold(&larger, order);
		/* A run that is not half of a larger one. */
		for (unsigned int i = 0; i < PAGEMAP_WORDS; i++) {
			uint64_t paired = larger.word[i] | larger.word[i] << (1u << order);

			if (runs.word[i] & ~paired)
				return i * 64 +
				       (unsigned int)__builtin_ctzll(runs.word[i] & ~paired);
		}
		runs = larger;
	}
	return find_words(full_words(map), order - WORD_ORDER);
}

/* flip: UINT64_MAX looks for clear bits, 0 for set ones. */
static inline unsigned int next(const struct pagemap *map, unsigned int from, uint64_t flip)
{
	uint64_t mask = UINT64_MAX << from % 64;

	for (unsigned int i = from / 64; i < PAGEMAP_WORDS; i++, mask = UINT64_MAX) {
		uint64_t bits = (map->word[i] ^ flip) & mask;

		if (bits)
			return i * 64 + (unsigned int)__builtin_ctzll(bits);
	}
	return PAGEMAP_BITS;
}

static inline unsigned int prev(const struct pagemap *map, unsigned int from, uint64_t flip)
{
	uint64_t mask = UINT64_MAX >> (63 - from % 64);

	for (unsigned int i = from / 64 + 1; i-- > 0; mask = UINT64_MAX) {
		uint64_t bits = (map->word[i] ^ flip) & mask;

		if (bits)
			return i * 64 + 63 - (unsigned int)__builtin_clzll(bits);
	}
	return PAGEMAP_BITS;
}

unsigned int pagemap_next(const struct pagemap *map, unsigned int from)
{
	return next(map, from, 0);
}

unsigned int pagemap_prev(const struct pagemap *map, unsigned int from)
{
	return prev(map, from, 0);
}

unsigned int pagemap_next_clear(const struct pagemap *map, unsigned int from)
{
	return next(map, from, UINT64_MAX);
}

unsigned int pagemap_prev_clear(const struct pagemap *map, unsigned int from)
{
	return prev(map, from, UINT64_MAX);
}
