// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * pool.c - one node's pool: pages out of it and back into it, and how many it may hold.
 */
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
/* How much is too much                                                                         */

static uint64_t out(const struct pool *pool)
{
	OS_INVARIANT(os_spin_is_held(&pool->lock));
	return pool->all.held - pool->all.free;
}

/*
 * held <= 2 x used + 16 solved for free pages, where all room of magazines counts as not used.
 */
uint64_t pool_slack(const struct pool *pool)
{
	uint64_t room = out(pool) + POOL_SLACK_PAGES;

	return room - min64(room, 2 * pool->lent);
}

/* Times that room may be asked for in vain before it is dealt out anew. */
#define MAX_DENIED 1024u

bool pool_over(const struct pool *pool)
{
	return pool->all.free + 2 * pool->lent > out(pool) + POOL_SLACK_PAGES ||
	       pool->denied > MAX_DENIED;
}

static uint32_t lent_words(const struct pamt_host *host) { return (host->os->nr_cpus + 63) / 64; }

void pool_take_back(struct pamt_host *host, struct pool *pool, uint32_t room)
{
	os_irq_t irq = os_spin_lock(&pool->lock);

	pool->lent -= room;
	for (uint32_t i = 0; !pool->lent && i < lent_words(host); i++)
		pool->lent_to[i] = 0;
	os_spin_unlock(&pool->lock, irq);
}

/*
 * Room for one more pair in a magazine, if it may be lent. It is not if that alone made the pool
 * hold too much: the trim that follows would take all room back.
 */
uint32_t pool_lend(struct pamt_host *host, struct pool *pool, const struct magazine *m)
{
	uint64_t used = out(pool), lent = pool->lent + 2;
	size_t cpu = ((const char *)m - (const char *)&host->cpu->magazine) / sizeof(*host->cpu);

	if (2 * lent > used || 2 * lent + pool->all.free > used + POOL_SLACK_PAGES) {
		pool->denied++;
		return 0;
	}
	pool->lent += 2;
	pool->lent_to[cpu / 64] |= UINT64_C(1) << cpu % 64;
	return 2;
}

/* ------------------------------------------------------------------------------------------- */
/* Take and give                                                                                */

uint32_t pool_take(struct pool *pool, tdx_hpa_t *pages, uint32_t nr)
{
	os_irq_t irq;
	uint32_t n = 0;

	irq = os_spin_lock(&pool->lock);
	while (n < nr && chunk_take(&pool->all, &pages[n]))
		n++;
	os_spin_unlock(&pool->lock, irq);
	return n;
}

bool pool_short(struct pool *pool, uint32_t nr)
{
	OS_INVARIANT(os_spin_is_held(&pool->lock));
	pool->wanted += nr;
	if (!nr || !pool->dry)
		return false;
	pool->dry--;
	return true;
}

uint32_t pool_take_or_want(struct pool *pool, tdx_hpa_t *pages, uint32_t nr, bool *dry)
{
	os_irq_t irq = os_spin_lock(&pool->lock);
	uint32_t n = 0;

	while (n < nr && chunk_take(&pool->all, &pages[n]))
		n++;
	*dry = pool_short(pool, nr - n);
	os_spin_unlock(&pool->lock, irq);
	return n;
}

void pool_want(struct pool *pool, uint32_t nr)
{
	os_irq_t irq = os_spin_lock(&pool->lock);

	pool->wanted += nr;
	os_spin_unlock(&pool->lock, irq);
}

static void report_stranger(struct pamt_host *host, tdx_hpa_t page)
{
	count(host, STAT_UNBALANCED);
	host->os->log(host->os->ctx, OS_LOG_ERROR,
		      "page 0x%llx comes back to the pool, which did not hand it out",
		      (unsigned long long)page.v);
}

