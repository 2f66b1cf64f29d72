// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bitmap.c - bitmaps with 64-ary summaries over them, kept where they differ from their beginning.
 *
 * Level 0 are the words of the groups, level n > 0 is level[n - 1]. The highest level is one word.
 */
#include <stdlib.h>

#include "machine/array.h"
#include "machine/bitmap.h"

static const struct bitmap_group untouched = { .word = { [BITMAP_SET] = UINT64_MAX } };

bool bitmap_create(struct bitmap *bitmap, uint64_t bits)
{
	uint64_t below = (bits + 63) / 64, summary = 0;

	*bitmap = (struct bitmap){ .bits = bits, .nr_groups = below };
	do {
		below = (below + 63) / 64;
		bitmap->words[bitmap->nr_levels++] = below;
		summary += below;
	} while (below > 1);

	/* Untouched memory, where they are large: calloc() asks the system for what is zero. */
	bitmap->group_of = calloc(bitmap->nr_groups, sizeof(*bitmap->group_of));
	bitmap->level[0] = calloc(summary, sizeof(*bitmap->level[0]));
	if (!bitmap->group_of || !bitmap->level[0])
		return false;
	for (unsigned int i = 1; i < bitmap->nr_levels; i++)
		bitmap->level[i] = bitmap->level[i - 1] + bitmap->words[i - 1];
	return true;
}

void bitmap_destroy(struct bitmap *bitmap)
{
	free(bitmap->group_of);
	free(bitmap->groups);
	free(bitmap->level[0]);
	*bitmap = (struct bitmap){ 0 };
}

static const struct bitmap_group *group_read(const struct bitmap *bitmap, uint64_t index)
{
	uint32_t group = bitmap->group_of[index];

	return group ? &bitmap->groups[group - 1] : &untouched;
}

static struct bitmap_group *group_write(struct bitmap *bitmap, uint64_t index)
{
	uint32_t *group = &bitmap->group_of[index];

	if (!*group) {
		bitmap->groups = array_room(bitmap->groups, bitmap->used_groups, &bitmap->room,
					    sizeof(untouched), "maps of memory");
		bitmap->groups[bitmap->used_groups] = untouched;
		*group = ++bitmap->used_groups;
	}
	return &bitmap->groups[*group - 1];
}

static uint64_t word_at(const struct bitmap *bitmap, unsigned int map, unsigned int level,
			uint64_t index)
{
	if (!level)
		return group_read(bitmap, index)->word[map];
	return bitmap->level[level - 1][index].word[map] ^ (map == BITMAP_SET ? UINT64_MAX : 0);
}

static void set_word(struct bitmap *bitmap, unsigned int map, unsigned int level, uint64_t index,
		     uint64_t word)
{
	if (!level)
		group_write(bitmap, index)->word[map] = word;
	else
		bitmap->level[level - 1][index].word[map] =
			word ^ (map == BITMAP_SET ? UINT64_MAX : 0);
}

void bitmap_set(struct bitmap *bitmap, unsigned int map, uint64_t bit)
{
	for (unsigned int level = 0; level <= bitmap->nr_levels; level++, bit /= 64) {
		uint64_t old = word_at(bitmap, map, level, bit / 64);

		set_word(bitmap, map, level, bit / 64, old | UINT64_C(1) << bit % 64);
		/* The summary above says so already. */
		if (old)
			return;
	}
}

void bitmap_clear(struct bitmap *bitmap, unsigned int map, uint64_t bit)
{
	for (unsigned int level = 0; level <= bitmap->nr_levels; level++, bit /= 64) {
		uint64_t left = word_at(bitmap, map, level, bit / 64) & ~(UINT64_C(1) << bit % 64);

		set_word(bitmap, map, level, bit / 64, left);
		if (left)
			return;
	}
}

void bitmap_set_number(struct bitmap *bitmap, uint64_t bit, uint32_t number)
{
	group_write(bitmap, bit / 64)->number[bit % 64] = number;
}

