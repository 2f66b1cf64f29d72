// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * pool_trim.c - pages from the pool back to the OS: one by one, or a whole chunk and its pin.
 */
#include "host/pool.h"

#include "host/region.h"

/* Waiting chunks that one trim looks at, so that its length does not depend on their number. */
#define RETRY_WAITING 4u

static void empty_magazine(struct pamt_host *host, struct pool *pool, struct magazine *m)
{
	tdx_hpa_t pages[MAGAZINE_PAGES];
	uint32_t n = 0, room = 0;
	os_irq_t irq = os_spin_lock(&m->lock);

	if (m->node == pool->node) {
		while (m->nr)
			pages[n++] = m->page[--m->nr];
		room = m->room;
		m->room = 0;
	}
	os_spin_unlock(&m->lock, irq);
	if (n)
		pool_give_direct(host, pages, n);
	if (room)
		pool_take_back(host, pool, room);
}

/*
 * Empties the magazines to which the pool has lent room, and takes it back. Room on its way to one
 * is not seen; that CPU's bit stays, for the next time.
 */
static void empty_magazines(struct pamt_host *host, struct pool *pool)
{
	for (uint32_t first = 0; first < host->os->nr_cpus; first += 64) {
		os_irq_t irq = os_spin_lock(&pool->lock);
		uint64_t lent_to = pool->lent_to[first / 64];

		os_spin_unlock(&pool->lock, irq);
		for (; lent_to; lent_to &= lent_to - 1) {
			uint32_t cpu = first + (uint32_t)__builtin_ctzll(lent_to);

			empty_magazine(host, pool, &host->cpu[cpu].magazine);
		}
	}
}

/* Nothing of the chunk is left: it disappears, its descriptor is used again. */
static void forget_chunk(struct pool *pool, struct chunk *c)
{
	os_irq_t irq = os_spin_lock(&pool->lock);

	OS_INVARIANT(!c->owned);
	chunk_hash_del(&pool->all, c);
	pool->all.of_order[c->order]--;
	c->next = pool->spare;
	pool->spare = c;
	os_spin_unlock(&pool->lock, irq);
}

/* The pin of a chunk that hosts its region's pair stays for now. */
static void wait_chunk(struct pool *pool, struct chunk *c, enum chunk_state state)
{
	os_irq_t irq = os_spin_lock(&pool->lock);

	c->state = (uint8_t)state;
	c->next = NULL;
	if (state == CHUNK_WAITING) {
		if (pool->waiting_tail)
			pool->waiting_tail->next = c;
		else
			pool->waiting = c;
		pool->waiting_tail = c;
		pool->nr_waiting++;
	}
	os_spin_unlock(&pool->lock, irq);
}

/* The pages of a removed pair: the chunk's own go to the OS, others back to their pools. */
static uint64_t dispose_pair(struct pamt_host *host, struct pool *pool, struct chunk *c,
			     const struct freed *freed)
{
	struct page_set set = { .region = hpa_to_region(c->base) };
	os_irq_t irq = os_spin_lock(&pool->lock);
	bool own[2] = { true, true };

	for (int i = 0; freed->pair && i < 2; i++)
		own[i] = chunk_strip_page(&pool->all, c, freed->page[i], &set);
	/* Said to be no pair at all: then what we took for it is nobody's. */
	for (uint32_t i = 0; !freed->pair && i < TDX_PAGES_PER_2M; i++)
		if (map_test(c->owned_map, i))
			chunk_strip_page(&pool->all, c,
					 hpa(region_to_hpa(set.region).v + i * TDX_PAGE_SIZE),
					 &set);
	os_spin_unlock(&pool->lock, irq);
	for (int i = 0; i < 2; i++)
		if (!own[i])
			pool_give_direct(host, &freed->page[i], 1);
	return page_set_free(host, &set);
}

/* Takes the pin of a chunk that is LEAVING, of which nothing is left, and forgets it. */
static void unpin_plain(struct pamt_host *host, struct pool *pool, struct chunk *c)
{
	region_t region = hpa_to_region(c->base);
	struct freed freed;

	forget_chunk(pool, c);
	freed = region_put(host, region, 1);
	/* Past the magazine: what is trimmed is not to be kept. */
	if (freed.pair)
		pool_give_direct(host, freed.page, 2);
}

