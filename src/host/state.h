/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * state.h - struct pamt_host: everything one host has; there are no global variables.
 */
#ifndef PAMT_HOST_STATE_H
#define PAMT_HOST_STATE_H

#include <pamt/host.h>

#include "host/plan.h"

/*
 * WHERE A WORD LIES
 *
 * Memory is handed out in runs: CPUs that run side by side fault in regions that lie side by side,
 * and 32 words would share a cache line, 64 a pair of lines that the hardware fetches together. So
 * the words of neighbours lie apart. The table is made of blocks of 65,536 words: 128 GiB of
 * address space, 128 KB, 2048 lines. Within its block region r has word r * 19843 modulo 65,536.
 * The factor is odd, so each region has a word of its own, and it is one of those whose multiples
 * stay apart longest (19843 / 65536 is close to the root of 13, less 3, halved):
 *
 *   - of 971 regions in a row (1.9 GiB) no two share a line, of 360 (720 MiB) no two a pair;
 *   - TDs that begin a power of two of regions apart, 128 MiB or more, and are touched in the same
 *     order, never meet: their words are 1536 or more apart.
 *
 * A test counts both. Some regions do share a line, as they must: 32 words to each. Those that do
 * are far from each other, and so are touched at other times. (Laying the number over itself by an
 * exclusive or costs as little, but lets a CPU meet the one that runs next to it a region ahead.)
 *
 * Regions of different blocks share nothing. The price: one multiplication in a look-up, without a
 * table or a division. A block is populated as a whole, since a TDMR's words lie all over it: 1 MB
 * per TB as if they lay in order, but rounded to 128 KB and not to a page. TDMRs are fixed, so that
 * memory that is added later needs nothing. Walks in the order of regions (verify, leaks, shrink, a
 * range of many regions) come to a line at each step, but a block fits the second cache, and what
 * they do at a region in use costs more than a line does.
 */
#define REGION_BLOCK_WORDS (REGION_BLOCK_BYTES / REGION_WORD_BYTES)

static inline uint64_t region_place(uint64_t region)
{
	uint64_t within = region * 19843 & (REGION_BLOCK_WORDS - 1);

	return (region & ~(REGION_BLOCK_WORDS - 1)) | within;
}

/*
 * The region words, one per 2 MiB from address 0 to the end of the last TDMR. Where holes between
 * TDMRs are small the table is whole: every word is there, those of holes PARTIAL, so that any
 * look at them ends in a refusal. Otherwise it is a sparse array of which the TDMRs' parts are
 * populated; present then has a bit per GiB (TDMRs consist of whole GiBs), and a word may be read
 * only if its bit is set. Written at bring-up, then constant.
 */
struct region_table {
	os_a16_t *word;
	uint64_t whole; /* regions, if the table is whole; 0 if not */
	uint64_t *present;
	uint64_t nr_gib;
	uint64_t regions; /* from address 0 to the end of the last TDMR */
	uint64_t bytes;	  /* of the array, unpopulated parts included */
};

/* What each CPU counts by itself: stats.h. */
enum cpu_stat {
	STAT_GETS_FAST,
	STAT_GETS_SLOW,
	STAT_PUTS_FAST,
	STAT_PUTS_SLOW,
	STAT_ADDS,
	STAT_REMOVES,
	STAT_SPLITS,
	STAT_MERGES,
	STAT_MAPS_2M,
	STAT_RELEASES_2M,
	STAT_WAITS,
	STAT_BUSY,
	STAT_REMOVE_BUSY,
	STAT_REMOVE_NOT_EMPTY,
	STAT_REMOVE_NO_PAIR,
	STAT_REMOVE_OTHER,
	STAT_LEAKED,
	STAT_UNBALANCED,
	STAT_QUARANTINED,
	NR_CPU_STATS
};

/* Two lines, since the hardware fetches lines in pairs. */
#define CPU_ALIGN 128
/* A power of two, so that a CPU's state is found by a shift. */
#define CPU_STRIDE 512

#define MAGAZINE_PAGES 8

/*
 * A CPU's own few pool pages (of one node), so that a region's comings and goings do not reach the
 * pool's lock. The lock is this CPU's; others take it only to empty the magazine. room is lent by
 * the node's pool, which knows the sum of what it has lent (pool.h).
 */
