/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * pool.h - the pool: pages that are backed and pinned, for pairs and control pages alike.
 *
 * CHUNKS
 *
 * Per NUMA node, the pool is made of chunks: blocks of 4 to 512 pages from the OS, each inside one
 * 2 MiB region. When a chunk is taken its region is pinned: COUNT is raised by one (region.h). If
 * the region was FREE, two pages of the chunk become the region's own pair; that is the only time
 * a pair is needed to get pages for pairs, and it brings its own, so taking a chunk never recurses.
 * All other pages are handed out one by one: as pages of a pair, or as control pages.
 *
 * A page of a chunk is one of
 *
 *   free       nobody has it
 *   out        handed out: in a magazine, in a caller's cache, on its way, part of an installed
 *              pair, a control page, or quarantined
 *   gone       given back to the OS, while the chunk lives on
 *
 * Bitmaps of the chunk say which; nothing is ever written into the pages themselves, since a store
 * into a page that the module may still hold is a machine check on some parts.
 *
 * A chunk is
 *
 *   LIVE       in one of the lists below. Empty if nothing is out but its own region's pair.
 *   LEAVING    unlinked by one CPU, which is dissolving it. Still found by address.
 *   WAITING    nothing is left of it but the two pages of its region's pair, and others use the
 *              region. Stays pinned and is tried again later.
 *   STUCK      its region is leaked, or the module refused its pages. Never touched again.
 *
 * DISSOLUTION
 *
 * An empty chunk is unlinked under the pool's lock and its free pages taken out of it; the lock is
 * dropped. If the region's pair came from another chunk, the pin goes, which is a plain put, and
 * then the pages go to the OS: whoever is given them next must not find a pin without a page
 * (region.h). None of them is donated or used, so nothing walks their region's entry meanwhile.
 *
 * If the chunk hosts the pair itself, the pin may go only together with the pair: otherwise the
 * pair would live on in pages that nothing pins, come back with some guest's put and be donated
 * again. So everything that a put brings back is pinned, and a put may hand it to the next one
 * without asking where it is from. The other pages go to the OS at once; the two of the pair, as
 * long as they cannot go, are what the pin stands for.
 *
 * A LIVE chunk that nobody uses, and that is not being dissolved, keeps a page of its own: a new
 * one whose pages are too many by the time that it is put to use is given back by the next trim.
 *
 * THE OS TAKES ITS TIME
 *
 * Any service of the OS may sleep, or be slow; other CPUs do any number of steps meanwhile. No
 * lock but the growth mutex is held then, and what was read before is not believed after it: how
 * many pages are wanted, whether the region has a pair, how much the pool may hold.
 *
 * No two chunks wait for each other: the pair of a chunk's region is older than the chunk (or its
 * own), so the donor chunk is older still.
 *
 * HOW MUCH IS HELD
 *
 * Per node, pages held <= 2 x pages used + 16 (64 KB); used means out but not in a magazine. A new
 * chunk is as large as that allows. More free pages than that make a trim wanted; it gives back
 * half of the slack, emptiest chunks first, page by page where a chunk is still in use. When no
 * control page is left, there is no TD left, and a trim gives back everything.
 *
 * MAGAZINES
 *
 * A pair that a put brings back goes into the CPU's magazine, from where the next draw takes it:
 * regions that come and go cost neither the pool's lock nor a line that CPUs share. A draw that has
 * to go to the pool fills the magazine while it is there. Pages in magazines are not used by
 * anybody, so their number is bounded: a magazine has as much room as the pool has lent it, two
 * pages at a time, eight at most, to CPUs that ask for it by putting or by drawing; and a pool
 * lends no more than half of what is out, which leaves used >= lent, and not so much that it would
 * hold too much by that alone, which would call all room back at once. Room is called
 * back, from all CPUs, when there is too much in the pool, and when it was asked for in vain often
 * enough that it may be in the wrong hands.
 *
 * TRIMS
 *
 * Trims run where they may free to the OS: in top-up, cache free, page free, shrink, and in get,
 * split and page alloc without a cache. Never in put: what puts alone leave too much stays until
 * one of these comes. Page free may be called in any context and so stops after POOL_TRIM_ANY
 * pages; what is left is for the next one.
 *
 * Most top-ups find their cache full: every fault begins with one. They look at nothing that other
 * CPUs write, and trim only after what this CPU itself has left; the rest is for one that draws.
 *
 * NODES WITHOUT MEMORY
 *
 * CPUs of a node that has no memory are at home on the next one that has: its pool is theirs, and
 * so is what their magazines hold. Otherwise each of their draws would ask the OS in vain, one
 * after the other, and go to another pool's lock then. A node whose memory is all in use is DRY
 * since the OS refused the smallest block last: its draws look at what other nodes' pools have
 * first, but for one in POOL_DRY_DRAWS, since it may have memory again while others never run out.
 *
 * LOCKS
 *
 * The pool's lock is per node, irq-safe and innermost, held for a few instructions: nobody waits
 * for LOCKED, calls, allocates or frees under it. A magazine's lock is as innermost: neither is
 * taken under the other. The growth mutex is taken with nothing held and lets one CPU at a time
 * take chunks for a node, so that a shortage on many CPUs brings one chunk and not many.
 */
