// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * region.c - changes of the region word in which pairs come and go: get, put, pin, unpin.
 *
 * region.h says what the word means and why each memory order is enough.
 */
#include "host/region.h"

#include "host/probe.h"

/* ------------------------------------------------------------------------------------------- */
/* States and legal changes, as data                                                            */

static const char *const state_names[] = {
	[REGION_STATE_FREE] = "FREE",	    [REGION_STATE_USED] = "USED",
	[REGION_STATE_IDLE] = "IDLE",	    [REGION_STATE_LARGE] = "LARGE",
	[REGION_STATE_LEAKED] = "LEAKED",   [REGION_STATE_LOCKED] = "LOCKED",
	[REGION_STATE_ILLEGAL] = "ILLEGAL",
};

const char *region_state_name(enum region_state state) { return state_names[state]; }

/* Changes that one compare-and-swap or store may make. PARTIAL never changes. */
static const bool legal_change[REGION_STATE_ILLEGAL][REGION_STATE_ILLEGAL] = {
	[REGION_STATE_FREE] = { [REGION_STATE_LOCKED] = true },
	[REGION_STATE_USED] = { [REGION_STATE_USED] = true,
				[REGION_STATE_IDLE] = true,
				[REGION_STATE_LOCKED] = true },
	[REGION_STATE_IDLE] = { [REGION_STATE_USED] = true, [REGION_STATE_LOCKED] = true },
	[REGION_STATE_LARGE] = { [REGION_STATE_FREE] = true, [REGION_STATE_LOCKED] = true },
	[REGION_STATE_LEAKED] = { [REGION_STATE_LEAKED] = true, [REGION_STATE_LOCKED] = true },
	[REGION_STATE_LOCKED] = { [REGION_STATE_FREE] = true,
				  [REGION_STATE_USED] = true,
				  [REGION_STATE_IDLE] = true,
				  [REGION_STATE_LARGE] = true,
				  [REGION_STATE_LEAKED] = true },
};

static bool change_is_legal(uint16_t from, uint16_t to)
{
	enum region_state a = region_state(from), b = region_state(to);

	return a != REGION_STATE_ILLEGAL && b != REGION_STATE_ILLEGAL && legal_change[a][b] &&
	       (from & REGION_PARTIAL) == (to & REGION_PARTIAL);
}

static bool change(os_a16_t *word, uint16_t from, uint16_t to, enum os_order order)
{
	OS_INVARIANT(change_is_legal(from, to));
	return os_cas16(word, &from, to, order);
}

/*
 * Notes that this CPU holds a word, to prove that it never holds two, and tells who checks locks.
 * Interrupts are off.
 */
static void note_locked(struct pamt_host *host, bool locked)
{
	if (locked)
		os_lock_map_taken(&host->word_map);
	else
		os_lock_map_given(&host->word_map);
	if (!PAMT_DEBUG)
		return;
	OS_INVARIANT(host->cpu[os_cpu()].locked != locked);
	host->cpu[os_cpu()].locked = locked;
}

bool region_lock(struct pamt_host *host, os_a16_t *word, uint16_t old, os_irq_t *irq)
{
	*irq = os_irq_save();
	/* Acquire: after what earlier holders and putters did. */
	if (change(word, old, region_beside(old) | REGION_LOCKED, OS_ACQUIRE)) {
		note_locked(host, true);
		return true;
	}
	os_irq_restore(*irq);
	return false;
}

void region_unlock(struct pamt_host *host, os_a16_t *word, uint16_t value, os_irq_t irq)
{
	OS_INVARIANT(change_is_legal(region_beside(value) | REGION_LOCKED, value));
	note_locked(host, false);
	/* Release: the SEAMCALL is before whatever a reader of the new state does. */
	os_store16(word, value, OS_RELEASE);
	os_irq_restore(irq);
}

uint16_t region_read(struct pamt_host *host, const os_a16_t *word)
{
	/* Chooses what is tried; the compare-and-swap decides. */
	uint16_t old = os_load_own16(word);

	while (old & REGION_LOCKED) {
		count(host, STAT_WAITS);
		os_wait_change16(word, old);
		old = os_load_own16(word);
	}
	OS_INVARIANT(region_state(old) != REGION_STATE_ILLEGAL);
	return old;
}

/* ------------------------------------------------------------------------------------------- */
/* Pages that the module refuses                                                                */

