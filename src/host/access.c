// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * access.c - pamt_get() and pamt_put() for one page and for ranges: the hot path, and what is
 * checked and put in hand before a region's word is touched.
 */
#include "host/marks.h"
#include "host/pair.h"
#include "host/pool.h"

/* Regions whose pairs are put in hand together; they fill one cache. */
#define BATCH_REGIONS (PAMT_CACHE_PAGES / 2)

#define HOT  __attribute__((always_inline)) inline
#define COLD __attribute__((__noinline__))
/* A line of its own: it saves a fetch, which is a twentieth of the whole call. */
#define ENTRY __attribute__((aligned(64)))
/* What the hot path expects, so that it is laid out without a jump. */
#define EXPECT(cond) __builtin_expect(cond, 1)

/* One region with the pair it may need: out of cache, or of the pool if that is NULL. */
static COLD int get_with_pair(struct pamt_host *host, region_t region, uint32_t n,
			      struct pamt_cache *cache)
{
	struct pair pair = { .nr = 0, .bad = -1 };
	bool drawn = false;
	int ret;

	count(host, STAT_GETS_SLOW);
	for (;;) {
		ret = region_get(host, region, n, &pair);
		if (ret == NEED_PAIR) {
			ret = pair_draw(host, region, cache, &pair);
			if (ret)
				break;
			drawn = true;
		} else if (ret != -OS_EIO || !pair_try_another(host, cache, &pair)) {
			break;
		}
	}
	pair_return(host, cache, &pair);
	/* Without a cache this may sleep, and so give back what puts have left. */
	if (drawn && !cache)
		pool_trim(host, UINT64_MAX);
	return ret;
}

/*
 * The hot path: a region that has users and keeps some. One lookup, one compare-and-swap of the
 * whole word, one counter of this CPU; no call, no lock, nothing else is written. It is kept in
 * one piece with pamt_get() and pamt_put(), and what is rare is kept out of them, so that it needs
 * no registers saved.
 */

/*
 * USED with room for n more, and no page of it need be looked up. BEFORE and AGAIN are below COUNT
 * and all other bits above it, so that one comparison of the word as it is settles that: what is
 * worked out between the look and the compare-and-swap is waited for.
 */
_Static_assert((REGION_BEFORE | REGION_AGAIN) == REGION_USER - 1, "the bits below COUNT");
static HOT bool plainly_used(uint16_t word, uint32_t n)
{
	return (uint16_t)(word - REGION_USER) < REGION_USER * (REGION_MAX_COUNT - n);
}

/* USED by more than one. Where PARTIAL is set puts are as slow as gets. */
static HOT bool used_by_more(uint16_t word)
{
	return (uint16_t)(word - 2 * REGION_USER) < REGION_USER * (REGION_MAX_COUNT - 1);
}

static HOT bool get_hot(struct pamt_host *host, tdx_pfn_t first, uint32_t n)
{
	region_t region = pfn_to_region(first);
	struct pamt_cpu *cpu;
	os_a16_t *word;
	uint16_t old;

	if (!EXPECT(region_has_word(host, region)))
		return false;
	word = &host->table.word[region_place(region.v)];
	/* Looked up before the compare-and-swap, which nothing behind it overtakes. */
	cpu = this_cpu(host);
	old = os_load_own16(word);
	while (EXPECT(plainly_used(old, n))) {
		/* Acquire: pairs with the release that published the pair. */
		if (EXPECT(os_cas16(word, &old, (uint16_t)(old + n * REGION_USER), OS_ACQUIRE))) {
			os_count64(&cpu->stat[STAT_GETS_FAST], 1);
			return true;
		}
	}
	return false;
}

/*
 * IDLE, and no page of it need be looked up: the range adopts the pair that is there. A whole
 * region can be got in no other way at once, as nobody else may use it.
 */
