/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * debug.h - a second way into softseam for recordings, tests and the lab: stand in for another
 * logical processor in the middle of a leaf, force states, look at metadata. Nothing here is
 * reachable through seam_call(). docs/vectors.md says what each is for.
 */
#ifndef PAMT_SEAM_DEBUG_H
#define PAMT_SEAM_DEBUG_H

#include <pamt/seam.h>

/*
 * Lock holders. Each takes the lock(s) as a leaf on another LP would and remembers them under id;
 * seam_debug_release() undoes it. Return: 0; -OS_EBUSY if the lock could not be had; -OS_EINVAL
 * for an id in use, or something that does not exist.
 */
enum seam_debug_lock {
	SEAM_DEBUG_SYS,
	SEAM_DEBUG_KOT,
	SEAM_DEBUG_WBT,	    /* arg: package */
	SEAM_DEBUG_TDMR,    /* arg: TDMR base */
	SEAM_DEBUG_OPSTATE, /* arg: TDR */
	SEAM_DEBUG_SEPT,    /* arg: TDR */
	SEAM_DEBUG_EPOCH,   /* arg: TDR */
	SEAM_DEBUG_SEPTE,   /* arg: TDR, map: GPA | level */
};
struct seam_debug_name {
	enum seam_debug_lock what;
	uint64_t arg, map;
};
int seam_debug_lock(struct seam *seam, struct seam_debug_name name, bool exclusive, uint32_t id);
/* A PAMT walk to pa that stops at level (or at a leaf above), the entry reached locked. */
int seam_debug_hold(struct seam *seam, tdx_hpa_t pa, unsigned int level, bool exclusive,
		    uint32_t id);
int seam_debug_release(struct seam *seam, uint32_t id);

/* A vCPU enters the TD (REFCOUNT[TD_EPOCH & 1] + 1), and leaves again. */
int seam_debug_enter(struct seam *seam, tdx_hpa_t tdr, uint32_t id);
int seam_debug_exit(struct seam *seam, uint32_t id);

/* States forced from outside, in place of leaves that need encryption or measurement. */
int seam_debug_force_td(struct seam *seam, tdx_hpa_t tdr, enum tdx_op_state state, unsigned int pwl,
			bool gpaw);
int seam_debug_num_vcpus(struct seam *seam, tdx_hpa_t tdr, uint32_t n);
int seam_debug_assoc_vcpus(struct seam *seam, tdx_hpa_t tdr, uint32_t n);
int seam_debug_vcpu_state(struct seam *seam, tdx_hpa_t tdvpr, uint32_t state);
int seam_debug_lp_init(struct seam *seam, uint32_t lp, bool done);
/* GPAs at which the vCPU faulted again and again: what VP.ENTER asks for. At most 32. */
int seam_debug_epf(struct seam *seam, tdx_hpa_t tdvpr, const tdx_gpa_t *at, uint32_t nr);
int seam_debug_td_fatal(struct seam *seam, tdx_hpa_t tdr, bool fatal);
/* The 4K page is marked free but its region's page count is not yet lowered. */
int seam_debug_half_freed(struct seam *seam, tdx_hpa_t page);

/* TDG.MEM.PAGE.ACCEPT by a vCPU of this TD; rcx = GPA | level. */
enum seam_debug_accept { SEAM_ACCEPT_STATUS, SEAM_ACCEPT_TDEXIT, SEAM_ACCEPT_INTERRUPTED };
enum seam_debug_accept seam_debug_accept(struct seam *seam, tdx_hpa_t tdr, uint64_t rcx,
					 tdx_status_t *status);

/* For the next call or accept only. */
enum seam_debug_inject {
	SEAM_INJECT_NONE,
	SEAM_INJECT_INTERRUPT,
	SEAM_INJECT_PCONFIG_BUSY,
	SEAM_INJECT_PCONFIG_ENTROPY,
	SEAM_INJECT_RNG_FAIL,
};
void seam_debug_inject(struct seam *seam, enum seam_debug_inject what);

/*
 * Faults by plan: a kind happens at its at[]-th occasion, counted from 1 since the plan was set,
 * once; and at random occasions, by the seed, with a probability. An occasion is a try to take a
 * lock, a use of the random number source, a look for an interrupt, a key configuration.
 */
