// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * blocks.c - the states of a node's 2M blocks; blocks.h says what they are.
 */
#include <stddef.h>
#include <stdlib.h>

#include "machine/array.h"
#include "machine/blocks.h"

/* The maps of blocks->maps. */
#define WHOLE	    BITMAP_SET
#define PARTIAL	    1u
#define OF_ORDER(n) (2u + (unsigned int)(n))
_Static_assert(OF_ORDER(BLOCKS_WHOLE - 1) < BITMAP_MAPS, "a map for each order");

bool blocks_create(struct blocks *blocks, uint64_t nr_blocks)
{
	*blocks = (struct blocks){ 0 };
	if (!nr_blocks)
		return true;
	blocks->free_pages = nr_blocks * BLOCK_PAGES;
	blocks->nr_whole = nr_blocks;
	return bitmap_create(&blocks->maps, nr_blocks);
}

void blocks_destroy(struct blocks *blocks)
{
	bitmap_destroy(&blocks->maps);
	free(blocks->records);
}

/* Atomic for readers without the lock; relaxed, since they are only figures to them. */
uint64_t blocks_free_pages(const struct blocks *blocks)
{
	return __atomic_load_n(&blocks->free_pages, __ATOMIC_RELAXED);
}

uint64_t blocks_whole_pages(const struct blocks *blocks)
{
	return __atomic_load_n(&blocks->nr_whole, __ATOMIC_RELAXED) * BLOCK_PAGES;
}

static void count_free(struct blocks *blocks, int64_t pages)
{
	__atomic_store_n(&blocks->free_pages, blocks->free_pages + (uint64_t)pages,
			 __ATOMIC_RELAXED);
}

/* NULL: the block is whole, full or missing. */
static struct block_record *record_find(const struct blocks *blocks, uint64_t block)
{
	uint32_t number = bitmap_number(&blocks->maps, block);

	return number && number != BLOCKS_MISSING ? &blocks->records[number - 1] : NULL;
}

/* The record of a block, made from its state if it has none. */
static struct block_record *record_get(struct blocks *blocks, uint64_t block)
{
	struct block_record *record = record_find(blocks, block);
	bool missing = bitmap_number(&blocks->maps, block) == BLOCKS_MISSING;
	bool whole = bitmap_test(&blocks->maps, WHOLE, block);

	if (record)
		return record;
	if (blocks->unused_record) {
		record = &blocks->records[blocks->unused_record - 1];
		blocks->unused_record = record->next;
	} else {
		blocks->records = array_room(blocks->records, blocks->nr_records, &blocks->room,
					     sizeof(*record), "broken blocks of memory");
		record = &blocks->records[blocks->nr_records++];
	}
	*record = (struct block_record){ .order = whole ? BLOCKS_WHOLE : -1 };
	if (whole || missing)
		pagemap_set(whole ? &record->free : &record->missing, 0, PAGEMAP_BITS);
	bitmap_set_number(&blocks->maps, block, (uint32_t)(record - blocks->records) + 1);
	return record;
}

static void record_drop(struct blocks *blocks, uint64_t block, struct block_record *record,
			uint32_t state)
{
	record->next = blocks->unused_record;
	blocks->unused_record = (uint32_t)(record - blocks->records) + 1;
	bitmap_set_number(&blocks->maps, block, state);
}

static void set_whole(struct blocks *blocks, uint64_t block)
{
	bitmap_set(&blocks->maps, WHOLE, block);
	__atomic_store_n(&blocks->nr_whole, blocks->nr_whole + 1, __ATOMIC_RELAXED);
}

static void clear_whole(struct blocks *blocks, uint64_t block)
{
	bitmap_clear(&blocks->maps, WHOLE, block);
	__atomic_store_n(&blocks->nr_whole, blocks->nr_whole - 1, __ATOMIC_RELAXED);
}

static void block_enter(struct blocks *blocks, uint64_t block, int order)
{
	if (order == BLOCKS_WHOLE) {
		set_whole(blocks, block);
	} else if (order >= 0) {
		bitmap_set(&blocks->maps, PARTIAL, block);
		bitmap_set(&blocks->maps, OF_ORDER(order), block);
		blocks->nr_of_order[order]++;
	}
}

static void block_leave(struct blocks *blocks, uint64_t block, int order)
{
	if (order == BLOCKS_WHOLE) {
		clear_whole(blocks, block);
	} else if (order >= 0) {
		bitmap_clear(&blocks->maps, PARTIAL, block);
		bitmap_clear(&blocks->maps, OF_ORDER(order), block);
		blocks->nr_of_order[order]--;
	}
}