void page_refused(struct pamt_host *host, tdx_hpa_t page)
{
	count(host, STAT_QUARANTINED);
	host->os->log(host->os->ctx, OS_LOG_ERROR,
		      "page 0x%llx is refused by the module as PAMT and taken out of use",
		      (unsigned long long)page.v);
}

int32_t pair_fault(tdx_status_t status, uint32_t operand0, uint32_t operand1)
{
	uint32_t operand = tdx_status_detail(status);

	if (!tdx_status_is(status, TDX_PAGE_NOT_FREE) &&
	    !tdx_status_is(status, TDX_OPERAND_ADDR_RANGE_ERROR))
		return -1;
	return operand == operand0 ? 0 : operand == operand1 ? 1 : -1;
}

/* ------------------------------------------------------------------------------------------- */
/* get                                                                                          */

/* The word after a pair came: who has been backed before comes back often. */
static uint16_t backed(uint16_t old, uint32_t n)
{
	uint16_t beside = region_beside(old);

	if (beside & REGION_BEFORE)
		beside |= REGION_AGAIN;
	return (uint16_t)(beside | REGION_BEFORE | n * REGION_USER);
}

static tdx_status_t add_call(struct pamt_host *host, region_t region, const struct pair *pair)
{
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_PHYMEM_PAMT_ADD, 0),
				 .rcx = tdx_hpa_size(region_to_hpa(region), TDX_2M),
				 .rdx = pair->page[0].v,
				 .r8 = pair->page[1].v };

	return host->os->seamcall(host->os->ctx, &regs);
}

/*
 * FREE -> USED with the pair in hand. Return: 0, LOOK_AGAIN if the word was not `old` any more,
 * -OS_EAGAIN if the module was busy (try again), -OS_EIO.
 */
#define LOOK_AGAIN (NEED_PAIR + 1)
static int install(struct pamt_host *host, region_t region, os_a16_t *word, uint16_t old,
		   uint32_t n, struct pair *pair)
{
	tdx_status_t status;
	os_irq_t irq;
	bool ok;

	if (!region_lock(host, word, old, &irq))
		return LOOK_AGAIN;
	status = add_call(host, region, pair);
	ok = tdx_status_is(status, TDX_SUCCESS);
	region_unlock(host, word, ok ? backed(old, n) : old, irq);
	trace(host, "pamt.add", region.v, status.v);
	PROBE(add, region.v, status.v);
	if (ok) {
		PROBE(get_edge, region.v, n);
		count(host, STAT_ADDS);
		pair->nr = 0;
		return 0;
	}
	if (tdx_status_is(status, TDX_OPERAND_BUSY)) {
		count(host, STAT_BUSY);
		return -OS_EAGAIN;
	}
	pair->bad = pair_fault(status, TDX_OP_RDX, TDX_OP_R8);
	host->os->log(host->os->ctx, OS_LOG_ERROR, "PAMT.ADD of region 0x%llx failed: 0x%llx",
		      (unsigned long long)region_to_hpa(region).v, (unsigned long long)status.v);
	return -OS_EIO;
}

int region_get(struct pamt_host *host, region_t region, uint32_t n, struct pair *pair)
{
	os_a16_t *word = region_word(host, region);
	int busy = 0;

	for (;;) {
		uint16_t old = region_read(host, word);
		uint32_t users = region_count(old);
		bool idle = region_state(old) == REGION_STATE_IDLE;
		int ret;

		if (old & REGION_LARGE)
			return -OS_EBUSY;
		if (users + n > REGION_MAX_COUNT)
			return -OS_ERANGE;
		if (users || idle) {
			uint16_t next =
				(uint16_t)((idle ? region_beside(old) : old) + n * REGION_USER);

			/* Acquire: pairs with the release that published the pair. */
			if (!change(word, old, next, OS_ACQUIRE))
				continue;
			if (idle)
				os_fetch_add64(&host->idle, (uint64_t)-1, OS_RELAXED);
			return 0;
		}
		if (!pair->nr)
			return NEED_PAIR;
		ret = install(host, region, word, old, n, pair);
		if (ret == -OS_EAGAIN && ++busy < REGION_BUSY_TRIES)
			os_relax();
		else if (ret != LOOK_AGAIN)
			return ret;
	}
}

/* ------------------------------------------------------------------------------------------- */
/* put                                                                                          */

