// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * page_lists.c - the lists of page_lists.h.
 */
#include <stdlib.h>
#include <string.h>

#include "machine/allocator.h"
#include "machine/random.h"
#include "port/stage/page_lists.h"

#define BATCH	    63u
#define MAX_GROWTH  5u
#define LEAST_HIGH  (4 * BATCH)
#define FIXED_BATCH 64u
#define FIXED_HIGH  (2 * FIXED_BATCH)
/* Memory that is in pieces comes in rows. */
#define ROW_PAGES 64u
#define ROW_BYTES (ROW_PAGES * TDX_PAGE_SIZE)

struct list {
	uint64_t random;
	tdx_hpa_t next;	 /* where the last row ended; 0: nowhere */
	uint32_t growth; /* the next batch is shifted up by this */
	uint32_t freed;	 /* lately */
	uint64_t high;
	uint32_t nr, room;
	tdx_hpa_t *page; /* the last one is on top */
};

struct page_lists {
	const struct machine_map *map;
	struct allocator *allocator;
	struct page_lists_kind kind;
	uint32_t nr_cpus;
	struct limits {
		uint64_t high_min, high_max;
	} * node;
	struct list *list; /* by CPU, one for each node */
};

static struct list *list_of(const struct page_lists *lists, uint32_t cpu, uint32_t node)
{
	/* Fixed batches are of one's own node's pages. */
	if (lists->kind.fixed && node != cpu % lists->map->nr_nodes)
		return NULL;
	return &lists->list[cpu * lists->map->nr_nodes + node];
}

