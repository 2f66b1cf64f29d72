/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * td.h - a TD as a hypervisor has it: created, built, run, faulted in, zapped, ended.
 *
 * Life
 * ----
 *   TD_NEW        nothing in the module yet
 *   TD_ASSIGNED   MNG.CREATE done: there is a TDR, and the KeyID is the TD's
 *   TD_KEYED      KEY.CONFIG done on every package; TDCX pages can be added
 *   TD_BUILDING   MNG.INIT done: vCPUs and initial pages are added
 *   TD_RUNNABLE   MR.FINALIZE done: vcpu_run()
 *   TD_DEAD       KEY.FREEID done: pages are reclaimed, in any order, the TDR last
 *
 * A TD goes down this list and never up; td_destroy() takes it to the end from wherever it is,
 * also when creation failed half-way. A restart is a td_destroy() and a td_create().
 *
 * Locks
 * -----
 *   td->mutex      one conversion, zap, split, merge or step of the life at a time. May sleep
 *                  under it. Also owns td->stock and td->zap.
 *   td->mmu_lock   the mirror of the S-EPT (mirror.h). Faults take it for reading, all at once;
 *                  everything that takes a mapping away takes it for writing. No sleeping, no
 *                  allocation under it: what is needed is in a stock before.
 *   region words   libpamt's, taken inside pamt_get() and friends for one SEAMCALL.
 *
 * Always in this order: mutex, MMU lock, region word. vmm->kot is taken alone or under td->mutex,
 * never under the MMU lock. A vCPU has an owner, the thread in vcpu_run(); its stock and its
 * counters need no lock.
 *
 * A mapping appears (mapping.c)
 * -------------------------
 * Outside the lock, where sleeping is allowed: top up the vCPU's stock with control pages for as
 * many S-EPT pages as may be missing and one pair, with mirror nodes, and with a page of guest
 * memory. Under the lock for reading: walk; freeze each entry to be changed; for a missing S-EPT
 * page take a control page, SEPT.ADD; for the page itself pamt_get() and AUG at 4K, or AUG at 2M
 * through pamt_map_2m(). If the SEAMCALL fails, the count is put back before the entry thaws. A
 * fault that finds an entry frozen or filled has lost a race: it returns, and the guest's next
 * access tells whether there is anything left to do.
 *
 * A mapping goes (zap.c)
 * ----------------------
 * Under the lock for writing: BLOCK; TRACK; make every vCPU leave the guest once, so that no TLB
 * has the range; PAGE.REMOVE. Then, outside, since the page is nobody's any more: write back with
 * the TD's KeyID, scrub, and only then pamt_put() or pamt_release_2m(); last the page goes back to
 * the system. The put comes after the SEAMCALL has returned, since the module lowers its own
 * count after it has marked the page free.
 *
 * If a step before PAGE.REMOVE fails, the entry stays LEAF_BLOCKED. That is a state to rest in:
 * the next access of the guest faults, finds it and unblocks it, the next zap goes on where this
 * one stopped, and the TD's end reclaims the page either way.
 *
 * vCPUs
 * -----
 * A vCPU's word says whether it is in the guest, and counts its entries, so that a flush can wait
 * for "left once since". A vCPU can be barred: it waits outside until it is let in again. TRACK
 * that finds the epoch busy, or a SEAMCALL that finds an S-EPT entry held by a guest's ACCEPT,
 * bars all vCPUs and tries again: then nobody can be in the way. A vCPU's state is bound to the
 * CPU where it last ran; to run elsewhere, to end the TD, or before that CPU goes offline, VP.FLUSH
 * is issued there (association.c).
 *
 * The end (teardown.c)
 * --------------------
 * VP.FLUSH of every vCPU; VPFLUSHDONE, CACHE.WB on each package, KEY.FREEID: from here on no cache
 * holds a line of the TD. Every page in the mirror is reclaimed and scrubbed, no write-back is
 * needed; S-EPT pages, TDVPRs and TDCXs go back to libpamt. The TDR, whose count of children must
 * be zero, is the last, and is written back with the module's own KeyID.
 *
 * A failing call on this way is made once more, whatever it answered; when it fails again:
 *   RECLAIM of a page           that page stays the TD's for ever, and with it the TDR, which
 *                               cannot go before its children; everything else is freed
 *   VPFLUSHDONE .. KEY.FREEID   nothing can be reclaimed: all pages and the KeyID are lost
 *   PAGE.REMOVE (zap)           nothing is lost, the page stays mapped and blocked
 *   WBINVD after PAGE.REMOVE    that page is lost: it must not be used before its lines are out
 * No lost page is put, and no lost page goes back to the system. vmm->leaked_pages counts them.
 */
