/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * region.h - the region word: what the host knows of one 2 MiB region, in 16 bits.
 *
 * The problem. The module keeps metadata of 4K pages only where the host has given it a page pair
 * for the 2 MiB region (PAMT.ADD), and the host must take the pair back (PAMT.REMOVE) when no TD
 * uses a 4K page there any more. Many CPUs map and unmap pages of one region at once; each must
 * find the pair installed for as long as it needs it, and none may wait for all others.
 *
 * THE WORD
 *
 *	15 PARTIAL   14 LOCKED   13 LARGE   12 IDLE   11:2 COUNT   1 BEFORE   0 AGAIN
 *
 * State of the region, exactly one of:
 *
 *   FREE    all of 14:2 clear. No pair is installed.
 *   USED    COUNT is 1..512: guest pages of the region that TDs use as 4K pages, plus one for
 *           each pool chunk in it (the pin, below). A pair is installed.
 *   IDLE    a pair is installed and nobody uses it. The next get adopts it without a SEAMCALL.
 *   LEAKED  IDLE and a COUNT of 1 or more: the last user left, but the module said that a page of
 *           the region is still a TD's. That page counts 1 for ever, and users come and go above
 *           it. The pair stays: no PAMT.REMOVE is ever called here again.
 *   LARGE   the region is one guest's 2M page. No pair.
 *   LOCKED  one CPU is between two of the states above, inside one SEAMCALL. The word belongs to
 *           that CPU; everybody else who would change it waits for the word to change.
 *
 * What goes beside it and never changes the state: PARTIAL, set at bring-up and constant: some
 * page of the region is reserved or lies outside the CMRs, so that a page must be looked up before
 * it is counted. BEFORE and AGAIN: the region was backed once, or more than once, which is how a
 * region that flips is told from one that is used and left.
 *
 * COUNT cannot exceed 512, since each of those that it counts has a page of the region to itself
 * for as long as it is counted, and there are 512 pages:
 *
 *   a guest page   it is put before it is given to anybody else: so pamt_put() demands.
 *   a pin          a chunk's pages come from the OS before the pin is taken. The pin goes before
 *                  the last of them does, or with it: a chunk in use has a page that is out, an
 *                  empty one that stays keeps a page, one that hosts the region's pair keeps
 *                  those two until the pin and the pair go in one step (pool.h).
 *   a leaked user  the page that is still a TD's. If that TD lets go of it after all, the user
 *                  stays: only here may a get of a page that nobody else has find 512 others.
 *
 * So whoever has all pages of a region that is not LEAKED finds COUNT 0 there, and may map it as a
 * 2M page. "Nobody else" is meant at every instant: the OS may hand a page out the moment that it
 * is given back, while the CPU that gave it is still inside the call.
 *
 * LEGAL CHANGES
 *
 *   from      to       by                       SEAMCALL, under LOCKED
 *   FREE      USED     get, pin                 PAMT.ADD
 *   USED      USED     get, put, pin, unpin     -
 *   IDLE      USED     get, pin                 -
 *   USED      FREE     put, unpin               PAMT.REMOVE
 *   USED      IDLE     put                      - (kept), or PAMT.REMOVE that was refused
 *   USED      LEAKED   put, unpin               PAMT.REMOVE said NOT_EMPTY: COUNT 1
 *   IDLE      FREE     shrink, map_2m           PAMT.REMOVE
 *   IDLE      LEAKED   shrink, map_2m           PAMT.REMOVE said NOT_EMPTY: COUNT 1
 *   LEAKED    LEAKED   get, put, pin, unpin     -
 *   FREE      LARGE    map_2m                   MEM.PAGE.AUG of 2M
 *   LARGE     LARGE    remove_2m                MEM.PAGE.REMOVE, PHYMEM.PAGE.RECLAIM of 2M
 *   LARGE     FREE     release_2m               -
 *   LARGE     USED     split (0 to 512)         MEM.PAGE.DEMOTE
 *   USED      LARGE    merge (512 to 0)         MEM.PAGE.PROMOTE
 *   any       same     verify                   PHYMEM.PAGE.RDMD
 *
 * A change with a SEAMCALL goes through LOCKED; one without is a single compare-and-swap.
 *
 * THE INVARIANT
 *
 * Whenever any CPU reads USED, IDLE or LEAKED, a pair is installed, at that instant and until the
 * word changes. COUNT therefore rises from zero after PAMT.ADD has returned, and falls to zero
 * before PAMT.REMOVE is called: in both cases through LOCKED.
 *
 * MEMORY ORDERS
 *
 *   LOCKED is taken with an acquire: what earlier holders and putters did, their SEAMCALLs
 *   included, is before what this CPU does under it.
 *   A new state is published with a release store: the SEAMCALL is before anything that a CPU
 *   does after it has read the new state with an acquire.
 *   A decrement is a release: the putter's use of its page, that is the return of the SEAMCALL
 *   that freed it, is before the PAMT.REMOVE of whoever takes LOCKED later. All changes in between
 *   are read-modify-writes of the same word and so continue the release sequence: it does not
 *   matter how many other gets and puts lie in between.
 *   An increment is an acquire: it pairs with the release that published the pair, or with a
 *   decrement in the sequence behind that.
 *   A plain look at the word is relaxed. Nothing is decided by it: it only chooses which
 *   compare-and-swap is tried, and that one checks the whole word. Where one follows, the look
 *   asks for the word's line as a write does (os_load_own16): many CPUs fault in one region at
 *   once, and then the line comes to each of them once and not twice.
 *
 * INTERRUPTS
 *
 * They are off from the compare-and-swap that takes LOCKED to the store that ends it, and on
 * between tries. Otherwise a softirq that puts a page of the same region would wait, on this CPU,
 * for a word that this CPU holds. So whoever waits for LOCKED waits for another CPU, for one
 * SEAMCALL, and put and get (with a cache) are legal in any context but an NMI.
 *
 * NO TWO LOCKED
 *
 * Nobody takes LOCKED while holding it, allocates under it, frees under it or takes a lock under
 * it. Pages for PAMT.ADD are in hand before, pages from PAMT.REMOVE are given back after.
 *
 * WHY THE MODULE NEVER ANSWERS BUSY: THE PIN RULE
 *
 * The module's locks are try-locks in the PAMT entries themselves, and a SEAMCALL that meets one
 * fails with OPERAND_BUSY. Of a region's 2M entry:
 *
 *   exclusive   PAMT.ADD, PAMT.REMOVE, PAGE.AUG of 2M, PAGE.REMOVE of 2M, PAGE.RECLAIM of 2M,
 *               PAGE.DEMOTE, PAGE.PROMOTE: of the region that they are about
 *   shared      every leaf that is given a 4K page by address: of that page's region. RDMD and
 *               PAGE.WBINVD likewise. And PAMT.ADD and PAGE.DEMOTE: of the regions in which the
 *               two pages of the pair lie, unless that is the target itself
 *
 * Exclusive against exclusive: all of the first line are called under LOCKED only. Exclusive
 * against a page by address: a page that is used that way is counted in COUNT, and the first line
 * wants FREE, IDLE, LARGE, the last user gone, or (PROMOTE) 512 users that are all one guest's.
 * What is left is the pair. LOCKED of the target says nothing about the regions of its donors, and
 * taking their words as well would deadlock two CPUs that donate to each other. Hence the rule:
 *
 *   A page is donated only while its own region is pinned: while that region's COUNT includes
 *   the pool chunk that the page belongs to.
 *
 * With it a donor's region is USED whenever its 2M entry is walked, so nobody has it exclusively.
 * Chunks stay pinned as long as one of their pages is donated, used, cached or in somebody's hand
 * (pool.h). A chunk's own region is backed by the chunk's own pages where it was FREE before; the
 * walk is left out for those, as they lie in the target.
 *
 * AFTER A FAILED PAMT.REMOVE
 *
 *   OPERAND_BUSY to the bound, SYS_SHUTDOWN, SYS_NOT_READY   IDLE. Nothing is lost: the next get
 *                                  adopts the pair, shrink tries again.
 *   PAMT_PAGE_NOT_EMPTY            LEAKED, COUNT 1: a page is some TD's although COUNT said
 *                                  nobody's. REMOVE is not called again: a second one could meet
 *                                  the owner's PAGE.REMOVE half-way, which shuts the module down.
 *                                  The put of that owner, if it comes after all, is one too many
 *                                  and changes nothing. Counted as a leaked region.
 *   NO_PAMT_PAGE_PAIR              FREE, and counted: it means that somebody else removed it.
 *   anything else                  as the first line, and logged.
 */