static uint64_t larger(uint64_t a, uint64_t b) { return a > b ? a : b; }
static uint64_t smaller(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* ------------------------------------------------------------------------------------------- */
/* Where pages come from                                                                        */

/* Per thousand of what is free on the node: not in whole 2M blocks. */
static uint64_t in_pieces(const struct page_lists *lists, uint32_t node)
{
	uint64_t free = allocator_free_bytes(lists->allocator, node) / 1000;
	uint64_t whole = allocator_free_2m_bytes(lists->allocator, node) / 1000;

	return free ? (free - whole) * 1000 / free : 0;
}

/* The node's largest range. */
static const struct map_range *largest_range(const struct page_lists *lists, uint32_t node)
{
	const struct machine_map *map = lists->map;
	const struct map_range *range = &map->ranges[0];

	for (uint32_t i = 1; i < map->nr_ranges; i++)
		if (map->ranges[i].node == node &&
		    (range->node != node || map->ranges[i].size > range->size))
			range = &map->ranges[i];
	return range;
}

/* Free pages in a row at, or behind, a place; *next: where the next ones would be. */
static tdx_hpa_t take_row(struct page_lists *lists, uint32_t node, uint64_t bytes, tdx_hpa_t *next)
{
	const struct map_range *range = largest_range(lists, node);
	tdx_hpa_t at = allocator_alloc_range(
		lists->allocator, &(struct os_range){ .bytes = bytes,
						      .align = bytes,
						      .low = *next,
						      .high = hpa(range->base + range->size),
						      .node = node });

	*next = hpa_is_none(at) ? hpa(0) : hpa(at.v + bytes);
	return at;
}

static tdx_hpa_t random_place(const struct map_range *range, uint64_t random)
{
	return hpa(range->base + (random >> 16) % range->size);
}

/* A row behind the last one of this CPU, or from a place that nobody can foresee. */
static tdx_hpa_t take_anywhere(struct page_lists *lists, struct list *list, uint32_t node,
			       uint64_t pieces)
{
	uint64_t random = random_quick(&list->random);

	/* The first ones are the allocator's own choice: all begin side by side. */
	if (!list->next.v)
		return HPA_NONE;
	if ((random >> 33) % 1000 < pieces)
		list->next = random_place(largest_range(lists, node), random);
	return take_row(lists, node, ROW_BYTES, &list->next);
}

/* A page of its own. */
static tdx_hpa_t take_scattered(struct page_lists *lists, struct list *list, uint32_t node)
{
	tdx_hpa_t from = random_place(largest_range(lists, node), random_quick(&list->random));

	return take_row(lists, node, TDX_PAGE_SIZE, &from);
}

/* At most so many pages, into room for them; whole rows where memory is in pieces. Return: how
 * many. */
static uint32_t fetch(struct page_lists *lists, struct list *list, uint32_t node, tdx_hpa_t *page,
		      uint32_t nr)
{
	uint64_t pieces = lists->kind.scattered ? 0 : in_pieces(lists, node);
	tdx_hpa_t row = HPA_NONE;

	for (uint32_t i = 0; i < nr; i++) {
		/* A few pieces there are always. */
		if (i % ROW_PAGES == 0 && pieces > 20)
			row = take_anywhere(lists, list, node, pieces);
		if (lists->kind.scattered)
			page[i] = take_scattered(lists, list, node);
		else if (!hpa_is_none(row))
			page[i] = hpa(row.v + i % ROW_PAGES * TDX_PAGE_SIZE);
		else
			page[i] = allocator_alloc(lists->allocator, 0, node);
		if (hpa_is_none(page[i]))
			return i;
		if (hpa_is_none(row))
			list->next = hpa(page[i].v + TDX_PAGE_SIZE);
	}
	return nr;
}

/* ------------------------------------------------------------------------------------------- */
/* How many                                                                                     */

/* Lists whose batches and bounds change with what was taken and given; else they are fixed. */
static bool adapts(const struct page_lists *lists)
{
	return !lists->kind.fixed && !lists->kind.scattered;
}

static uint64_t next_batch(struct page_lists *lists, struct list *list, uint32_t node)
{
	uint64_t batch = (uint64_t)BATCH << list->growth, room;

	if (!adapts(lists))
		return FIXED_BATCH;
	list->high = smaller(list->high + batch, lists->node[node].high_max);
	room = larger(list->high - BATCH, BATCH);
	if (batch <= room && list->growth < MAX_GROWTH)
		list->growth++;
	return smaller(batch, room);
}

static bool make_room(struct list *list, uint64_t nr)
{
	tdx_hpa_t *page;

	if (nr <= list->room)
		return true;
	page = realloc(list->page, 2 * nr * sizeof(*page));
	if (!page)
		return false;
	list->page = page;
	list->room = (uint32_t)(2 * nr);
	return true;
}

static void fill(struct page_lists *lists, struct list *list, uint32_t node)
{
	uint64_t batch = next_batch(lists, list, node);
	uint32_t nr;

	/* Whole rows. */
	batch = (batch + ROW_PAGES - 1) / ROW_PAGES * ROW_PAGES;
	if (!make_room(list, batch))
		return;
	nr = fetch(lists, list, node, list->page, (uint32_t)batch);
	list->nr = nr;
	/* The first on top. */
	for (uint32_t i = 0; i < nr / 2; i++) {
		tdx_hpa_t page = list->page[i];

		list->page[i] = list->page[nr - 1 - i];
		list->page[nr - 1 - i] = page;
	}
}

static tdx_hpa_t take_of(struct page_lists *lists, uint32_t cpu, uint32_t node)
{
	struct list *list = list_of(lists, cpu, node);

	if (!list)
		return HPA_NONE;
	list->freed /= 2;
	if (!list->nr)
		fill(lists, list, node);
	return list->nr ? list->page[--list->nr] : HPA_NONE;
}

tdx_hpa_t page_lists_take(struct page_lists *lists, uint32_t cpu, uint32_t node)
{
	tdx_hpa_t page = HPA_NONE;

	if (node != OS_ANY_NODE)
		return take_of(lists, cpu, node);
	for (uint32_t i = 0; i < lists->map->nr_nodes && hpa_is_none(page); i++)
		page = take_of(lists, cpu, (cpu + i) % lists->map->nr_nodes);
	return page;
}

/* The ones at the bottom, which were not used for the longest time. */
static void give_back(struct page_lists *lists, struct list *list, uint32_t nr)
{
	if (nr > list->nr)
		nr = list->nr;
	for (uint32_t i = 0; i < nr; i++)
		allocator_free(lists->allocator, list->page[i], 0);
	list->nr -= nr;
	memmove(list->page, list->page + nr, list->nr * sizeof(*list->page));
}

static struct list *list_for(const struct page_lists *lists, uint32_t cpu, tdx_hpa_t page)
{
	for (uint32_t i = 0; i < lists->map->nr_ranges; i++)
		if (page.v - lists->map->ranges[i].base < lists->map->ranges[i].size)
			return list_of(lists, cpu, lists->map->ranges[i].node);
	return NULL;
}

bool page_lists_give(struct page_lists *lists, uint32_t cpu, tdx_hpa_t page)
{
	struct list *list = list_for(lists, cpu, page);
	uint32_t batch = adapts(lists) ? BATCH : FIXED_BATCH;
	uint64_t high;

	if (!list || !make_room(list, list->nr + 1))
		return false;
	high = adapts(lists) ? list->high : FIXED_HIGH;
	list->growth /= 2;
	if (list->freed < BATCH << MAX_GROWTH)
		list->freed++;
	if (list->nr >= high)
		give_back(lists, list, (uint32_t)smaller(larger(list->freed, batch), high - batch));
	list->page[list->nr++] = page;
	return true;
}

bool page_lists_drain(struct page_lists *lists, uint32_t node)
{
	uint32_t nodes = lists->map->nr_nodes;
	bool found = false;

	for (uint32_t i = 0; i < lists->nr_cpus * nodes; i++) {
		struct list *list = &lists->list[i];

		if (node != OS_ANY_NODE && i % nodes != node)
			continue;
		found |= list->nr;
		while (list->nr)
			allocator_free(lists->allocator, list->page[--list->nr], 0);
	}
	return found;
}

/* ------------------------------------------------------------------------------------------- */

static void set_limits(struct page_lists *lists, uint32_t node)
{
	uint64_t pages = allocator_free_bytes(lists->allocator, node) >> TDX_PAGE_SHIFT;
	uint64_t cpus = lists->nr_cpus / lists->map->nr_nodes;

	if (!cpus)
		cpus = 1;
	lists->node[node].high_min = larger(pages / 1000 / cpus, LEAST_HIGH);
	lists->node[node].high_max = larger(pages / 8 / cpus, LEAST_HIGH);
}

struct page_lists *page_lists_create(struct machine *machine, uint32_t nr_cpus)
{
	struct page_lists *lists = calloc(1, sizeof(*lists));

	if (!lists)
		return NULL;
	lists->map = machine_map(machine);
	lists->allocator = machine_allocator(machine);
	lists->nr_cpus = nr_cpus;
	lists->node = calloc(lists->map->nr_nodes, sizeof(*lists->node));
	lists->list = calloc((size_t)nr_cpus * lists->map->nr_nodes, sizeof(*lists->list));
	if (!lists->node || !lists->list) {
		page_lists_destroy(lists);
		return NULL;
	}
	for (uint32_t node = 0; node < lists->map->nr_nodes; node++)
		set_limits(lists, node);
	for (uint32_t i = 0; i < nr_cpus * lists->map->nr_nodes; i++) {
		uint64_t cpu = i / lists->map->nr_nodes;

		lists->list[i].random = (cpu + 1) * UINT64_C(0x9e3779b97f4a7c15);
		lists->list[i].high = lists->node[i % lists->map->nr_nodes].high_min;
	}
	return lists;
}

void page_lists_destroy(struct page_lists *lists)
{
	if (!lists)
		return;
	for (uint32_t i = 0; lists->list && i < lists->nr_cpus * lists->map->nr_nodes; i++)
		free(lists->list[i].page);
	free(lists->list);
	free(lists->node);
	free(lists);
}

void page_lists_choose(struct page_lists *lists, struct page_lists_kind kind)
{
	lists->kind = kind;
}
