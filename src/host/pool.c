// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * pool.c - pages drawn from the pool and given to it, through the CPU's magazine where possible.
 */
#include "host/mutant.h"
#include "host/pool.h"

uint32_t node_of_region(const struct pamt_host *host, region_t region)
{
	uint32_t low = 0, high = host->nr_node_spans;

	/* The last span that begins at or below the region; the first for what lies below all. */
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (host->node_span[middle].region <= region.v)
			low = middle;
		else
			high = middle;
	}
	return host->node_span[low].node;
}

/* ------------------------------------------------------------------------------------------- */
/* Magazines                                                                                    */

/*
 * Takes pages out of this CPU's magazine. *refill: how many it could take in again; *grow: more
 * with more room.
 */
static uint32_t magazine_take(struct magazine *m, uint32_t node, tdx_hpa_t *pages, uint32_t nr,
			      uint32_t *refill, bool *grow)
{
	os_irq_t irq = os_spin_lock(&m->lock);
	bool ours = !m->room || m->node == node;
	uint32_t n = 0;

	while (n < nr && m->nr && m->node == node)
		pages[n++] = m->page[--m->nr];
	*refill = ours && m->room > m->nr ? m->room - m->nr : 0;
	*grow = ours && m->room < MAGAZINE_PAGES;
	os_spin_unlock(&m->lock, irq);
	return n;
}

/*
 * Puts the pages of a pair into this CPU's magazine. If there is no room, it takes pages out
 * instead, so that the pool's lock is taken for several at once. Return: pages in over (at most
 * GIVE_MAX) that are to go to the pool; *grow: with more room there would be none.
 */
#define GIVE_MAX (MAGAZINE_PAGES + 2)

static uint32_t magazine_put(struct magazine *m, uint32_t node, const tdx_hpa_t *pages, uint32_t nr,
			     tdx_hpa_t *over, bool *grow)
{
	os_irq_t irq = os_spin_lock(&m->lock);
	uint32_t room = m->node == node ? m->room : 0;
	uint32_t n = 0;

	*grow = m->nr + nr > room && room < MAGAZINE_PAGES && (!m->room || m->node == node);
	if (room && m->nr + nr > room)
		while (m->nr > room / 2)
			over[n++] = m->page[--m->nr];
	for (uint32_t i = 0; i < nr; i++) {
		if (m->nr < room)
			m->page[m->nr++] = pages[i];
		else
			over[n++] = pages[i];
	}
	os_spin_unlock(&m->lock, irq);
	return n;
}

/*
 * Room that the pool has lent, and pages to fill it with. Return: how many of them went in, those
 * at the end first; *room is 0 if it was of use.
 */
static uint32_t magazine_fill(struct magazine *m, uint32_t node, uint32_t *room,
			      const tdx_hpa_t *pages, uint32_t nr)
{
	os_irq_t irq = os_spin_lock(&m->lock);
	uint32_t n = 0;

	if (*room && m->room + *room <= MAGAZINE_PAGES && (!m->room || m->node == node)) {
		m->node = node;
		m->room += *room;
		*room = 0;
	}
	while (n < nr && m->node == node && m->nr < m->room)
		m->page[m->nr++] = pages[nr - ++n];
	os_spin_unlock(&m->lock, irq);
	return n;
}

/*
 * With the pool's lock held: room for one more pair in a magazine, if it may be lent. It is not if
 * that alone made the pool hold too much: the trim that follows would take all room back.
 */
static uint32_t lend(struct pool *pool)
{
	uint64_t out = pool->held - pool->free, lent = pool->lent + 2;

	if (2 * lent > out || 2 * lent + pool->free > out + POOL_SLACK_PAGES) {
		pool->denied++;
		return 0;
	}
	pool->lent += 2;
	return 2;
}

/* ------------------------------------------------------------------------------------------- */
/* Draw                                                                                         */

uint32_t pool_take(struct pool *pool, tdx_hpa_t *pages, uint32_t nr)
{
	os_irq_t irq;
	uint32_t n = 0;

	irq = os_spin_lock(&pool->lock);
	while (n < nr && chunk_take(pool, &pages[n]))
		n++;
	os_spin_unlock(&pool->lock, irq);
	return n;
}

/*
 * Out of this CPU's magazine, and of its node's pool what is missing there; then the magazine is
 * filled as well, so that the next few draws need not come here. Return: pages drawn.
 */
static uint32_t draw_local(struct pamt_host *host, struct pool *pool, tdx_hpa_t *pages, uint32_t nr)
{
	struct magazine *m = &this_cpu(host)->magazine;
	tdx_hpa_t extra[MAGAZINE_PAGES];
	uint32_t refill, room = 0, n = 0, filled, got;
	os_irq_t irq;
	bool grow;

	got = magazine_take(m, pool->node, pages, nr, &refill, &grow);
	if (got == nr)
		return got;
	irq = os_spin_lock(&pool->lock);
	while (got < nr && chunk_take(pool, &pages[got]))
		got++;
	if (grow && pool->free)
		room = lend(pool);
	while (n < refill + room && chunk_take(pool, &extra[n]))
		n++;
	os_spin_unlock(&pool->lock, irq);
	/* Nor room: it is not asked for without a page to fill it with. */
	if (!n)
		return got;
	filled = magazine_fill(m, pool->node, &room, extra, n);
	if (filled < n)
		pool_give_direct(host, extra, n - filled);
	if (room)
		pool_take_back(pool, room);
	return got;
}

