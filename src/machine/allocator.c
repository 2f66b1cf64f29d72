// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * allocator.c - page allocator of the simulated machine: from nodes and addresses to the pages of
 * blocks.h.
 *
 * A node's memory is a list of segments: runs of 2M blocks without a hole between them. The pages
 * of all its segments are numbered one after the other, so that a node's tables are as large as
 * its memory, wherever that lies. Ranges are the usable memory to the page; where one begins or
 * ends inside a block, the rest of the block is missing. A block that two nodes share is a block
 * of both, with the other's pages missing.
 */
#include <stdlib.h>

#include "machine/allocator.h"
#include "machine/array.h"
#include "machine/blocks.h"
#include "machine/bug.h"
#include "machine/lock.h"

struct segment {
	uint64_t first_page; /* of the node, a multiple of BLOCK_PAGES */
	uint64_t first_pfn;  /* likewise */
	uint64_t nr_pages;
};

struct node {
	struct lock lock; /* of blocks; nodes' locks are taken in ascending order */
	struct blocks blocks;
	uint32_t nr_segments;
	struct segment *segments; /* ascending */
};

struct range {
	uint64_t pfn, end;
	uint32_t node;
	uint32_t segment; /* of that node */
};

/* Page frames [pfn, end). */
struct span {
	uint64_t pfn, end;
};

struct spans {
	uint32_t nr, room;
	struct span *span;
};

struct allocator {
	uint32_t nr_nodes, nr_ranges;
	struct range *ranges; /* ascending */
	struct node *nodes;
	/* Missing pages, and why. Changed under all nodes' locks, so read under any. */
	struct spans excluded, offline;
};

/* The range that holds a page frame, or the next one above it; NULL: none. */
static const struct range *range_at(const struct allocator *allocator, uint64_t pfn)
{
	uint32_t low = 0, high = allocator->nr_ranges;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (allocator->ranges[middle].end <= pfn)
			low = middle + 1;
		else
			high = middle;
	}
	return low < allocator->nr_ranges ? &allocator->ranges[low] : NULL;
}

static uint64_t page_of(const struct segment *segment, uint64_t pfn)
{
	return pfn - segment->first_pfn + segment->first_page;
}

static tdx_hpa_t address_of(const struct segment *segment, uint64_t page)
{
	return pfn_to_hpa(pfn(page - segment->first_page + segment->first_pfn));
}

static const struct segment *segment_of_page(const struct node *node, uint64_t page)
{
	uint32_t low = 0, high = node->nr_segments;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (node->segments[middle].first_page <= page)
			low = middle;
		else
			high = middle;
	}
	return &node->segments[low];
}

/* blocks_put() and others, in one form: false stops the walk. */
typedef bool block_fn(struct blocks *blocks, uint64_t page, unsigned int count);

static bool exclude_part(struct blocks *blocks, uint64_t page, unsigned int count)
{
	blocks_exclude(blocks, page, count);
	return true;
}

static bool include_part(struct blocks *blocks, uint64_t page, unsigned int count)
{
	blocks_include(blocks, page, count);
	return true;
}

/*
 * Calls fn for each block's part of one range, all in it, under its node's lock. The first page
 * frame that fn refused, or end.
 */
static uint64_t range_for_blocks(struct allocator *allocator, const struct range *range,
				 uint64_t first, uint64_t end, block_fn *fn)
{
	struct node *node = &allocator->nodes[range->node];

	while (first < end) {
		uint64_t page = page_of(&node->segments[range->segment], first);
		uint64_t count = BLOCK_PAGES - page % BLOCK_PAGES;

		if (count > end - first)
			count = end - first;
		if (!fn(&node->blocks, page, (unsigned int)count))
			break;
		first += count;
	}
	return first;
}

/* The same for what a range has of each span. */
static void range_for_spans(struct allocator *allocator, const struct range *range,
			    const struct span *span, uint32_t nr, block_fn *fn)
{
	for (uint32_t i = 0; i < nr; i++) {
		uint64_t first = span[i].pfn > range->pfn ? span[i].pfn : range->pfn;
		uint64_t end = span[i].end < range->end ? span[i].end : range->end;

		range_for_blocks(allocator, range, first, end, fn);
	}
}

static void lock_nodes(struct allocator *allocator, uint32_t first, uint32_t end)
{
	for (uint32_t i = first; i < end; i++)
		lock_take(&allocator->nodes[i].lock);
}