#ifndef PAMT_VMM_TD_H
#define PAMT_VMM_TD_H

#include "vmm/mirror.h"
#include "vmm/vmm.h"

enum td_state { TD_NEW, TD_ASSIGNED, TD_KEYED, TD_BUILDING, TD_RUNNABLE, TD_DEAD };

struct td_config {
	uint32_t node;	     /* where its memory and control pages shall be, or OS_ANY_NODE */
	uint16_t max_vcpus;  /* at least 1 */
	unsigned int levels; /* of its S-EPT, 4 or 5; 0: 4 */
	/* The guest's memory, from GPA 0, multiple of 2M; 0: all of its address space. */
	uint64_t bytes;
	/* The largest page wanted at this GPA, TDX_4K or TDX_2M. NULL: 2M everywhere. Any context.
	 */
	enum tdx_size (*page_size)(void *arg, tdx_gpa_t at);
	void *arg;
};

/* What one vCPU, or the TD, has drawn ahead for the next fault or split. One owner. */
struct td_stock {
	struct pamt_cache pages;
	struct mirror_node *nodes;
	unsigned int nr_nodes;
};

/* Events; each counter has one writer at a time, so that a plain increment is enough. */
struct td_counts {
	os_a64_t exits;	     /* VP.ENTER returned */
	os_a64_t faults;     /* EPT violations on private memory */
	os_a64_t lost_races; /* of these: somebody else was faster */
	os_a64_t maps_4k, maps_2m;
	os_a64_t fallbacks;  /* mapped as 4K although 2M was wanted */
	os_a64_t sept_pages; /* added */
	os_a64_t zaps_4k, zaps_2m;
	os_a64_t splits, merges;
	os_a64_t conversions; /* MapGPA calls and implicit ones served */
	os_a64_t tracks;      /* rounds of TRACK and kick */
};

struct td;

enum vcpu_exit {
	VCPU_HALTED,	   /* the guest has nothing more to do */
	VCPU_STOPPED,	   /* td_stop() */
	VCPU_CPU_LEAVES,   /* vmm_cpu_leaves(): to be run on another CPU */
	VCPU_SHARED_FAULT, /* an access to shared memory: vcpu->fault_gpa; not the vmm's to map */
	VCPU_FAILED,	   /* vcpu->error; vcpu->regs is how the guest left */
};

/* The vCPU's word: entries so far in 31:3, so that "left once since" can be told. */
#define VCPU_INSIDE 1u /* in VP.ENTER, or about to be */
#define VCPU_BARRED 2u /* waits outside */
#define VCPU_STOP   4u /* vcpu_run() returns */
#define VCPU_ENTRY  8u

struct vcpu {
	struct td *td;
	uint32_t index;
	tdx_hpa_t tdvpr;
	tdx_hpa_t tdcx[TDX_MIN_TDVPS - 1];
	unsigned int nr_tdcx;
	os_a32_t bound; /* CPU + 1 where VP.FLUSH is due before it can be elsewhere; 0: none */
	os_a32_t cpu;	/* where it entered last */
	os_a32_t word;
	struct vcpu *next, *previous; /* of all; vmm->vcpu_lock */
	struct td_stock stock;
	struct td_counts counts;
	struct tdx_regs regs; /* of VP.ENTER: what the guest is answered, what it asked */
	tdx_gpa_t fault_gpa;  /* of an access to shared memory; of a fault that found a mapping */
	int error;
};

/* Leaves on their way out: one round of BLOCK, TRACK, REMOVE takes at most so many. */
#define ZAP_BATCH 512u

struct td_zap {
	struct mirror_slot slot;
	tdx_hpa_t page;
	bool last; /* of its region, as the module said when it was removed */
};

struct td {
	struct vmm *vmm;
	struct td_config config;
	enum td_state state;
	uint16_t hkid;
	tdx_hpa_t tdr;
	tdx_hpa_t tdcx[TDX_MIN_TDCX];
	unsigned int nr_tdcx;

	struct os_mutex mutex;
	struct os_rwlock mmu_lock;
	struct mirror mirror;
	struct td_stock stock;
	struct td_counts counts; /* of what is done under the mutex */
	struct td_zap zap[ZAP_BATCH];
	uint64_t leaked_pages;

