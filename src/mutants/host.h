/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * host.h - mistakes that a host can make, each a switch that breaks libpamt in that way.
 *
 * They exist so that the race exploration can show that it would find them. The library knows
 * nothing of them: a build that tries the tests is made of copies of src/host in which host.diff
 * has built them, and each of its sources begins with this header. The last three are mistakes of
 * whoever calls the library: in the lab, its own CPUs.
 */
#ifndef PAMT_MUTANTS_HOST_H
#define PAMT_MUTANTS_HOST_H

#include <pamt/host.h>

/* Name, and what is done wrong. Trap numbers are those of docs/concurrency.md. */
#define PAMT_MUTANT_LIST(X)                                                             \
	X(ANY_PAGES, "T1: a pair is two pages of the OS, whatever region they lie in")  \
	X(NO_PIN, "an unpinned donor: chunks are taken without a pin")                  \
	X(TWO_LOCKED, "T2: a region stays LOCKED while its donor's is taken as well")   \
	X(IRQS_ON, "T3: interrupts stay on while a word is LOCKED")                     \
	X(EARLY_COUNT, "T4: the count is published before PAMT.ADD has returned")       \
	X(UNLOCKED_ZERO, "T5: the last user leaves without LOCKED, REMOVE comes after") \
	X(NO_PAIR_KEPT, "T6: after NO_PAMT_PAGE_PAIR the count goes back to 1")         \
	X(NOT_FREE_IS_BACKED, "T7: HPA_RANGE_NOT_FREE is taken for already backed")     \
	X(FAILED_ADD_IS_OK, "T8: a failed PAMT.ADD is reported as success")             \
	X(LOST_PAGE, "T9: the first page is lost when the second cannot be had")        \
	X(NO_INCREMENT, "T10: a get of a region in use does not count")                 \
	X(FAILED_REMOVE_PAGES, "T17: pages are taken from a failed PAMT.REMOVE")        \
	X(POSITIVE_GET, "T26: a get that lost a race returns 1")                        \
	X(SPLIT_IN_STEPS, "T31: a split region counts 1 before it counts 512")          \
	X(UNCHECKED_PUT, "T38: a put of more than COUNT goes on to PAMT.REMOVE")        \
	X(STRIP_ALL, "a new chunk may lose all its pages and stays in a list")          \
	X(PIN_LAST, "the pages of a chunk that leaves go before its pin does")          \
	X(PIN_ALONE, "a chunk drops its pin although its pages are its region's pair")  \
	X(ALWAYS_SELF, "a chunk takes a pair that somebody else installed for its own") \
	X(LOST_HAND, "a get that needs its pair no more loses it")                      \
	X(IDLE_IS_FREE, "a 2M page is mapped over the pair of an IDLE region")          \
	X(VERIFY_UNLOCKED, "verify reads the module without LOCKED")                    \
	X(NOT_EMPTY_IDLE, "the word becomes IDLE after PAMT_PAGE_NOT_EMPTY")            \
	X(NO_PAIR_IDLE, "the word becomes IDLE after NO_PAMT_PAGE_PAIR")                \
	X(EARLY_RELEASE, "LARGE is cleared before the range is written back")           \
	X(EARLY_PUT, "put before the call that frees the page has returned")            \
	X(PUT_THEN_WRITE_BACK, "T20: put before the page is written back")              \
	X(KEPT_ON_ERROR, "T39: no put where the call that was to use the page fails")

#define PAMT_MUTANT_ENUM(name, what) MUTANT_##name,
enum pamt_mutant { MUTANT_NONE, PAMT_MUTANT_LIST(PAMT_MUTANT_ENUM) NR_MUTANTS };
#undef PAMT_MUTANT_ENUM

/* Provided by the program that explores: is this the mistake to make now? */
bool pamt_mutant(enum pamt_mutant mutant);
#define MUTANT(name) pamt_mutant(MUTANT_##name)
/* And is the pool to be so small that a few operations fill and empty it? No mistake. */
bool pamt_tiny_chunks(void);
#define TINY_CHUNKS pamt_tiny_chunks()

/* host.c: what is more than a condition. */
/* ANY_PAGES: a pair out of the system's allocator, and back to it. */
void mutant_draw_anywhere(struct pamt_host *host, tdx_hpa_t page[2]);
void mutant_free_anywhere(struct pamt_host *host, tdx_hpa_t page);
/* TWO_LOCKED: waits for, and takes, the donor's word while the target's is held. */
void mutant_lock_donor(struct pamt_host *host, tdx_hpa_t donor, region_t target);
/* UNLOCKED_ZERO: 0 users, and not LOCKED. False: the word was not old any more. */
bool mutant_leave_unlocked(os_a16_t *word, uint16_t *old);
/* PIN_LAST: the pages go now, and are not in the set any more. */
struct page_set;
uint64_t mutant_free_first(struct pamt_host *host, struct page_set *set);
/* SPLIT_IN_STEPS: of a word that has just become this one, which counts 512. */
void mutant_split_in_steps(os_a16_t *word, uint16_t next);
/* NOT_EMPTY_IDLE, NO_PAIR_IDLE, NO_PAIR_KEPT: the word after a PAMT.REMOVE; next if none is on. */
uint16_t mutant_after_remove(uint16_t old, uint16_t next, tdx_status_t status);

#endif