void pool_want_trim(struct pamt_host *host)
{
	/*
	 * Relaxed, and yet no trim is lost when this CPU, having made a pool hold too much, sees
	 * that one is wanted already and leaves it at that. Whoever is about to trim clears the
	 * word and then looks at the pool under its lock. If that was before this CPU held the
	 * lock, the clearing is before this load, by way of the lock, and 0 is read here, or what
	 * somebody set later. If it was after, it sees what this CPU has done.
	 */
	if (!os_load32(&host->trim_wanted, OS_RELAXED))
		os_store32(&host->trim_wanted, 1, OS_RELAXED);
	os_count64(&this_cpu(host)->trims_wanted, 1);
}

uint32_t pool_give_node(struct pamt_host *host, struct pool *pool, const tdx_hpa_t *pages,
			uint32_t nr, const struct magazine *m, uint32_t *room)
{
	tdx_hpa_t strange[POOL_GIVE_MAX];
	uint32_t taken = 0, strangers = 0;
	os_irq_t irq = os_spin_lock(&pool->lock);
	bool over;

	for (uint32_t i = 0; i < nr; i++) {
		struct chunk *c = chunk_find(&pool->all, pages[i]);

		if (c && chunk_put(&pool->all, c, pages[i]))
			taken++;
		else
			strange[strangers++] = pages[i];
	}
	if (m)
		*room = pool_lend(host, pool, m);
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

		while (run < nr && run < POOL_GIVE_MAX &&
		       node_of_region(host, hpa_to_region(pages[run])) == node)
			run++;
		taken += pool_give_node(host, &host->pool[node], pages, run, NULL, NULL);
		pages += run;
		nr -= run;
	}
	return taken;
}

uint32_t pool_pages_out(struct pamt_host *host, region_t region, uint32_t *pins)
{
	struct pool *pool = &host->pool[node_of_region(host, region)];
	os_irq_t irq = os_spin_lock(&pool->lock);
	uint32_t pages = chunks_out(&pool->all, region, pins);

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

static uint64_t bytes_of(const struct pamt_host *host, uint32_t node)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < host->plan.nr_memory; i++)
		if (host->plan.memory[i].node == node)
			bytes += host->plan.memory[i].end - host->plan.memory[i].base;
	return bytes;
}

static int create_node(struct pamt_host *host, uint32_t node)
{
	struct pool *pool = &host->pool[node];
	uint64_t bytes = bytes_of(host, node);

	os_spin_init(&pool->lock);
	os_mutex_init(&pool->grow);
	pool->node = node;
	/* Some node has memory: there is a TDMR. */
	for (pool->home = node; !bytes_of(host, pool->home);)
		pool->home = (pool->home + 1) % host->os->nr_nodes;
	pool->hope[false] = pool->hope[true] = CHUNK_MAX_ORDER;
	for (pool->all.hash_bits = HASH_MIN; pool->all.hash_bits < HASH_MAX; pool->all.hash_bits++)
		if (bytes >> HASH_SHIFT >> pool->all.hash_bits == 0)
			break;
	pool->all.hash =
		host->os->alloc(host->os->ctx, sizeof(*pool->all.hash) << pool->all.hash_bits);
	pool->lent_to = host->os->alloc(host->os->ctx, sizeof(*pool->lent_to) * lent_words(host));
	return pool->all.hash && pool->lent_to ? 0 : -OS_ENOMEM;
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

	for (uint64_t i = 0; pool->all.hash && i < UINT64_C(1) << pool->all.hash_bits; i++) {
		while (pool->all.hash[i]) {
			struct chunk *c = pool->all.hash[i];
			struct page_set set = { .region = hpa_to_region(c->base) };

			for (uint32_t w = 0; w < CHUNK_WORDS; w++) {
				set.map[w] = c->owned_map[w];
				/* What is still out the module may still have. */
				set.dirty[w] = c->dirty_map[w] & c->owned_map[w];
			}
			*pages += chunk_out(c);
			*regions += last_in_region(c);
			page_set_free(host, &set);
			pool->all.hash[i] = c->hash_next;
			os->free(os->ctx, c);
		}
	}
	while (pool->spare) {
		struct chunk *c = pool->spare;

		pool->spare = c->next;
		os->free(os->ctx, c);
	}
	if (pool->all.hash)
		os->free(os->ctx, pool->all.hash);
	if (pool->lent_to)
		os->free(os->ctx, pool->lent_to);
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