#ifndef PAMT_HOST_POOL_H
#define PAMT_HOST_POOL_H

#include "host/chunk.h"

struct pool {
	struct os_spin lock;
	uint32_t node;
	uint32_t home; /* the node whose pool this one's CPUs use; constant */
	struct chunks all;
	struct chunk *waiting; /* head; tried from here, put back at the tail */
	struct chunk *waiting_tail;
	uint32_t nr_waiting;
	struct chunk *spare; /* descriptors to use again */
	uint64_t lent;	     /* room of all magazines together, pages */
	/* CPUs whose magazines may have room of this pool, as bits; none once it all came back. */
	uint64_t *lent_to;
	uint64_t denied; /* times that room was asked for in vain since magazines were emptied */
	uint32_t wanted; /* pages that those want who wait for the growth mutex */
	uint32_t dry;	 /* for so many draws; 0: it is not. Set under the growth mutex as well */
	struct os_mutex grow;
	/* The growth mutex's: the highest order worth asking for, of this node and of any. */
	unsigned int hope[2];
} __attribute__((aligned(CPU_ALIGN)));

#define POOL_DRY_DRAWS 256u

/* From this region on, to the next entry, memory is of that node. */
struct node_span {
	uint64_t region;
	uint32_t node;
};

PAMT_MUST_CHECK int pool_create(struct pamt_host *host);
/* Everything goes back to the OS, whatever is still out. */
void pool_destroy(struct pamt_host *host);

uint32_t node_of_region(const struct pamt_host *host, region_t region);

/* The node whose pool serves this CPU. */
static inline uint32_t home_node(const struct pamt_host *host)
{
	return host->pool[os_node()].home;
}

/*
 * pool_draw - nr pages, of this node if possible; takes chunks from the OS as needed. May sleep.
 * Return: 0; -OS_ENOMEM, -OS_EAGAIN, -OS_EIO with *got pages drawn nevertheless.
 */
PAMT_MUST_CHECK int pool_draw(struct pamt_host *host, uint32_t node, tdx_hpa_t *pages, uint32_t nr,
			      uint32_t *got);
/* Takes back pages that are out. Any context; nothing goes to the OS. */
void pool_give(struct pamt_host *host, const tdx_hpa_t *pages, uint32_t nr);
/* The same past the magazines, noticing a page that is not out. Return: pages taken back. */
uint32_t pool_give_direct(struct pamt_host *host, const tdx_hpa_t *pages, uint32_t nr);

/*
 * Pages of a region's chunks that are out, their regions' own pairs among them. *pins: how many
 * chunks have the region pinned. Any context.
 */
