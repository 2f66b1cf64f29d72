/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * bitmap.h - a dozen large bitmaps over the same things, with a number for each of them; the next
 * set bit is found in a few loads.
 *
 * Bits are kept in groups of 64 things: a word of each map, and the numbers. Above them stand
 * levels of summary, each 64 times smaller, that say whether the word below has any bit set.
 * A group exists once something in it changes, and groups lie side by side in the order in which
 * that happens. So the maps cost what is changed, in time and in touched memory, even where the
 * changes are few and far apart, as the edges of usable memory are on a machine of terabytes.
 * No locks here.
 */
#ifndef PAMT_MACHINE_BITMAP_H
#define PAMT_MACHINE_BITMAP_H

#include <stdbool.h>
#include <stdint.h>

#define BITMAP_MAPS   11u
#define BITMAP_LEVELS 6u /* of summary */
#define BITMAP_NONE   UINT64_MAX

/* The map that starts with all bits set; the others start with none, all numbers as 0. */
#define BITMAP_SET 0u

struct bitmap_group {
	uint64_t word[BITMAP_MAPS];
	uint32_t number[64];
};

/* A word of each map. Of BITMAP_SET the opposite is stored, so that zeroed memory is right. */
struct bitmap_summary {
	uint64_t word[BITMAP_MAPS];
};

struct bitmap {
	uint64_t bits, nr_groups;
	uint32_t *group_of; /* by bit / 64: its group + 1, 0: nothing has changed there */
	struct bitmap_group *groups;
	uint32_t used_groups, room;
	uint32_t nr_levels;
	uint64_t words[BITMAP_LEVELS];
	struct bitmap_summary *level[BITMAP_LEVELS];
};

/* bits: 1 .. 2^36. False: no memory to be had; bitmap_destroy() is still due. */
bool bitmap_create(struct bitmap *bitmap, uint64_t bits);
void bitmap_destroy(struct bitmap *bitmap);

static inline bool bitmap_test(const struct bitmap *bitmap, unsigned int map, uint64_t bit)
{
	uint32_t group = bitmap->group_of[bit / 64];

	if (!group)
		return map == BITMAP_SET;
	return bitmap->groups[group - 1].word[map] >> bit % 64 & 1;
}

void bitmap_set(struct bitmap *bitmap, unsigned int map, uint64_t bit);
void bitmap_clear(struct bitmap *bitmap, unsigned int map, uint64_t bit);

static inline uint32_t bitmap_number(const struct bitmap *bitmap, uint64_t bit)
{
	uint32_t group = bitmap->group_of[bit / 64];

	return group ? bitmap->groups[group - 1].number[bit % 64] : 0;
}

void bitmap_set_number(struct bitmap *bitmap, uint64_t bit, uint32_t number);

/* The first set bit at or after a place, the last at or before it; BITMAP_NONE if there is none. */
uint64_t bitmap_next(const struct bitmap *bitmap, unsigned int map, uint64_t from);
uint64_t bitmap_prev(const struct bitmap *bitmap, unsigned int map, uint64_t from);

/*
 * The same for clear bits, for short distances: word by word, without the summary. end, and start,
 * bound the search.
 */
uint64_t bitmap_next_clear(const struct bitmap *bitmap, unsigned int map, uint64_t from,
			   uint64_t end);
uint64_t bitmap_prev_clear(const struct bitmap *bitmap, unsigned int map, uint64_t from,
			   uint64_t start);

#endif
