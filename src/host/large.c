// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * large.c - regions as one guest's 2M page: map, remove, release, split into 4K pages and back.
 *
 * The SEAMCALL is the caller's; it is made here because the word must be LOCKED around it.
 */
#include "host/marks.h"
#include "host/pair.h"
#include "host/pool.h"

/* The word of the region that a 2M page fills, or NULL if it may not be one. */
static os_a16_t *large_word(const struct pamt_host *host, tdx_pfn_t first)
{
	os_a16_t *word = region_word(host, pfn_to_region(first));

	/* Relaxed: PARTIAL is constant. */
	if (!word || first.v % TDX_PAGES_PER_2M || os_load16(word, OS_RELAXED) & REGION_PARTIAL)
		return NULL;
	return word;
}

static bool is_call(const struct tdx_regs *call, enum tdx_leaf leaf)
{
	return TDX_RAX_LEAF(call->rax) == (uint32_t)leaf;
}

/* Does this call concern one 2M page? Bits 2:0 of RCX are the level of the MEM leaves. */
static bool is_2m(const struct tdx_regs *call) { return (call->rcx & 7) == TDX_2M; }

/* MEM.PAGE.REMOVE of a 2M page, or PHYMEM.PAGE.RECLAIM of this one. */
static bool is_removal(const struct tdx_regs *call, tdx_pfn_t first)
{
	if (is_call(call, TDH_MEM_PAGE_REMOVE))
		return is_2m(call);
	return is_call(call, TDH_PHYMEM_PAGE_RECLAIM) && call->rcx == pfn_to_hpa(first).v;
}

/*
 * Makes the caller's call. What its status means is the caller's to judge, and to count: other
 * operands than those about page metadata may well be busy.
 */
static int issue(struct pamt_host *host, struct tdx_regs *call)
{
	tdx_status_t status = host->os->seamcall(host->os->ctx, call);

	call->rax = status.v;
	return tdx_status_ok(status) ? 0 : -OS_EIO;
}

/* A change of one region, by one call. */
struct change {
	struct pamt_host *host;
	tdx_pfn_t first;
	struct tdx_regs *call;
	os_a16_t *word;
	bool lost_race; /* the word was another one by then: look again */
};

/* fits: is it the call for this? False: that was all, and *ret is the result. */
static bool change_begin(struct change *c, bool fits, int *ret)
{
	c->word = large_word(c->host, c->first);
	*ret = -OS_EINVAL;
	if (!fits || has_regions(c->host))
		return fits && c->word;
	*ret = issue(c->host, c->call);
	return false;
}

/*
 * One step of a change that needs no pair: from a word in the wanted state through LOCKED to
 * `next` if the call succeeds and back to the same if not.
 */
static int call_locked(struct change *c, uint16_t old, uint16_t next)
{
	os_irq_t irq;
	int ret;

	c->lost_race = !region_lock(c->host, c->word, old, &irq);
	if (c->lost_race)
		return 0;
	ret = issue(c->host, c->call);
	region_unlock(c->host, c->word, ret ? old : next, irq);
	return ret;
}

int pamt_map_2m(struct pamt_host *host, tdx_pfn_t first, struct tdx_regs *call)
{
	region_t region = pfn_to_region(first);
	struct change c = { .host = host, .first = first, .call = call };
	bool fits = is_call(call, TDH_MEM_PAGE_AUG) && is_2m(call) &&
		    call->r8 == pfn_to_hpa(first).v && first.v % TDX_PAGES_PER_2M == 0 &&
		    pages_are_tdx(host, first, TDX_PAGES_PER_2M);
	int ret;

	if (!change_begin(&c, fits, &ret))
		return ret;
	do {
		uint16_t old = region_read(host, c.word);

		if (region_count(old) || old & REGION_LARGE)
			return -OS_EBUSY;
		c.lost_race = true;
		if (old & REGION_IDLE) {
			/* One SEAMCALL per LOCKED: first the pair goes, then we look again. */
			if (!pair_remove_idle(host, region) &&
			    region_state(region_read(host, c.word)) == REGION_STATE_IDLE)
				return -OS_EAGAIN;
			continue;
		}
		ret = call_locked(&c, old, region_beside(old) | REGION_LARGE);
	} while (c.lost_race);
	if (!ret)
		count(host, STAT_MAPS_2M);
	return ret;
}

