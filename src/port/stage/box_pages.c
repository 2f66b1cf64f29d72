// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * box_pages.c - the page allocator of the machine in a box: one bit per page, blocks found by
 * looking, from the places that a trial names or from the bottom up.
 */
#include <string.h>

#include "box_internal.h"

#define WORDS_PER_2M 8u /* of 64 page bits */

static uint64_t block_mask(unsigned int order)
{
	return order >= 6 ? UINT64_MAX : (UINT64_C(1) << (1u << order)) - 1;
}

/* A free, naturally aligned block of that order in the region; its first page, or 512. */
static unsigned int find_block(const uint64_t *taken, unsigned int order)
{
	unsigned int words = order > 6 ? 1u << (order - 6) : 1;

	for (unsigned int word = 0; word < WORDS_PER_2M; word += words) {
		bool free = true;

		if (order < 6) {
			for (unsigned int bit = 0; bit < 64; bit += 1u << order)
				if (!(taken[word] >> bit & block_mask(order)))
					return word * 64 + bit;
			continue;
		}
		for (unsigned int i = 0; i < words; i++)
			free = free && !taken[word + i];
		if (free)
			return word * 64;
	}
	return TDX_PAGES_PER_2M;
}

static uint64_t *region_bits(const struct box *box, uint64_t region)
{
	return box->state->taken + region * WORDS_PER_2M;
}

static void set_taken(struct box *box, uint64_t first, uint64_t nr, bool taken)
{
	for (uint64_t page = first; page < first + nr; page++) {
		uint64_t bit = UINT64_C(1) << page % 64;

		if (taken)
			box->state->taken[page / 64] |= bit;
		else
			box->state->taken[page / 64] &= ~bit;
	}
	box->state->pages_taken += taken ? nr : -nr;
}

bool box_in_ram(const struct box *box, uint64_t at, uint64_t bytes)
{
	uint64_t low = box->config.ram.v, high = low + box->config.ram_bytes;

	return at >= low && at < high && bytes <= high - at;
}

static uint64_t page_index(const struct box *box, tdx_hpa_t at)
{
	return (at.v - box->config.ram.v) >> TDX_PAGE_SHIFT;
}

bool box_is_taken(const struct box *box, tdx_hpa_t page)
{
	uint64_t index = page_index(box, page);

	return box_in_ram(box, page.v, TDX_PAGE_SIZE) &&
	       box->state->taken[index / 64] >> index % 64 & 1;
}

bool box_module_owns(const struct box *box, tdx_hpa_t page)
{
	bool quiet, owns;

	if (!box->module.owns)
		return false;
	quiet = stage_quiet(true);
	owns = box->module.owns(box->module.ctx, page);
	stage_quiet(quiet);
	return owns;
}

static tdx_hpa_t take_in_region(struct box *box, uint64_t region, unsigned int order)
{
	unsigned int page = find_block(region_bits(box, region), order);
	uint64_t first = region * TDX_PAGES_PER_2M + page;

	if (page == TDX_PAGES_PER_2M)
		return HPA_NONE;
	set_taken(box, first, UINT64_C(1) << order, true);
	return hpa(box->config.ram.v + (first << TDX_PAGE_SHIFT));
}

/* Regions are dealt to nodes in equal parts, ascending. */
static void node_part(const struct box *box, uint32_t node, uint64_t *low, uint64_t *high)
{
	uint64_t part = box->nr_regions / box->config.nr_nodes;

	*low = node == OS_ANY_NODE ? 0 : node * part;
	*high = node == OS_ANY_NODE ? box->nr_regions : (node + 1) * part;
}

static tdx_hpa_t take_block(struct box *box, unsigned int order, uint32_t node)
{
	struct box_state *state = box->state;
	uint64_t low, high;

	for (uint32_t i = 0; order < BOX_MAX_ORDER && i < box->nr_places; i++) {
		uint32_t place = state->turn % box->nr_places;
		uint64_t first = hpa_to_region(box->config.ram).v;
		tdx_hpa_t block = take_in_region(box, box->place[place].v - first, order);

		state->turn++;
		if (!hpa_is_none(block))
			return block;
	}
	node_part(box, node, &low, &high);
	if (low < state->lowest[order] && (node == OS_ANY_NODE || box->config.nr_nodes == 1))
		low = state->lowest[order];
	for (uint64_t region = low; region < high; region++) {
		tdx_hpa_t block = take_in_region(box, region, order);

		if (hpa_is_none(block))
			continue;
		if (node == OS_ANY_NODE || box->config.nr_nodes == 1)
			state->lowest[order] = region;
		return block;
	}
	return HPA_NONE;
}