/* Takes pages of one pool, which grows from one node (or any) until there are enough. */
static int take_growing(struct pamt_host *host, struct pool *pool, uint32_t from, tdx_hpa_t *pages,
			uint32_t nr, uint32_t *got)
{
	int ret = 0;

	while (!ret && *got < nr) {
		uint32_t more;

		ret = pool_grow(host, pool, from, pages + *got, nr - *got, &more);
		*got += more;
	}
	return ret;
}

int pool_draw(struct pamt_host *host, uint32_t node, tdx_hpa_t *pages, uint32_t nr, uint32_t *got)
{
	struct pool *pool;
	int ret;

	*got = 0;
	if (node >= host->os->nr_nodes)
		node = os_node();
	pool = &host->pool[node];
	*got = node == os_node() ? draw_local(host, pool, pages, nr) : pool_take(pool, pages, nr);
	ret = take_growing(host, pool, node, pages, nr, got);
	/* Remote pages are better than none: first what other nodes have, then any chunk. */
	for (uint32_t i = 0; i < host->os->nr_nodes && *got < nr; i++)
		*got += pool_take(&host->pool[i], pages + *got, nr - *got);
	if (*got < nr && host->os->nr_nodes > 1)
		ret = take_growing(host, pool, OS_ANY_NODE, pages, nr, got);
	return *got < nr ? ret : 0;
}

/* ------------------------------------------------------------------------------------------- */
/* Give                                                                                         */

static void report_stranger(struct pamt_host *host, tdx_hpa_t page)
{
	if (MUTANT(ANY_PAGES)) {
		host->os->scrub(host->os->ctx, page, TDX_PAGE_SIZE);
		host->os->free_pages(host->os->ctx, page, 0);
		return;
	}
	count(host, STAT_UNBALANCED);
	host->os->log(host->os->ctx, OS_LOG_ERROR,
		      "page 0x%llx comes back to the pool, which did not hand it out",
		      (unsigned long long)page.v);
}

/*
 * Takes back up to GIVE_MAX pages of one node. *room: NULL, or where to say how much room is lent
 * to the magazine that had none for them.
 */
static uint32_t give_node(struct pamt_host *host, struct pool *pool, const tdx_hpa_t *pages,
			  uint32_t nr, uint32_t *room)
{
	tdx_hpa_t strange[GIVE_MAX];
	uint32_t taken = 0, strangers = 0;
	os_irq_t irq = os_spin_lock(&pool->lock);
	bool over;

	for (uint32_t i = 0; i < nr; i++) {
		struct chunk *c = chunk_find(pool, pages[i]);

		if (c && chunk_put(pool, c, pages[i]))
			taken++;
		else
			strange[strangers++] = pages[i];
	}
	if (room)
		*room = lend(pool);
	over = pool_over(pool);
	os_spin_unlock(&pool->lock, irq);
	if (over)
		pool_want_trim(host);
	while (strangers)
		report_stranger(host, strange[--strangers]);
	return taken;
}

uint32_t pool_give_direct(struct pamt_host *host, const tdx_hpa_t *pages, uint32_t nr)
{
	uint32_t taken = 0;

	while (nr) {
		uint32_t node = node_of_region(host, hpa_to_region(pages[0])), run = 1;

		while (run < nr && run < GIVE_MAX &&
		       node_of_region(host, hpa_to_region(pages[run])) == node)
			run++;
		taken += give_node(host, &host->pool[node], pages, run, NULL);
		pages += run;
		nr -= run;
	}
	return taken;
}

void pool_give(struct pamt_host *host, const tdx_hpa_t *pages, uint32_t nr)
{
	struct magazine *m = &this_cpu(host)->magazine;
	uint32_t node = os_node(), room = 0;
	tdx_hpa_t over[GIVE_MAX];
	bool grow;

	if (nr > 2 || node_of_region(host, hpa_to_region(pages[0])) != node ||
	    node_of_region(host, hpa_to_region(pages[nr - 1])) != node) {
		pool_give_direct(host, pages, nr);
		return;
	}
	nr = magazine_put(m, node, pages, nr, over, &grow);
	if (nr)
		give_node(host, &host->pool[node], over, nr, grow ? &room : NULL);
	if (room)
		magazine_fill(m, node, &room, NULL, 0);
	if (room)
		pool_take_back(&host->pool[node], room);
}

