/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* clang-format off */
/*
 * td.h - a TD's control pages: the TDR, the TDCS that hangs off it, the TDVPS of its vCPUs.
 *
 * All three lie in pages that the host gave, so they are laid out here as the module likes it; the
 * host cannot read them but through MNG.RD and VP.RD.
 *
 * What protects what:
 *   tdr                the TDR page's PAMT lock: exclusive to change
 *   CHLDCNT            atomic: the word of that lock. Whoever makes it another holds the lock, and
 *                      gives it back with the same step
 *   tdcs.op_state      changed with the TDR locked exclusively; read with the TDR locked. Its own
 *                      lock, the first of tdcs.locks, is held shared by those who go by it
 *   S-EPT              the second of tdcs.locks: shared to change one entry under the entry's own
 *                      lock, exclusive to take a page out of the tree or block a range
 *   tdcs.epoch         changed with epoch_lock exclusive; VP.ENTER holds it shared from reading the
 *                      epoch until the vCPU is counted in refcount
 *   tdcs, the counts   atomic
 *   tdvps              the TDVPR page's PAMT lock: exclusive to change. Or shared, by the LP with
 *                      which the vCPU is associated; lp itself is atomic
 */
/* clang-format on */
#ifndef SEAM_TD_H
#define SEAM_TD_H

#include "seam/cpuid.h"
#include "seam/pamt.h"

/* TDCS pages by index, in the order of MNG.ADDCX. */
#define TDCS_PAGE	     0 /* struct tdcs */
#define TDCS_PAGE_VCPU	     1 /* struct tdcs_vcpus */
#define TDCS_PAGE_MSR_BITMAP 2
#define TDCS_PAGE_SEPT	     3 /* root of the S-EPT */
#define TDCS_PAGE_SHARED_EPT 4 /* what shared GPAs lead to at first: nothing */

struct tdr {
	uint32_t fatal;
	uint32_t lifecycle; /* enum tdx_lifecycle */
	uint32_t nr_tdcx;
	uint32_t key_packages; /* packages whose key is configured */
	uint16_t hkid;
	tdx_hpa_t tdcx[TDX_MAX_TDCX];
	uint64_t uuid[4];
};

struct tdcs {
	os_a64_t locks;	     /* a pair: OP_STATE, S-EPT tree */
	os_a64_t epoch_lock; /* sharex */
	uint32_t op_state;   /* enum tdx_op_state */
	uint32_t pwl;	     /* level of the S-EPT's root: 3 or 4 */
	uint32_t shared_bit; /* the GPA bit that means shared: 47 or 51 */
	uint32_t gpa_bits;   /* private GPAs are below 2^gpa_bits */
	uint32_t max_vcpus;
	uint64_t tables; /* a number that no TD had before, since a table went out of the S-EPT */
	os_a64_t epoch;
	os_a64_t refcount[2]; /* vCPUs inside, by parity of the epoch in which they entered */
	os_a32_t nr_vcpus;    /* VP.INIT done */
	os_a32_t nr_assoc;    /* vCPUs associated with an LP */
	uint64_t attributes, xfam, eptp, config_flags;
	uint16_t nr_l2_vms, virt_maxpa; /* virt_maxpa: bits of an address in CPUID */
	uint32_t building;		/* counted in seam->nr_builds */
	uint64_t tsc_offset, tsc_multiplier;
	uint16_t tsc_frequency;
	/* Every vCPU has an x2APIC id of its own, from VP.INIT; the guest is told its topology. */
	os_a16_t topology_enum_configured, ve_reduction_valid;
	os_a32_t hp_lock_timeout; /* TSC ticks */
	uint64_t notify_enables, vm_ctls[4];
	uint64_t mrconfigid[6], mrowner[6], mrownerconfig[6];
	uint32_t cpuid[CPUID_ENTRIES][CPUID_REGS]; /* in the order of cpuid_at() */
};

/* x2APIC ids of the vCPUs, in the order of VP.INIT; 0 where version 0 named none. */
#define TDX_MAX_VCPUS 576u
struct tdcs_vcpus {
	uint32_t x2apic_id[TDX_MAX_VCPUS];
};

/* How many addresses at which it faults without getting on a vCPU notes. */
#define TDX_MAX_EPF 32u