/* Bits of a level that stand for something. */
static uint64_t bits_of(const struct bitmap *bitmap, unsigned int level)
{
	if (!level)
		return bitmap->bits;
	return level == 1 ? bitmap->nr_groups : bitmap->words[level - 2];
}

/*
 * From a set bit of a level down to the lowest, or highest, bit of level 0 under it. BITMAP_NONE:
 * a bit beyond the end, at any level; below it there is no word to be read.
 */
static uint64_t descend(const struct bitmap *bitmap, unsigned int map, unsigned int level,
			uint64_t bit, bool highest)
{
	while (bit < bits_of(bitmap, level)) {
		uint64_t word;

		if (!level)
			return bit;
		word = word_at(bitmap, map, --level, bit);

		bit = bit * 64 + (highest ? 63 - (uint64_t)__builtin_clzll(word)
					  : (uint64_t)__builtin_ctzll(word));
	}
	return BITMAP_NONE;
}

/*
 * Both searches climb while the rest of the word they stand in has nothing, then go down again.
 * Bits beyond the end, which look set in BITMAP_SET at every level, can only be met by next: it
 * finds the lowest, so that one of these means that there is no other.
 */
uint64_t bitmap_next(const struct bitmap *bitmap, unsigned int map, uint64_t from)
{
	/* The first of all: straight down from the top. */
	unsigned int level = from ? 0 : bitmap->nr_levels;
	uint64_t words = bitmap->nr_groups, bit = from;

	if (from >= bitmap->bits)
		return BITMAP_NONE;
	for (; level <= bitmap->nr_levels; level++) {
		uint64_t word = word_at(bitmap, map, level, bit / 64) & UINT64_MAX << bit % 64;

		if (word) {
			bit = bit / 64 * 64 + (uint64_t)__builtin_ctzll(word);
			return descend(bitmap, map, level, bit, false);
		}
		bit = bit / 64 + 1;
		if (level)
			words = bitmap->words[level - 1];
		if (bit >= words)
			return BITMAP_NONE;
	}
	return BITMAP_NONE;
}

uint64_t bitmap_prev(const struct bitmap *bitmap, unsigned int map, uint64_t from)
{
	uint64_t bit = from < bitmap->bits ? from : bitmap->bits - 1;

	for (unsigned int level = 0; level <= bitmap->nr_levels; level++) {
		uint64_t word =
			word_at(bitmap, map, level, bit / 64) & UINT64_MAX >> (63 - bit % 64);

		if (word) {
			bit = bit / 64 * 64 + 63 - (uint64_t)__builtin_clzll(word);
			return descend(bitmap, map, level, bit, true);
		}
		if (bit < 64)
			return BITMAP_NONE;
		bit = bit / 64 - 1;
	}
	return BITMAP_NONE;
}

uint64_t bitmap_next_clear(const struct bitmap *bitmap, unsigned int map, uint64_t from,
			   uint64_t end)
{
	while (from < end) {
		uint64_t clear = ~group_read(bitmap, from / 64)->word[map] & UINT64_MAX
										     << from % 64;

		if (clear) {
			from = from / 64 * 64 + (uint64_t)__builtin_ctzll(clear);
			return from < end ? from : BITMAP_NONE;
		}
		from = (from / 64 + 1) * 64;
	}
	return BITMAP_NONE;
}

uint64_t bitmap_prev_clear(const struct bitmap *bitmap, unsigned int map, uint64_t from,
			   uint64_t start)
{
	for (;;) {
		uint64_t clear =
			~group_read(bitmap, from / 64)->word[map] & UINT64_MAX >> (63 - from % 64);

		if (clear) {
			from = from / 64 * 64 + 63 - (uint64_t)__builtin_clzll(clear);
			return from >= start ? from : BITMAP_NONE;
		}
		if (from / 64 * 64 <= start)
			return BITMAP_NONE;
		from = from / 64 * 64 - 1;
	}
}