static void unlock_nodes(struct allocator *allocator, uint32_t first, uint32_t end)
{
	for (uint32_t i = first; i < end; i++)
		lock_drop(&allocator->nodes[i].lock);
}

static tdx_hpa_t node_alloc(struct node *node, unsigned int order)
{
	uint64_t page;

	/* Only a hint, which spares the lock of a node that has nothing. */
	if (blocks_free_pages(&node->blocks) < UINT64_C(1) << order)
		return HPA_NONE;
	lock_take(&node->lock);
	page = blocks_find(&node->blocks, order);
	if (page != BLOCKS_NONE)
		blocks_take(&node->blocks, page, 1u << order);
	lock_drop(&node->lock);
	return page == BLOCKS_NONE ? HPA_NONE : address_of(segment_of_page(node, page), page);
}

tdx_hpa_t allocator_alloc(struct allocator *allocator, unsigned int order, uint32_t node)
{
	tdx_hpa_t block = HPA_NONE;

	if (order > ALLOCATOR_MAX_ORDER)
		return HPA_NONE;
	if (node != OS_ANY_NODE)
		return node < allocator->nr_nodes ? node_alloc(&allocator->nodes[node], order)
						  : HPA_NONE;
	for (uint32_t i = 0; i < allocator->nr_nodes && hpa_is_none(block); i++)
		block = node_alloc(&allocator->nodes[i], order);
	return block;
}

void allocator_free_range(struct allocator *allocator, tdx_hpa_t base, uint64_t bytes)
{
	uint64_t pfn = base.v >> TDX_PAGE_SHIFT, end = pfn + (bytes >> TDX_PAGE_SHIFT);
	const struct range *range = range_at(allocator, pfn);
	const struct range *ranges_end = allocator->ranges + allocator->nr_ranges;

	if ((base.v | bytes) & (TDX_PAGE_SIZE - 1))
		machine_bug("free of 0x%llx bytes at 0x%llx: not a multiple of 4K",
			    (unsigned long long)bytes, (unsigned long long)base.v);
	/* A range that was allocated may go over from one range of the map to the next. */
	while (pfn < end && range && range < ranges_end && pfn >= range->pfn) {
		const struct range part = { pfn, end < range->end ? end : range->end, range->node,
					    range->segment };

		lock_take(&allocator->nodes[range->node].lock);
		pfn = range_for_blocks(allocator, range, part.pfn, part.end, blocks_put);
		/* What is off, or on its way there, does not come back. */
		if (pfn == part.end)
			range_for_spans(allocator, &part, allocator->offline.span,
					allocator->offline.nr, exclude_part);
		lock_drop(&allocator->nodes[range->node].lock);
		if (pfn != part.end)
			break;
		range++;
	}
	if (pfn != end)
		machine_bug("free of 0x%llx bytes at 0x%llx: not all allocated, at or after 0x%llx",
			    (unsigned long long)bytes, (unsigned long long)base.v,
			    (unsigned long long)(pfn << TDX_PAGE_SHIFT));
}

void allocator_free(struct allocator *allocator, tdx_hpa_t block, unsigned int order)
{
	uint64_t bytes = TDX_PAGE_SIZE << order;

	if (order > ALLOCATOR_MAX_ORDER || block.v & (bytes - 1))
		machine_bug("free of order %u at 0x%llx: not aligned to its size", order,
			    (unsigned long long)block.v);
	allocator_free_range(allocator, block, bytes);
}

/* ------------------------------------------------------------------------------------------- */
/* Ranges                                                                                       */

/* What is searched for: [low, high) in page frames. */
struct wanted {
	uint64_t nr_pages, align; /* pages */
	uint64_t low, high;
	bool from_top;
};

/* The best place in a node, as an address and as a page. */
static tdx_hpa_t node_search(const struct node *node, const struct wanted *wanted, uint64_t *page)
{
	for (uint32_t n = 0; n < node->nr_segments; n++) {
		uint32_t i = wanted->from_top ? node->nr_segments - 1 - n : n;
		const struct segment *segment = &node->segments[i];
		const struct blocks_wanted run = {
			.nr_pages = wanted->nr_pages,
			.align = wanted->align,
			.skew = segment->first_pfn - segment->first_page,
		};
		uint64_t low = segment->first_pfn, high = low + segment->nr_pages;

		if (low < wanted->low)
			low = wanted->low;
		if (high > wanted->high)
			high = wanted->high;
		if (low >= high || high - low < wanted->nr_pages)
			continue;
		*page = (wanted->from_top ? blocks_highest : blocks_lowest)(
			&node->blocks, &run, low - run.skew, high - run.skew);
		if (*page != BLOCKS_NONE)
			return address_of(segment, *page);
	}
	return HPA_NONE;
}

