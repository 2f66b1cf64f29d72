/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * capacity.h - what TDs will cost in PAMT on a machine, worked out without running them.
 *
 * THE FORMULA
 *
 * A TD of B bytes and v vCPUs, R of whose B / 2M regions are mapped in 4K pages:
 *
 *   guest 4K pages    512 R
 *   control pages     1 TDR + 6 TDCX + 6 v            (as many as the module asks for)
 *   S-EPT pages       B / 512G + B / 1G + R, each rounded up; the root is one of the TDCX pages
 *   cached pages      5 (v + 1): what a fault may need, drawn ahead by each vCPU, and by the TD for
 *                     its measured pages: one S-EPT page for each level below the root, and a pair
 *
 * R counts the first region always, since the measured pages are 4K. With a share of p percent in
 * 4K pages every (100 / p)th region is, counted from the first: R = (B / 2M - 1) p / 100 + 1.
 *
 * A page pair is due in each 2 MiB region of physical memory in which a guest has 4K pages or
 * libpamt has pool pages. The system hands out 4K pages of one 2M block until it is full, so that
 * is, on each NUMA node and on a machine whose memory is not fragmented,
 *
 *   pairs             (512 R + small chunks' pages) / 512, rounded up, + chunks of 2M
 *
 * The pool must have pages for the pairs, the control and S-EPT pages and the caches. It takes them
 * chunk by chunk, each as large as the bound on what it may hold allows (twice what is used, and 64
 * KB), and each chunk that lies in a region of its own has two pages less to give: they are its
 * pair. That is worked out chunk by chunk, as src/host/pool_grow.c does it.
 *
 * HOW EXACT
 *
 * 4K pages, control pages, S-EPT pages: exact. Pairs and bytes taken from the system: as long as 4K
 * pages are found in blocks that are broken already and TDs boot one fault at a time, exact to a
 * chunk of 2M per node. vCPUs that boot at once ask for chunks at other moments, and may leave a
 * little more or less in their caches; memory that is fragmented costs more pairs, at most one for
 * each 4K page.
 *
 * Static PAMT needs the same control and S-EPT pages, taken one by one, and no pairs.
 */
#ifndef PAMT_LAB_WORKLOAD_CAPACITY_H
#define PAMT_LAB_WORKLOAD_CAPACITY_H

#include <stdbool.h>
#include <stdint.h>

#define CAPACITY_MAX_GROUPS 64u
#define CAPACITY_MAX_TDS    4096u
#define CAPACITY_MAX_VCPUS  576u
#define CAPACITY_MAX_NODES  64u

/* TDs that are all alike. */
struct capacity_group {
	uint32_t count, vcpus;
	uint64_t
		bytes; /* of each, a multiple of 4K; what is left over of a 2M region is 4K pages */
	uint32_t percent_4k; /* of its regions are mapped in 4K pages, the rest in 2M; 0 to 100 */
};

/* What the machine has, apart from TDs. Bytes. */
struct capacity_machine {
	uint64_t usable;       /* by TDs: in CMRs */
	uint64_t static_boot;  /* PAMT */
	uint64_t dynamic_boot; /* PAMT without pairs */
	uint64_t table;	       /* region words */
	uint32_t nr_nodes;
	uint32_t max_tds; /* KeyIDs */
};

/* Pages, but for what is called bytes. */
struct capacity {
	uint64_t tds;
	uint64_t td_bytes;
	uint64_t pages_4k, pages_2m;
	uint64_t control_pages, sept_pages, cached_pages;
	uint64_t pairs;	     /* two pages each */
	uint64_t pool_pages; /* taken from the system for all of these, and in reserve */
	uint64_t static_bytes, dynamic_bytes; /* all in all: PAMT, control and S-EPT pages */
	bool enough_keys, enough_memory;
};

/* The cost of these TDs, spread over the nodes in turn. */
void capacity_of(const struct capacity_machine *machine, const struct capacity_group *groups,
		 uint32_t nr_groups, struct capacity *capacity);

/*
 * capacity_break_even - the share of the TDs' memory in 4K pages, in tenths of a percent, above
 * which static PAMT would cost less. More than 1000: dynamic costs less at any share.
 */
uint32_t capacity_break_even(const struct capacity_machine *machine,
			     const struct capacity_group *groups, uint32_t nr_groups);

#endif