uint32_t pool_pages_out(struct pamt_host *host, region_t region, uint32_t *pins);

/* With the lock held: room for one more pair in a magazine; 0: none. */
uint32_t pool_lend(struct pamt_host *host, struct pool *pool, const struct magazine *m);
/*
 * Takes back up to POOL_GIVE_MAX pages of one node. m: NULL, or the magazine that has no room for
 * them. Return: pages; *room: how much is lent to it.
 */
#define POOL_GIVE_MAX (MAGAZINE_PAGES + 2)
uint32_t pool_give_node(struct pamt_host *host, struct pool *pool, const tdx_hpa_t *pages,
			uint32_t nr, const struct magazine *m, uint32_t *room);

/* Some pool holds too much. Any context. */
void pool_want_trim(struct pamt_host *host);

/*
 * pool_trim.c: gives back what is too much, if a trim is wanted: not many more than max pages, and
 * the next trim goes on from there. UINT64_MAX, no bound: may sleep; else any context. So below.
 * Return: did it have anything in hand?
 */
bool pool_trim(struct pamt_host *host, uint64_t max);
/* What a call that may be made in any context gives back at most, so that it has an end soon. */
#define POOL_TRIM_ANY 1024u
/*
 * When nothing is left to use pages, none are kept. Behind any trim that began before: whoever gave
 * the last control page back meanwhile, and then all that the pool had, did not see what that trim
 * had in hand. The look is relaxed: that CPU had counted its page before it took the pool's lock,
 * and the trim gave back under the same lock after it. Return: pages.
 */
uint64_t pool_trim_last(struct pamt_host *host, uint64_t max);
/*
 * The one and, where it had something in hand, the other behind it. By one that has given back what
 * it had: with nothing in hand since then, its one look at the number of control pages is enough.
 * Whoever gave the last one back later takes the pool's lock later, and finds all of it there.
 */
void pool_trim_spare(struct pamt_host *host, uint64_t max);
/* Everything that nobody uses. Return: pages. */
uint64_t pool_trim_all(struct pamt_host *host, uint64_t max);
/* Descriptors that are in no use. May sleep. */
void pool_free_spare(struct pamt_host *host);
/* Free pages that a pool may have, and whether it has more; lock held. */
uint64_t pool_slack(const struct pool *pool);
bool pool_over(const struct pool *pool);
/* Room that was lent to a magazine comes back. Any context. */
void pool_take_back(struct pamt_host *host, struct pool *pool, uint32_t room);

/* Up to nr pages out of the pool as it is. Any context. Return: how many. */
uint32_t pool_take(struct pool *pool, tdx_hpa_t *pages, uint32_t nr);
/*
 * The same by one who waits for what is missing. The pool knows how much all of them want, so that
 * one chunk is large enough for them. *dry: are other nodes to be looked at first?
 */
uint32_t pool_take_or_want(struct pool *pool, tdx_hpa_t *pages, uint32_t nr, bool *dry);
/* With the lock held, by one who comes up short; nr may be 0. Return: *dry. */
bool pool_short(struct pool *pool, uint32_t nr);
/* So many more are wanted, or less. */
void pool_want(struct pool *pool, uint32_t nr);

/*
 * pool_grow.c: the pages that a draw has not got yet, which are wanted, out of one more chunk if
 * the pool has not got so many; that may be of another node's memory where node is OS_ANY_NODE.
 * Then none of them is wanted any more. d->got: how many there are now, also on failure. May sleep.
 */
struct draw {
	tdx_hpa_t *pages;
	uint32_t nr, got;
};
PAMT_MUST_CHECK int pool_grow(struct pamt_host *host, struct pool *pool, uint32_t node,
			      struct draw *d);

/* Relaxed: a TD that is created now will find the pool empty and fill it again. */
static inline bool no_td(const struct pamt_host *host)
{
	return !os_load64(&host->control_pages, OS_RELAXED);
}

#endif
