/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * module.h - struct seam: what the module keeps of its own, outside the memory that the host
 * gave it.
 *
 * That is little: the TDMR table, the KeyID ownership table (KOT), the state of each package and
 * logical processor, and the sticky fatal condition. Page metadata lives in the host's PAMT areas
 * (pamt.h), TDs live in their control pages (td.h).
 *
 * Who may change what:
 *   sys_state, the TDMR table, dpamt, global_hkid, key_packages, handoff
 *                         the holder of sys_lock, exclusive; constant once sys_state is READY,
 *                         so that leaves that need READY read them without a lock
 *   lp[].initialised, nr_lps_initialised
 *                         atomic; set under sys_lock shared, read under it exclusive
 *   tdmr.next_init        the holder of tdmr.lock; read by everybody
 *   kot[].state           the holder of kot_lock, exclusive; read under the lock
 *   kot[].wb_packages     set under kot_lock exclusive; a package takes its own bit out under
 *                         kot_lock shared and its wbt lock
 *   wbt[]                 the holder of wbt[].lock with kot_lock shared
 *   fatal                 whoever sets fatal_state from 0 to 1; readable when it is 2
 */
#ifndef SEAM_MODULE_H
#define SEAM_MODULE_H

#include <pamt/seam.h>

#include "seam/debug.h"
#include "seam/lock.h"

/* One TDMR, as SYS.CONFIG checked it. */
struct tdmr {
	tdx_hpa_t base;
	uint64_t size;
	tdx_hpa_t pamt_base[3]; /* by enum tdx_size; [TDX_4K] is the bitmap with Dynamic PAMT */
	uint64_t pamt_size[3];
	struct tdx_reserved_area reserved[TDX_MAX_RESERVED];
	os_a64_t lock; /* mutex, TDMR.INIT */
	/*
	 * Address of the first byte whose metadata is not initialised. A page is usable when its
	 * whole GB is. Written with a release, read with an acquire: what TDMR.INIT wrote to the
	 * PAMT is seen by whoever finds the page usable.
	 */
	os_a64_t next_init;
};

/* KeyID ownership: the entry of one KeyID. */
struct kot_entry {
	uint8_t state; /* enum tdx_kot_state */
	/* FLUSHED: packages whose caches have not been written back since. */
	os_a32_t wb_packages;
};

/* PHYMEM.CACHE.WB of one package. */
struct wbt {
	os_a64_t lock;			    /* mutex */
	uint32_t next_block;		    /* where to resume; 0: nothing to resume */
	uint64_t hkids[TDX_MAX_HKIDS / 64]; /* that were FLUSHED at the start */
};

/*
 * Where pages of the PAMT areas are mapped, for one LP: a small cache by level and page. Such pages
 * are the module's from TDMR.INIT to the end and stay where they are; pages of TDs and pairs come
 * and go, and are mapped anew by every call. Empty after SYS.LP.INIT.
 */
#define AREA_MAPS 4u
struct area_map {
	uint64_t page; /* its address | 1, 0: none */
	uint8_t *at;
};

/*
 * And where the entries of a 2M region are: what the upper half of every walk finds, for the
 * regions that this LP came through last. Only of regions whose metadata TDMR.INIT has written.
 * TDs and vCPUs are named again and again, and have maps that a sweep over pages leaves alone. Of
 * pages there are more: a host closes many, and then takes each away.
 */
#define PAGE_MAPS  64u
#define OTHER_MAPS 4u
struct pamt_entry;
struct region_map {
	uint64_t number; /* address >> 21, + 1; 0: none */
	const struct tdmr *tdmr;
	bool reserved; /* some of it is in a reserved area */
	struct pamt_entry *entry_1g, *entry_2m;
	/* Static PAMT: the first and the last 256 of its 4K entries; NULL: not asked for yet. */
	struct pamt_entry *half[2];
};

/*
 * And where in a TD's S-EPT the table of a range is that this LP came to last: which may not be
 * known from the page, since tables come and go, but by tdcs.tables, which is another then.
 */
#define TABLE_MAPS 8u
struct table_map {
	uint64_t td_level; /* address of the TDR | level of the entries; 0: none */
	uint64_t tables;   /* as it was in the TDCS */
	uint64_t range;	   /* of guest addresses, in units of what the table covers */
	tdx_hpa_t page;
};

struct lp_maps {
	struct table_map table[TABLE_MAPS];
	struct area_map area[3][AREA_MAPS]; /* by enum tdx_size */
	/* Of control pages, of what module memory names; and of page operands, a power of two. */
	struct region_map control[OTHER_MAPS], owned[OTHER_MAPS], *page;
	uint32_t nr_page;
};