#ifndef PAMT_HOST_REGION_H
#define PAMT_HOST_REGION_H

#include "host/stats.h"

#define REGION_AGAIN	 0x0001u
#define REGION_BEFORE	 0x0002u
#define REGION_USER	 0x0004u /* one of COUNT */
#define REGION_COUNT	 0x0ffcu
#define REGION_IDLE	 0x1000u
#define REGION_LARGE	 0x2000u
#define REGION_LOCKED	 0x4000u
#define REGION_PARTIAL	 0x8000u
#define REGION_BESIDE	 (REGION_PARTIAL | REGION_BEFORE | REGION_AGAIN)
#define REGION_MAX_COUNT 512u
#define REGION_ALL_USERS (REGION_USER * REGION_MAX_COUNT)

/*
 * Tries after OPERAND_BUSY. By the pin rule none is needed; what may still hold an entry is a
 * reader that knows nothing of this library, such as a machine check handler's RDMD.
 */
#define REGION_BUSY_TRIES 64

enum region_state {
	REGION_STATE_FREE,
	REGION_STATE_USED,
	REGION_STATE_IDLE,
	REGION_STATE_LARGE,
	REGION_STATE_LEAKED,
	REGION_STATE_LOCKED,
	REGION_STATE_ILLEGAL,
};

