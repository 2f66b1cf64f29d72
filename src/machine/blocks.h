/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * blocks.h - which pages of one node's memory are free, by 2M blocks.
 *
 * Pages are numbered from 0 without regard to addresses; 512 of them, from a multiple of 512, are
 * a block. A block is in one of these states:
 *
 *   whole      all pages are free. Bit in the map whole; no record.
 *   broken     some pages are free. Bit in partial, the union of the maps of_order[], and in
 *              of_order[order of its largest aligned free run]; record_of[] is the number, from 1,
 *              of a record with a map of the free pages.
 *   full       no page is free. In no bitmap; no record, unless pages of it are missing.
 *   missing    all pages are missing: record_of[] is BLOCKS_MISSING.
 *
 * A missing page is one that is no memory, or was taken out for good. A block that misses some
 * pages keeps its record, which has a map of them, for as long as it does. The record of a block
 * that misses none and is wholly free or wholly allocated is given back.
 *
 * Zeroed tables mean "every block whole", so nothing is touched before it changes. No locks here:
 * allocator.c has one per node.
 */
#ifndef PAMT_MACHINE_BLOCKS_H
#define PAMT_MACHINE_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/bitmap.h"
#include "machine/pagemap.h"

#define BLOCK_PAGES    ((uint64_t)PAGEMAP_BITS)
#define BLOCKS_WHOLE   9 /* order of a whole block */
#define BLOCKS_MISSING UINT32_MAX
#define BLOCKS_NONE    UINT64_MAX

struct block_record {
	struct pagemap free, missing;
	uint32_t next; /* in the list of unused records: number + 1, 0: end */
	int32_t order; /* of the largest aligned free run, -1: no page is free */
};

struct blocks {
	/* Changed under the node's lock, read without. */
	uint64_t free_pages, nr_whole;
	struct bitmap maps; /* whole, partial, of_order[]; the number is record_of[] */
	uint32_t nr_of_order[BLOCKS_WHOLE]; /* bits in each, to pass over empty ones */
	struct block_record *records;
	uint32_t nr_records, room; /* how many were ever used; how many there is room for */
	uint32_t unused_record;
};

/* All blocks whole. False: no memory to be had; blocks_destroy() is still due. */
bool blocks_create(struct blocks *blocks, uint64_t nr_blocks);
void blocks_destroy(struct blocks *blocks);
/* Free pages, and those of them in whole blocks; readable without the node's lock. */
uint64_t blocks_free_pages(const struct blocks *blocks);
uint64_t blocks_whole_pages(const struct blocks *blocks);

/* count pages from page on, all in one block. */

/* Allocates pages, which are free. */
void blocks_take(struct blocks *blocks, uint64_t page, unsigned int count);
/* Frees pages. False, and nothing done, if any is not allocated. */
bool blocks_put(struct blocks *blocks, uint64_t page, unsigned int count);
/* Free pages become missing; the others stay as they are. */
void blocks_exclude(struct blocks *blocks, uint64_t page, unsigned int count);
/* Missing pages become free; the others stay as they are. */
void blocks_include(struct blocks *blocks, uint64_t page, unsigned int count);
/* How many are neither free nor missing. */
unsigned int blocks_used(const struct blocks *blocks, uint64_t page, unsigned int count);

/* A free run of 2^order pages, aligned, where it breaks least; BLOCKS_NONE: there is none. */
uint64_t blocks_find(const struct blocks *blocks, unsigned int order);

/*
 * A free run anywhere in pages [low, high), a span without holes in its addresses, at a page with
 * (page + skew) % align == 0, align a power of two; BLOCKS_NONE: there is none.
 */
struct blocks_wanted {
	uint64_t nr_pages, align, skew;
};
uint64_t blocks_lowest(const struct blocks *blocks, const struct blocks_wanted *wanted,
		       uint64_t low, uint64_t high);
uint64_t blocks_highest(const struct blocks *blocks, const struct blocks_wanted *wanted,
			uint64_t low, uint64_t high);

#endif
