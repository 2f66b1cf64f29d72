/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * host.h - libpamt: the host's side of Dynamic PAMT.
 *
 * Bring-up: pamt_host_create() takes the memory map, pamt_bring_up() makes TDMRs and PAMT of it
 * and configures the module. Run time: every 2 MiB region in which TDs use 4K pages is kept
 * backed by a page pair, by pamt_get()/pamt_put(), at any concurrency and without a global lock;
 * why that is sound is the subject of src/host/region.h and docs/concurrency.md.
 *
 * For readers who know Linux: pamt_get/pamt_put are tdx_pamt_get/put, pamt_alloc_page and
 * pamt_free_page are tdx_alloc/free_control_page, struct pamt_cache is struct tdx_pamt_cache.
 *
 * Who pays. What libpamt takes it takes with its host's services and in nobody's name, whichever
 * call and whoever's thread wanted it; a port that charges memory to owners (control groups in
 * Linux) charges none of it:
 *
 * - PAMT, region words and the host's own structures are the machine's, there before the first TD.
 * - Chunks of the pool are nobody's. Their pages are handed out one by one, as pairs and control
 *   pages of TDs of any owners: who made a chunk necessary is not who has its pages, or has them
 *   last. A region's pair stands for the pages of all who use the region.
 * - Pages in a cache are the pool's still, and go back to it.
 *
 * Guest memory, and what a caller keeps of its own for a TD, is the caller's to charge. It may
 * count a TD's control pages; pamt_stats() says how much is used in all. The rest is bounded: a TD
 * has at most a pair for each region in which it has 4K pages, and of a node at most twice as many
 * pages are held as are used, and 16 (but for what puts alone leave, until the next call that may
 * sleep and draws pages or gives some back).
 *
 * All functions return 0 or -errno (the OS_E* values) unless they say otherwise. Contexts: "may
 * sleep" and "any" as in os.h.
 */
#ifndef PAMT_HOST_H
#define PAMT_HOST_H

#include <pamt/os.h>

/* Functions declared here are what the shared library exports. */
#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct pamt_host;

/* ------------------------------------------------------------------------------------------- */
/* Bring-up                                                                                     */

/* One range of memory that TDs may use (System RAM), ascending, not overlapping. */
struct pamt_memory {
	tdx_hpa_t base;
	uint64_t bytes; /* 4K multiple */
	uint32_t node;
};

/* Where reserved areas come from. */
enum pamt_holes {
	PAMT_HOLES_CMR, /* holes between CMRs: what the module asks for */
	/* Linux's way, for comparison: holes between usable ranges, TDMRs never joined, CMRs not
	 * looked at. */
	PAMT_HOLES_USABLE,
};

struct pamt_host_config {
	const struct pamt_memory *memory;
	uint32_t nr_memory;
	bool dynamic; /* ask for Dynamic PAMT; refused with a reason where impossible */
	enum pamt_holes holes;
	uint32_t hkid_start_bit; /* address bit where KeyIDs begin */
	uint16_t global_hkid;	 /* the first private KeyID; TDs get the others */
	uint16_t nr_hkids;	 /* private KeyIDs, the global one included */
};

/* One TDMR as it was given to the module. Sizes and offsets in bytes. */
struct pamt_tdmr {
	tdx_hpa_t base;
	uint64_t bytes;
	tdx_hpa_t pamt_base; /* one chunk: 4K level or bitmap, then 2M, then 1G */
	uint64_t pamt_4k_bytes, pamt_2m_bytes, pamt_1g_bytes;
	uint32_t nr_reserved;
	struct tdx_reserved_area reserved[TDX_MAX_RESERVED];
};