static inline uint16_t region_count(uint16_t word) { return (word & REGION_COUNT) / REGION_USER; }
static inline uint16_t region_beside(uint16_t word) { return word & REGION_BESIDE; }

/* Which state a word stands for; ILLEGAL if it is none that can be. */
static inline enum region_state region_state(uint16_t word)
{
	uint32_t state = word & (uint32_t)~REGION_BESIDE;

	if (state <= REGION_ALL_USERS)
		return state ? REGION_STATE_USED : REGION_STATE_FREE;
	if (state - REGION_IDLE <= REGION_ALL_USERS)
		return state == REGION_IDLE ? REGION_STATE_IDLE : REGION_STATE_LEAKED;
	return state == REGION_LARGE	? REGION_STATE_LARGE
	       : state == REGION_LOCKED ? REGION_STATE_LOCKED
					: REGION_STATE_ILLEGAL;
}

/* Users who never leave: 1 in a LEAKED region. */
static inline uint32_t region_leaked(uint16_t word)
{
	return region_state(word) == REGION_STATE_LEAKED;
}

const char *region_state_name(enum region_state state);

/* A pair on its way into a region. page[1] is valid only if nr is 2. */
struct pair {
	tdx_hpa_t page[2];
	uint32_t nr;  /* 2: in hand; 0: none, or it has been installed */
	int32_t bad;  /* which page the module refused; -1: none */
	bool refused; /* and so one of a pair before this one */
};

/*
 * Adds n users. Return: 0; NEED_PAIR: the region is FREE and no pair is in hand, nothing was
 * changed; -OS_EBUSY (LARGE); -OS_ERANGE; -OS_EAGAIN (BUSY after the bound); -OS_EIO (pair->bad
 * says whether another pair may do better). Any context.
 */
#define NEED_PAIR 1
PAMT_MUST_CHECK int region_get(struct pamt_host *host, region_t region, uint32_t n,
			       struct pair *pair);

/*
 * What PAMT.REMOVE freed: the pages are the caller's to give back, now that nothing is LOCKED.
 */
struct freed {
	bool pair; /* did it free any? */
	tdx_hpa_t page[2];
};

/* Takes n users away, and the pair if they were the last. Any context. */
PAMT_MUST_CHECK struct freed region_put(struct pamt_host *host, region_t region, uint32_t n);
/*
 * Takes the pin of a chunk whose own pages back its region away, if nobody else uses the region:
 * otherwise the pages would have to stay although nothing pins them. Any context.
 * Return: UNPIN_DONE: the pin is gone, with it the pair, if there was one; UNPIN_KEPT: the pin
 * stays, try later; UNPIN_LEAKED: the pin stays for ever.
 */
enum unpin { UNPIN_DONE, UNPIN_KEPT, UNPIN_LEAKED };
PAMT_MUST_CHECK enum unpin region_unpin_last(struct pamt_host *host, region_t region,
					     struct freed *freed);
/* Removes the pair of an IDLE region. Any context. */
PAMT_MUST_CHECK struct freed region_remove_idle(struct pamt_host *host, region_t region);

/*
 * Empties IDLE regions beyond the idle limit, and up to `more` others (shrink.c). May sleep.
 * Return: how many.
 */
uint64_t region_shrink_idle(struct pamt_host *host, uint64_t more);

/*
 * One region's word against the module (verify.c). Return: NULL if they agree, else what is wrong,
 * with *found filled in. Any context but with a word LOCKED.
 */
const char *region_verify(struct pamt_host *host, region_t region, os_a16_t *word,
			  struct pamt_finding *found);

/* Takes LOCKED if the word is exactly old; interrupts are off on success, as before otherwise. */
bool region_lock(struct pamt_host *host, os_a16_t *word, uint16_t old, os_irq_t *irq);
/* Publishes value and ends LOCKED. */
void region_unlock(struct pamt_host *host, os_a16_t *word, uint16_t value, os_irq_t irq);
/* Waits, interrupts as the caller has them, while the word is LOCKED; returns the word. */
uint16_t region_read(struct pamt_host *host, const os_a16_t *word);

/* Counts a page that the module refuses as PAMT, and says so. */
void page_refused(struct pamt_host *host, tdx_hpa_t page);
/* Which page of the pair a status complains about: operand ids of the two; -1: neither. */
int32_t pair_fault(tdx_status_t status, uint32_t operand0, uint32_t operand1);

#endif