/* After a change to its record: to where the block now belongs. */
static void block_settle(struct blocks *blocks, uint64_t block, struct block_record *record)
{
	int order = pagemap_order(&record->free);

	if (order != record->order) {
		block_leave(blocks, block, record->order);
		block_enter(blocks, block, order);
		record->order = order;
	}
	if (order != -1 && order != BLOCKS_WHOLE)
		return;
	if (pagemap_next(&record->missing, 0) == PAGEMAP_BITS)
		record_drop(blocks, block, record, 0);
	else if (pagemap_next_clear(&record->missing, 0) == PAGEMAP_BITS)
		record_drop(blocks, block, record, BLOCKS_MISSING);
}

void blocks_take(struct blocks *blocks, uint64_t page, unsigned int count)
{
	uint64_t block = page / BLOCK_PAGES;
	struct block_record *record;

	count_free(blocks, -(int64_t)count);
	/* A whole block has no record, and needs none when it becomes full. */
	if (count == BLOCK_PAGES) {
		clear_whole(blocks, block);
		return;
	}
	record = record_get(blocks, block);
	pagemap_clear(&record->free, page % BLOCK_PAGES, count);
	block_settle(blocks, block, record);
}

bool blocks_put(struct blocks *blocks, uint64_t page, unsigned int count)
{
	uint64_t block = page / BLOCK_PAGES;
	struct block_record *record = record_find(blocks, block);

	if (!record && (bitmap_test(&blocks->maps, WHOLE, block) ||
			bitmap_number(&blocks->maps, block) == BLOCKS_MISSING))
		return false;
	for (unsigned int i = 0; record && i < PAGEMAP_WORDS; i++)
		if ((record->free.word[i] | record->missing.word[i]) &
		    pagemap_mask(i, page % BLOCK_PAGES, count))
			return false;

	count_free(blocks, count);
	if (!record && count == BLOCK_PAGES) {
		set_whole(blocks, block);
		return true;
	}
	record = record_get(blocks, block);
	pagemap_set(&record->free, page % BLOCK_PAGES, count);
	block_settle(blocks, block, record);
	return true;
}

/* Moves the pages that are set in one map of a record to the other; how many. */
static unsigned int move(struct pagemap *from, struct pagemap *to, uint64_t page,
			 unsigned int count)
{
	unsigned int moved = 0;

	for (unsigned int i = 0; i < PAGEMAP_WORDS; i++) {
		uint64_t bits = from->word[i] & pagemap_mask(i, page % BLOCK_PAGES, count);

		from->word[i] &= ~bits;
		to->word[i] |= bits;
		moved += (unsigned int)__builtin_popcountll(bits);
	}
	return moved;
}

void blocks_exclude(struct blocks *blocks, uint64_t page, unsigned int count)
{
	uint64_t block = page / BLOCK_PAGES;
	bool whole = bitmap_test(&blocks->maps, WHOLE, block);
	struct block_record *record;

	/* Full, or missing already. */
	if (!whole && !record_find(blocks, block))
		return;
	/* Without a record in between, since this is done to terabytes. */
	if (whole && count == BLOCK_PAGES) {
		count_free(blocks, -(int64_t)count);
		clear_whole(blocks, block);
		bitmap_set_number(&blocks->maps, block, BLOCKS_MISSING);
		return;
	}
	record = record_get(blocks, block);
	count_free(blocks, -(int64_t)move(&record->free, &record->missing, page, count));
	block_settle(blocks, block, record);
}

void blocks_include(struct blocks *blocks, uint64_t page, unsigned int count)
{
	uint64_t block = page / BLOCK_PAGES;
	bool missing = bitmap_number(&blocks->maps, block) == BLOCKS_MISSING;
	struct block_record *record;

	/* Whole or full: nothing is missing. */
	if (!missing && !record_find(blocks, block))
		return;
	if (missing && count == BLOCK_PAGES) {
		count_free(blocks, count);
		set_whole(blocks, block);
		bitmap_set_number(&blocks->maps, block, 0);
		return;
	}
	record = record_get(blocks, block);
	count_free(blocks, move(&record->missing, &record->free, page, count));
	block_settle(blocks, block, record);
}