/* What a status of PAMT.REMOVE means for the region. */
struct remove_rule {
	uint64_t code;
	enum {
		REMOVED,   /* no pair any more, its pages are in the output registers */
		NO_PAIR,   /* no pair any more, and there was none */
		INSTALLED, /* the pair is still there */
		LEAKED,	   /* so is a user whom nobody will take away */
	} outcome;
	bool again; /* may succeed a moment later */
	enum cpu_stat stat;
};

#define REMOVE_OTHERWISE UINT64_MAX
static const struct remove_rule remove_rules[] = {
	{ TDX_SUCCESS, REMOVED, false, STAT_REMOVES },
	{ TDX_OPERAND_BUSY, INSTALLED, true, STAT_REMOVE_BUSY },
	{ TDX_SYS_SHUTDOWN, INSTALLED, false, STAT_REMOVE_OTHER },
	{ TDX_SYS_NOT_READY, INSTALLED, false, STAT_REMOVE_OTHER },
	{ TDX_PAMT_PAGE_NOT_EMPTY, LEAKED, false, STAT_REMOVE_NOT_EMPTY },
	{ TDX_NO_PAMT_PAGE_PAIR, NO_PAIR, false, STAT_REMOVE_NO_PAIR },
	{ REMOVE_OTHERWISE, INSTALLED, false, STAT_REMOVE_OTHER },
};

/* Calls PAMT.REMOVE, under LOCKED. */
static const struct remove_rule *remove_call(struct pamt_host *host, region_t region,
					     struct freed *freed, tdx_status_t *status)
{
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_PHYMEM_PAMT_REMOVE, 0),
				 .rcx = tdx_hpa_size(region_to_hpa(region), TDX_2M) };
	const struct remove_rule *rule = remove_rules;

	*status = host->os->seamcall(host->os->ctx, &regs);
	while (rule->code != REMOVE_OTHERWISE && !tdx_status_is(*status, rule->code))
		rule++;
	/* Read, never assumed, and only where the call has succeeded. */
	freed->pair = rule->outcome == REMOVED;
	freed->page[0] = TDX_PAGE_HPA(regs.rdx);
	freed->page[1] = TDX_PAGE_HPA(regs.r8);
	return rule;
}

/* Counts and reports how a PAMT.REMOVE ended. Interrupts may be on. */
static void account_removal(struct pamt_host *host, region_t region, const struct remove_rule *rule,
			    tdx_status_t status)
{
	trace(host, "pamt.remove", region.v, status.v);
	PROBE(remove, region.v, status.v);
	count(host, rule->stat);
	if (tdx_status_is(status, TDX_OPERAND_BUSY))
		count(host, STAT_BUSY);
	if (rule->outcome == LEAKED)
		count(host, STAT_LEAKED);
	if (rule->outcome != REMOVED)
		host->os->log(host->os->ctx, OS_LOG_ERROR,
			      "PAMT.REMOVE of region 0x%llx failed: 0x%llx%s",
			      (unsigned long long)region_to_hpa(region).v,
			      (unsigned long long)status.v,
			      rule->outcome == LEAKED ? ", a page of it is still a TD's" : "");
}

/*
 * The end of LOCKED, from `old` on. An IDLE region is counted before others can adopt it, and until
 * nobody can: the count is never below their number, and so never below zero. Relaxed: the first
 * comes before the word's release, and who adopts has acquired that.
 */
static void unlock_counted(struct pamt_host *host, os_a16_t *word, uint16_t old, uint16_t next,
			   os_irq_t irq)
{
	bool was = region_state(old) == REGION_STATE_IDLE;
	bool is = region_state(next) == REGION_STATE_IDLE;

	if (is && !was)
		os_fetch_add64(&host->idle, 1, OS_RELAXED);
	region_unlock(host, word, next, irq);
	if (was && !is)
		os_fetch_add64(&host->idle, (uint64_t)-1, OS_RELAXED);
}

/*
 * Removes the pair of a region whose word is `old`, through LOCKED. installed: the word if the
 * pair has to stay. Return: the rule that applied; NULL if the word was not `old` any more.
 */
