// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * pool_grow.c - takes a block of pages from the OS and makes a chunk of it: backed, pinned.
 */
#include "host/pool.h"
#include "host/probe.h"

#include "host/region.h"

/* Blocks that cannot be used are held back until a usable one is found, up to this many. */
#define MAX_REJECTS 8u

struct block {
	tdx_hpa_t base;
	unsigned int order;
};

/*
 * The largest chunk whose pages would not be too many once `want` of them are out. A chunk that
 * hosts its own pair has two pages less to give and two more in use. With the pool's lock held.
 */
static unsigned int choose_order(const struct pool *pool, uint32_t want)
{
	uint64_t out = pool->all.held - pool->all.free;

	OS_INVARIANT(os_spin_is_held(&pool->lock));
	/* More may be lent than is out, until the next trim: others have given pages back. */
	return chunk_order_for(pool->all.held, out - min64(out, pool->lent) + want + 2);
}

/*
 * A block of TDX memory, of this order or, where there is none, of the next smaller ones.
 * *rejected: if none was found, the OS had blocks, and none of them was TDX memory.
 */
static bool find_block(struct pamt_host *host, uint32_t node, unsigned int order, struct block *got,
		       bool *rejected)
{
	const struct os_services *os = host->os;
	struct block reject[MAX_REJECTS];
	uint32_t rejects = 0;
	bool found = false;

	while (!found && order >= CHUNK_MIN_ORDER && rejects < MAX_REJECTS) {
		tdx_hpa_t base = os->alloc_pages(os->ctx, order, node);

		if (hpa_is_none(base)) {
			order--;
			continue;
		}
		*got = (struct block){ base, order };
		/* Not in a TDMR, reserved or given up: the OS does not know, the module would. */
		found = pages_are_tdx(host, hpa_to_pfn(base), UINT64_C(1) << order);
		if (!found)
			reject[rejects++] = *got;
	}
	*rejected = rejects == MAX_REJECTS;
	while (rejects--)
		os->free_pages(os->ctx, reject[rejects].base, reject[rejects].order);
	return found;
}

static void set_dry(struct pool *pool, uint32_t draws)
{
	os_irq_t irq = os_spin_lock(&pool->lock);

	pool->dry = draws;
	os_spin_unlock(&pool->lock, irq);
}

/*
 * The same, but no larger than one more than what there was last time: where memory is in pieces,
 * or there is none on this node, each order that is asked for in vain takes the OS as long as a
 * page.
 */
static bool alloc_block(struct pamt_host *host, struct pool *pool, uint32_t node,
			unsigned int order, struct block *got)
{
	unsigned int *hope = &pool->hope[node == OS_ANY_NODE], ask = order < *hope ? order : *hope;
	bool rejected, found = find_block(host, node, ask, got, &rejected);

	/*
	 * What the OS has of small blocks may all be no TDX memory, and be its first choice every
	 * time. That says nothing of larger ones, nor of how much memory there is.
	 */
	if (!found && rejected && ask < order) {
		ask = order;
		found = find_block(host, node, ask, got, &rejected);
	}
	if (!found && rejected)
		return false;
	if (node != OS_ANY_NODE)
		set_dry(pool, found ? 0 : POOL_DRY_DRAWS);
	if (!found) {
		*hope = CHUNK_MIN_ORDER;
		return false;
	}
	if (got->order < CHUNK_MAX_ORDER && (got->order < ask || ask == *hope))
		*hope = got->order + 1;
	return true;
}

/*
 * What the next chunk is to be, for one who asks for nr pages and those who wait; a descriptor that
 * was used before, if there is any.
 */
static struct chunk *plan_chunk(struct pamt_host *host, struct pool *pool, uint32_t nr,
				unsigned int *order)
{
	os_irq_t irq = os_spin_lock(&pool->lock);
	struct chunk *c = pool->spare;

	if (c)
		pool->spare = c->next;
	*order = choose_order(pool, nr + pool->wanted);
	os_spin_unlock(&pool->lock, irq);
	return c ? c : host->os->alloc(host->os->ctx, sizeof(*c));
}

static void describe(struct chunk *c, const struct block *b)
{
	uint32_t first = page_index(b->base);

	*c = (struct chunk){ .base = b->base,
			     .pages = (uint16_t)(1u << b->order),
			     .owned = (uint16_t)(1u << b->order),
			     .free = (uint16_t)(1u << b->order),
			     .order = (uint8_t)b->order };
	for (uint32_t i = first; i < first + c->pages; i++) {
		map_set(c->owned_map, i);
		map_set(c->free_map, i);
	}
}

/* Takes a page out of a chunk that nobody else knows yet. */
static void take_own(struct chunk *c, tdx_hpa_t page)
{
	map_clear(c->free_map, page_index(page));
	map_set(c->dirty_map, page_index(page));
	c->free--;
}

/*
 * Pins the chunk's region, backing it with the chunk's own first pages if it is FREE. A page that
 * the module refuses is left out, and the next two are tried, once.
 */
static int pin(struct pamt_host *host, struct chunk *c)
{
	region_t region = hpa_to_region(c->base);
	struct pair pair = { .nr = 0, .bad = -1 };
	uint32_t next = 0;
	int ret;

	for (int tries = 0;; tries++) {
		ret = region_get(host, region, 1, &pair);
		if (ret == NEED_PAIR) {
			for (pair.nr = 0; pair.nr < 2; pair.nr++)
				pair.page[pair.nr] = hpa(c->base.v + next++ * TDX_PAGE_SIZE);
			ret = region_get(host, region, 1, &pair);
			/* Still in hand: somebody else has backed the region meanwhile. */
			c->self = !ret && !pair.nr;
		}
		if (ret != -OS_EIO || pair.bad < 0)
			break;
		/* Quarantined: owned for ever, never free. The other page of the two is fine. */
		page_refused(host, pair.page[pair.bad]);
		take_own(c, pair.page[pair.bad]);
		if (tries)
			break;
		pair = (struct pair){ .nr = 0, .bad = -1 };
	}
	if (c->self) {
		take_own(c, pair.page[0]);
		take_own(c, pair.page[1]);
	}
	return ret;
}