uint32_t pool_pages_out(struct pamt_host *host, region_t region, uint32_t *pins)
{
	struct pool *pool = &host->pool[node_of_region(host, region)];
	os_irq_t irq = os_spin_lock(&pool->lock);
	uint32_t pages = chunks_out(pool, region, pins);

	os_spin_unlock(&pool->lock, irq);
	return pages;
}

/* ------------------------------------------------------------------------------------------- */
/* Beginning and end                                                                            */

/* About one bucket per 256 MB: a 1 TB node has 4096, and 2048 chunks of 2 MB back all of it. */
#define HASH_SHIFT 28
#define HASH_MIN   6u
#define HASH_MAX   16u

static int create_node_spans(struct pamt_host *host)
{
	const struct plan *p = &host->plan;
	struct node_span *spans = host->os->alloc(host->os->ctx, sizeof(*spans) * p->nr_memory);

	if (!spans)
		return -OS_ENOMEM;
	for (uint32_t i = 0; i < p->nr_memory; i++) {
		if (i && p->memory[i].node == p->memory[i - 1].node)
			continue;
		spans[host->nr_node_spans++] =
			(struct node_span){ .region = p->memory[i].base >> TDX_2M_SHIFT,
					    .node = p->memory[i].node };
	}
	host->node_span = spans;
	return 0;
}

static int create_node(struct pamt_host *host, uint32_t node)
{
	struct pool *pool = &host->pool[node];
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < host->plan.nr_memory; i++)
		if (host->plan.memory[i].node == node)
			bytes += host->plan.memory[i].end - host->plan.memory[i].base;
	pool->node = node;
	for (pool->hash_bits = HASH_MIN; pool->hash_bits < HASH_MAX; pool->hash_bits++)
		if (bytes >> HASH_SHIFT >> pool->hash_bits == 0)
			break;
	pool->hash = host->os->alloc(host->os->ctx, sizeof(*pool->hash) << pool->hash_bits);
	return pool->hash ? 0 : -OS_ENOMEM;
}

int pool_create(struct pamt_host *host)
{
	int ret;

	host->pool =
		alloc_aligned(host, sizeof(*host->pool) * host->os->nr_nodes, &host->pool_memory);
	ret = host->pool ? create_node_spans(host) : -OS_ENOMEM;
	for (uint32_t node = 0; node < host->os->nr_nodes && !ret; node++)
		ret = create_node(host, node);
	if (ret)
		pool_destroy(host);
	return ret;
}

/* Do no more chunks of this one's region follow? They are in the same list. */
static bool last_in_region(const struct chunk *c)
{
	for (const struct chunk *n = c->hash_next; n; n = n->hash_next)
		if (hpa_to_region(n->base).v == hpa_to_region(c->base).v)
			return false;
	return true;
}

/* *pages: that are out; *regions: in which chunks lie. Both are added to. */
static void destroy_node(struct pamt_host *host, struct pool *pool, uint64_t *pages,
			 uint64_t *regions)
{
	const struct os_services *os = host->os;

	for (uint64_t i = 0; pool->hash && i < UINT64_C(1) << pool->hash_bits; i++) {
		while (pool->hash[i]) {
			struct chunk *c = pool->hash[i];
			struct page_set set = { .region = hpa_to_region(c->base) };

			for (uint32_t w = 0; w < CHUNK_WORDS; w++) {
				set.map[w] = c->owned_map[w];
				/* What is still out the module may still have. */
				set.dirty[w] = c->dirty_map[w] & c->owned_map[w];
			}
			*pages += chunk_out(c);
			*regions += last_in_region(c);
			page_set_free(host, &set);
			pool->hash[i] = c->hash_next;
			os->free(os->ctx, c);
		}
	}
	while (pool->spare) {
		struct chunk *c = pool->spare;

		pool->spare = c->next;
		os->free(os->ctx, c);
	}
	if (pool->hash)
		os->free(os->ctx, pool->hash);
}

void pool_destroy(struct pamt_host *host)
{
	const struct os_services *os = host->os;
	uint64_t out = 0, regions;

	if (!host->pool)
		return;
	/* Relaxed: no call is in flight. */
	regions = os_load64(&host->idle, OS_RELAXED);
	/* Dirty lines of the module's key must not be written back over what comes next. */
	if (os_load64(&host->os_pages, OS_RELAXED))
		os->wbinvd_all(os->ctx);
	for (uint32_t node = 0; node < os->nr_nodes; node++)
		destroy_node(host, &host->pool[node], &out, &regions);
	/* Regions that are idle have their pairs by right, and so have those of the pool itself. */
	if (out > 2 * regions)
		os->log(os->ctx, OS_LOG_ERROR, "%llu pool pages were never given back",
			(unsigned long long)(out - 2 * regions));
	if (host->node_span)
		os->free(os->ctx, host->node_span);
	os->free(os->ctx, host->pool_memory);
	host->pool = NULL;
	host->pool_memory = NULL;
	host->node_span = NULL;
	host->nr_node_spans = 0;
}