	uint32_t nr_vcpus;
	struct vcpu **vcpus; /* max_vcpus */
};

/* ------------------------------------------------------------------------------------------- */
/* Life. None of these may run at the same time as another one on the same TD. May sleep.        */

/*
 * td_create - a TD in TD_BUILDING. Return: 0; -OS_ENOSPC (no KeyID left); -OS_ENOMEM;
 * -OS_EAGAIN or -OS_EIO (a SEAMCALL failed). On failure nothing is left of it.
 */
PAMT_MUST_CHECK int td_create(struct vmm *vmm, const struct td_config *config, struct td **td);
/*
 * td_add_vcpu - a vCPU, on the current CPU. Returns as td_create(), -OS_EAGAIN also on a CPU that
 * is about to go offline, and -OS_ERANGE past max_vcpus. After a failure the TD is good for
 * td_destroy() only: half a vCPU cannot be taken back before.
 */
PAMT_MUST_CHECK int td_add_vcpu(struct td *td, struct vcpu **vcpu);
/* Copies the 4K page source into the TD at this GPA, measured and accepted (PAGE.ADD). */
PAMT_MUST_CHECK int td_add_page(struct td *td, tdx_gpa_t at, tdx_hpa_t source);
/* Ends building: TD_RUNNABLE. */
PAMT_MUST_CHECK int td_finalize(struct td *td);
/* No thread is in vcpu_run(). Returns how many 4K pages were leaked, 0 as it should be. */
uint64_t td_destroy(struct td *td);

/* ------------------------------------------------------------------------------------------- */
/* Running                                                                                      */

/*
 * vcpu_run - runs the guest on the current CPU, serving its faults and calls, until it halts, is
 * stopped, or fails. One thread per vCPU. May sleep.
 */
enum vcpu_exit vcpu_run(struct vcpu *vcpu);
/* Every vcpu_run() of this TD returns soon, also later ones. Any context. */
void td_stop(struct td *td);

/* ------------------------------------------------------------------------------------------- */
/* Memory. Any number of callers, vCPUs running. May sleep. at and bytes: multiples of 4K.       */

/*
 * td_convert - the guest wants this range shared (or private again). To shared: all private
 * mappings are zapped, 2M pages at the edges split. Return: 0; -OS_EINVAL (outside the TD's
 * address space); -OS_ENOMEM; -OS_EAGAIN, -OS_EIO, -OS_EINTR (the caller is being killed):
 * converted up to a point, may be called again.
 */
PAMT_MUST_CHECK int td_convert(struct td *td, tdx_gpa_t at, uint64_t bytes, bool shared);
/*
 * td_convert_some - the same as far as it is the work of one exit: it stops after TD_CONVERT_PAGES
 * 4K pages, at the end of the 2M region. *at is how far it came, whatever it returns. -OS_EINVAL
 * also for what is not the guest's memory.
 */
#define TD_CONVERT_PAGES (8 * TDX_PAGES_PER_2M)
PAMT_MUST_CHECK int td_convert_some(struct td *td, tdx_gpa_t *at, uint64_t bytes, bool shared);
/* Takes private mappings away, as when memory is punched out of the TD. Returns as above. */
PAMT_MUST_CHECK int td_zap(struct td *td, tdx_gpa_t at, uint64_t bytes);
/*
 * td_split - a 2M mapping that covers at becomes 512 mappings of 4K. 0 also where there is none.
 */
PAMT_MUST_CHECK int td_split(struct td *td, tdx_gpa_t at);
/*
 * td_merge - the opposite. -OS_EBUSY where the 512 pages are not all mapped alike, or are not one
 * 2M block of physical memory.
 */
PAMT_MUST_CHECK int td_merge(struct td *td, tdx_gpa_t at);

/* Sum over the TD and its vCPUs; exact when nothing runs. */
void td_sum_counts(const struct td *td, struct td_counts *sum);

/* ------------------------------------------------------------------------------------------- */
/* Between the parts of src/vmm.                                                                */

/* A counter's increment by its only writer. */
static inline void td_count(os_a64_t *counter, uint64_t n)
{
	/* Relaxed: readers want a figure, not an order. */
	os_store64(counter, os_load64(counter, OS_RELAXED) + n, OS_RELAXED);
}

