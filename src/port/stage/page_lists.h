/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * page_lists.h - single pages that each CPU has in stock, between it and the machine's allocator.
 *
 * WHY. Whose pages lie in whose 2M region decides how often two CPUs meet in a region's word. An
 * allocator that hands the next page to whoever asks puts all CPUs into one region, which no system
 * does; one that gives every CPU memory of its own would never let them meet.
 *
 * HOW LINUX DOES IT, and so the default here. Each CPU has a list for each node. What is freed
 * goes on top and is the first to be handed out again. An empty list is filled with a batch at
 * once: `batch` pages at first, twice as many each time, up to batch << 5; each page freed in
 * between halves that factor. The list holds up to `high` pages, which rises by what is fetched,
 * from high_min to high_max; beyond, the oldest go back: as many as were freed lately, at least a
 * batch, at most high less a batch, and the count of what was freed lately is halved by each page
 * taken.
 *
 *   batch     63: a 1024th of the zone, no more than 1 MB in pages, a quarter of that, and 1 less
 *             than the power of two near it; the same for each zone of 1 GB or more
 *   5         CONFIG_PCP_BATCH_SCALE_MAX as it is by default
 *   high_min  the zone's low watermark shared out to its node's CPUs, which on large zones is a
 *             1000th of it (vm.watermark_scale_factor 10); at least 4 batches
 *   high_max  an eighth of the zone (MIN_PERCPU_PAGELIST_HIGH_FRACTION), shared out; the same least
 *
 * These are of mm/page_alloc.c and mm/Kconfig since Linux 6.7. A zone is all of a node's memory
 * here. Left out: that high falls again, once a second at most, and when memory is reclaimed; the
 * lists of other orders, of zones below 4 GB, of kinds of pages; the zone's lock.
 *
 * FIXED BATCHES is what the machine had before: of its own node's pages a CPU has always 64 at
 * once, 128 at most, so that the pieces of eight CPUs lie in a region for as long as they fault
 * memory in; of another node's, or where its own has no memory, the next page goes to whoever asks,
 * so that all such CPUs are in one region.
 *
 * Where they come from. A machine that was just switched on gives pages in the order of their
 * addresses, so that CPUs that fill at the same time have neighbouring batches. In one that has
 * been up for a while a free list is in no order: rows of 64 pages, each, as often as free memory
 * is not in whole 2M blocks, from a place at random. Scattered: each page from a place of its own.
 */
#ifndef PAMT_STAGE_PAGE_LISTS_H
#define PAMT_STAGE_PAGE_LISTS_H

#include "machine/machine.h"

struct page_lists;

struct page_lists_kind {
	bool fixed;	/* batches */
	bool scattered; /* in place of all that */
};

/* CPU i is on node i % nodes. The machine must outlive them. NULL: no memory. */
struct page_lists *page_lists_create(struct machine *machine, uint32_t nr_cpus);
/* What is in them has been drained. */
void page_lists_destroy(struct page_lists *lists);
/* At the beginning: the kind that is all 0. Lists are empty when it changes. */
void page_lists_choose(struct page_lists *lists, struct page_lists_kind kind);

/*
 * A page of that node, or of any, the CPU's own first. HPA_NONE: there is none, and nothing to fill
 * the list from, or there is no list.
 */
tdx_hpa_t page_lists_take(struct page_lists *lists, uint32_t cpu, uint32_t node);
/* False: there is no list for that page, it is not taken. */
bool page_lists_give(struct page_lists *lists, uint32_t cpu, tdx_hpa_t page);
/* Pages of a node, or of all, go back. False: there were none. */
bool page_lists_drain(struct page_lists *lists, uint32_t node);

#endif