/* The same of one that hosts its region's pair, of which nothing else is left. */
static uint64_t unpin_self(struct pamt_host *host, struct pool *pool, struct chunk *c,
			   bool *progress)
{
	enum unpin unpinned;
	struct freed freed;
	uint64_t pages;

	unpinned = region_unpin_last(host, hpa_to_region(c->base), &freed);
	if (unpinned != UNPIN_DONE) {
		wait_chunk(pool, c, unpinned == UNPIN_KEPT ? CHUNK_WAITING : CHUNK_STUCK);
		return 0;
	}
	pages = dispose_pair(host, pool, c, &freed);
	if (c->owned) {
		/* The module returned other pages than those of this chunk. */
		wait_chunk(pool, c, CHUNK_STUCK);
		return pages;
	}
	forget_chunk(pool, c);
	*progress = true;
	return pages;
}

/* Waiting chunks, as many as given; those that still have to wait go to the end of the line. */
static uint64_t retry_waiting(struct pamt_host *host, struct pool *pool, uint32_t max,
			      bool *progress)
{
	uint64_t pages = 0;

	while (max--) {
		os_irq_t irq = os_spin_lock(&pool->lock);
		struct chunk *c = pool->waiting;

		if (c) {
			pool->waiting = c->next;
			if (!c->next)
				pool->waiting_tail = NULL;
			pool->nr_waiting--;
			c->state = CHUNK_LEAVING;
		}
		os_spin_unlock(&pool->lock, irq);
		if (!c)
			break;
		pages += unpin_self(host, pool, c, progress);
	}
	return pages;
}

/* Whoever gives back without a bound may sleep, and lets others run now and then. */
#define RESCHED_PAGES 4096u

/* Pages on their way back to the OS. */
struct trim {
	uint64_t max, pages; /* at most, and so far */
	uint64_t breath;     /* so many of them when others last had their turn */
	bool rests;	     /* may go on for long */
	bool progress;	     /* something has changed */
};

static void breathe(struct trim *t)
{
	if (!t->rests || t->pages < t->breath + RESCHED_PAGES)
		return;
	t->breath = t->pages;
	os_resched();
}

/*
 * Takes what it may out of the emptiest chunk, leaving `target` free ones in the pool; or the
 * whole chunk if it is empty. Return: was there anything to take?
 */
static bool release_some(struct pamt_host *host, struct pool *pool, uint64_t target, struct trim *t)
{
	struct chunk *c = NULL;
	struct page_set set;
	bool leaving, plain;
	os_irq_t irq = os_spin_lock(&pool->lock);

	for (uint32_t class = NR_CLASSES; class -- > CLASS_FULL + 1 && !c;)
		c = pool->all.class[class];
	leaving = c && chunk_empty(c);
	if (!c || pool->all.free <= target) {
		os_spin_unlock(&pool->lock, irq);
		return false;
	}
	if (leaving) {
		chunk_unlink(&pool->all, c);
		c->state = CHUNK_LEAVING;
	}
	chunk_strip(&pool->all, c,
		    leaving ? UINT64_MAX : min64(t->max - t->pages, pool->all.free - target), &set);
	/*
	 * Whoever is given these pages next must not find the pin of a chunk that has none left
	 * (region.h). A chunk that hosts the region's pair has two left, and keeps them.
	 */
	plain = !c->self;
	os_spin_unlock(&pool->lock, irq);
	/* Where it is not leaving the chunk is others' as well from here on, and may be gone. */
	t->progress = true;
	if (leaving && plain)
		unpin_plain(host, pool, c);
	t->pages += page_set_free(host, &set);
	if (leaving && !plain)
		t->pages += unpin_self(host, pool, c, &t->progress);
	return true;
}

/*
 * One node's pool back to half of what it may have to spare, if it has more than that; a part of a
 * chunk may be more than the most.
 */
