/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * pamt_model_internal.h - the model's state, its locks and bits, shared by its leaves.
 */
#ifndef PAMT_LAB_EXPLORE_PAMT_MODEL_INTERNAL_H
#define PAMT_LAB_EXPLORE_PAMT_MODEL_INTERNAL_H

#include "lab/explore/pamt_model.h"
#include "port/stage/stage.h"

#define EXCLUSIVE UINT16_C(1)
#define READER	  UINT16_C(2)

/* A 4K entry: lock in bit 0, type in 15:8. */
#define PAGE_LOCK    UINT16_C(1)
#define PAGE(type)   ((uint16_t)((type) << 8))
#define PAGE_FREE    PAGE(TDX_PT_NDA)
#define PAGE_TYPE(p) ((enum tdx_page_type)((p) >> 8))

struct model_region {
	os_a16_t lock;		 /* EXCLUSIVE, or READER times readers */
	os_a16_t count;		 /* page_count: lowered after the page is marked free */
	enum tdx_page_type type; /* NDA, PAMT, REG: under the lock */
	uint16_t used[2];	 /* entries of each page of the pair that are not NDA */
	tdx_hpa_t pair[2];
	tdx_hpa_t sept; /* of a demoted page: its S-EPT page */
};

struct pamt_model {
	uint64_t first, nr;
	struct model_region *region;
	os_a16_t *page;	  /* 4K entries */
	os_a64_t *bitmap; /* pages in use as PAMT pages */
	const char *fatal;
};

static inline tdx_status_t answer(uint64_t code, uint64_t detail)
{
	return (tdx_status_t){ code | detail };
}

/* The first rule that is broken counts; every call answers so from then on. */
static inline tdx_status_t model_fatal(struct pamt_model *model, const char *rule)
{
	if (!model->fatal)
		model->fatal = rule;
	return answer(TDX_SYS_SHUTDOWN, 0);
}

static inline bool is_known(const struct pamt_model *model, uint64_t at)
{
	return at >> TDX_2M_SHIFT >= model->first && at >> TDX_2M_SHIFT < model->first + model->nr;
}

static inline struct model_region *region_at(struct pamt_model *model, uint64_t at)
{
	return &model->region[(at >> TDX_2M_SHIFT) - model->first];
}

static inline os_a16_t *page_at(struct pamt_model *model, uint64_t at)
{
	return &model->page[(at >> TDX_PAGE_SHIFT) - model->first * TDX_PAGES_PER_2M];
}

static inline uint16_t *used_at(struct pamt_model *model, uint64_t at)
{
	return &region_at(model, at)->used[at >> 20 & 1];
}

/* ------------------------------------------------------------------------------------------- */
/* Locks and bits. Orders as the module would have them; the stage is sequential anyway.        */

static inline bool lock_shared(struct model_region *region)
{
	if (os_fetch_add16(&region->lock, READER, OS_ACQUIRE) & EXCLUSIVE) {
		os_fetch_add16(&region->lock, (uint16_t)-READER, OS_RELAXED);
		return false;
	}
	return true;
}

static inline void unlock_shared(struct model_region *region)
{
	os_fetch_add16(&region->lock, (uint16_t)-READER, OS_RELEASE);
}

static inline bool lock_exclusive(struct model_region *region)
{
	uint16_t none = 0;

	return os_cas16(&region->lock, &none, EXCLUSIVE, OS_ACQUIRE);
}

/* A reader that comes in vain adds and takes back its count meanwhile. */
static inline void unlock_exclusive(struct model_region *region)
{
	os_fetch_add16(&region->lock, (uint16_t)-EXCLUSIVE, OS_RELEASE);
}

static inline os_a64_t *bitmap_word(struct pamt_model *model, uint64_t at, uint64_t *bit)
{
	uint64_t page = (at >> TDX_PAGE_SHIFT) - model->first * TDX_PAGES_PER_2M;

	*bit = UINT64_C(1) << page % 64;
	return &model->bitmap[page / 64];
}

/* False: it was set. */
static inline bool claim_bit(struct pamt_model *model, uint64_t at)
{
	uint64_t bit;
	os_a64_t *word = bitmap_word(model, at, &bit);

	return !(os_fetch_or64(word, bit, OS_ACQ_REL) & bit);
}

static inline void clear_bit(struct pamt_model *model, uint64_t at)
{
	uint64_t bit;
	os_a64_t *word = bitmap_word(model, at, &bit);

	os_fetch_and64(word, ~bit, OS_RELEASE);
}

static inline bool test_bit(struct pamt_model *model, uint64_t at)
{
	uint64_t bit;
	os_a64_t *word = bitmap_word(model, at, &bit);

	return os_load64(word, OS_ACQUIRE) & bit;
}

/* ------------------------------------------------------------------------------------------- */
/* Leaves, by what they are about                                                               */

/* model_page.c */
tdx_status_t model_claim_page(struct pamt_model *model, uint64_t at, uint64_t operand);
void model_page_done(struct pamt_model *model, uint64_t at, enum tdx_page_type type);
tdx_status_t model_release_page(struct pamt_model *model, uint64_t at, bool walked, uint64_t *hint);
tdx_status_t model_aug(struct pamt_model *model, struct tdx_regs *regs);
tdx_status_t model_page_remove(struct pamt_model *model, struct tdx_regs *regs);
tdx_status_t model_sept_add(struct pamt_model *model, struct tdx_regs *regs);
tdx_status_t model_sept_remove(struct pamt_model *model, struct tdx_regs *regs);
tdx_status_t model_reclaim(struct pamt_model *model, struct tdx_regs *regs);

/* model_pair.c */
tdx_status_t model_pamt_add(struct pamt_model *model, struct tdx_regs *regs);
tdx_status_t model_pamt_remove(struct pamt_model *model, struct tdx_regs *regs);
tdx_status_t model_demote(struct pamt_model *model, struct tdx_regs *regs);
tdx_status_t model_promote(struct pamt_model *model, struct tdx_regs *regs);

#endif