struct magazine {
	struct os_spin lock;
	uint32_t node;
	uint32_t nr, room;
	tdx_hpa_t page[MAGAZINE_PAGES];
};

struct pamt_cpu {
	os_a64_t stat[NR_CPU_STATS];
	os_a64_t trims_wanted; /* by this CPU since it trimmed last; counted as statistics are */
	bool locked;	       /* debug builds: this CPU holds a LOCKED word */
	struct magazine magazine __attribute__((aligned(CPU_ALIGN)));
} __attribute__((aligned(CPU_STRIDE)));

struct pool;
struct node_span;

struct pamt_host {
	/* What the hot path reads, on one line; constant once the host is up. */
	struct region_table table;
	struct pamt_cpu *cpu; /* nr_cpus */
	uint64_t *mark;	      /* debug builds: marks.h */

	const struct os_services *os;
	struct pamt_host_config config;
	struct module_info module;
	struct pamt_layout layout;
	struct plan plan; /* the lists behind the layout; the blocked list is used for good */
	struct pamt_error error;

	/* How far bring-up is (bringup.c). */
	uint32_t steps_done;
	bool sys_init_done, lp_init_done; /* happened once, cannot be undone */
	bool sys_config_done;
	const char *static_reason; /* why PAMT is static; NULL: nobody asked for dynamic */

	void *cpu_memory; /* what cpu lies in */

	void *pool_memory;
	struct pool *pool;	     /* nr_nodes */
	struct os_lock_map word_map; /* LOCKED, of any region */
	struct node_span *node_span; /* which node a region belongs to (pool.h) */
	uint32_t nr_node_spans;

	/* Read by every top-up and every last put, and seldom written: on lines of their own. */
	char apart_from_above[CPU_ALIGN];
	os_a32_t trim_wanted; /* some pool holds more than it should */
	os_a64_t idle_limit;  /* regions */
	char apart_from_below[CPU_ALIGN];

	os_a64_t control_pages; /* handed out by pamt_alloc_page(): all CPUs, when TDs come or go */
	char apart_from_control[CPU_ALIGN];

	os_a64_t idle;	    /* regions that are IDLE */
	os_a64_t idle_hand; /* where shrink looked last */

	os_a64_t os_pages, os_pages_peak;
	os_a64_t pairs_peak;
	os_a64_t pairs_sampled; /* what os_pages was when pairs were last looked at for the peak */
};

/* In debug builds, where a function of the interface begins: a word instead of a fault. */
static inline void host_is_given(const struct pamt_host *host)
{
	OS_INVARIANT(host && "libpamt is called without a host");
}

/* Does the host keep regions: Dynamic PAMT, and brought up? Only then is there a table, a pool. */
static inline bool has_regions(const struct pamt_host *host)
{
	host_is_given(host);
	return host->pool;
}

/* table.c */
/* Are all of these pages TDX memory: in a TDMR, not reserved, not given up? */
bool pages_are_tdx(const struct pamt_host *host, tdx_pfn_t first, uint64_t nr);
PAMT_MUST_CHECK int table_create(struct pamt_host *host);
void table_destroy(struct pamt_host *host);

/* Has the region a word? All regions of TDMRs have. */
static inline bool region_has_word(const struct pamt_host *host, region_t region)
{
	uint64_t gib = region.v >> (TDX_1G_SHIFT - TDX_2M_SHIFT);
	const struct region_table *t;

	host_is_given(host);
	t = &host->table;
	if (region.v < t->whole)
		return true;
	return gib < t->nr_gib && t->present[gib / 64] >> gib % 64 & 1;
}

/* The word of a region; NULL if it has none. */
static inline os_a16_t *region_word(const struct pamt_host *host, region_t region)
{
	return region_has_word(host, region) ? &host->table.word[region_place(region.v)] : NULL;
}

/* verify.c: says which regions are in use when the host ends. */
void log_leaks(struct pamt_host *host);

/* cpus.c */
PAMT_MUST_CHECK int cpus_create(struct pamt_host *host);
void cpus_destroy(struct pamt_host *host);

/* An object whose parts must not share cache lines: *memory is what to free. */
void *alloc_aligned(struct pamt_host *host, size_t bytes, void **memory);

/* seamcall.c: a SEAMCALL with bounded retries, for bring-up. */
PAMT_MUST_CHECK tdx_status_t host_call_retry(struct pamt_host *host, struct tdx_regs *regs);

#endif