static void trim_node(struct pamt_host *host, struct pool *pool, struct trim *t)
{
	bool over;
	uint64_t slack;
	os_irq_t irq = os_spin_lock(&pool->lock);

	over = pool_over(pool);
	pool->denied = 0;
	os_spin_unlock(&pool->lock, irq);
	if (over)
		empty_magazines(host, pool);
	irq = os_spin_lock(&pool->lock);
	slack = pool_slack(pool);
	over = over && pool->all.free > slack;
	os_spin_unlock(&pool->lock, irq);
	t->breath = t->pages;
	while (over && t->pages < t->max && release_some(host, pool, slack / 2, t))
		breathe(t);
	/* Who comes next goes on. */
	if (over && t->pages >= t->max)
		pool_want_trim(host);
	t->pages += retry_waiting(host, pool, RETRY_WAITING, &t->progress);
}

/*
 * What one chunk leaves behind, the pair of its region, may be too much for the pool that it comes
 * back to, which is another node's or has had its turn: then all have another one. Each round gives
 * chunks back, so there is an end, and a bound lest one CPU gives back for all others for ever.
 */
#define MAX_TRIM_ROUNDS 64

bool pool_trim(struct pamt_host *host, uint64_t max)
{
	struct trim t = { .max = max, .rests = max == UINT64_MAX, .progress = true };
	bool trimmed = false;

	/* Whoever trims does it for all; what is left over is wanted again. */
	os_uncount64(&this_cpu(host)->trims_wanted);
	for (uint32_t round = 0; t.progress && round < MAX_TRIM_ROUNDS && t.pages < max; round++) {
		uint32_t wanted = os_load32(&host->trim_wanted, OS_RELAXED);

		/*
		 * Relaxed: pool_want_trim() says why none is lost. Cleared first, so that what
		 * comes back meanwhile sets it; and by one CPU, since all that see it would do the
		 * same in a queue at the locks.
		 */
		if (!wanted || !os_cas32(&host->trim_wanted, &wanted, 0, OS_RELAXED))
			return trimmed;
		t.progress = false;
		trimmed = true;
		for (uint32_t node = 0; node < host->os->nr_nodes; node++)
			trim_node(host, &host->pool[node], &t);
	}
	return trimmed;
}

static uint64_t pages_held(struct pamt_host *host)
{
	uint64_t held = 0;

	for (uint32_t node = 0; node < host->os->nr_nodes; node++) {
		os_irq_t irq = os_spin_lock(&host->pool[node].lock);

		held += host->pool[node].all.held;
		os_spin_unlock(&host->pool[node].lock, irq);
	}
	return held;
}

/*
 * Every step gives a page back, and no more than there were at first are given back: others who
 * take chunks at the same time do not keep this CPU at it.
 */
uint64_t pool_trim_all(struct pamt_host *host, uint64_t max)
{
	struct trim t = { .max = min64(max, pages_held(host)),
			  .rests = max == UINT64_MAX,
			  .progress = true };

	/* What one chunk leaves behind may have been all that another one was kept for. */
	while (t.progress && t.pages < t.max) {
		t.progress = false;
		for (uint32_t node = 0; node < host->os->nr_nodes; node++)
			empty_magazines(host, &host->pool[node]);
		for (uint32_t node = 0; node < host->os->nr_nodes && t.pages < t.max; node++) {
			struct pool *pool = &host->pool[node];
			os_irq_t irq = os_spin_lock(&pool->lock);
			uint32_t waiting = pool->nr_waiting;

			os_spin_unlock(&pool->lock, irq);
			while (t.pages < t.max && release_some(host, pool, 0, &t))
				breathe(&t);
			t.pages += retry_waiting(host, pool, waiting, &t.progress);
		}
	}
	return t.pages;
}

uint64_t pool_trim_last(struct pamt_host *host, uint64_t max)
{
	return no_td(host) ? pool_trim_all(host, max) : 0;
}

void pool_trim_spare(struct pamt_host *host, uint64_t max)
{
	if (no_td(host) || pool_trim(host, max))
		pool_trim_last(host, max);
}

void pool_free_spare(struct pamt_host *host)
{
	for (uint32_t node = 0; node < host->os->nr_nodes; node++) {
		struct pool *pool = &host->pool[node];
		os_irq_t irq = os_spin_lock(&pool->lock);
		struct chunk *spare = pool->spare;

		pool->spare = NULL;
		os_spin_unlock(&pool->lock, irq);
		while (spare) {
			struct chunk *c = spare;

			spare = c->next;
			host->os->free(host->os->ctx, c);
		}
	}
}