static const struct remove_rule *remove_pair(struct pamt_host *host, region_t region,
					     os_a16_t *word, uint16_t old, uint16_t installed,
					     struct freed *freed)
{
	for (int tries = 1;; tries++) {
		const struct remove_rule *rule;
		tdx_status_t status;
		uint16_t next = installed;
		os_irq_t irq;

		if (!region_lock(host, word, old, &irq))
			return NULL;
		rule = remove_call(host, region, freed, &status);
		if (rule->outcome == REMOVED || rule->outcome == NO_PAIR)
			next = region_beside(old);
		else if (rule->outcome == LEAKED)
			next = region_beside(old) | REGION_IDLE | REGION_USER;
		/* Between tries the word is as it was, and others may come first. */
		if (rule->again && tries < REGION_BUSY_TRIES) {
			region_unlock(host, word, old, irq);
			count(host, STAT_BUSY);
			os_relax();
			continue;
		}
		unlock_counted(host, word, old, next, irq);
		account_removal(host, region, rule, status);
		return rule;
	}
}

static void put_unbalanced(struct pamt_host *host, region_t region, uint16_t word, uint32_t n)
{
	count(host, STAT_UNBALANCED);
	host->os->log(host->os->ctx, OS_LOG_ERROR,
		      "put of %u pages in region 0x%llx, which is %s with %u users", n,
		      (unsigned long long)region_to_hpa(region).v,
		      region_state_name(region_state(word)), region_count(word));
}

/*
 * May the pair of this region stay although nobody uses it? If so a place among the idle ones is
 * taken. A quarter of the places is kept for regions that have come back before: a guest that
 * flips a page between private and shared then costs two compare-and-swaps, not two SEAMCALLs,
 * however many regions were used once and left.
 */
static bool take_idle_place(struct pamt_host *host, uint16_t word)
{
	/* Relaxed: places are a number, nothing is reached through it. */
	uint64_t limit = os_load64(&host->idle_limit, OS_RELAXED);

	if (!limit)
		return false;
	if (!(word & REGION_AGAIN))
		limit -= limit / 4;
	if (os_fetch_add64(&host->idle, 1, OS_RELAXED) < limit)
		return true;
	os_fetch_add64(&host->idle, (uint64_t)-1, OS_RELAXED);
	return false;
}

/* USED by exactly those who leave -> IDLE or FREE. Return: done, or look at the word again. */
static bool put_last(struct pamt_host *host, region_t region, os_a16_t *word, uint16_t old,
		     struct freed *freed)
{
	uint16_t idle = region_beside(old) | REGION_IDLE;

	if (take_idle_place(host, old)) {
		/* Release: our use of the page is before the PAMT.REMOVE that comes some day. */
		if (change(word, old, idle, OS_RELEASE))
			return true;
		os_fetch_add64(&host->idle, (uint64_t)-1, OS_RELAXED);
		return false;
	}
	return remove_pair(host, region, word, old, idle, freed);
}

struct freed region_put(struct pamt_host *host, region_t region, uint32_t n)
{
	os_a16_t *word = region_word(host, region);
	struct freed freed = { .pair = false };

	for (;;) {
		uint16_t old = region_read(host, word);
		uint32_t users = region_count(old);

		if (users < n + region_leaked(old)) {
			put_unbalanced(host, region, old, n);
			return freed;
		}
		if (users > n) {
			/* Release: the use of our pages is before the last one's REMOVE. */
			if (change(word, old, (uint16_t)(old - n * REGION_USER), OS_RELEASE))
				return freed;
		} else if (put_last(host, region, word, old, &freed)) {
			PROBE(put_edge, region.v, n);
			return freed;
		}
	}
}

enum unpin region_unpin_last(struct pamt_host *host, region_t region, struct freed *freed)
{
	os_a16_t *word = region_word(host, region);
	const struct remove_rule *rule;
	uint16_t old = region_read(host, word);

	if (region_leaked(old))
		return UNPIN_LEAKED;
	if (region_count(old) != 1)
		return UNPIN_KEPT;
	/*
	 * Refused: the pin stays and not an IDLE word, as nobody but its chunk may have the pair.
	 */
	rule = remove_pair(host, region, word, old, old, freed);
	if (!rule || rule->outcome == INSTALLED)
		return UNPIN_KEPT;
	return rule->outcome == LEAKED ? UNPIN_LEAKED : UNPIN_DONE;
}

struct freed region_remove_idle(struct pamt_host *host, region_t region)
{
	os_a16_t *word = region_word(host, region);
	struct freed freed = { .pair = false };
	uint16_t old = region_read(host, word);

	if (region_state(old) == REGION_STATE_IDLE)
		remove_pair(host, region, word, old, old, &freed);
	return freed;
}
