// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * chunk.c - chunks of the pool: their bitmaps, the lists and the hash that they are found in.
 */
#include "host/chunk.h"

/* ------------------------------------------------------------------------------------------- */
/* By address                                                                                   */

static struct chunk **bucket(const struct chunks *all, region_t region)
{
	/* Regions of chunks are neighbours often: multiplying spreads them. */
	return &all->hash[region.v * UINT64_C(0x9e3779b97f4a7c15) >> (64 - all->hash_bits)];
}

struct chunk *chunk_find(const struct chunks *all, tdx_hpa_t page)
{
	struct chunk *c = *bucket(all, hpa_to_region(page));

	while (c && (page.v < c->base.v || page.v >= c->base.v + c->pages * TDX_PAGE_SIZE))
		c = c->hash_next;
	return c;
}

uint32_t chunks_out(const struct chunks *all, region_t region, uint32_t *pins)
{
	uint32_t pages = 0;

	*pins = 0;
	for (const struct chunk *c = *bucket(all, region); c; c = c->hash_next) {
		if (hpa_to_region(c->base).v != region.v)
			continue;
		pages += chunk_out(c);
		/* A stuck one has lost its pin, or shares it with a user who never leaves. */
		*pins += c->state != CHUNK_STUCK;
	}
	return pages;
}

void chunk_hash_add(struct chunks *all, struct chunk *c)
{
	struct chunk **head = bucket(all, hpa_to_region(c->base));

	c->hash_next = *head;
	*head = c;
}

void chunk_hash_del(struct chunks *all, struct chunk *c)
{
	struct chunk **at = bucket(all, hpa_to_region(c->base));

	while (*at != c)
		at = &(*at)->hash_next;
	*at = c->hash_next;
}

/* ------------------------------------------------------------------------------------------- */
/* By number of free pages                                                                      */

static uint32_t class_of(const struct chunk *c)
{
	if (chunk_empty(c))
		return CLASS_EMPTY;
	return c->free ? 64 - (uint32_t)__builtin_clzll(c->free) : CLASS_FULL;
}

void chunk_link(struct chunks *all, struct chunk *c)
{
	struct chunk **head;

	c->class = (uint8_t)class_of(c);
	head = &all->class[c->class];
	c->prev = NULL;
	c->next = *head;
	if (*head)
		(*head)->prev = c;
	*head = c;
}

void chunk_unlink(struct chunks *all, struct chunk *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		all->class[c->class] = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->prev = c->next = NULL;
}

/* After free pages came or went. */
static void reclassify(struct chunks *all, struct chunk *c)
{
	if (c->state != CHUNK_LIVE || class_of(c) == c->class)
		return;
	chunk_unlink(all, c);
	chunk_link(all, c);
}

/* ------------------------------------------------------------------------------------------- */
/* Pages                                                                                        */

static uint32_t first_free(const struct chunk *c)
{
	uint32_t word = 0;

	while (!c->free_map[word])
		word++;
	return word * 64 + (uint32_t)__builtin_ctzll(c->free_map[word]);
}

bool chunk_take(struct chunks *all, tdx_hpa_t *page)
{
	struct chunk *c = NULL;
	uint32_t i;

	for (uint32_t class = CLASS_FULL + 1; class < NR_CLASSES && !c; class ++)
		c = all->class[class];
	if (!c)
		return false;
	/* Nor is an empty one without: what was out came back to it. */
	OS_INVARIANT(c->free);
	i = first_free(c);
	map_clear(c->free_map, i);
	map_set(c->dirty_map, i);
	c->free--;
	all->free--;
	reclassify(all, c);
	*page = hpa(region_to_hpa(hpa_to_region(c->base)).v + i * TDX_PAGE_SIZE);
	return true;
}

bool chunk_put(struct chunks *all, struct chunk *c, tdx_hpa_t page)
{
	uint32_t i = page_index(page);

	if (!map_test(c->owned_map, i) || map_test(c->free_map, i))
		return false;
	map_set(c->free_map, i);
	c->free++;
	all->free++;
	reclassify(all, c);
	return true;
}

static void move_page(struct chunks *all, struct chunk *c, uint32_t i, struct page_set *set)
{
	map_set(set->map, i);
	if (map_test(c->dirty_map, i))
		map_set(set->dirty, i);
	map_clear(c->owned_map, i);
	c->owned--;
	all->held--;
}

void chunk_strip(struct chunks *all, struct chunk *c, uint64_t max, struct page_set *set)
{
	/* An empty chunk that stays keeps a page: without one it fits no list, and is pinned. */
	uint32_t keep = c->state == CHUNK_LIVE && chunk_empty(c);

	*set = (struct page_set){ .region = hpa_to_region(c->base) };
	for (; max && c->free > keep; max--) {
		uint32_t i = first_free(c);

		map_clear(c->free_map, i);
		c->free--;
		all->free--;
		move_page(all, c, i, set);
	}
	OS_INVARIANT(c->free || c->state != CHUNK_LIVE || !chunk_empty(c));
	reclassify(all, c);
}

bool chunk_strip_page(struct chunks *all, struct chunk *c, tdx_hpa_t page, struct page_set *set)
{
	uint32_t i = page_index(page);

	if (hpa_to_region(page).v != hpa_to_region(c->base).v || !map_test(c->owned_map, i) ||
	    map_test(c->free_map, i))
		return false;
	move_page(all, c, i, set);
	return true;
}

/* The largest naturally aligned block of the set that begins at page i. */
static unsigned int block_order(const struct page_set *set, uint32_t i)
{
	unsigned int order = 0;

	for (; order < CHUNK_MAX_ORDER && !(i & ((2u << order) - 1)); order++)
		for (uint32_t j = 1u << order; j < 2u << order; j++)
			if (!map_test(set->map, i + j))
				return order;
	return order;
}

uint64_t page_set_free(struct pamt_host *host, const struct page_set *set)
{
	const struct os_services *os = host->os;
	uint64_t base = region_to_hpa(set->region).v, pages = 0;

	for (uint32_t i = 0; i < TDX_PAGES_PER_2M;) {
		unsigned int order;

		if (!map_test(set->map, i)) {
			i++;
			continue;
		}
		order = block_order(set, i);
		for (uint32_t j = i; j < i + (1u << order); j++)
			if (map_test(set->dirty, j))
				os->scrub(os->ctx, hpa(base + j * TDX_PAGE_SIZE), TDX_PAGE_SIZE);
		os->free_pages(os->ctx, hpa(base + i * TDX_PAGE_SIZE), order);
		i += 1u << order;
		pages += UINT64_C(1) << order;
	}
	stats_os_pages(host, 0, pages);
	return pages;
}
