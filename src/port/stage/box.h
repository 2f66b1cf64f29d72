/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * box.h - os_services of the stage: a machine in a box, whose whole state can be put back.
 *
 * One range of RAM, a page allocator that places blocks where it is told to, small objects,
 * sparse arrays, and a module to call. Everything that can change during a run lies in one arena.
 * Services announce themselves as steps, refuse callers that may not sleep where they may sleep,
 * and notice what a real machine would punish: a page freed that was not taken, or that the
 * module still owns.
 */
#ifndef PAMT_STAGE_BOX_H
#define PAMT_STAGE_BOX_H

#include <pamt/os.h>

struct box;

/* Most regions between which allocations can be made to alternate. */
#define BOX_MAX_PLACES 8

/* The module behind the SEAMCALL: softseam, or a model of it. */
struct box_module {
	void *ctx;
	tdx_status_t (*call)(void *ctx, uint32_t cpu, struct tdx_regs *regs);
	/* Does the module own this 4K page, so that a host access is a machine check? */
	bool (*owns)(void *ctx, tdx_hpa_t page);
};

/* Is told of every SEAMCALL: before (after = false) and after it. */
typedef void (*box_observer)(void *ctx, const struct tdx_regs *regs, bool after);

struct box_config {
	uint32_t nr_cpus, nr_nodes;
	tdx_hpa_t ram;	    /* base, 1G multiple */
	uint64_t ram_bytes; /* 1G multiple; a node's part is a multiple of 2M */
	bool restorable;    /* write-protected and restored; else plain memory */
};

/* One failure on request. Both counts are from 1 and run from box_fail(). */
struct box_fault {
	uint64_t alloc_at; /* the n-th allocation of any kind fails; 0: none */
	uint32_t leaf;	   /* of calls of this leaf ... */
	uint64_t call_at;  /* ... the n-th is answered ... */
	uint64_t status;   /* ... with this; 0 in call_at: none */
	bool takes_effect; /* although it is answered so; else it has none */
};

struct box *box_create(const struct box_config *config);
void box_destroy(struct box *box);
const struct os_services *box_services(const struct box *box);
void box_set_module(struct box *box, const struct box_module *module);
void box_observe(struct box *box, box_observer observer, void *ctx);

/*
 * From now on blocks below order 9 are taken from these regions in turn, until they are full;
 * then, or with none, from the lowest region that has one.
 */
void box_place(struct box *box, uint32_t nr, const region_t *place);

/*
 * Takes pages out of the allocator by address, as somebody who owns them; false: not all of them
 * are free, none is taken. A step.
 */
bool box_claim(struct box *box, tdx_hpa_t first, uint64_t nr);
void box_unclaim(struct box *box, tdx_hpa_t first, uint64_t nr);

/* Keeps the state as it is now; box_restore() comes back to it. Return: 0 or -1 with errno. */
int box_freeze(struct box *box);
void box_restore(struct box *box);

void box_fail(struct box *box, const struct box_fault *fault);
/* 4K pages that are handed out now. */
uint64_t box_pages_taken(const struct box *box);
/* Is this page handed out? */
bool box_is_taken(const struct box *box, tdx_hpa_t page);
/* Log lines are shown on stderr; for replays. */
void box_show_log(struct box *box, bool show);

/* All that can change in a run lies here. */
const char *box_memory(const struct box *box, uint64_t *bytes);

#endif