static void node_take(struct node *node, uint64_t page, uint64_t nr_pages)
{
	while (nr_pages) {
		uint64_t count = BLOCK_PAGES - page % BLOCK_PAGES;

		if (count > nr_pages)
			count = nr_pages;
		blocks_take(&node->blocks, page, (unsigned int)count);
		page += count;
		nr_pages -= count;
	}
}

tdx_hpa_t allocator_alloc_range(struct allocator *allocator, const struct os_range *range)
{
	const uint64_t bytes = range->bytes, align = range->align;
	const uint32_t node = range->node;
	uint32_t first = node == OS_ANY_NODE ? 0 : node;
	uint32_t end = node == OS_ANY_NODE ? allocator->nr_nodes : node + 1;
	struct wanted wanted = {
		.nr_pages = bytes >> TDX_PAGE_SHIFT,
		.align = align <= TDX_PAGE_SIZE ? 1 : align >> TDX_PAGE_SHIFT,
		.low = (range->low.v >> TDX_PAGE_SHIFT) + !!(range->low.v & (TDX_PAGE_SIZE - 1)),
		.high = range->high.v >> TDX_PAGE_SHIFT,
		.from_top = range->from_top,
	};
	uint64_t page, best_page = BLOCKS_NONE;
	struct node *best_node = NULL;
	tdx_hpa_t best = HPA_NONE;

	if (bytes & (TDX_PAGE_SIZE - 1) || !bytes || align & (align - 1))
		machine_bug("allocation of 0x%llx bytes aligned to 0x%llx: not a multiple of 4K",
			    (unsigned long long)bytes, (unsigned long long)align);
	if (node != OS_ANY_NODE && node >= allocator->nr_nodes)
		return HPA_NONE;

	/* All nodes at once, in ascending order: the best place of all must still be free then. */
	lock_nodes(allocator, first, end);
	for (uint32_t i = first; i < end; i++) {
		tdx_hpa_t found = node_search(&allocator->nodes[i], &wanted, &page);

		if (hpa_is_none(found) ||
		    (best_node && (range->from_top ? found.v < best.v : found.v > best.v)))
			continue;
		best = found;
		best_node = &allocator->nodes[i];
		best_page = page;
	}
	if (best_node)
		node_take(best_node, best_page, wanted.nr_pages);
	unlock_nodes(allocator, first, end);
	return best;
}

/* ------------------------------------------------------------------------------------------- */
/* Memory that is missing                                                                       */

/* Outwards to whole pages: what shares a page with the range goes with it. */
static struct span span_of(tdx_hpa_t base, uint64_t bytes)
{
	uint64_t first = base.v >> TDX_PAGE_SHIFT;
	uint64_t end = bytes ? ((base.v + bytes - 1) >> TDX_PAGE_SHIFT) + 1 : first;

	return (struct span){ first, end };
}

static void spans_add(struct spans *spans, const struct span *span)
{
	if (span->pfn >= span->end)
		return;
	spans->span = array_room(spans->span, spans->nr, &spans->room, sizeof(*span),
				 "spans of missing pages");
	spans->span[spans->nr++] = *span;
}

/* Cuts a span out of all of them; what is left of each on its right becomes one more. */
static void spans_cut(struct spans *spans, const struct span *cut)
{
	uint32_t nr = spans->nr;
	struct span *old = spans->span;

	*spans = (struct spans){ 0 };
	for (uint32_t i = 0; i < nr; i++) {
		struct span left = { old[i].pfn, old[i].end < cut->pfn ? old[i].end : cut->pfn };
		struct span right = { old[i].pfn > cut->end ? old[i].pfn : cut->end, old[i].end };

		spans_add(spans, &left);
		spans_add(spans, &right);
	}
	free(old);
}

void allocator_exclude(struct allocator *allocator, tdx_hpa_t base, uint64_t bytes)
{
	const struct span span = span_of(base, bytes);

	lock_nodes(allocator, 0, allocator->nr_nodes);
	spans_add(&allocator->excluded, &span);
	for (uint32_t i = 0; i < allocator->nr_ranges; i++)
		range_for_spans(allocator, &allocator->ranges[i], &span, 1, exclude_part);
	unlock_nodes(allocator, 0, allocator->nr_nodes);
}