/* Steps of bring-up, in order; where it stopped, when it failed. */
enum pamt_step {
	PAMT_STEP_NONE,
	PAMT_STEP_SYS_INIT,
	PAMT_STEP_LP_INIT,
	PAMT_STEP_METADATA,
	PAMT_STEP_MEMORY, /* the memory list */
	PAMT_STEP_TDMRS,
	PAMT_STEP_PAMT,	    /* allocation of the PAMT chunks */
	PAMT_STEP_RESERVED, /* reserved areas */
	PAMT_STEP_TABLE,    /* the region words */
	PAMT_STEP_SYS_CONFIG,
	PAMT_STEP_KEY_CONFIG,
	PAMT_STEP_TDMR_INIT,
};

struct pamt_error {
	enum pamt_step step;
	int error;	/* -errno */
	tdx_hpa_t base; /* the range it is about, HPA_NONE if none */
	uint64_t bytes;
	tdx_status_t status; /* of the SEAMCALL that failed, 0 if none did */
	const char *reason;  /* one line, constant */
};

/*
 * The layout: what would be (pamt_plan) or was (pamt_layout) given to the module.
 */
struct pamt_layout {
	bool dynamic;
	uint32_t nr_tdmrs;
	struct pamt_tdmr tdmr[TDX_MAX_TDMRS];
	uint64_t pamt_bytes;	 /* all chunks; dynamic: bitmap + 2M + 1G, no pairs */
	uint64_t bitmap_bytes;	 /* of these, the bitmap (dynamic) or 0 */
	uint64_t table_bytes;	 /* region words */
	uint32_t reserved_max;	 /* most reserved areas in one TDMR */
	uint64_t given_up_bytes; /* usable memory left out so that 16 reserved areas suffice */
};

/*
 * pamt_plan - memory map and CMRs to TDMRs, PAMT and reserved areas, without a module.
 * PAMT chunks are taken from os for the time of the call, so that their places are real.
 * On failure *error says what, and layout->nr_tdmrs how far it came. May sleep.
 */
PAMT_MUST_CHECK int pamt_plan(const struct os_services *os, const struct pamt_host_config *config,
			      const struct tdx_cmr *cmrs, uint32_t nr_cmrs,
			      struct pamt_layout *layout, struct pamt_error *error);

/*
 * pamt_host_create - a host on this system; os and config->memory must outlive it.
 * Return: 0, -OS_EINVAL (bad configuration, said in *error), -OS_ENOMEM. May sleep.
 */
PAMT_MUST_CHECK int pamt_host_create(const struct os_services *os,
				     const struct pamt_host_config *config, struct pamt_host **host,
				     struct pamt_error *error);
/*
 * pamt_boot_reserve - bring-up as far as taking the PAMT chunks (SYS.INIT to the reserved areas),
 * to be called while memory is unfragmented; pamt_bring_up() then goes on from there. Optional.
 * Return, *error and context as pamt_bring_up().
 */
PAMT_MUST_CHECK int pamt_boot_reserve(struct pamt_host *host, struct pamt_error *error);
/*
 * pamt_bring_up - SYS.INIT .. TDMR.INIT. On failure everything is unwound and *error says where;
 * unless SYS.CONFIG had succeeded it may be tried again. May sleep.
 * Return: 0; -OS_ENOMEM; -OS_EINVAL (bad memory map or CMRs); -OS_ENOSPC (reserved areas);
 * -OS_EIO (a SEAMCALL failed, status in *error); -OS_EBUSY (it is up already); -OS_ENODEV (an
 * earlier try failed after SYS.CONFIG).
 */
PAMT_MUST_CHECK int pamt_bring_up(struct pamt_host *host, struct pamt_error *error);
/*
 * Ends it: everything the host took from the OS goes back, caches written back and scrubbed.
 * Needs zero TDs and no call in flight; regions that are still in use are logged, as pamt_leaks()
 * would name them but for what only the module knows: it is not called any more. May sleep.
 */
void pamt_host_destroy(struct pamt_host *host);

const struct pamt_layout *pamt_layout(const struct pamt_host *host);
/* Dynamic PAMT in force? If not although asked for, *why says so. */
bool pamt_is_dynamic(const struct pamt_host *host, const char **why);
const char *pamt_step_name(enum pamt_step step);