static bool get_idle(struct pamt_host *host, tdx_pfn_t first, uint32_t n)
{
	os_a16_t *word = region_word(host, pfn_to_region(first));
	uint16_t old;

	if (!word)
		return false;
	/* Chooses what is tried; the compare-and-swap decides. */
	old = os_load_own16(word);
	if ((old & ~(REGION_BEFORE | REGION_AGAIN)) != REGION_IDLE)
		return false;
	/* Acquire: pairs with the release that published the pair. */
	if (!os_cas16(word, &old, (uint16_t)(region_beside(old) | n * REGION_USER), OS_ACQUIRE))
		return false;
	/* Relaxed: places are a number, nothing is reached through it. */
	os_fetch_add64(&host->idle, (uint64_t)-1, OS_RELAXED);
	count(host, STAT_GETS_SLOW);
	return true;
}

static COLD int get_slow(struct pamt_host *host, tdx_pfn_t page, struct pamt_cache *cache)
{
	if (!pages_are_tdx(host, page, 1))
		return -OS_EINVAL;
	return has_regions(host) ? get_with_pair(host, pfn_to_region(page), 1, cache) : 0;
}

ENTRY int pamt_get(struct pamt_host *host, tdx_pfn_t page, struct pamt_cache *cache)
{
	int ret = 0;

	if (!get_hot(host, page, 1))
		ret = get_slow(host, page, cache);
	if (!ret)
		marks_set(host, MARK_GOT, page, 1);
	return ret;
}

static COLD void put_outside(struct pamt_host *host, tdx_pfn_t first, uint64_t nr)
{
	count(host, STAT_UNBALANCED);
	host->os->log(host->os->ctx, OS_LOG_ERROR,
		      "put of %llu pages from 0x%llx on, which are not all TDX memory",
		      (unsigned long long)nr, (unsigned long long)pfn_to_hpa(first).v);
}

static COLD void put_slow(struct pamt_host *host, tdx_pfn_t first, uint32_t n)
{
	if (!has_regions(host))
		return;
	if (region_word(host, pfn_to_region(first))) {
		count(host, STAT_PUTS_SLOW);
		pair_put_users(host, pfn_to_region(first), n);
		return;
	}
	put_outside(host, first, n);
}

static HOT bool put_hot(struct pamt_host *host, tdx_pfn_t page)
{
	region_t region = pfn_to_region(page);
	struct pamt_cpu *cpu;
	os_a16_t *word;
	uint16_t old;

	if (!EXPECT(region_has_word(host, region)))
		return false;
	word = &host->table.word[region_place(region.v)];
	cpu = this_cpu(host);
	old = os_load_own16(word);
	while (EXPECT(used_by_more(old))) {
		/* Release: the use of our page is before the REMOVE of whoever is last. */
		if (EXPECT(os_cas16(word, &old, (uint16_t)(old - REGION_USER), OS_RELEASE))) {
			os_count64(&cpu->stat[STAT_PUTS_FAST], 1);
			return true;
		}
	}
	return false;
}

ENTRY void pamt_put(struct pamt_host *host, tdx_pfn_t page)
{
	if (!marks_clear(host, MARK_GOT, page, 1))
		return;
	if (!put_hot(host, page))
		put_slow(host, page, 1);
}

/* ------------------------------------------------------------------------------------------- */
/* Ranges                                                                                       */

/* Pages of the range that lie in the region of its first page. */
static uint32_t in_first_region(tdx_pfn_t first, uint64_t nr)
{
	return (uint32_t)min64(nr, TDX_PAGES_PER_2M - first.v % TDX_PAGES_PER_2M);
}

/* Regions of a range that have no pair now, counted up to a limit. */
static uint32_t free_regions(const struct pamt_host *host, tdx_pfn_t first, uint64_t nr,
			     uint32_t limit)
{
	uint64_t end = pfn_to_region(pfn(first.v + nr - 1)).v;
	uint32_t n = 0;

	for (uint64_t r = pfn_to_region(first).v; r <= end && n < limit; r++) {
		/* Relaxed: an estimate; who comes up short draws again, or gives up. */
		uint16_t word = os_load16(region_word(host, (region_t){ r }), OS_RELAXED);

		n += region_state(word) == REGION_STATE_FREE;
	}
	return n;
}