/* The GPA bit that means shared. */
static inline uint64_t td_shared_bit(const struct td *td)
{
	return UINT64_C(1) << (td->config.levels == 5 ? 51 : 47);
}

/* Where the guest's memory ends: what it touches or wants converted beyond is refused. */
static inline uint64_t td_limit(const struct td *td)
{
	return td->config.bytes ? td->config.bytes : td_shared_bit(td);
}

/* stock.c: at least so many control pages, pairs and nodes; what was drawn stays on failure. */
/*
 * For one fault, whatever it meets: a control page for each level of the S-EPT below the root, and
 * a pair for the region of a 4K page.
 */
#define TD_LEVELS 4u /* if nothing else is asked for */
static inline unsigned int td_fault_control(unsigned int levels) { return levels - 1; }
#define TD_FAULT_PAIRS 1u
PAMT_MUST_CHECK int td_stock_for_fault(struct td *td, struct td_stock *stock);
PAMT_MUST_CHECK int td_stock_topup(struct td *td, struct td_stock *stock, unsigned int control,
				   unsigned int pairs);
void td_stock_free(struct td *td, struct td_stock *stock);
struct mirror_node *td_stock_node(struct td_stock *stock);
void td_stock_return_node(struct td_stock *stock, struct mirror_node *node);
/* Control pages, out of the stock or, with NULL, out of anywhere. As pamt_alloc_page(). */
PAMT_MUST_CHECK int td_alloc_page(struct td *td, struct td_stock *stock, tdx_hpa_t *page);
/* last: the module said that no page of the region is in use any more. */
void td_free_page(struct td *td, tdx_hpa_t page, bool last);
/* A guest page that the module has let go of, cleaned: pamt_put() or pamt_release_2m(). */
void td_put(struct td *td, tdx_hpa_t page, enum tdx_size size, bool last);
/* Guest memory of one page of size, near the TD; HPA_NONE. May sleep. */
tdx_hpa_t td_alloc_memory(struct td *td, enum tdx_size size);
void td_free_memory(struct td *td, tdx_hpa_t page, enum tdx_size size);
/* Pages (4K) of the TD's are lost. */
void td_leak(struct td *td, tdx_hpa_t page, uint64_t pages, const char *why, tdx_status_t status);

/*
 * A leaf that the backing issues, libpamt while the region's word is LOCKED: one of these functions
 * makes the call once. NULL in its place: a plain SEAMCALL. stock may be NULL.
 */
typedef int td_leaf_fn(struct td *td, tdx_pfn_t first, struct tdx_regs *regs,
		       struct td_stock *stock);
/* What is called, on which page, and where a pair may come from; all zero: a plain SEAMCALL. */
struct td_call {
	td_leaf_fn *leaf;
	tdx_pfn_t first;
	struct td_stock *stock;
};
/*
 * issue.c: makes the call, again while there is contention. bar: the MMU lock is held for writing,
 * and vCPUs that are in the way are barred; without it they are -OS_EAGAIN. sure: a first failure
 * is not believed. Returns what leaf returned, or -OS_EAGAIN, -OS_EIO with the status in rax.
 */
enum td_issue_how { TD_ISSUE_PLAIN, TD_ISSUE_BARRING, TD_ISSUE_SURE };
PAMT_MUST_CHECK int td_issue(struct td *td, const struct td_call *call, struct tdx_regs *regs,
			     enum td_issue_how how);
td_leaf_fn td_leaf_give_4k, td_leaf_map_2m, td_leaf_remove_2m, td_leaf_split, td_leaf_merge;

/* Makes the call that gives the module a 4K page, control or guest's. As td_issue(), PLAIN. */
static inline int td_issue_4k(struct td *td, tdx_hpa_t page, struct tdx_regs *regs,
			      struct td_stock *stock)
{
	const struct td_call call = {
		.leaf = td->vmm->backing->call ? td_leaf_give_4k : NULL,
		.first = hpa_to_pfn(page),
		.stock = stock,
	};

	return td_issue(td, &call, regs, TD_ISSUE_PLAIN);
}

/* The registers of a leaf on the entry at slot of this TD, without what else it takes. */
struct tdx_regs td_on_slot(struct td *td, enum tdx_leaf leaf, const struct mirror_slot *slot);

/* A plain SEAMCALL while the MMU lock is held for writing. */
static inline int td_issue_barring(struct td *td, struct tdx_regs *regs)
{
	OS_INVARIANT(os_write_is_held(&td->mmu_lock));
	return td_issue(td, &(struct td_call){ 0 }, regs, TD_ISSUE_BARRING);
}

