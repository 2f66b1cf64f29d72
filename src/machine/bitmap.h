/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * bitmap.h - a large bitmap in which the next set bit is found in a few loads.
 *
 * Above the bits stand levels of summary, each 64 times smaller: a summary bit says whether its
 * word below has any bit set. Nothing is touched to make one, whether it starts with all bits
 * clear or all set, so that a bitmap over terabytes costs only where something changes. No locks.
 */
#ifndef PAMT_MACHINE_BITMAP_H
#define PAMT_MACHINE_BITMAP_H

#include <stdbool.h>
#include <stdint.h>

#define BITMAP_LEVELS 6
#define BITMAP_NONE   UINT64_MAX

struct bitmap {
	uint64_t bits;
	/* What is stored is the bits XOR flip: all ones where the bitmap starts with all set. */
	uint64_t flip;
	unsigned int nr_levels;
	uint64_t words[BITMAP_LEVELS];
	uint64_t *level[BITMAP_LEVELS]; /* [0]: the bits */
	uint64_t bytes;			/* of the mapping that level[0] begins */
};

/* bits: 1 .. 2^36. False: no memory to be had. */
bool bitmap_create(struct bitmap *bitmap, uint64_t bits, bool all_set);
void bitmap_destroy(struct bitmap *bitmap);

bool bitmap_test(const struct bitmap *bitmap, uint64_t bit);
void bitmap_set(struct bitmap *bitmap, uint64_t bit);
void bitmap_clear(struct bitmap *bitmap, uint64_t bit);

/* The first set bit at or after a place, the last at or before it; BITMAP_NONE if there is none. */
uint64_t bitmap_next(const struct bitmap *bitmap, uint64_t from);
uint64_t bitmap_prev(const struct bitmap *bitmap, uint64_t from);

/*
 * The same for clear bits, for short distances: word by word, without the summary. end, and start,
 * bound the search.
 */
uint64_t bitmap_next_clear(const struct bitmap *bitmap, uint64_t from, uint64_t end);
uint64_t bitmap_prev_clear(const struct bitmap *bitmap, uint64_t from, uint64_t start);

#endif
