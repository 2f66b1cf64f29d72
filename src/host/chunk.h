/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * chunk.h - chunks of one node, found by address and by how many free pages they have. What a chunk
 * is for is said in pool.h; all here is with the pool's lock held.
 */
#ifndef PAMT_HOST_CHUNK_H
#define PAMT_HOST_CHUNK_H

#include "host/stats.h"

/* Builds that search for races have pools that a few operations fill and empty. */
#ifndef TINY_CHUNKS
#define TINY_CHUNKS false
#endif
#define CHUNK_MIN_ORDER	 2u
#define CHUNK_BASE_ORDER (TINY_CHUNKS ? CHUNK_MIN_ORDER : 4u) /* 64 KB: for a single page */
#define CHUNK_MAX_ORDER	 9u
/* Pages that a pool may hold beyond twice those used. */
#define POOL_SLACK_PAGES (1u << CHUNK_BASE_ORDER)

/*
 * The largest chunk with which a pool that holds so many pages, of which so many are used, would
 * not hold too many.
 */
static inline unsigned int chunk_order_for(uint64_t held, uint64_t used)
{
	unsigned int order = TINY_CHUNKS ? CHUNK_BASE_ORDER : CHUNK_MAX_ORDER;

	while (order > CHUNK_BASE_ORDER &&
	       held + (UINT64_C(1) << order) > 2 * used + POOL_SLACK_PAGES)
		order--;
	return order;
}
#define CHUNK_WORDS (TDX_PAGES_PER_2M / 64)

/*
 * Lists by number of free pages: full, 1, 2-3, 4-7, .. 512. Pages are drawn from the first that
 * has any, so that full chunks stay full and sparse ones become empty. Empty ones come last.
 */
#define CLASS_FULL  0u
#define CLASS_EMPTY 11u
#define NR_CLASSES  12u

enum chunk_state { CHUNK_LIVE, CHUNK_LEAVING, CHUNK_WAITING, CHUNK_STUCK };

struct chunk {
	struct chunk *prev, *next; /* in the list of its class, or of waiting chunks */
	struct chunk *hash_next;
	tdx_hpa_t base;
	uint16_t pages;	      /* the block as it was taken */
	uint16_t owned, free; /* of these, not gone; of those, free */
	uint8_t order, class, state;
	bool self; /* two of its pages are its region's own pair */
	/* By page of the region, not of the chunk: gone is neither owned nor free. */
	uint64_t owned_map[CHUNK_WORDS], free_map[CHUNK_WORDS];
	uint64_t dirty_map[CHUNK_WORDS]; /* was out, so the module may have had it */
};

/* All chunks of a node. */
struct chunks {
	struct chunk *class[NR_CLASSES];
	struct chunk **hash; /* by region */
	uint32_t hash_bits;
	uint64_t held, free; /* pages */
	uint64_t of_order[CHUNK_MAX_ORDER + 1];
};

/* A set of pages of one region on their way to the OS. */
struct page_set {
	region_t region;
	uint64_t map[CHUNK_WORDS], dirty[CHUNK_WORDS];
};

uint32_t chunks_out(const struct chunks *all, region_t region, uint32_t *pins);
struct chunk *chunk_find(const struct chunks *all, tdx_hpa_t page);
void chunk_hash_add(struct chunks *all, struct chunk *c);
void chunk_hash_del(struct chunks *all, struct chunk *c);
void chunk_link(struct chunks *all, struct chunk *c);	/* into the list it belongs to */
void chunk_unlink(struct chunks *all, struct chunk *c); /* out of it */
bool chunk_take(struct chunks *all, tdx_hpa_t *page);	/* one free page of the fullest chunk */
bool chunk_put(struct chunks *all, struct chunk *c, tdx_hpa_t page); /* false: it was not out */
/* Takes up to max free pages out of the chunk for the OS. */
void chunk_strip(struct chunks *all, struct chunk *c, uint64_t max, struct page_set *set);
/* Takes one page that is out, of a chunk that is LEAVING. False: not of this chunk. */
bool chunk_strip_page(struct chunks *all, struct chunk *c, tdx_hpa_t page, struct page_set *set);
/* Scrubs and frees. Without the lock. Return: pages. */
uint64_t page_set_free(struct pamt_host *host, const struct page_set *set);

static inline uint32_t page_index(tdx_hpa_t page)
{
	return (uint32_t)(page.v >> TDX_PAGE_SHIFT) % TDX_PAGES_PER_2M;
}

static inline bool map_test(const uint64_t *map, uint32_t i) { return map[i / 64] >> i % 64 & 1; }
static inline void map_set(uint64_t *map, uint32_t i) { map[i / 64] |= UINT64_C(1) << i % 64; }
static inline void map_clear(uint64_t *map, uint32_t i) { map[i / 64] &= ~(UINT64_C(1) << i % 64); }

/* Pages that are out, and how many of them an empty chunk has: its own region's pair. */
static inline uint32_t chunk_out(const struct chunk *c) { return c->owned - c->free; }
static inline bool chunk_empty(const struct chunk *c) { return chunk_out(c) == (c->self ? 2 : 0); }

#endif