/* What is free becomes missing; how many pages are allocated. */
static uint64_t range_offline(struct allocator *allocator, const struct range *range,
			      const struct span *span)
{
	struct node *node = &allocator->nodes[range->node];
	uint64_t pfn = span->pfn > range->pfn ? span->pfn : range->pfn;
	uint64_t end = span->end < range->end ? span->end : range->end, used = 0;

	range_for_blocks(allocator, range, pfn, end, exclude_part);
	while (pfn < end) {
		uint64_t page = page_of(&node->segments[range->segment], pfn);
		uint64_t count = BLOCK_PAGES - page % BLOCK_PAGES;

		if (count > end - pfn)
			count = end - pfn;
		used += blocks_used(&node->blocks, page, (unsigned int)count);
		pfn += count;
	}
	return used;
}

uint64_t allocator_offline(struct allocator *allocator, tdx_hpa_t base, uint64_t bytes)
{
	const struct span span = span_of(base, bytes);
	uint64_t used = 0;

	lock_nodes(allocator, 0, allocator->nr_nodes);
	spans_cut(&allocator->offline, &span);
	spans_add(&allocator->offline, &span);
	for (uint32_t i = 0; i < allocator->nr_ranges; i++)
		used += range_offline(allocator, &allocator->ranges[i], &span);
	unlock_nodes(allocator, 0, allocator->nr_nodes);
	return used << TDX_PAGE_SHIFT;
}

void allocator_online(struct allocator *allocator, tdx_hpa_t base, uint64_t bytes)
{
	const struct span span = span_of(base, bytes);

	lock_nodes(allocator, 0, allocator->nr_nodes);
	spans_cut(&allocator->offline, &span);
	for (uint32_t i = 0; i < allocator->nr_ranges; i++) {
		struct range part = allocator->ranges[i];

		part.pfn = span.pfn > part.pfn ? span.pfn : part.pfn;
		part.end = span.end < part.end ? span.end : part.end;
		if (part.pfn >= part.end)
			continue;
		/* Everything that was missing for any reason, then again what was excluded. */
		range_for_blocks(allocator, &part, part.pfn, part.end, include_part);
		range_for_spans(allocator, &part, allocator->excluded.span, allocator->excluded.nr,
				exclude_part);
	}
	unlock_nodes(allocator, 0, allocator->nr_nodes);
}

static uint64_t sum_pages(const struct allocator *allocator, uint32_t node,
			  uint64_t (*pages_of)(const struct blocks *blocks))
{
	uint64_t pages = 0;

	for (uint32_t i = 0; i < allocator->nr_nodes; i++)
		if (node == OS_ANY_NODE || node == i)
			pages += pages_of(&allocator->nodes[i].blocks);
	return pages << TDX_PAGE_SHIFT;
}

uint64_t allocator_free_bytes(const struct allocator *allocator, uint32_t node)
{
	return sum_pages(allocator, node, blocks_free_pages);
}

uint64_t allocator_free_2m_bytes(const struct allocator *allocator, uint32_t node)
{
	return sum_pages(allocator, node, blocks_whole_pages);
}

/* ------------------------------------------------------------------------------------------- */
/* Making one                                                                                   */

/* The map's ranges, inwards to whole pages and without the first megabyte. */
static void add_ranges(struct allocator *allocator, const struct machine_map *map)
{
	for (uint32_t i = 0; i < map->nr_ranges; i++) {
		const struct map_range *from = &map->ranges[i];
		uint64_t base = from->base < ALLOCATOR_LOW_LIMIT ? ALLOCATOR_LOW_LIMIT : from->base;
		uint64_t end = from->base + from->size;
		struct range range = {
			.pfn = (base + TDX_PAGE_SIZE - 1) >> TDX_PAGE_SHIFT,
			.end = end >> TDX_PAGE_SHIFT,
			.node = from->node,
		};

		if (range.pfn < range.end)
			allocator->ranges[allocator->nr_ranges++] = range;
	}
}

/* Of the segments so far. */
static uint64_t node_pages(const struct node *node)
{
	const struct segment *last;

	if (!node->nr_segments)
		return 0;
	last = &node->segments[node->nr_segments - 1];
	return last->first_page + last->nr_pages;
}