unsigned int blocks_used(const struct blocks *blocks, uint64_t page, unsigned int count)
{
	uint64_t block = page / BLOCK_PAGES;
	const struct block_record *record = record_find(blocks, block);
	unsigned int unused = 0;

	if (!record)
		return bitmap_test(&blocks->maps, WHOLE, block) ||
				       bitmap_number(&blocks->maps, block) == BLOCKS_MISSING
			       ? 0
			       : count;
	for (unsigned int i = 0; i < PAGEMAP_WORDS; i++)
		unused += (unsigned int)__builtin_popcountll(
			(record->free.word[i] | record->missing.word[i]) &
			pagemap_mask(i, page % BLOCK_PAGES, count));
	return count - unused;
}

uint64_t blocks_find(const struct blocks *blocks, unsigned int order)
{
	uint64_t block;

	/* The block whose largest run is the smallest that will do: so others stay whole. */
	for (unsigned int i = order; i < BLOCKS_WHOLE; i++) {
		if (!blocks->nr_of_order[i])
			continue;
		block = bitmap_next(&blocks->maps, OF_ORDER(i), 0);
		return block * BLOCK_PAGES + pagemap_find(&record_find(blocks, block)->free, order);
	}
	block = bitmap_next(&blocks->maps, WHOLE, 0);
	return block == BITMAP_NONE ? BLOCKS_NONE : block * BLOCK_PAGES;
}

/* ------------------------------------------------------------------------------------------- */
/* Runs across blocks                                                                           */

/* The first free page in [page, end). */
static uint64_t next_free(const struct blocks *blocks, uint64_t page, uint64_t end)
{
	uint64_t block = page / BLOCK_PAGES, whole, partial;
	const struct block_record *record = record_find(blocks, block);

	if (bitmap_test(&blocks->maps, WHOLE, block))
		return page;
	if (record) {
		unsigned int bit = pagemap_next(&record->free, page % BLOCK_PAGES);

		if (bit != PAGEMAP_BITS)
			return block * BLOCK_PAGES + bit < end ? block * BLOCK_PAGES + bit
							       : BLOCKS_NONE;
	}
	whole = bitmap_next(&blocks->maps, WHOLE, block + 1);
	partial = bitmap_next(&blocks->maps, PARTIAL, block + 1);
	if (whole < partial)
		page = whole * BLOCK_PAGES;
	else if (partial != BITMAP_NONE)
		page = partial * BLOCK_PAGES + pagemap_next(&record_find(blocks, partial)->free, 0);
	else
		return BLOCKS_NONE;
	return page < end ? page : BLOCKS_NONE;
}

/* The last free page in [start, page]. */
static uint64_t prev_free(const struct blocks *blocks, uint64_t page, uint64_t start)
{
	uint64_t block = page / BLOCK_PAGES, whole, partial;
	const struct block_record *record = record_find(blocks, block);

	if (bitmap_test(&blocks->maps, WHOLE, block))
		return page;
	if (record) {
		unsigned int bit = pagemap_prev(&record->free, page % BLOCK_PAGES);

		if (bit != PAGEMAP_BITS)
			return block * BLOCK_PAGES + bit >= start ? block * BLOCK_PAGES + bit
								  : BLOCKS_NONE;
	}
	if (!block)
		return BLOCKS_NONE;
	whole = bitmap_prev(&blocks->maps, WHOLE, block - 1);
	partial = bitmap_prev(&blocks->maps, PARTIAL, block - 1);
	/* BITMAP_NONE is the highest number: + 1 makes it the lowest. */
	if (whole + 1 > partial + 1)
		page = whole * BLOCK_PAGES + BLOCK_PAGES - 1;
	else if (partial != BITMAP_NONE)
		page = partial * BLOCK_PAGES +
		       pagemap_prev(&record_find(blocks, partial)->free, BLOCK_PAGES - 1);
	else
		return BLOCKS_NONE;
	return page >= start ? page : BLOCKS_NONE;
}

/* The first page in [page, end) that is not free. */
static uint64_t next_busy(const struct blocks *blocks, uint64_t page, uint64_t end)
{
	while (page < end) {
		uint64_t block = page / BLOCK_PAGES;
		const struct block_record *record;
		unsigned int bit;

		if (bitmap_test(&blocks->maps, WHOLE, block)) {
			block = bitmap_next_clear(&blocks->maps, WHOLE, block,
						  (end - 1) / BLOCK_PAGES + 1);
			if (block == BITMAP_NONE)
				return BLOCKS_NONE;
			page = block * BLOCK_PAGES;
			continue;
		}
		record = record_find(blocks, block);
		if (!record)
			return page;
		bit = pagemap_next_clear(&record->free, page % BLOCK_PAGES);
		page = block * BLOCK_PAGES + bit;
		if (bit != PAGEMAP_BITS)
			return page < end ? page : BLOCKS_NONE;
	}
	return BLOCKS_NONE;
}