/* A logical processor. Calls on two never meet on one cache line here. */
struct lp {
	os_a32_t inside; /* in a SEAMCALL now: SYS.SHUTDOWN asks */
	os_a32_t initialised;
	struct lp_maps maps;
	struct region_map page[PAGE_MAPS];
	uint8_t pad[56];
};

struct seam {
	const struct os_services *os;
	struct seam_config config;
	uint32_t hkid_start_bit; /* address bit where the KeyID begins */
	uint64_t hkid_mask;	 /* the KeyID's bits of an address */

	os_a64_t sys_lock;  /* sharex */
	os_a32_t sys_state; /* enum tdx_sys_state; READY is stored with a release */
	os_a32_t nr_lps_initialised;
	bool dpamt;
	/*
	 * SYS.SHUTDOWN left KOT, cache write-back, TDMRs, keys and the mode of the PAMT to the
	 * module that is loaded next: sys_update.c.
	 */
	bool handoff;
	bool disabling; /* SYS.DISABLE was interrupted */
	uint16_t global_hkid;
	uint32_t key_packages; /* packages on which SYS.KEY.CONFIG was done */
	uint32_t nr_tdmrs;
	struct tdmr tdmr[TDX_MAX_TDMRS]; /* ascending */

	os_a64_t kot_lock; /* sharex */
	struct kot_entry kot[TDX_MAX_HKIDS];
	struct wbt wbt[TDX_MAX_PACKAGES];
	os_a32_t nr_builds; /* TDs between MNG.INIT and MR.FINALIZE: SYS.SHUTDOWN may ask */

	os_a64_t nr_uuids;  /* given to TDs */
	os_a64_t nr_tables; /* numbers given to tdcs.tables, never the same twice */

	os_a32_t fatal_state; /* 0 none, 1 being written, 2 readable */
	struct seam_fatal fatal;

	os_a32_t inject;		/* enum seam_debug_inject for the next call */
	struct guard *guard;		/* NULL: not in guard mode */
	struct fault_plan *faults;	/* NULL: none were ever asked for */
	struct debug_holder *debug;	/* debug.c: what is held from outside */
	const struct seam_watch *watch; /* NULL: nobody */

	/*
	 * Where a call goes on that has found an address in module memory which the module never
	 * wrote there. It has ended the module, and what it does to this page is nothing.
	 */
	os_a64_t nowhere[TDX_PAGE_SIZE / sizeof(os_a64_t)];

	/* What is above is read by every call, lp[0] is written by its own. */
	uint8_t pad[64];
	struct lp lp[];
};

/* Nothing is mapped yet, or where it was it is no more. */
static inline void lp_forget_maps(struct lp *lp)
{
	os_memset(&lp->maps, 0, sizeof(lp->maps));
	os_memset(lp->page, 0, sizeof(lp->page));
	lp->maps.page = lp->page;
	lp->maps.nr_page = PAGE_MAPS;
}

/* debug.c: releases and forgets whatever is held from outside. */
void debug_release_all(struct seam *seam);

/* What seam_debug_inject() asked for, which is for one call only. */
static inline enum seam_debug_inject debug_take_injection(struct seam *seam)
{
	/* Relaxed, both: it is for the next call of the thread that asked for it. */
	if (!os_load32(&seam->inject, OS_RELAXED))
		return SEAM_INJECT_NONE;
	return (enum seam_debug_inject)os_xchg32(&seam->inject, SEAM_INJECT_NONE, OS_RELAXED);
}

static inline uint32_t seam_package(const struct seam *seam, uint32_t lp)
{
	return lp % seam->config.nr_packages;
}

/* Bit set of all packages. */
static inline uint32_t seam_all_packages(const struct seam *seam)
{
	return (1u << seam->config.nr_packages) - 1;
}

static inline uint32_t seam_state(const struct seam *seam)
{
	/* Acquire: whoever finds READY sees the TDMR table that CONFIG wrote. */
	return os_load32(&seam->sys_state, OS_ACQUIRE);
}

/* By the holder of sys_lock, exclusive. */
static inline void seam_set_state(struct seam *seam, enum tdx_sys_state state)
{
	/* Release: pairs with the acquire in seam_state(). */
	os_store32(&seam->sys_state, state, OS_RELEASE);
}

/* Gives up what an earlier module left: sys_update.c. */
void seam_drop_handoff(struct seam *seam);

static inline bool hkid_is_private(const struct seam *seam, uint64_t hkid)
{
	return hkid >= seam->config.hkid_min && hkid <= seam->config.hkid_max;
}

#endif