/* ------------------------------------------------------------------------------------------- */
/* Caches: pages drawn ahead, where sleeping is allowed. One owner at a time, no lock.          */

#define PAMT_CACHE_PAGES 64

/* A vCPU's stock of pool pages, ready to be control pages or pairs. Zero-initialised = empty. */
struct pamt_cache {
	uint32_t nr_pages;
	tdx_hpa_t page[PAMT_CACHE_PAGES];
};

/*
 * pamt_cache_topup - at least `control` control pages and `pairs` page pairs.
 * Return: 0; -OS_ENOMEM (what was drawn stays); -OS_EAGAIN, -OS_EIO only where the ADD of a new
 * pool chunk failed; -OS_ERANGE if that many never fit. May sleep.
 */
PAMT_MUST_CHECK int pamt_cache_topup(struct pamt_host *host, struct pamt_cache *cache,
				     uint32_t control, uint32_t pairs);
/*
 * Gives everything back. After the last TD's caches and control pages nothing is left that was
 * taken from the OS. May sleep.
 */
void pamt_cache_free(struct pamt_host *host, struct pamt_cache *cache);

/* ------------------------------------------------------------------------------------------- */
/* Control pages (TDR, TDCS, TDVPR, TDCX, S-EPT): backed already, out of the pool.              */

/*
 * pamt_alloc_page - one page that the module will accept as a control page. With a cache: any
 * context, -OS_ENOMEM if it is empty. NULL cache: may sleep; node preferred, any other number
 * (OS_ANY_NODE) is none.
 * Return: 0; -OS_ENOMEM; -OS_EAGAIN, -OS_EIO only where a new chunk's ADD failed.
 */
PAMT_MUST_CHECK int pamt_alloc_page(struct pamt_host *host, uint32_t node, struct pamt_cache *cache,
				    tdx_hpa_t *page);
/*
 * pamt_free_page - back to the pool, after the SEAMCALL that freed it has returned success on
 * whichever CPU issued it. Pool pages that nobody needs any more go on to the OS, and with the
 * last control page all that are left; 1024 at a time, the rest with the next call that gives
 * back. Never fails. What is no control page is left alone, counted in unbalanced_puts and logged:
 * never a page that is free; one that lies in a cache in builds that check invariants. Any context.
 */
void pamt_free_page(struct pamt_host *host, tdx_hpa_t page);

/* ------------------------------------------------------------------------------------------- */
/* Regions                                                                                      */

/*
 * pamt_get - one more 4K page of this region is about to be a TD's; on return 0 the region is
 * backed and stays so until the pamt_put() that answers this call.
 * cache: where the pair comes from if one is needed; NULL: may sleep, else any context.
 * Return: 0; -OS_ENOMEM (no pair to be had); -OS_EAGAIN (BUSY after the bound); -OS_EIO;
 * -OS_EINVAL (page outside every TDMR, reserved or given up); -OS_EBUSY (a 2M page is mapped
 * there); -OS_ERANGE (more than 512 users). Static PAMT: checks the range only.
 */
PAMT_MUST_CHECK int pamt_get(struct pamt_host *host, tdx_pfn_t page, struct pamt_cache *cache);
/* The same for nr consecutive pages, all or nothing. Any nr; 0 does nothing. */
PAMT_MUST_CHECK int pamt_get_range(struct pamt_host *host, tdx_pfn_t first, uint64_t nr,
				   struct pamt_cache *cache);
/*
 * pamt_put - a page got before is no TD's any more: the SEAMCALL that freed it has returned
 * success, and the page is written back and scrubbed. An error or unknown outcome: no put.
 * Before the page is anybody else's: whoever has it next may count it at once.
 * Never fails, never allocates, never frees to the OS. Any context.
 *
 * A put that none of these pages can be owed changes nothing; it is counted in unbalanced_puts and
 * logged, once for a range of whatever length. COUNT does not know which pages it counts, so that
 * a page that is put twice is found out by the put that comes short; builds that check invariants
 * know the pages, and name the one (src/host/marks.h).
 */
