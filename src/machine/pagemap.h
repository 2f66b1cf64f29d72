/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * pagemap.h - 512 bits, one for each 4K page of a 2M block, and the buddy arithmetic on them.
 */
#ifndef PAMT_MACHINE_PAGEMAP_H
#define PAMT_MACHINE_PAGEMAP_H

#include <stdint.h>

#define PAGEMAP_WORDS 8u
#define PAGEMAP_BITS  512u

struct pagemap {
	uint64_t word[PAGEMAP_WORDS];
};

/* count bits from first, of those that fall into one word. */
static inline uint64_t pagemap_mask(unsigned int word, unsigned int first, unsigned int count)
{
	unsigned int low = word * 64, end = first + count;
	unsigned int from = first > low ? first - low : 0;
	unsigned int to = end < low + 64 ? (end > low ? end - low : 0) : 64;

	if (from >= to)
		return 0;
	return (to - from == 64 ? UINT64_MAX : (UINT64_C(1) << (to - from)) - 1) << from;
}

static inline void pagemap_set(struct pagemap *map, unsigned int first, unsigned int count)
{
	for (unsigned int i = first / 64; i < PAGEMAP_WORDS && i * 64 < first + count; i++)
		map->word[i] |= pagemap_mask(i, first, count);
}

static inline void pagemap_clear(struct pagemap *map, unsigned int first, unsigned int count)
{
	for (unsigned int i = first / 64; i < PAGEMAP_WORDS && i * 64 < first + count; i++)
		map->word[i] &= ~pagemap_mask(i, first, count);
}

/* The first set bit at or after a place, the last at or before it; PAGEMAP_BITS: none. */
unsigned int pagemap_next(const struct pagemap *map, unsigned int from);
unsigned int pagemap_prev(const struct pagemap *map, unsigned int from);
unsigned int pagemap_next_clear(const struct pagemap *map, unsigned int from);
unsigned int pagemap_prev_clear(const struct pagemap *map, unsigned int from);

/* The order (0..9) of the largest aligned run of set bits; -1: no bit is set. */
int pagemap_order(const struct pagemap *map);
/*
 * Where to take 2^order aligned set bits: of the smallest aligned runs that are large enough the
 * lowest, so that larger ones stay whole. PAGEMAP_BITS: there is none.
 */
unsigned int pagemap_find(const struct pagemap *map, unsigned int order);

#endif