enum seam_fault {
	SEAM_FAULT_BUSY,
	SEAM_FAULT_ENTROPY,
	SEAM_FAULT_INTERRUPT,
	SEAM_FAULT_KEY,
	SEAM_NR_FAULTS,
};
#define SEAM_ANY_LEAF UINT32_MAX
struct seam_faults {
	uint32_t leaf;			      /* in calls of this leaf only, or SEAM_ANY_LEAF */
	uint64_t at[SEAM_NR_FAULTS];	      /* 0: never */
	uint32_t per_million[SEAM_NR_FAULTS]; /* 0: never */
	uint64_t seed;
};
/* NULL: no faults any more. No call may be in flight. Return: 0, -OS_ENOMEM. */
int seam_debug_faults(struct seam *seam, const struct seam_faults *faults);

/* A TDG.MEM.PAGE.ACCEPT that was tried; members as seam_debug_accept() has them. */
struct seam_accepted {
	tdx_hpa_t tdr;
	uint64_t rcx;
	enum seam_debug_accept how;
	tdx_status_t status;
};

/*
 * Somebody who takes down what a module does, so that it can be done again call by call
 * (docs/vectors.md). Told on the LP that is in the call. Functions that are NULL are not called.
 */
struct seam_watch {
	void *ctx;
	/* A call begins, with these registers; it is over, with those. */
	void (*began)(void *ctx, uint32_t lp, const struct tdx_regs *in);
	void (*ended)(void *ctx, uint32_t lp, const struct tdx_regs *out);
	/* A leaf has done its work, succeeds, and still holds its locks; out: without RAX. */
	void (*worked)(void *ctx, uint32_t lp, const struct tdx_regs *out);
	/* The call did not get the lock in this word, or the second one there; or was not to. */
	void (*busy)(void *ctx, uint32_t lp, const os_a64_t *word, bool second);
	/* It has read these bytes of the host's memory; they do not reach into another page. */
	void (*read)(void *ctx, tdx_hpa_t at, const void *bytes, uint32_t nr);
	/* A guest has tried TDG.MEM.PAGE.ACCEPT. */
	void (*accepted)(void *ctx, uint32_t lp, const struct seam_accepted *accepted);
};
/* It is not copied; NULL: nobody any more. No call may be in flight. */
void seam_debug_watch(struct seam *seam, const struct seam_watch *watch);

/* A lock by name: what seam_debug_hold() (is_page) or seam_debug_lock() takes. */
struct seam_debug_word {
	const os_a64_t *word;
	bool is_page;
	enum seam_debug_lock what;
	uint64_t at;  /* page, TDR, base of a TDMR, package */
	uint64_t map; /* SEAM_DEBUG_SEPTE: GPA | level */
	unsigned int level;
};
/*
 * The name of the lock in this word, among those that a call with these registers may take. Return:
 * false: it is none of them.
 */
bool seam_debug_find_lock(struct seam *seam, const os_a64_t *word, bool second,
			  const struct tdx_regs *regs, struct seam_debug_word *found);
/* The word of a lock by name, the other way round. Return: false: there is no such lock. */
bool seam_debug_lock_word(struct seam *seam, enum seam_debug_lock what, uint64_t at, uint64_t map,
			  struct seam_debug_word *found);
/* Is it held now? */
bool seam_debug_is_held(const struct seam_debug_word *lock, bool *exclusive);

/* For guest programs: has an access gone through since VP.ENTER? */
bool seam_debug_progress(const struct seam_vcpu *vcpu);
/* To leave VP.ENTER as if by this EPT violation, and with this progress. */
enum seam_exit seam_debug_violation(struct seam_vcpu *vcpu, uint64_t qualification,
				    uint64_t extended, tdx_gpa_t at, bool progress);

/* The PAMT entry itself at that level that covers pa, not a walk. */
struct seam_debug_entry {
	bool present;
	enum tdx_page_type type;
	tdx_hpa_t owner;   /* of TD page types */
	uint16_t count;	   /* of a node */
	tdx_hpa_t pair[2]; /* of a node */
	uint16_t lock;	   /* raw */
};
void seam_debug_pamt(struct seam *seam, tdx_hpa_t pa, unsigned int level,
		     struct seam_debug_entry *entry);
/* Dynamic PAMT: the page's bit in the bitmap; -OS_EINVAL outside every TDMR. */
int seam_debug_bitmap(struct seam *seam, tdx_hpa_t pa);
int seam_debug_chldcnt(struct seam *seam, tdx_hpa_t tdr, uint64_t *chldcnt);

#endif