void pamt_put(struct pamt_host *host, tdx_pfn_t page);
void pamt_put_range(struct pamt_host *host, tdx_pfn_t first, uint64_t nr);

/*
 * The leaves that take a region's 2M entry exclusively are issued by these, while the region's
 * word is LOCKED. call: the SEAMCALL's registers, leaf in rax; results are left in it.
 * Return: 0: the call succeeded; -OS_EIO: it failed, status in call->rax, the word is as before;
 * -OS_EBUSY: the region is in use otherwise (4K pages, pool), the call was not made;
 * -OS_EINVAL as pamt_get(); -OS_EAGAIN: a pair was in the way and could not be removed now.
 */
/* MEM.PAGE.AUG at 2M (R8 = the 2M page): 0 or IDLE -> LARGE. Any context. */
PAMT_MUST_CHECK int pamt_map_2m(struct pamt_host *host, tdx_pfn_t first, struct tdx_regs *call);
/*
 * MEM.PAGE.REMOVE or PHYMEM.PAGE.RECLAIM (RCX = the 2M page) of a 2M page. The word stays LARGE
 * until pamt_release_2m(), which comes after every write-back and scrub of the range. Any context.
 */
PAMT_MUST_CHECK int pamt_remove_2m(struct pamt_host *host, tdx_pfn_t first, struct tdx_regs *call);
void pamt_release_2m(struct pamt_host *host, tdx_pfn_t first);
/*
 * MEM.PAGE.DEMOTE 2M -> 4K (R12/R13 are filled in here with a pair out of cache): LARGE -> 512
 * users. -OS_ENOMEM: no pair. The new S-EPT page (R8) is the caller's. NULL cache: may sleep.
 */
PAMT_MUST_CHECK int pamt_split(struct pamt_host *host, tdx_pfn_t first, struct tdx_regs *call,
			       struct pamt_cache *cache);
/*
 * MEM.PAGE.PROMOTE 4K -> 2M of a region whose 512 pages are all this guest's: 512 -> LARGE; the
 * pair comes back. -OS_EBUSY if the count is not exactly 512. The freed S-EPT page is the caller's.
 */
PAMT_MUST_CHECK int pamt_merge(struct pamt_host *host, tdx_pfn_t first, struct tdx_regs *call);

/* ------------------------------------------------------------------------------------------- */
/* Memory pressure                                                                              */

/*
 * Keep at most n regions' pairs installed although nobody uses them. 0 (default): none. What is
 * beyond a lower limit is removed at once. May sleep.
 */
void pamt_set_idle_limit(struct pamt_host *host, uint64_t regions);
/*
 * Give back about n pages: unused ones of the pool, then idle regions' pairs. The last chunk goes
 * whole, so that it may be up to 511 more. Returns how many. May sleep.
 */
uint64_t pamt_shrink(struct pamt_host *host, uint64_t pages);
/* About how many pages pamt_shrink() could give back. Cheap: one lock per node. Any context. */
uint64_t pamt_shrinkable(struct pamt_host *host);

/*
 * pamt_may_online - may this memory be brought online? TDMRs are fixed at bring-up, so memory
 * outside them all could never be a TD's. Return: 0, -OS_EINVAL (also for what is no range of whole
 * pages below 2^52). Any context.
 */
PAMT_MUST_CHECK int pamt_may_online(struct pamt_host *host, tdx_hpa_t base, uint64_t bytes);
/*
 * pamt_offline - may this memory go? The OS has isolated it before, so that none of its free
 * pages is handed out any more. Shrinks first; pages in caches count as used. With static PAMT no
 * page's use is known here, and only the PAMT itself is in the way.
 * Return: 0; -OS_EBUSY (PAMT, pool pages or TD memory in it; none of these can be moved);
 * -OS_EINVAL (no range of whole pages below 2^52). May sleep.
 */
