/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * box_internal.h - what is in the box, shared by its pages and its other services.
 */
#ifndef PAMT_STAGE_BOX_INTERNAL_H
#define PAMT_STAGE_BOX_INTERNAL_H

#include "box.h"
#include "stage.h"

#define BOX_MAX_ORDER 9u

/* What changes in a run. The page bits follow it in memory. */
struct box_state {
	uint64_t objects_used, sparse_used; /* bytes of the two areas */
	uint64_t pages_taken;
	uint64_t lowest[BOX_MAX_ORDER + 1]; /* no region below this has a free block of the order */
	uint32_t turn;			    /* which place is next */
	struct box_fault fault;
	uint64_t allocs, calls; /* counted for the fault */
	uint64_t taken[];	/* one bit per 4K page */
};

struct box {
	struct box_config config;
	struct os_services os;
	struct box_module module;
	box_observer observer;
	void *observer_ctx;
	bool show_log;
	uint32_t nr_places;
	region_t place[BOX_MAX_PLACES];
	uint64_t nr_regions;
	struct arena *arena;
	size_t bytes;
	char *base;
	struct box_state *state;
	char *objects, *sparse, *ram;
	uint64_t sparse_bytes;
};

bool box_in_ram(const struct box *box, uint64_t at, uint64_t bytes);
/* Does the module own the page? A look from outside, which is no step of the CPU's. */
bool box_module_owns(const struct box *box, tdx_hpa_t page);
/* Counts an allocation; false if it is the one that is to fail. */
bool box_may_allocate(struct box *box);

/* box_pages.c: services. */
tdx_hpa_t box_alloc_pages(void *ctx, unsigned int order, uint32_t node);
void box_free_pages(void *ctx, tdx_hpa_t block, unsigned int order);
tdx_hpa_t box_alloc_range(void *ctx, const struct os_range *range);
void box_free_range(void *ctx, tdx_hpa_t base, uint64_t bytes);
void box_exclude(void *ctx, tdx_hpa_t base, uint64_t bytes);

#endif