/*
 * A block that could not be pinned goes back, but for quarantined pages: those stay, in a chunk
 * that is never touched until everything is given back.
 */
static bool drop_block(struct pamt_host *host, struct pool *pool, struct chunk *c)
{
	struct page_set set;
	os_irq_t irq;

	c->state = CHUNK_STUCK;
	irq = os_spin_lock(&pool->lock);
	pool->all.held += c->owned;
	pool->all.free += c->free;
	chunk_strip(&pool->all, c, UINT64_MAX, &set);
	if (c->owned) {
		pool->all.of_order[c->order]++;
		chunk_hash_add(&pool->all, c);
	}
	os_spin_unlock(&pool->lock, irq);
	page_set_free(host, &set);
	return !c->owned;
}

/*
 * Puts the chunk to use; the first pages are for who asked, want for all who wait. What is too much
 * even then goes back at once: the region had a pair already, which saves two pages; the chunk lies
 * on another node than was asked, whose pool is smaller; or others gave pages back while the OS
 * looked for these. One page stays in any case (chunk_strip()), for the trim that every draw ends
 * with.
 */
static void insert(struct pamt_host *host, struct pool *pool, struct chunk *c, struct draw *d,
		   uint32_t want)
{
	os_irq_t irq = os_spin_lock(&pool->lock);
	struct page_set set = { .map = { 0 } };
	uint64_t soon, room;
	uint32_t n = 0;
	bool over;

	c->state = CHUNK_LIVE;
	pool->all.held += c->owned;
	pool->all.free += c->free;
	pool->all.of_order[c->order]++;
	chunk_hash_add(&pool->all, c);
	chunk_link(&pool->all, c);
	for (; d->got < d->nr && chunk_take(&pool->all, &d->pages[d->got]); d->got++)
		n++;
	soon = min64(want - min64(want, n), pool->all.free);
	room = pool_slack(pool) + 2 * soon;
	if (pool->all.free > room)
		chunk_strip(&pool->all, c, pool->all.free - room, &set);
	over = pool->all.free > room;
	os_spin_unlock(&pool->lock, irq);
	if (over)
		pool_want_trim(host);
	page_set_free(host, &set);
}

static void keep_descriptor(struct pool *pool, struct chunk *c)
{
	os_irq_t irq = os_spin_lock(&pool->lock);

	c->next = pool->spare;
	pool->spare = c;
	os_spin_unlock(&pool->lock, irq);
}

static uint32_t wanted_of(struct pool *pool)
{
	os_irq_t irq = os_spin_lock(&pool->lock);
	uint32_t wanted = pool->wanted;

	os_spin_unlock(&pool->lock, irq);
	return wanted;
}

/* Takes pages that were wanted. Of those that there are not none is wanted: a chunk for them comes.
 */
static void take_wanted(struct pool *pool, struct draw *d)
{
	os_irq_t irq = os_spin_lock(&pool->lock);

	pool->wanted -= d->nr - d->got;
	while (d->got < d->nr && chunk_take(&pool->all, &d->pages[d->got]))
		d->got++;
	os_spin_unlock(&pool->lock, irq);
}

/* For a pool that asks. */
static int grow(struct pamt_host *host, struct pool *pool, uint32_t node, struct draw *d)
{
	const uint32_t nr = d->nr - d->got;
	struct pool *grown;
	unsigned int order;
	struct chunk *c = plan_chunk(host, pool, nr, &order);
	struct block block;
	int ret;

	OS_INVARIANT(os_mutex_is_held(&pool->grow));
	if (!c)
		return -OS_ENOMEM;
	if (!alloc_block(host, pool, node, order, &block)) {
		keep_descriptor(pool, c);
		return -OS_ENOMEM;
	}
	stats_os_pages(host, UINT64_C(1) << block.order, 0);
	describe(c, &block);
	/* Whose pages they are depends on where they lie, not on who asked. */
	grown = &host->pool[node_of_region(host, hpa_to_region(block.base))];
	ret = pin(host, c);
	if (ret) {
		if (drop_block(host, grown, c))
			keep_descriptor(pool, c);
		/* The OS handed out part of some guest's 2M page, or the region is beyond repair.
		 */
		return ret == -OS_EAGAIN ? ret : -OS_EIO;
	}
	PROBE(grow, c->base.v, c->order);
	/* Anew: who waited when the OS was asked may have been served meanwhile. */
	insert(host, grown, c, d, nr + wanted_of(pool));
	return 0;
}

int pool_grow(struct pamt_host *host, struct pool *pool, uint32_t node, struct draw *d)
{
	bool enough;
	int ret = 0;

	os_mutex_lock(&pool->grow);
	/*
	 * Somebody else may have taken a chunk while we waited. What we came for is drawn before
	 * the next one is let in: behind the others at the pool's lock it would be gone again.
	 */
	take_wanted(pool, d);
	enough = d->got == d->nr;
	if (!enough)
		ret = grow(host, pool, node, d);
	os_mutex_unlock(&pool->grow);
	/* May look at every CPU's counters: not while others wait for pages. */
	if (!enough && !ret)
		stats_sample_pairs(host);
	return ret;
}
