/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * state.h - struct pamt_host: everything one host has; there are no global variables.
 */
#ifndef PAMT_HOST_STATE_H
#define PAMT_HOST_STATE_H

#include <pamt/host.h>

#include "host/plan.h"

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
	uint64_t bytes; /* of the array, unpopulated parts included */
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
	bool locked; /* debug builds: this CPU holds a LOCKED word */
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
	struct node_span *node_span; /* which node a region belongs to (pool.h) */
	uint32_t nr_node_spans;

	/* Read by every top-up and every last put, and seldom written: on lines of their own. */
	char apart_from_above[CPU_ALIGN];
	os_a32_t trim_wanted; /* some pool holds more than it should */
	os_a64_t idle_limit;  /* regions */
	char apart_from_below[CPU_ALIGN];

	os_a64_t idle;	    /* regions that are IDLE */
	os_a64_t idle_hand; /* where shrink looked last */

	os_a64_t control_pages; /* handed out by pamt_alloc_page() */
	os_a64_t os_pages, os_pages_peak;
	os_a64_t pairs_peak;
};

/* Does the host keep regions: Dynamic PAMT, and brought up? Only then is there a table, a pool. */
static inline bool has_regions(const struct pamt_host *host) { return host->pool; }

/* table.c */
/* Are all of these pages TDX memory: in a TDMR, not reserved, not given up? */
bool pages_are_tdx(const struct pamt_host *host, tdx_pfn_t first, uint64_t nr);
int table_create(struct pamt_host *host);
void table_destroy(struct pamt_host *host);

/* Has the region a word? All regions of TDMRs have. */
static inline bool region_has_word(const struct pamt_host *host, region_t region)
{
	const struct region_table *t = &host->table;
	uint64_t gib = region.v >> (TDX_1G_SHIFT - TDX_2M_SHIFT);

	if (region.v < t->whole)
		return true;
	return gib < t->nr_gib && t->present[gib / 64] >> gib % 64 & 1;
}

/* The word of a region; NULL if it has none. */
static inline os_a16_t *region_word(const struct pamt_host *host, region_t region)
{
	return region_has_word(host, region) ? &host->table.word[region.v] : NULL;
}

/* cpus.c */
int cpus_create(struct pamt_host *host);
void cpus_destroy(struct pamt_host *host);

/* An object whose parts must not share cache lines: *memory is what to free. */
void *alloc_aligned(struct pamt_host *host, size_t bytes, void **memory);

/* seamcall.c: one SEAMCALL; the same with bounded retries, for bring-up. */
tdx_status_t host_call(struct pamt_host *host, struct tdx_regs *regs);
tdx_status_t host_call_retry(struct pamt_host *host, struct tdx_regs *regs);

#endif
