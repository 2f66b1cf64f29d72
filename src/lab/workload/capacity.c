// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * capacity.c - the formula of capacity.h.
 */
#include <string.h>

#include "host/chunk.h"
#include "lab/workload/capacity.h"
#include "vmm/td.h"

#define SHARES 1000u /* a share of all is so many */

static uint64_t div_up(uint64_t value, uint64_t by) { return (value + by - 1) / by; }

/* ------------------------------------------------------------------------------------------- */
/* One TD                                                                                       */

/* Whole regions in 4K pages, share of SHARES. */
static uint64_t regions_4k(uint64_t bytes, uint32_t share)
{
	uint64_t whole = bytes >> TDX_2M_SHIFT;

	/* In this order it fits: fewer than 2^31 regions. */
	return whole ? (whole - 1) * share / SHARES + 1 : 0;
}

/* What is demanded of one node. */
struct demand {
	uint64_t guest_pages; /* 4K */
	uint64_t pool_pages;  /* control, S-EPT, cached; no pairs */
};

static void add_tds(struct capacity *c, const struct capacity_group *g, uint32_t share,
		    struct demand *node, uint64_t count)
{
	uint64_t in_4k = regions_4k(g->bytes, share), left = g->bytes % TDX_2M_SIZE;
	uint64_t pages_4k = in_4k * TDX_PAGES_PER_2M + (left >> TDX_PAGE_SHIFT);
	uint64_t control = 1 + TDX_MIN_TDCX + (uint64_t)g->vcpus * TDX_MIN_TDVPS;
	uint64_t sept = div_up(g->bytes, UINT64_C(512) << TDX_1G_SHIFT) +
			div_up(g->bytes, TDX_1G_SIZE) + in_4k + (left > 0);
	uint64_t cached =
		(td_fault_control(TD_LEVELS) + 2 * TD_FAULT_PAIRS) * ((uint64_t)g->vcpus + 1);

	c->tds += count;
	c->td_bytes += count * g->bytes;
	c->pages_4k += count * pages_4k;
	c->pages_2m += count * ((g->bytes >> TDX_2M_SHIFT) - in_4k);
	c->control_pages += count * control;
	c->sept_pages += count * sept;
	c->cached_pages += count * cached;
	node->guest_pages += count * pages_4k;
	node->pool_pages += count * (control + sept + cached);
}

/* ------------------------------------------------------------------------------------------- */
/* One node's pool                                                                              */

struct filled_pool {
	uint64_t held;	/* pages */
	uint64_t own;	/* of these, chunks' own pairs */
	uint64_t small; /* of these, in chunks of less than 2M */
	uint64_t large; /* chunks of 2M */
};

/* Regions in which small chunks and guests' 4K pages lie, side by side. */
static uint64_t shared_regions(const struct filled_pool *pool, const struct demand *demand)
{
	return div_up(demand->guest_pages + pool->small, TDX_PAGES_PER_2M);
}

/* Pages that the pool must have out: all but the chunks' own pairs. */
static uint64_t wanted(const struct filled_pool *pool, const struct demand *demand)
{
	uint64_t pairs = shared_regions(pool, demand);

	/* One of the shared regions is backed by the first small chunk that came to lie in it. */
	if (pool->small && pairs)
		pairs--;
	return demand->pool_pages + 2 * pairs;
}

/* One more chunk, when everything that is held is in use. */
static void grow(struct filled_pool *pool)
{
	unsigned int order = chunk_order_for(pool->held, pool->held + 1 + 2);

	pool->held += UINT64_C(1) << order;
	if (order == CHUNK_MAX_ORDER) {
		pool->large++;
		pool->own += 2;
	} else {
		/* The first one finds its region without a pair. */
		if (!pool->small)
			pool->own += 2;
		pool->small += UINT64_C(1) << order;
	}
}

/* The pool that this demand makes; its pairs. */
static uint64_t fill_pool(const struct demand *demand, struct filled_pool *pool)
{
	memset(pool, 0, sizeof(*pool));
	if (!demand->pool_pages)
		return 0;
	while (pool->held - pool->own < wanted(pool, demand))
		grow(pool);
	return shared_regions(pool, demand) + pool->large;
}

/* ------------------------------------------------------------------------------------------- */
/* All of them                                                                                  */

/* share: of SHARES, for all TDs alike; more than that: as each group has it. */
static void cost(const struct capacity_machine *machine, const struct capacity_group *groups,
		 uint32_t nr_groups, uint32_t share, struct capacity *c)
{
	struct demand demand[CAPACITY_MAX_NODES] = { 0 };
	uint32_t nodes =
		machine->nr_nodes < CAPACITY_MAX_NODES ? machine->nr_nodes : CAPACITY_MAX_NODES;
	uint64_t own, before = 0;
	struct filled_pool pool;

	memset(c, 0, sizeof(*c));
	for (uint32_t i = 0; i < nr_groups; i++) {
		const struct capacity_group *g = &groups[i];
		uint32_t of = share <= SHARES ? share : g->percent_4k * (SHARES / 100);

		/* TD number t of all is on node t % nodes. */
		for (uint32_t n = 0; n < nodes && n < g->count; n++)
			add_tds(c, g, of, &demand[(before + n) % nodes],
				(g->count - n - 1) / nodes + 1);
		before += g->count;
	}
	for (uint32_t n = 0; n < nodes; n++) {
		c->pairs += fill_pool(&demand[n], &pool);
		c->pool_pages += pool.held;
	}
	own = (c->control_pages + c->sept_pages) * TDX_PAGE_SIZE;
	c->static_bytes = machine->static_boot + own;
	c->dynamic_bytes = machine->dynamic_boot + machine->table + c->pool_pages * TDX_PAGE_SIZE;
	c->enough_keys = c->tds <= machine->max_tds;
	c->enough_memory = c->td_bytes + c->dynamic_bytes <= machine->usable;
}

void capacity_of(const struct capacity_machine *machine, const struct capacity_group *groups,
		 uint32_t nr_groups, struct capacity *capacity)
{
	cost(machine, groups, nr_groups, SHARES + 1, capacity);
}

uint32_t capacity_break_even(const struct capacity_machine *machine,
			     const struct capacity_group *groups, uint32_t nr_groups)
{
	uint32_t low = 0, high = SHARES + 1; /* pays at low, if anywhere; not at high */
	struct capacity c;

	cost(machine, groups, nr_groups, 0, &c);
	if (c.dynamic_bytes > c.static_bytes)
		return 0;
	/* Every region in 4K pages costs dynamic a pair more and static nothing. */
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		cost(machine, groups, nr_groups, middle, &c);
		if (c.dynamic_bytes <= c.static_bytes)
			low = middle;
		else
			high = middle;
	}
	return low == SHARES ? SHARES + 1 : low;
}