PAMT_MUST_CHECK int pamt_offline(struct pamt_host *host, tdx_hpa_t base, uint64_t bytes);

/* ------------------------------------------------------------------------------------------- */
/* Accounting. Exact whenever no call is in flight.                                             */

struct pamt_stats {
	uint64_t static_bytes; /* PAMT areas given at bring-up, bitmap included */
	uint64_t bitmap_bytes;
	uint64_t table_bytes; /* region words */
	/*
	 * Taken from the OS for the pool: the honest price at run time. 0 after the last control
	 * page or cache is freed, and after pamt_shrink(), if no region is in use; puts alone free
	 * nothing to the OS. With an idle limit one pamt_shrink() may leave a few pages: regions of
	 * its own chunks become idle as these go; call it until it returns 0.
	 */
	uint64_t os_bytes;
	uint64_t os_bytes_peak;
	uint64_t used_bytes; /* of these: pairs installed, control pages out, pages in caches */
	uint64_t pairs_installed, pairs_idle;
	/* Sampled: whenever the pool has grown by 32 KB for each CPU, and in pamt_stats(). */
	uint64_t pairs_installed_peak;
	uint64_t pages_cached;	/* in callers' caches */
	uint64_t pages_spare;	/* in the pool, magazines included, handed out to nobody */
	uint64_t chunks[10];	/* pool chunks by the order in which they were taken */
	uint64_t control_pages; /* handed out by pamt_alloc_page() */
	uint64_t leaf_regions;	/* mapped as 2M pages */
	uint64_t gets_fast, gets_slow, puts;
	uint64_t adds, removes; /* SEAMCALLs that succeeded */
	uint64_t waits;		/* found a word LOCKED */
	/*
	 * OPERAND_BUSY, by the pin rule never, of calls that are libpamt's own: PAMT.ADD,
	 * PAMT.REMOVE, RDMD. Those about 2M pages are the caller's, who has their status.
	 */
	uint64_t busy;
	uint64_t remove_busy, remove_not_empty, remove_no_pair; /* outcomes of failed REMOVEs */
	uint64_t leaked_regions; /* COUNT stays 1 for ever after PAMT_PAGE_NOT_EMPTY */
	uint64_t unbalanced_puts;
	uint64_t quarantined; /* pages that the module refused as a pair */
	uint64_t given_up_bytes;
};

void pamt_stats(struct pamt_host *host, struct pamt_stats *stats);

/* The part of the pool that is one NUMA node's. Bytes. */
struct pamt_node_stats {
	uint64_t os_bytes, used_bytes;
	uint64_t chunks[10];
};

void pamt_node_stats(struct pamt_host *host, uint32_t node, struct pamt_node_stats *stats);

/* What pamt_verify() found wrong. */
struct pamt_finding {
	region_t region;
	uint16_t word;	   /* the host's view: region.h */
	uint64_t rdmd_rcx; /* the module's view of the 2M entry */
	const char *what;  /* one line, constant */
	/* pamt_leaks(): 4K pages of the region that the module still holds, the first, its TDR. */
	uint32_t pages;
	tdx_hpa_t page, owner; /* HPA_NONE: none or not known */
	/* Of these or besides: pages of the pool that are in use, or that nobody gave back. */
	uint32_t pool_pages;
};

/*
 * pamt_verify - every region's word against the module (RDMD of the 2M entry). report is called
 * for each finding. Return: number of findings, or -errno. May sleep; TDs may run.
 */
int64_t pamt_verify(struct pamt_host *host,
		    void (*report)(void *arg, const struct pamt_finding *finding), void *arg);
/*
 * pamt_leaks - with zero TDs and empty caches: every region still in use, named. Return: how many.
 */
uint64_t pamt_leaks(struct pamt_host *host,
		    void (*report)(void *arg, const struct pamt_finding *finding), void *arg);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