/* The last page in [start, page] that is not free. */
static uint64_t prev_busy(const struct blocks *blocks, uint64_t page, uint64_t start)
{
	for (;;) {
		uint64_t block = page / BLOCK_PAGES;
		const struct block_record *record;
		unsigned int bit;

		if (bitmap_test(&blocks->maps, WHOLE, block)) {
			block = bitmap_prev_clear(&blocks->maps, WHOLE, block, start / BLOCK_PAGES);
			if (block == BITMAP_NONE)
				return BLOCKS_NONE;
			page = block * BLOCK_PAGES + BLOCK_PAGES - 1;
			continue;
		}
		record = record_find(blocks, block);
		if (!record)
			return page;
		bit = pagemap_prev_clear(&record->free, page % BLOCK_PAGES);
		if (bit != PAGEMAP_BITS) {
			page = block * BLOCK_PAGES + bit;
			return page >= start ? page : BLOCKS_NONE;
		}
		if (block * BLOCK_PAGES <= start)
			return BLOCKS_NONE;
		page = block * BLOCK_PAGES - 1;
	}
}

/* So many pages hold a whole block wherever they start. */
#define HOLDS_WHOLE (2 * BLOCK_PAGES - 1)

/* Aligned to blocks, so many begin with a whole one. */
static bool begins_whole(const struct blocks_wanted *wanted)
{
	return wanted->nr_pages >= BLOCK_PAGES && wanted->align >= BLOCK_PAGES &&
	       wanted->skew % BLOCK_PAGES == 0;
}

uint64_t blocks_lowest(const struct blocks *blocks, const struct blocks_wanted *wanted,
		       uint64_t low, uint64_t high)
{
	while (low < high) {
		uint64_t busy;

		if (begins_whole(wanted)) {
			uint64_t whole = bitmap_next(&blocks->maps, WHOLE,
						     (low + BLOCK_PAGES - 1) / BLOCK_PAGES);

			if (whole == BITMAP_NONE)
				return BLOCKS_NONE;
			low = whole * BLOCK_PAGES;
		}
		/* Then nothing ends before the next whole block does: spares walking the rest. */
		else if (wanted->nr_pages >= HOLDS_WHOLE) {
			uint64_t whole = bitmap_next(&blocks->maps, WHOLE, low / BLOCK_PAGES);

			if (whole == BITMAP_NONE || whole * BLOCK_PAGES >= high)
				return BLOCKS_NONE;
			if (whole && low < (whole - 1) * BLOCK_PAGES)
				low = (whole - 1) * BLOCK_PAGES;
		}
		low = next_free(blocks, low, high);
		if (low == BLOCKS_NONE)
			return BLOCKS_NONE;
		low = ((low + wanted->skew + wanted->align - 1) & ~(wanted->align - 1)) -
		      wanted->skew;
		if (low >= high || high - low < wanted->nr_pages)
			return BLOCKS_NONE;
		busy = next_busy(blocks, low, low + wanted->nr_pages);
		if (busy == BLOCKS_NONE)
			return low;
		low = busy + 1;
	}
	return BLOCKS_NONE;
}

uint64_t blocks_highest(const struct blocks *blocks, const struct blocks_wanted *wanted,
			uint64_t low, uint64_t high)
{
	while (high > low) {
		uint64_t page;

		/* As in blocks_lowest(). */
		if (wanted->nr_pages >= HOLDS_WHOLE) {
			uint64_t whole =
				bitmap_prev(&blocks->maps, WHOLE, (high - 1) / BLOCK_PAGES);

			if (whole == BITMAP_NONE || (whole + 1) * BLOCK_PAGES <= low)
				return BLOCKS_NONE;
			if (high > (whole + 2) * BLOCK_PAGES)
				high = (whole + 2) * BLOCK_PAGES;
		}
		page = prev_free(blocks, high - 1, low);
		if (page == BLOCKS_NONE || page + 1 - low < wanted->nr_pages)
			return BLOCKS_NONE;
		page = (page + 1 - wanted->nr_pages + wanted->skew) & ~(wanted->align - 1);
		if (page < low + wanted->skew)
			return BLOCKS_NONE;
		page -= wanted->skew;
		high = prev_busy(blocks, page + wanted->nr_pages - 1, page);
		if (high == BLOCKS_NONE)
			return page;
	}
	return BLOCKS_NONE;
}
