/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * model_state.h - what the naive model keeps; between model_state.c, which finds and changes it,
 * and model_rules.c, which has the rules of the leaves.
 */
#ifndef TESTS_FUZZ_MODEL_STATE_H
#define TESTS_FUZZ_MODEL_STATE_H

#include "model.h"

#define SIZE_4K UINT64_C(0x1000)
#define SIZE_2M UINT64_C(0x200000)
#define SIZE_1G UINT64_C(0x40000000)

/* A 4K page that is not, or was not always, as it was in the beginning. */
struct m_page {
	uint64_t hpa;
	int type;	/* enum tdx_page_type; TDX_PT_NDA: free */
	uint64_t owner; /* address of the TDR */
	bool donated;	/* one of a pair */
	size_t next;	/* in its chain: place in pages[] + 1, 0 ends it */
};

/* Pages are many, so they hang in chains; all else is searched from front to back. */
#define M_CHAINS 1024u

/* A 2M region that is one page of a guest, or has a pair. */
struct m_region {
	uint64_t hpa;
	bool leaf;
	uint64_t owner; /* of a leaf */
	bool has_pair;
	uint64_t pair[2];
};

/* A 1G block that is one page of a guest. */
struct m_block {
	uint64_t hpa, owner;
};

/* A mapping: what one S-EPT entry says. Entries that are free are not kept. */
struct m_map {
	uint64_t gpa;
	unsigned int level;
	bool table; /* points to an S-EPT page; else to a page of the guest */
	bool pending, blocked;
	bool half_accepted; /* 2M: an accept was interrupted in the middle */
	uint64_t hpa;
	uint64_t bepoch; /* epoch when it was blocked last */
};

struct m_vcpu {
	uint64_t tdvpr;
	uint32_t pages, state;
	uint32_t lp; /* whose it is, + 1 */
	uint32_t index;
	bool forced; /* its state was set from outside */
	/* As the host wrote them, or as they begin. shared_eptp 0: not written. */
	uint64_t vector, descriptor, pin_controls, timeout, shared_eptp, pend_nmi;
	uint64_t epf[32];
	unsigned int nr_epf;
};

struct m_td {
	uint64_t tdr;
	uint16_t hkid;
	unsigned int lifecycle; /* enum tdx_lifecycle */
	uint32_t key_packages;
	unsigned int nr_tdcx;
	bool fatal;
	unsigned int op_state, pwl, shared_bit; /* pwl 0: no S-EPT yet */
	unsigned int gpa_bits;			/* of private addresses */
	unsigned int max_vcpus;
	uint64_t attributes, xfam, config_flags, notify_enables, vm_ctls[4];
	uint64_t hp_timeout_us;
	unsigned int tsc_frequency, virt_maxpa;
	bool building; /* from MNG.INIT to MR.FINALIZE, or its end */
	bool has_unnamed_vcpu;
	uint64_t tdcx[TDX_MAX_TDCX];
	uint32_t x2apic_id[576];
	uint64_t epoch, inside[2];
	uint32_t nr_vcpus, nr_assoc;
	uint64_t children; /* in 4K pages */
	struct m_map *maps;
	size_t nr_maps, max_maps;
	struct m_vcpu *vcpus;
	size_t nr_vcpu_pages;
};

struct m_tdmr {
	uint64_t base, size, usable; /* usable: bytes from base */
	struct tdx_reserved_area reserved[TDX_MAX_RESERVED];
	uint64_t pamt[3], pamt_size[3];
};

struct m_inside {
	uint32_t id;
	uint64_t tdr;
	unsigned int parity;
};

struct model {
	struct seam_config config;
	struct memory *memory;
	bool lost, configured, ready, shut, dynamic;
	bool lp_done[2048]; /* SYS.LP.INIT */
	uint32_t key_packages;
	struct m_tdmr tdmrs[TDX_MAX_TDMRS];
	unsigned int nr_tdmrs;
	uint8_t hkid[TDX_MAX_HKIDS];	  /* enum tdx_kot_state */
	uint32_t to_flush[TDX_MAX_HKIDS]; /* packages that must write back their caches */
	/* A write-back that was interrupted, and what it counts for. */
	bool write_back_open[TDX_MAX_PACKAGES];
	bool written_back[TDX_MAX_PACKAGES][TDX_MAX_HKIDS];

	struct m_page *pages;
	size_t nr_pages, max_pages;
	size_t chain[M_CHAINS];
	struct m_region *regions;
	size_t nr_regions, max_regions;
	struct m_block *blocks;
	size_t nr_blocks, max_blocks;
	struct m_td **tds;
	size_t nr_tds;
	struct m_inside *inside;
	size_t nr_inside;
};

/* KeyID bits of an address. */
uint64_t m_key_mask(const struct model *m);
/* Is there usable metadata for the address? */
bool m_covered(const struct model *m, uint64_t hpa);
bool m_reserved(const struct model *m, uint64_t hpa);

/* NULL: it is as it was in the beginning. */
struct m_page *m_find_page(const struct model *m, uint64_t hpa);
struct m_region *m_find_region(const struct model *m, uint64_t hpa);
struct m_block *m_find_block(const struct model *m, uint64_t hpa);
/* Found, or made. */
struct m_page *m_page(struct model *m, uint64_t hpa);
struct m_region *m_region(struct model *m, uint64_t hpa);
void m_add_block(struct model *m, uint64_t hpa, uint64_t owner);
void m_drop_block(struct model *m, uint64_t hpa);

/* The level at which the address is described now. */
unsigned int m_level(const struct model *m, uint64_t hpa);
/* Type and owner of the page that covers the address, at that level. */
int m_type(const struct model *m, uint64_t hpa);
uint64_t m_owner(const struct model *m, uint64_t hpa);
bool m_donated(const struct model *m, uint64_t hpa);
/* 4K pages of the region that TDs use, counted. */
unsigned int m_count(const struct model *m, uint64_t hpa);
/* Nothing of the region is used, donated or reserved. */
bool m_region_is_free(const struct model *m, uint64_t hpa);
/* A 4K page becomes free; was it the last of its region, with Dynamic PAMT? */
bool m_free_page(struct model *m, uint64_t hpa);

struct m_td *m_find_td(const struct model *m, uint64_t tdr);
struct m_td *m_add_td(struct model *m, uint64_t tdr, uint16_t hkid);
void m_drop_td(struct model *m, uint64_t tdr);
struct m_vcpu *m_find_vcpu(const struct model *m, uint64_t tdvpr, struct m_td **td);
void m_add_vcpu(struct m_td *td, uint64_t tdvpr);

/* A TD's S-EPT and what goes with it, empty. */
void m_begin_td(struct m_td *td, unsigned int pwl, bool gpaw, unsigned int max_vcpus);

struct m_map *m_find_map(const struct m_td *td, uint64_t gpa, unsigned int level);
/* The page that covers a GPA, through tables that are not blocked; NULL: there is none. */
const struct m_map *m_find_leaf(const struct m_td *td, uint64_t gpa);
struct m_map *m_add_map(struct m_td *td, const struct m_map *map);
void m_drop_map(struct m_td *td, uint64_t gpa, unsigned int level);

#endif