/* At most BATCH_REGIONS regions, their pairs in hand before the first is touched. */
static int get_batch(struct pamt_host *host, tdx_pfn_t first, uint64_t nr, uint64_t *done)
{
	uint32_t want = 2 * free_regions(host, first, nr, BATCH_REGIONS);
	struct pamt_cache hand = { 0 };
	int ret = 0;

	if (want)
		ret = pool_draw(host, node_of_region(host, pfn_to_region(first)), hand.page, want,
				&hand.nr_pages);
	for (*done = 0; !ret && *done < nr;) {
		tdx_pfn_t at = pfn(first.v + *done);
		uint32_t n = in_first_region(at, nr - *done);

		/* The last pair may have gone where the estimate saw none needed. */
		struct pamt_cache *from = hand.nr_pages > 1 ? &hand : NULL;

		ret = get_with_pair(host, pfn_to_region(at), n, from);
		/* Or it was refused, with none behind it in the hand; the pool has more. */
		if (ret == -OS_ENOMEM && from)
			ret = get_with_pair(host, pfn_to_region(at), n, NULL);
		*done += ret ? 0 : n;
	}
	if (hand.nr_pages)
		pool_give(host, hand.page, hand.nr_pages);
	/* As a get without a cache. */
	if (want)
		pool_trim(host, UINT64_MAX);
	return ret;
}

static int get_out_of_cache(struct pamt_host *host, tdx_pfn_t first, uint64_t nr,
			    struct pamt_cache *cache, uint64_t *done)
{
	uint32_t pairs = cache->nr_pages / 2;
	int ret = 0;

	*done = 0;
	if (free_regions(host, first, nr, pairs + 1) > pairs)
		return -OS_ENOMEM;
	while (!ret && *done < nr) {
		tdx_pfn_t at = pfn(first.v + *done);
		uint32_t n = in_first_region(at, nr - *done);

		ret = get_with_pair(host, pfn_to_region(at), n, cache);
		*done += ret ? 0 : n;
	}
	return ret;
}

static void put_regions(struct pamt_host *host, tdx_pfn_t first, uint64_t nr)
{
	while (nr) {
		uint32_t n = in_first_region(first, nr);

		put_slow(host, first, n);
		first.v += n;
		nr -= n;
	}
}

static int get_regions(struct pamt_host *host, tdx_pfn_t first, uint64_t nr,
		       struct pamt_cache *cache)
{
	uint64_t done = 0;
	int ret = 0;

	while (!ret && done < nr) {
		tdx_pfn_t at = pfn(first.v + done);
		uint64_t skew = at.v % TDX_PAGES_PER_2M;
		uint64_t batch = min64(nr - done, BATCH_REGIONS * TDX_PAGES_PER_2M - skew);
		uint64_t part;

		if (cache)
			ret = get_out_of_cache(host, at, nr - done, cache, &part);
		else
			ret = get_batch(host, at, batch, &part);
		done += part;
	}
	if (ret)
		put_regions(host, first, done);
	return ret;
}

static int get_range(struct pamt_host *host, tdx_pfn_t first, uint64_t nr, struct pamt_cache *cache)
{
	if (in_first_region(first, nr) == nr &&
	    (get_hot(host, first, (uint32_t)nr) || get_idle(host, first, (uint32_t)nr)))
		return 0;
	if (!pages_are_tdx(host, first, nr))
		return -OS_EINVAL;
	return has_regions(host) ? get_regions(host, first, nr, cache) : 0;
}

int pamt_get_range(struct pamt_host *host, tdx_pfn_t first, uint64_t nr, struct pamt_cache *cache)
{
	int ret = nr ? get_range(host, first, nr, cache) : 0;

	if (!ret)
		marks_set(host, MARK_GOT, first, nr);
	return ret;
}

void pamt_put_range(struct pamt_host *host, tdx_pfn_t first, uint64_t nr)
{
	if (!nr || !has_regions(host))
		return;
	/* Within one region its word says so. */
	if (in_first_region(first, nr) != nr && !pages_are_tdx(host, first, nr)) {
		put_outside(host, first, nr);
		return;
	}
	if (marks_clear(host, MARK_GOT, first, nr))
		put_regions(host, first, nr);
}