/* stay.c; the MMU lock is held for writing. */
/* Makes every vCPU that is in the guest leave it once. */
void td_leave_once(struct td *td);
/* Keeps every vCPU out, and waits until they are out; lets them in again. */
void td_bar(struct td *td);
void td_unbar(struct td *td);
/*
 * Until the vCPU is not, or no longer, in the stay that word shows. Kicked now and then. Any lock.
 */
void vcpu_wait_out(struct vcpu *vcpu, uint32_t word);
/* Into the guest and out of it, by the thread that runs the vCPU. */
bool vcpu_step_in(struct vcpu *vcpu, uint32_t word);
void vcpu_go_out(struct vcpu *vcpu);

/* association.c. No lock held, may sleep. */
/* VP.INIT, on this CPU; from there on the vCPU is one of vmm->vcpus. Returns as td_add_vcpu(). */
PAMT_MUST_CHECK int vcpu_init_here(struct vcpu *vcpu);
/* The vCPU is going to be freed. */
void vcpu_forget(struct vcpu *vcpu);
/* The vCPU is not bound to any other CPU than this one when it returns 0. */
PAMT_MUST_CHECK int vcpu_move_here(struct vcpu *vcpu);
/* Ends every association of this TD's vCPUs with a CPU. */
PAMT_MUST_CHECK int td_flush_vcpus(struct td *td);
/* Is this CPU about to go offline? After INSIDE was set with OS_SEQ_CST. */
bool vmm_is_leaving(const struct vmm *vmm);

/* mapping.c */
enum { TD_FAULT_BLOCKED = 1, TD_FAULT_SHARED = 2, TD_FAULT_THERE = 3 };
/*
 * td_fault - a private access to this GPA found nothing. Return: 0: there is a mapping now;
 * TD_FAULT_THERE: there was one already; -OS_EAGAIN: lost a race, or contention; TD_FAULT_BLOCKED:
 * td_unblock() is due; TD_FAULT_SHARED: the range is marked shared; -OS_ENOMEM; -OS_EIO. May sleep.
 */
PAMT_MUST_CHECK int td_fault(struct vcpu *vcpu, tdx_gpa_t at);
/*
 * td_link_down - adds S-EPT pages until slot is an entry of level at this GPA, or a larger leaf.
 * MMU lock held for reading. Returns as td_fault().
 */
struct td_link {
	tdx_gpa_t at;
	unsigned int level;
	bool through_shared; /* below SHARED entries too */
	struct td_stock *stock;
	struct td_counts *counts;
};
PAMT_MUST_CHECK int td_link_down(struct td *td, const struct td_link *to, struct mirror_slot *slot);

/* zap.c; the mutex is held. */
enum zap_op { ZAP_REMOVE, ZAP_TO_SHARED, ZAP_TO_PRIVATE };
/* A range on its way out. */
struct zap {
	tdx_gpa_t at, end; /* how far it came */
	enum zap_op op;
	uint64_t pages; /* 4K pages that may still go; then it ends with the region begun */
	bool crossed;	/* what comes next is a 2M leaf to be split */
};
/* Does op to [at, end). Returns as td_convert(). */
PAMT_MUST_CHECK int td_zap_range(struct td *td, struct zap *zap);

/* block.c; the mutex, and where a slot is passed the MMU lock for writing, are held. */
PAMT_MUST_CHECK int td_block(struct td *td, struct mirror_slot *slot);
int td_unblock_slot(struct td *td, struct mirror_slot *slot);
/* TRACK, and every vCPU has left once: no TLB has what was blocked before. */
PAMT_MUST_CHECK int td_track(struct td *td);
/* Unblocks what a failure left blocked at this GPA. Takes the MMU lock; the mutex, too. */
PAMT_MUST_CHECK int td_unblock_locked(struct td *td, tdx_gpa_t at);
PAMT_MUST_CHECK int td_unblock(struct td *td, tdx_gpa_t at);
/* Walks as mirror_walk(), unblocking what is blocked on the way. */
PAMT_MUST_CHECK int td_walk_open(struct td *td, tdx_gpa_t at, unsigned int level,
				 struct mirror_slot *slot);

/* split.c: td_split() with the mutex held. */
PAMT_MUST_CHECK int td_split_locked(struct td *td, tdx_gpa_t at);

#endif