/* Numbers the pages of every node, and says to each range in which segment it lies. */
static bool add_segments(struct allocator *allocator)
{
	for (uint32_t i = 0; i < allocator->nr_ranges; i++)
		allocator->nodes[allocator->ranges[i].node].nr_segments++;
	for (uint32_t i = 0; i < allocator->nr_nodes; i++) {
		struct node *node = &allocator->nodes[i];

		/* One at most per range; how many there are is counted below. */
		node->segments = calloc(node->nr_segments + 1, sizeof(*node->segments));
		if (!node->segments)
			return false;
		node->nr_segments = 0;
	}
	for (uint32_t i = 0; i < allocator->nr_ranges; i++) {
		struct range *range = &allocator->ranges[i];
		struct node *node = &allocator->nodes[range->node];
		uint64_t first = range->pfn & ~(BLOCK_PAGES - 1);
		uint64_t end = (range->end + BLOCK_PAGES - 1) & ~(BLOCK_PAGES - 1);
		struct segment *last = node->segments + node->nr_segments;

		/* Begins in, or right after, the last block of the segment before: goes on. */
		if (node->nr_segments && first <= last[-1].first_pfn + last[-1].nr_pages) {
			last--;
			last->nr_pages = end - last->first_pfn;
		} else {
			*last = (struct segment){ node_pages(node), first, end - first };
			node->nr_segments++;
		}
		range->segment = (uint32_t)(last - node->segments);
	}
	return true;
}

/* The part of a range in the block at pfn, if it is only a part. */
static bool edge(const struct range *range, uint64_t pfn, uint64_t *first, uint64_t *end)
{
	uint64_t block = pfn & ~(BLOCK_PAGES - 1);

	*first = range->pfn > block ? range->pfn : block;
	*end = range->end < block + BLOCK_PAGES ? range->end : block + BLOCK_PAGES;
	return *end - *first != BLOCK_PAGES;
}

/*
 * All blocks start whole. Those at the edges of ranges are first taken out, then given back page
 * by page as far as there is memory: several ranges may have pages in one block.
 */
static void trim_edges(struct allocator *allocator, bool include)
{
	for (uint32_t i = 0; i < allocator->nr_ranges; i++) {
		const struct range *range = &allocator->ranges[i];
		struct node *node = &allocator->nodes[range->node];
		const struct segment *segment = &node->segments[range->segment];
		const uint64_t at[2] = { range->pfn, range->end - 1 };

		for (unsigned int j = 0; j < 2; j++) {
			uint64_t first, end, page;

			if (!edge(range, at[j], &first, &end))
				continue;
			page = page_of(segment, first);
			if (include)
				blocks_include(&node->blocks, page, (unsigned int)(end - first));
			else
				blocks_exclude(&node->blocks, page & ~(BLOCK_PAGES - 1),
					       BLOCK_PAGES);
		}
	}
}

struct allocator *allocator_create(const struct machine_map *map)
{
	struct allocator *allocator = calloc(1, sizeof(*allocator));

	if (!allocator)
		return NULL;
	allocator->nr_nodes = map->nr_nodes ? map->nr_nodes : 1;
	for (uint32_t i = 0; i < map->nr_ranges; i++)
		if (map->ranges[i].node >= allocator->nr_nodes)
			machine_bug("memory of node %u in a map of %u nodes", map->ranges[i].node,
				    allocator->nr_nodes);
	allocator->nodes = calloc(allocator->nr_nodes, sizeof(*allocator->nodes));
	allocator->ranges = calloc(map->nr_ranges + 1, sizeof(*allocator->ranges));
	if (!allocator->nodes || !allocator->ranges)
		goto fail;
	add_ranges(allocator, map);
	if (!add_segments(allocator))
		goto fail;
	for (uint32_t i = 0; i < allocator->nr_nodes; i++)
		if (!blocks_create(&allocator->nodes[i].blocks,
				   node_pages(&allocator->nodes[i]) / BLOCK_PAGES))
			goto fail;
	trim_edges(allocator, false);
	trim_edges(allocator, true);
	return allocator;
fail:
	allocator_destroy(allocator);
	return NULL;
}

void allocator_destroy(struct allocator *allocator)
{
	if (!allocator)
		return;
	for (uint32_t i = 0; allocator->nodes && i < allocator->nr_nodes; i++) {
		blocks_destroy(&allocator->nodes[i].blocks);
		free(allocator->nodes[i].segments);
	}
	free(allocator->nodes);
	free(allocator->ranges);
	free(allocator->excluded.span);
	free(allocator->offline.span);
	free(allocator);
}