int pamt_remove_2m(struct pamt_host *host, tdx_pfn_t first, struct tdx_regs *call)
{
	struct change c = { .host = host, .first = first, .call = call };
	int ret;

	if (!change_begin(&c, is_removal(call, first), &ret))
		return ret;
	do {
		uint16_t old = region_read(host, c.word);

		if (!(old & REGION_LARGE))
			return -OS_EBUSY;
		/* Success leaves it LARGE: the range is still to be written back and scrubbed. */
		ret = call_locked(&c, old, old);
	} while (c.lost_race);
	return ret;
}

void pamt_release_2m(struct pamt_host *host, tdx_pfn_t first)
{
	os_a16_t *word = large_word(host, first);
	uint16_t old;

	if (!has_regions(host))
		return;
	do {
		old = word ? region_read(host, word) : 0;
		if (!(old & REGION_LARGE)) {
			count(host, STAT_UNBALANCED);
			host->os->log(host->os->ctx, OS_LOG_ERROR,
				      "release of 0x%llx, which is no 2M page",
				      (unsigned long long)pfn_to_hpa(first).v);
			return;
		}
		/* Release: the write-backs of the range are before the next user's SEAMCALL. */
	} while (!os_cas16(word, &old, region_beside(old), OS_RELEASE));
	count(host, STAT_RELEASES_2M);
}

/* LARGE -> 512 users with the pair in hand. Return as call_locked(). */
static int demote(struct change *c, uint16_t old, struct pair *pair)
{
	struct tdx_regs *call = c->call;
	uint16_t next = (uint16_t)(region_beside(old) | REGION_BEFORE | REGION_ALL_USERS);
	int ret;

	call->r12 = pair->page[0].v;
	call->r13 = pair->page[1].v;
	ret = call_locked(c, old, next);
	if (c->lost_race)
		return 0;
	if (!ret) {
		pair->nr = 0;
		count(c->host, STAT_SPLITS);
		marks_set(c->host, MARK_GOT, c->first, TDX_PAGES_PER_2M);
	} else {
		pair->bad = pair_fault((tdx_status_t){ call->rax }, TDX_OP_R12, TDX_OP_R13);
	}
	return ret;
}

int pamt_split(struct pamt_host *host, tdx_pfn_t first, struct tdx_regs *call,
	       struct pamt_cache *cache)
{
	const struct tdx_regs input = *call;
	struct change c = { .host = host, .first = first, .call = call };
	struct pair pair = { .nr = 0, .bad = -1 };
	int ret;

	if (!change_begin(&c, is_call(call, TDH_MEM_PAGE_DEMOTE) && is_2m(call), &ret))
		return ret;
	do {
		uint16_t old;

		ret = pair.nr ? 0 : pair_draw(host, pfn_to_region(first), cache, &pair);
		if (ret)
			break;
		old = region_read(host, c.word);
		if (!(old & REGION_LARGE)) {
			ret = -OS_EBUSY;
			break;
		}
		*call = input;
		ret = demote(&c, old, &pair);
	} while (c.lost_race || (ret && pair_try_another(host, cache, &pair)));
	pair_return(host, cache, &pair);
	/* As a get without a cache. */
	if (!cache)
		pool_trim(host, UINT64_MAX);
	return ret;
}

int pamt_merge(struct pamt_host *host, tdx_pfn_t first, struct tdx_regs *call)
{
	struct change c = { .host = host, .first = first, .call = call };
	int ret;

	if (!change_begin(&c, is_call(call, TDH_MEM_PAGE_PROMOTE) && is_2m(call), &ret))
		return ret;
	do {
		uint16_t old = region_read(host, c.word);

		/* Not all of it used: then some of it may be the pool's, or another guest's. */
		if (region_count(old) != REGION_MAX_COUNT || region_leaked(old))
			return -OS_EBUSY;
		ret = call_locked(&c, old, region_beside(old) | REGION_LARGE);
	} while (c.lost_race);
	if (!ret) {
		tdx_hpa_t back[2] = { TDX_PAGE_HPA(call->r12), TDX_PAGE_HPA(call->r13) };

		count(host, STAT_MERGES);
		marks_clear(host, MARK_GOT, first, TDX_PAGES_PER_2M);
		pool_give(host, back, 2);
	}
	return ret;
}