bool box_may_allocate(struct box *box)
{
	struct box_fault *fault = &box->state->fault;

	return ++box->state->allocs != fault->alloc_at;
}

tdx_hpa_t box_alloc_pages(void *ctx, unsigned int order, uint32_t node)
{
	struct box *box = ctx;

	stage_sleep("alloc_pages", &box->state->pages_taken, UINT64_C(1) << order);
	if (order > BOX_MAX_ORDER || !box_may_allocate(box))
		return HPA_NONE;
	return take_block(box, order, node);
}

static void give_pages(struct box *box, tdx_hpa_t base, uint64_t nr, const char *what)
{
	for (uint64_t i = 0; i < nr; i++) {
		tdx_hpa_t page = hpa(base.v + i * TDX_PAGE_SIZE);

		if (!box_is_taken(box, page)) {
			stage_fail(STAGE_INVARIANT, "%s of page %#llx, which was not taken", what,
				   (unsigned long long)page.v);
			return;
		}
		if (box_module_owns(box, page)) {
			stage_fail(STAGE_INVARIANT, "%s of page %#llx, which the module still owns",
				   what, (unsigned long long)page.v);
			return;
		}
	}
	set_taken(box, page_index(box, base), nr, false);
	for (unsigned int order = 0; order <= BOX_MAX_ORDER; order++) {
		uint64_t region = page_index(box, base) / TDX_PAGES_PER_2M;

		if (region < box->state->lowest[order])
			box->state->lowest[order] = region;
	}
}

void box_free_pages(void *ctx, tdx_hpa_t block, unsigned int order)
{
	struct box *box = ctx;

	stage_call("free_pages", &box->state->pages_taken, UINT64_C(1) << order);
	give_pages(box, block, UINT64_C(1) << order, "free_pages()");
}

static bool range_is_free(const struct box *box, uint64_t first, uint64_t nr)
{
	for (uint64_t page = first; page < first + nr; page++)
		if (box->state->taken[page / 64] >> page % 64 & 1)
			return false;
	return true;
}

tdx_hpa_t box_alloc_range(void *ctx, const struct os_range *range)
{
	struct box *box = ctx;
	const uint64_t align = range->align, pages = range->bytes >> TDX_PAGE_SHIFT;
	uint64_t from, to, start = box->config.ram.v, low = range->low.v, high = range->high.v,
			   last;

	stage_sleep("alloc_range", &box->state->pages_taken, pages);
	node_part(box, range->node, &from, &to);
	if (start + (from << TDX_2M_SHIFT) > low)
		low = start + (from << TDX_2M_SHIFT);
	if (start + (to << TDX_2M_SHIFT) < high)
		high = start + (to << TDX_2M_SHIFT);
	if (high > start + box->config.ram_bytes)
		high = start + box->config.ram_bytes;
	low = (low + align - 1) / align * align;
	if (!box_may_allocate(box) || high < low || high - low < range->bytes)
		return HPA_NONE;
	last = (high - range->bytes - low) / align;
	for (uint64_t i = 0; i <= last; i++) {
		tdx_hpa_t base = hpa(low + (range->from_top ? last - i : i) * align);

		if (!range_is_free(box, page_index(box, base), pages))
			continue;
		set_taken(box, page_index(box, base), pages, true);
		return base;
	}
	return HPA_NONE;
}

void box_free_range(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	struct box *box = ctx;

	stage_call("free_range", &box->state->pages_taken, bytes >> TDX_PAGE_SHIFT);
	give_pages(box, base, bytes >> TDX_PAGE_SHIFT, "free_range()");
}

void box_exclude(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	struct box *box = ctx;

	stage_may_sleep("exclude");
	for (uint64_t at = base.v; at < base.v + bytes; at += TDX_PAGE_SIZE)
		if (box_in_ram(box, at, TDX_PAGE_SIZE) && !box_is_taken(box, hpa(at)))
			set_taken(box, page_index(box, hpa(at)), 1, true);
}

bool box_claim(struct box *box, tdx_hpa_t first, uint64_t nr)
{
	stage_call("box_claim", &box->state->pages_taken, nr);
	if (!range_is_free(box, page_index(box, first), nr))
		return false;
	set_taken(box, page_index(box, first), nr, true);
	return true;
}

void box_unclaim(struct box *box, tdx_hpa_t first, uint64_t nr)
{
	stage_call("box_unclaim", &box->state->pages_taken, nr);
	give_pages(box, first, nr, "box_unclaim()");
}

void box_place(struct box *box, uint32_t nr, const region_t *place)
{
	box->nr_places = nr;
	memcpy(box->place, place, nr * sizeof(*place));
}