struct tdvps {
	os_a32_t state;	   /* enum tdx_vcpu_state */
	os_a32_t lp;	   /* associated with that LP + 1; 0: none */
	uint32_t nr_pages; /* TDVPR included */
	uint32_t index;
	uint32_t x2apic_id;
	uint64_t epoch;	      /* of the TD, when it entered last */
	uint32_t vmcall_mask; /* registers of the TDG.VP.VMCALL that it left with */
	uint32_t nr_faults;   /* without progress, up to those that are noted */
	/* What the host may set: interrupts posted to the vCPU while it runs, an NMI. */
	uint64_t posted_intr_descriptor, shared_eptp;
	uint32_t pin_controls, secondary_controls, instruction_timeout;
	uint32_t shared_eptp_set; /* the host has said where shared GPAs lead */
	uint16_t posted_intr_vector;
	uint16_t pending_nmi;
	uint64_t state_details; /* bit 0: an interrupt waits in the guest; none ever does */
	/* What a debugger finds and may change. A guest is a function here and uses none of it. */
	uint64_t gpr[16], dr[4], dr6, cr2;
	uint64_t l2_ctls[4], l2_debug_ctls[4];
	uint64_t l2_cr0_mask, l2_cr0_shadow, l2_cr4_mask, l2_cr4_shadow;
	tdx_hpa_t tdcx[TDX_MAX_TDVPS - 1];
	uint32_t nr_epf;
	tdx_gpa_t epf[TDX_MAX_EPF];
};
_Static_assert(sizeof(struct tdr) <= TDX_PAGE_SIZE, "the TDR is one page");
_Static_assert(sizeof(struct tdcs) <= TDX_PAGE_SIZE, "the fields of the TDCS are one page");
_Static_assert(sizeof(struct tdcs_vcpus) <= TDX_PAGE_SIZE, "one page for the vCPUs' ids");
_Static_assert(sizeof(struct tdvps) <= TDX_PAGE_SIZE, "the TDVPR is one page");

/* A TD in a leaf's hands. */
struct td {
	tdx_hpa_t address;     /* of the TDR */
	struct pamt_page page; /* its metadata, locked */
	struct tdr *tdr;
	struct tdcs *tdcs; /* NULL until td_build() */
};

/* The TDR operand: a private page of type TDR, locked as asked. */
PAMT_MUST_CHECK tdx_status_t td_explicit(struct call *call, tdx_hpa_t address,
					 enum tdx_operand operand, bool exclusive, struct td *td);
/* The TD that owns a page, its TDR locked as asked; OPERAND_BUSY names the operand TDR. */
PAMT_MUST_CHECK tdx_status_t td_implicit(struct call *call, tdx_hpa_t address, bool exclusive,
					 struct td *td);

/*
 * Is the TD fit for the leaf that is called: not fatal, keys configured, TDCS there, in a state in
 * which that leaf works? lock: takes OP_STATE's lock shared.
 */
PAMT_MUST_CHECK tdx_status_t td_build(struct call *call, struct td *td, bool lock);
/* td_explicit() and td_build(); OP_STATE's lock is taken where the TDR is not had exclusively. */
PAMT_MUST_CHECK tdx_status_t td_usable(struct call *call, tdx_hpa_t address,
				       enum tdx_operand operand, bool exclusive, struct td *td);
/* The two halves of td_build(), for who takes the lock in between. */
PAMT_MUST_CHECK tdx_status_t td_has_tdcs(struct call *call, struct td *td);
PAMT_MUST_CHECK tdx_status_t td_check_op_state(const struct call *call, const struct td *td);
/* Does a vCPU run in that state, so that what is blocked must be tracked? */
bool td_has_running_vcpus(const struct tdcs *tdcs);
/*
 * By the holder of the TDR, exclusive: the TD becomes INITIALIZED and is built from now on; its
 * building is over, be it finalised or given up. seam->nr_builds counts those in between.
 */
void td_begin_build(struct seam *seam, struct td *td);
void td_end_build(struct seam *seam, struct tdcs *tdcs);
/* Its TDCS; NULL if there are too few pages for one, or if it has ended the module. */
struct tdcs *td_tdcs(struct call *call, const struct tdr *tdr);
/* Its TDCX page of that index (TDCS_PAGE_...), which it has. */
static inline void *td_map_page(struct call *call, const struct tdr *tdr, uint32_t index,
				enum os_access access)
{
	tdx_hpa_t page = tdr->tdcx[index];

	/* The module wrote an aligned address. */
	return pamt_map_owned(call, page.v % TDX_PAGE_SIZE ? HPA_NONE : page, access);
}

/* Is a page that was blocked in that epoch out of reach of every vCPU? */
bool td_tracked(const struct tdcs *tdcs, uint64_t bepoch);

/*
 * CHLDCNT, the pages of the TD but the TDR itself, in 4K: 40 bits of the head of the TDR's
 * metadata, where other pages have their owner, so that any memory below 2^52 can be counted.
 */
#define TD_CHILD_SHIFT PAMT_OWNER_SHIFT
static inline uint64_t td_children(uint64_t head) { return head >> TD_CHILD_SHIFT; }

/* The TD gets pages (4K units), or gives them back: counted when the call lets go of the TDR. */
void td_add_children(struct call *call, const struct td *td, uint64_t pages);
void td_drop_children(struct call *call, const struct td *td, uint64_t pages);

#endif
