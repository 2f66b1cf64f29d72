// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * draw.c - pages drawn from the pools and given to them, through the CPU's magazine where possible.
 */
#include "host/pool.h"

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
 * POOL_GIVE_MAX) that are to go to the pool; *grow: with more room there would be none.
 */
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

/* ------------------------------------------------------------------------------------------- */
/* Draw and give                                                                                */

/*
 * Out of this CPU's magazine, and of its node's pool what is missing there; then the magazine is
 * filled as well, so that the next few draws need not come here. Return: pages drawn; the others
 * are wanted.
 */
static uint32_t draw_local(struct pamt_host *host, struct pool *pool, tdx_hpa_t *pages, uint32_t nr,
			   bool *dry)
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
	while (got < nr && chunk_take(&pool->all, &pages[got]))
		got++;
	if (grow && pool->all.free)
		room = pool_lend(host, pool, m);
	while (n < refill + room && chunk_take(&pool->all, &extra[n]))
		n++;
	*dry = pool_short(pool, nr - got);
	os_spin_unlock(&pool->lock, irq);
	/* Nor room: it is not asked for without a page to fill it with. */
	if (!n)
		return got;
	filled = magazine_fill(m, pool->node, &room, extra, n);
	if (filled < n)
		pool_give_direct(host, extra, n - filled);
	if (room)
		pool_take_back(host, pool, room);
	return got;
}

/*
 * Takes pages of one pool, which grows from one node (or any) until there are enough. wanted: the
 * pool knows already that they are.
 */
static int take_growing(struct pamt_host *host, struct pool *pool, uint32_t from, struct draw *d,
			bool wanted)
{
	int ret = 0;

	for (; !ret && d->got < d->nr; wanted = false) {
		if (!wanted)
			pool_want(pool, d->nr - d->got);
		ret = pool_grow(host, pool, from, d);
	}
	return ret;
}

/* What all pools have as they are. */
static void take_anywhere(struct pamt_host *host, struct draw *d)
{
	for (uint32_t i = 0; i < host->os->nr_nodes && d->got < d->nr; i++)
		d->got += pool_take(&host->pool[i], d->pages + d->got, d->nr - d->got);
}

int pool_draw(struct pamt_host *host, uint32_t node, tdx_hpa_t *pages, uint32_t nr, uint32_t *got)
{
	struct draw d = { pages, nr, 0 };
	struct pool *pool;
	bool dry = false;
	int ret;

	node = node < host->os->nr_nodes ? host->pool[node].home : home_node(host);
	pool = &host->pool[node];
	*got = node == home_node(host) ? draw_local(host, pool, pages, nr, &dry)
				       : pool_take_or_want(pool, pages, nr, &dry);
	if (*got == nr)
		return 0;
	d.got = *got;
	if (dry)
		take_anywhere(host, &d);
	if (d.got > *got)
		pool_want(pool, *got - d.got);
	ret = take_growing(host, pool, node, &d, true);
	/* Remote pages are better than none: first what other nodes have, then any chunk. */
	take_anywhere(host, &d);
	if (d.got < nr && host->os->nr_nodes > 1)
		ret = take_growing(host, pool, OS_ANY_NODE, &d, false);
	*got = d.got;
	return *got < nr ? ret : 0;
}

void pool_give(struct pamt_host *host, const tdx_hpa_t *pages, uint32_t nr)
{
	struct magazine *m = &this_cpu(host)->magazine;
	uint32_t node = home_node(host), room = 0;
	tdx_hpa_t over[POOL_GIVE_MAX];
	bool grow;

	if (nr > 2 || node_of_region(host, hpa_to_region(pages[0])) != node ||
	    node_of_region(host, hpa_to_region(pages[nr - 1])) != node) {
		pool_give_direct(host, pages, nr);
		return;
	}
	nr = magazine_put(m, node, pages, nr, over, &grow);
	if (nr)
		pool_give_node(host, &host->pool[node], over, nr, grow ? m : NULL, &room);
	if (room)
		magazine_fill(m, node, &room, NULL, 0);
	if (room)
		pool_take_back(host, &host->pool[node], room);
}
