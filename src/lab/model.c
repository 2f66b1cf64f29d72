// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * model.c - what the TDX module does with PAMT entries, and nothing else: small enough to run
 * millions of schedules against.
 *
 * Kept, in the order of the real leaves: each lock of a 2M entry (shared walks, exclusive targets,
 * all of them try-locks), the leaf locks of 4K entries, the bitmap, the page count apart from the
 * page types, the status of each failure with its operand, and the two module-fatal windows of
 * leaves that reach a page without a walk. Each access to any of these is a step of its own; the
 * scan of a pair by PAMT.REMOVE is one.
 *
 * Left out: 1G entries (everybody shares them), S-EPT (a guest address is the host address), TD
 * states, the host-priority bit (it matters to guests only), contents, and reserved areas.
 */
#include <stdio.h>

#include "lab/model.h"
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
	hpa_t pair[2];
	hpa_t sept; /* of a demoted page: its S-EPT page */
};

struct model {
	uint64_t first, nr;
	struct model_region *region;
	os_a16_t *page;	  /* 4K entries */
	os_a64_t *bitmap; /* pages in use as PAMT pages */
	uint64_t (*cost)(uint32_t leaf);
	const char *fatal;
};

/* ------------------------------------------------------------------------------------------- */
/* Answers                                                                                      */

static tdx_status_t answer(uint64_t code, uint64_t detail)
{
	return (tdx_status_t){ code | detail };
}

static tdx_status_t fatal(struct model *model, const char *rule)
{
	if (!model->fatal)
		model->fatal = rule;
	return answer(TDX_SYS_SHUTDOWN, 0);
}

static bool is_known(const struct model *model, uint64_t at)
{
	return at >> TDX_2M_SHIFT >= model->first && at >> TDX_2M_SHIFT < model->first + model->nr;
}

static struct model_region *region_at(struct model *model, uint64_t at)
{
	return &model->region[(at >> TDX_2M_SHIFT) - model->first];
}

static os_a16_t *page_at(struct model *model, uint64_t at)
{
	return &model->page[(at >> TDX_PAGE_SHIFT) - model->first * TDX_PAGES_PER_2M];
}

static uint16_t *used_at(struct model *model, uint64_t at)
{
	return &region_at(model, at)->used[at >> 20 & 1];
}

/* ------------------------------------------------------------------------------------------- */
/* Locks and bits. Orders as the module would have them; the stage is sequential anyway.        */

static bool lock_shared(struct model_region *region)
{
	if (os_fetch_add16(&region->lock, READER, OS_ACQUIRE) & EXCLUSIVE) {
		os_fetch_add16(&region->lock, (uint16_t)-READER, OS_RELAXED);
		return false;
	}
	return true;
}

static void unlock_shared(struct model_region *region)
{
	os_fetch_add16(&region->lock, (uint16_t)-READER, OS_RELEASE);
}

static bool lock_exclusive(struct model_region *region)
{
	uint16_t none = 0;

	return os_cas16(&region->lock, &none, EXCLUSIVE, OS_ACQUIRE);
}

/* A reader that comes in vain adds and takes back its count meanwhile. */
static void unlock_exclusive(struct model_region *region)
{
	os_fetch_add16(&region->lock, (uint16_t)-EXCLUSIVE, OS_RELEASE);
}

static os_a64_t *bitmap_word(struct model *model, uint64_t at, uint64_t *bit)
{
	uint64_t page = (at >> TDX_PAGE_SHIFT) - model->first * TDX_PAGES_PER_2M;

	*bit = UINT64_C(1) << page % 64;
	return &model->bitmap[page / 64];
}

/* False: it was set. */
static bool claim_bit(struct model *model, uint64_t at)
{
	uint64_t bit;
	os_a64_t *word = bitmap_word(model, at, &bit);

	return !(os_fetch_or64(word, bit, OS_ACQ_REL) & bit);
}

static void clear_bit(struct model *model, uint64_t at)
{
	uint64_t bit;
	os_a64_t *word = bitmap_word(model, at, &bit);

	os_fetch_and64(word, ~bit, OS_RELEASE);
}

static bool test_bit(struct model *model, uint64_t at)
{
	uint64_t bit;
	os_a64_t *word = bitmap_word(model, at, &bit);

	return os_load64(word, OS_ACQUIRE) & bit;
}

/* The leaf's time passes while its locks are held. */
static void work(struct model *model, const struct tdx_regs *regs)
{
	if (model->cost)
		stage_pass(model->cost(TDX_RAX_LEAF(regs->rax)));
}

/* ------------------------------------------------------------------------------------------- */
/* 4K pages                                                                                     */

/*
 * A free 4K page for a TD: a shared walk, then the leaf exclusively. On success both locks are
 * held: page_done() makes the page what it is to be and releases them.
 */
static tdx_status_t claim_page(struct model *model, uint64_t at, uint64_t operand)
{
	struct model_region *region;
	uint16_t entry = PAGE_FREE;
	tdx_status_t status;

	if (at % TDX_PAGE_SIZE || !is_known(model, at))
		return answer(TDX_OPERAND_ADDR_RANGE_ERROR, operand);
	region = region_at(model, at);
	if (!lock_shared(region))
		return answer(TDX_OPERAND_BUSY, operand);
	if (region->type == TDX_PT_NDA)
		status = answer(TDX_MISSING_PAMT_PAGE_PAIR, operand);
	else if (region->type != TDX_PT_PAMT)
		status = answer(TDX_PAGE_METADATA_INCORRECT, operand);
	else if (os_cas16(page_at(model, at), &entry, PAGE_FREE | PAGE_LOCK, OS_ACQUIRE))
		status = answer(TDX_SUCCESS, 0);
	else if (entry & PAGE_LOCK)
		status = answer(TDX_OPERAND_BUSY, operand);
	else
		status = answer(TDX_PAGE_METADATA_INCORRECT, operand);
	if (!status.v && test_bit(model, at)) {
		os_store16(page_at(model, at), PAGE_FREE, OS_RELEASE);
		status = answer(TDX_PAGE_METADATA_INCORRECT, operand);
	}
	if (status.v)
		unlock_shared(region);
	return status;
}

static void page_done(struct model *model, uint64_t at, enum tdx_page_type type)
{
	struct model_region *region = region_at(model, at);

	++*used_at(model, at);
	os_fetch_add16(&region->count, 1, OS_RELAXED);
	os_store16(page_at(model, at), PAGE(type), OS_RELEASE);
	unlock_shared(region);
}

/*
 * The page is free again. walked: the caller holds the 2M entry shared. A leaf that came by the
 * S-EPT does not: it marks the page free first and lowers the count afterwards, and its last
 * access to the pair's page is the unlock.
 */
static tdx_status_t release_page(struct model *model, uint64_t at, bool walked, uint64_t *hint)
{
	struct model_region *region = region_at(model, at);
	os_a16_t *page = page_at(model, at);
	uint16_t count;

	os_store16(page, PAGE_FREE | PAGE_LOCK, OS_RELAXED);
	--*used_at(model, at);
	count = os_fetch_add16(&region->count, (uint16_t)-1, OS_RELAXED);
	*hint = count == 1 ? TDX_HINT_BIT : 0;
	if (!walked && region->type != TDX_PT_PAMT)
		return fatal(model, "a pair was removed before the leaf that freed its last page "
				    "had lowered the count");
	os_store16(page, PAGE_FREE, OS_RELEASE);
	if (!walked && region->type != TDX_PT_PAMT)
		return fatal(model, "a pair was removed before the leaf that freed its last page "
				    "returned");
	return answer(TDX_SUCCESS, 0);
}

static tdx_status_t aug(struct model *model, struct tdx_regs *regs)
{
	struct model_region *region;
	tdx_status_t status;

	if ((regs->rcx & 7) == TDX_4K) {
		status = claim_page(model, regs->r8, TDX_OP_R8);
		if (!status.v) {
			work(model, regs);
			page_done(model, regs->r8, TDX_PT_REG);
		}
		return status;
	}
	if (regs->r8 % TDX_2M_SIZE || !is_known(model, regs->r8))
		return answer(TDX_OPERAND_INVALID, TDX_OP_R8);
	region = region_at(model, regs->r8);
	if (!lock_exclusive(region))
		return answer(TDX_OPERAND_BUSY, TDX_OP_R8);
	status = answer(TDX_SUCCESS, 0);
	if (region->type != TDX_PT_NDA)
		status = answer(TDX_PAGE_METADATA_INCORRECT, TDX_OP_R8);
	for (uint64_t at = regs->r8; !status.v && at < regs->r8 + TDX_2M_SIZE;
	     at += 64 * TDX_PAGE_SIZE) {
		uint64_t bit;

		if (os_load64(bitmap_word(model, at, &bit), OS_ACQUIRE))
			status = answer(TDX_PAGE_METADATA_INCORRECT, TDX_OP_R8);
	}
	if (!status.v) {
		work(model, regs);
		region->type = TDX_PT_REG;
	}
	unlock_exclusive(region);
	return status;
}

/* MEM.PAGE.REMOVE: by the S-EPT, so that no walk is made and only the entry itself is locked. */
static tdx_status_t page_remove(struct model *model, struct tdx_regs *regs)
{
	uint64_t at = regs->rcx & ~UINT64_C(0xfff), hint = 0;
	struct model_region *region = region_at(model, at);
	uint16_t entry = PAGE(TDX_PT_REG);
	tdx_status_t status;

	if ((regs->rcx & 7) == TDX_2M) {
		if (!lock_exclusive(region))
			return answer(TDX_OPERAND_BUSY, TDX_OP_RCX);
		work(model, regs);
		region->type = TDX_PT_NDA;
		unlock_exclusive(region);
		regs->rcx = at;
		return answer(TDX_SUCCESS, 0);
	}
	if (region->type != TDX_PT_PAMT)
		return fatal(model, "a mapped page's region has no pair");
	if (!os_cas16(page_at(model, at), &entry, entry | PAGE_LOCK, OS_ACQUIRE))
		return entry & PAGE_LOCK ? answer(TDX_OPERAND_BUSY, TDX_OP_RCX)
					 : answer(TDX_EPT_ENTRY_STATE_INCORRECT, TDX_OP_RCX);
	work(model, regs);
	status = release_page(model, at, false, &hint);
	regs->rcx = at | hint;
	return status;
}

static tdx_status_t sept_add(struct model *model, struct tdx_regs *regs)
{
	tdx_status_t status = claim_page(model, regs->r8, TDX_OP_R8);

	if (!status.v) {
		work(model, regs);
		page_done(model, regs->r8, TDX_PT_EPT);
	}
	return status;
}

/* By the S-EPT, as MEM.PAGE.REMOVE: no walk. */
static tdx_status_t sept_remove(struct model *model, struct tdx_regs *regs)
{
	uint64_t at = regs->rcx & ~UINT64_C(0xfff), hint = 0;
	uint16_t entry = PAGE(TDX_PT_EPT);
	tdx_status_t status;

	if (region_at(model, at)->type != TDX_PT_PAMT)
		return fatal(model, "a control page's region has no pair");
	if (!os_cas16(page_at(model, at), &entry, entry | PAGE_LOCK, OS_ACQUIRE))
		return entry & PAGE_LOCK ? answer(TDX_OPERAND_BUSY, TDX_OP_RCX)
					 : answer(TDX_EPT_ENTRY_STATE_INCORRECT, TDX_OP_RCX);
	work(model, regs);
	status = release_page(model, at, false, &hint);
	regs->rcx = at | hint;
	return status;
}

static tdx_status_t reclaim(struct model *model, struct tdx_regs *regs)
{
	uint64_t at = regs->rcx, hint = 0;
	struct model_region *region;
	uint16_t entry;
	tdx_status_t status;

	if (at % TDX_PAGE_SIZE || !is_known(model, at))
		return answer(TDX_OPERAND_INVALID, TDX_OP_RCX);
	region = region_at(model, at);
	if (!lock_shared(region))
		return answer(TDX_OPERAND_BUSY, TDX_OP_RCX);
	entry = os_load16(page_at(model, at), OS_RELAXED);
	if (region->type != TDX_PT_PAMT || PAGE_TYPE(entry) == TDX_PT_NDA)
		status = answer(TDX_PAGE_METADATA_INCORRECT, TDX_OP_RCX);
	else if ((entry & PAGE_LOCK) ||
		 !os_cas16(page_at(model, at), &entry, entry | PAGE_LOCK, OS_ACQUIRE))
		status = answer(TDX_OPERAND_BUSY, TDX_OP_RCX);
	else
		status = release_page(model, at, true, &hint);
	work(model, regs);
	unlock_shared(region);
	regs->r9 = hint;
	return status;
}

/* ------------------------------------------------------------------------------------------- */
/* Pairs                                                                                        */

/* A page that is to become part of a pair: a shared walk, unless it lies in `own`. */
static tdx_status_t walk_donated(struct model *model, uint64_t at, uint64_t own, uint64_t operand)
{
	struct model_region *region = region_at(model, at);
	uint16_t entry = PAGE_FREE;
	tdx_status_t status;

	if (at >> TDX_2M_SHIFT == own >> TDX_2M_SHIFT)
		return answer(TDX_SUCCESS, 0);
	if (!lock_shared(region))
		return answer(TDX_OPERAND_BUSY, operand);
	if (region->type == TDX_PT_PAMT)
		entry = os_load16(page_at(model, at), OS_RELAXED);
	if (entry & PAGE_LOCK)
		status = answer(TDX_OPERAND_BUSY, operand);
	else if (region->type == TDX_PT_REG || PAGE_TYPE(entry) != TDX_PT_NDA)
		status = answer(TDX_PAGE_NOT_FREE, operand);
	else
		return answer(TDX_SUCCESS, 0);
	unlock_shared(region);
	return status;
}

static void unwalk_donated(struct model *model, uint64_t at, uint64_t own)
{
	if (at >> TDX_2M_SHIFT != own >> TDX_2M_SHIFT)
		unlock_shared(region_at(model, at));
}

/* Both bits of a pair, or none. */
static tdx_status_t claim_pair(struct model *model, const uint64_t pair[2], const uint64_t op[2])
{
	if (!claim_bit(model, pair[0]))
		return answer(TDX_PAGE_NOT_FREE, op[0]);
	if (!claim_bit(model, pair[1])) {
		clear_bit(model, pair[0]);
		return answer(TDX_PAGE_NOT_FREE, op[1]);
	}
	return answer(TDX_SUCCESS, 0);
}

/*
 * The target's 2M entry is held exclusively: walk to both pages, claim them, install them. own:
 * the region whose pages need no walk, the target for ADD; DEMOTE has none, and so meets its own
 * lock where a page lies in what it demotes.
 */
static tdx_status_t install_pair(struct model *model, struct tdx_regs *regs, uint64_t target,
				 uint64_t own, const uint64_t pair[2], const uint64_t op[2])
{
	struct model_region *region = region_at(model, target);
	tdx_status_t status = walk_donated(model, pair[0], own, op[0]);

	if (status.v)
		return status;
	status = walk_donated(model, pair[1], own, op[1]);
	if (!status.v) {
		status = claim_pair(model, pair, op);
		unwalk_donated(model, pair[1], own);
	}
	if (!status.v) {
		work(model, regs);
		region->pair[0] = hpa(pair[0]);
		region->pair[1] = hpa(pair[1]);
		region->type = TDX_PT_PAMT;
	}
	unwalk_donated(model, pair[0], own);
	return status;
}

static tdx_status_t pamt_add(struct model *model, struct tdx_regs *regs)
{
	static const uint64_t op[2] = { TDX_OP_RDX, TDX_OP_R8 };
	uint64_t target = regs->rcx & ~UINT64_C(7), pair[2] = { regs->rdx, regs->r8 };
	struct model_region *region;
	tdx_status_t status;

	if ((regs->rcx & 7) != TDX_2M || target % TDX_2M_SIZE)
		return answer(TDX_OPERAND_INVALID, TDX_OP_RCX);
	for (unsigned int i = 0; i < 2; i++) {
		if (pair[i] % TDX_PAGE_SIZE || pair[i] >> TDX_PA_BITS)
			return answer(TDX_OPERAND_INVALID, op[i]);
		if (!is_known(model, pair[i]))
			return answer(TDX_OPERAND_ADDR_RANGE_ERROR, op[i]);
	}
	if (!is_known(model, target))
		return answer(TDX_OPERAND_ADDR_RANGE_ERROR, TDX_OP_RCX);
	region = region_at(model, target);
	if (!lock_exclusive(region))
		return answer(TDX_OPERAND_BUSY, TDX_OP_RCX);
	if (region->type != TDX_PT_NDA)
		status = answer(TDX_HPA_RANGE_NOT_FREE, TDX_OP_RCX);
	else
		status = install_pair(model, regs, target, target, pair, op);
	unlock_exclusive(region);
	return status;
}

static tdx_status_t pamt_remove(struct model *model, struct tdx_regs *regs)
{
	uint64_t target = regs->rcx & ~UINT64_C(7);
	struct model_region *region;
	tdx_status_t status = answer(TDX_SUCCESS, 0);

	if ((regs->rcx & 7) != TDX_2M || target % TDX_2M_SIZE)
		return answer(TDX_OPERAND_INVALID, TDX_OP_RCX);
	if (!is_known(model, target))
		return answer(TDX_OPERAND_ADDR_RANGE_ERROR, TDX_OP_RCX);
	region = region_at(model, target);
	if (!lock_exclusive(region))
		return answer(TDX_OPERAND_BUSY, TDX_OP_RCX);
	work(model, regs);
	if (region->type != TDX_PT_PAMT)
		status = answer(TDX_NO_PAMT_PAGE_PAIR, TDX_OP_RCX);
	else if (region->used[0] || region->used[1])
		/* The detail is the page of the pair, not an operand. */
		status = answer(TDX_PAMT_PAGE_NOT_EMPTY, !region->used[0]);
	else if (os_load16(&region->count, OS_ACQUIRE))
		return fatal(model, "PAMT.REMOVE found free pages and a page count that is not 0");
	if (!status.v) {
		clear_bit(model, region->pair[0].v);
		clear_bit(model, region->pair[1].v);
		region->type = TDX_PT_NDA;
		regs->rdx = region->pair[0].v;
		regs->r8 = region->pair[1].v;
	}
	unlock_exclusive(region);
	return status;
}

static void set_pages(struct model *model, uint64_t base, enum tdx_page_type type)
{
	for (uint64_t at = base; at < base + TDX_2M_SIZE; at += TDX_PAGE_SIZE)
		page_at(model, at)->v = PAGE(type);
}

static tdx_status_t demote(struct model *model, struct tdx_regs *regs)
{
	static const uint64_t op[2] = { TDX_OP_R12, TDX_OP_R13 };
	uint64_t target = regs->rcx & ~UINT64_C(0xfff), pair[2] = { regs->r12, regs->r13 };
	struct model_region *region = region_at(model, target);
	tdx_status_t status = claim_page(model, regs->r8, TDX_OP_R8);

	if (status.v)
		return status;
	if (!lock_exclusive(region))
		status = answer(TDX_OPERAND_BUSY, TDX_OP_RCX);
	else {
		for (unsigned int i = 0; i < 2 && !status.v; i++)
			if (!is_known(model, pair[i]))
				status = answer(TDX_OPERAND_ADDR_RANGE_ERROR, op[i]);
		if (!status.v)
			status = install_pair(model, regs, target, UINT64_MAX, pair, op);
		if (!status.v) {
			set_pages(model, target, TDX_PT_REG);
			region->used[0] = region->used[1] = TDX_PAGES_PER_2M / 2;
			os_store16(&region->count, TDX_PAGES_PER_2M, OS_RELAXED);
			region->sept = hpa(regs->r8);
		}
		unlock_exclusive(region);
	}
	if (!status.v) {
		page_done(model, regs->r8, TDX_PT_EPT);
		return status;
	}
	os_store16(page_at(model, regs->r8), PAGE_FREE, OS_RELEASE);
	unlock_shared(region_at(model, regs->r8));
	return status;
}

static tdx_status_t promote(struct model *model, struct tdx_regs *regs)
{
	uint64_t target = regs->rcx & ~UINT64_C(0xfff), hint = 0;
	struct model_region *region = region_at(model, target);
	uint16_t entry = PAGE(TDX_PT_EPT);
	tdx_status_t status;
	hpa_t sept;

	if (region->type != TDX_PT_PAMT || region->used[0] + region->used[1] != TDX_PAGES_PER_2M)
		return answer(TDX_EPT_INVALID_PROMOTE_CONDITIONS, TDX_OP_RCX);
	sept = region->sept;
	if (!os_cas16(page_at(model, sept.v), &entry, entry | PAGE_LOCK, OS_ACQUIRE))
		return answer(TDX_OPERAND_BUSY, TDX_OP_RCX);
	if (!lock_exclusive(region)) {
		os_store16(page_at(model, sept.v), PAGE(TDX_PT_EPT), OS_RELEASE);
		return answer(TDX_OPERAND_BUSY, TDX_OP_RCX);
	}
	work(model, regs);
	set_pages(model, target, TDX_PT_NDA);
	region->used[0] = region->used[1] = 0;
	os_store16(&region->count, 0, OS_RELAXED);
	region->type = TDX_PT_REG;
	clear_bit(model, region->pair[0].v);
	clear_bit(model, region->pair[1].v);
	regs->r12 = region->pair[0].v;
	regs->r13 = region->pair[1].v;
	unlock_exclusive(region);
	status = release_page(model, sept.v, false, &hint);
	regs->rcx = sept.v | hint;
	return status;
}

static tdx_status_t rdmd(struct model *model, struct tdx_regs *regs)
{
	uint64_t at = regs->rcx & ~UINT64_C(0xfff);
	struct model_region *region;
	uint64_t size = regs->rcx & 7;

	if (size > TDX_2M || !is_known(model, at))
		return answer(TDX_OPERAND_INVALID, TDX_OP_RCX);
	region = region_at(model, at);
	if (!lock_shared(region))
		return answer(TDX_OPERAND_BUSY, TDX_OP_RCX);
	work(model, regs);
	regs->rdx = 0;
	regs->r9 = regs->r10 = regs->r11 = 0;
	if (size == TDX_2M || region->type != TDX_PT_PAMT) {
		regs->rcx = region->type | (region->type == TDX_PT_PAMT ? TDX_RDMD_NODE : 0);
		regs->r8 = TDX_2M;
		if (region->type == TDX_PT_PAMT) {
			regs->r10 = region->pair[0].v;
			regs->r11 = region->pair[1].v;
		}
	} else {
		regs->rcx = PAGE_TYPE(os_load16(page_at(model, at), OS_RELAXED));
		regs->r8 = TDX_4K;
	}
	if (size == TDX_4K && regs->rcx == TDX_PT_NDA && test_bit(model, at)) {
		regs->rcx = TDX_PT_PAMT;
		regs->r8 = TDX_4K;
	}
	unlock_shared(region);
	return answer(TDX_SUCCESS, 0);
}

/* Accepted for bring-up's sake, with no effect: the model begins READY. */
static tdx_status_t nothing(struct model *model, struct tdx_regs *regs)
{
	(void)model;
	(void)regs;
	return answer(TDX_SUCCESS, 0);
}

static tdx_status_t tdmr_init(struct model *model, struct tdx_regs *regs)
{
	regs->rdx = (model->first + model->nr) << TDX_2M_SHIFT;
	return answer(TDX_SUCCESS, 0);
}

/* The metadata fields that a host needs to make TDMRs. */
static tdx_status_t sys_rd(struct model *model, struct tdx_regs *regs)
{
	static const struct {
		uint64_t id, value;
	} fields[] = {
		{ TDX_MD_FEATURES0, TDX_FEATURES0_DYNAMIC_PAMT | TDX_FEATURES0_NO_RBP_MOD },
		{ TDX_MD_MAX_TDMRS, TDX_MAX_TDMRS },
		{ TDX_MD_MAX_RESERVED, TDX_MAX_RESERVED },
		{ TDX_MD_PAMT_4K_ENTRY_SIZE, TDX_PAMT_ENTRY_BYTES },
		{ TDX_MD_PAMT_2M_ENTRY_SIZE, TDX_PAMT_ENTRY_BYTES },
		{ TDX_MD_PAMT_1G_ENTRY_SIZE, TDX_PAMT_ENTRY_BYTES },
		{ TDX_MD_PAMT_BITMAP_BITS, 1 },
		{ TDX_MD_DPAMT_MIN_HKID_BITS, 0 },
		{ TDX_MD_NUM_CMRS, TDX_MAX_CMRS },
	};
	uint64_t id = regs->rdx;

	regs->r8 = 0;
	if (id == TDX_MD_CMR_BASE(0))
		regs->r8 = model->first << TDX_2M_SHIFT;
	if (id == TDX_MD_CMR_SIZE(0))
		regs->r8 = model->nr << TDX_2M_SHIFT;
	if (id >= TDX_MD_CMR_BASE(0) && id < TDX_MD_CMR_SIZE(TDX_MAX_CMRS))
		return answer(TDX_SUCCESS, 0);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].id == id) {
			regs->r8 = fields[i].value;
			return answer(TDX_SUCCESS, 0);
		}
	return answer(TDX_METADATA_FIELD_ID_INCORRECT, 0);
}

/* ------------------------------------------------------------------------------------------- */

static const struct {
	uint32_t leaf;
	tdx_status_t (*call)(struct model *model, struct tdx_regs *regs);
} leaves[] = {
	{ TDH_PHYMEM_PAMT_ADD, pamt_add },
	{ TDH_PHYMEM_PAMT_REMOVE, pamt_remove },
	{ TDH_MEM_PAGE_AUG, aug },
	{ TDH_MEM_PAGE_REMOVE, page_remove },
	{ TDH_MEM_SEPT_ADD, sept_add },
	{ TDH_MEM_SEPT_REMOVE, sept_remove },
	{ TDH_PHYMEM_PAGE_RECLAIM, reclaim },
	{ TDH_MEM_PAGE_DEMOTE, demote },
	{ TDH_MEM_PAGE_PROMOTE, promote },
	{ TDH_PHYMEM_PAGE_RDMD, rdmd },
	{ TDH_SYS_INIT, nothing },
	{ TDH_SYS_LP_INIT, nothing },
	{ TDH_SYS_CONFIG, nothing },
	{ TDH_SYS_KEY_CONFIG, nothing },
	{ TDH_SYS_TDMR_INIT, tdmr_init },
	{ TDH_SYS_RD, sys_rd },
};

static tdx_status_t call(void *ctx, uint32_t cpu, struct tdx_regs *regs)
{
	struct model *model = ctx;
	tdx_status_t status = answer(TDX_OPERAND_INVALID, TDX_OP_RAX);

	(void)cpu;
	if (model->fatal) {
		status = answer(TDX_SYS_SHUTDOWN, 0);
	} else {
		for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++)
			if (leaves[i].leaf == TDX_RAX_LEAF(regs->rax))
				status = leaves[i].call(model, regs);
	}
	regs->rax = status.v;
	return status;
}

static bool owns(void *ctx, hpa_t page)
{
	struct model *model = ctx;
	uint64_t bit;

	if (!is_known(model, page.v))
		return false;
	/* Plain reads: the lab looks between two steps. */
	return (bitmap_word(model, page.v, &bit)->v & bit) ||
	       page_at(model, page.v)->v != PAGE_FREE ||
	       region_at(model, page.v)->type == TDX_PT_REG;
}

static void entry(void *ctx, region_t region, struct lab_entry *entry)
{
	struct model *model = ctx;
	const struct model_region *r = &model->region[region.v - model->first];

	entry->kind = r->type == TDX_PT_PAMT  ? LAB_NODE
		      : r->type == TDX_PT_REG ? LAB_LEAF
					      : LAB_FREE;
	entry->count = r->count.v;
	entry->pair[0] = r->pair[0];
	entry->pair[1] = r->pair[1];
}

static bool is_entry(void *ctx, const void *addr)
{
	struct model *model = ctx;

	return addr >= (void *)model->region && addr < (void *)(model->region + model->nr);
}

static bool name_of(void *ctx, const void *addr, char text[64])
{
	struct model *model = ctx;
	const char *at = addr;

	if (is_entry(model, addr)) {
		uint64_t i = (uint64_t)(at - (char *)model->region) / sizeof(*model->region);
		bool lock = addr == &model->region[i].lock;

		snprintf(text, 64, "the %s of the 2M entry of 0x%llx", lock ? "lock" : "page count",
			 (unsigned long long)((model->first + i) << TDX_2M_SHIFT));
		return true;
	}
	if (at >= (char *)model->page &&
	    at < (char *)(model->page + model->nr * TDX_PAGES_PER_2M)) {
		snprintf(text, 64, "the 4K entry of 0x%llx",
			 (unsigned long long)((model->first * TDX_PAGES_PER_2M +
					       (uint64_t)((const os_a16_t *)addr - model->page))
					      << TDX_PAGE_SHIFT));
		return true;
	}
	if (at >= (char *)model->bitmap &&
	    at < (char *)(model->bitmap + model->nr * TDX_PAGES_PER_2M / 64)) {
		snprintf(text, 64, "the bitmap of PAMT pages");
		return true;
	}
	return false;
}

static const char *fatal_rule(void *ctx) { return ((struct model *)ctx)->fatal; }

struct model *model_create(const struct os_services *os, region_t first, uint64_t nr)
{
	uint64_t pages = nr * TDX_PAGES_PER_2M;
	struct model *model = os->alloc(os->ctx, sizeof(*model));

	if (!model)
		return NULL;
	model->first = first.v;
	model->nr = nr;
	model->region = os->sparse_create(os->ctx, nr * sizeof(*model->region));
	model->page = os->sparse_create(os->ctx, pages * sizeof(*model->page));
	model->bitmap = os->sparse_create(os->ctx, pages / 8);
	return model->region && model->page && model->bitmap ? model : NULL;
}

void model_module(struct model *model, struct lab_module *module)
{
	*module = (struct lab_module){ .box = { .ctx = model, .call = call, .owns = owns },
				       .entry = entry,
				       .fatal = fatal_rule,
				       .is_entry = is_entry,
				       .name_of = name_of };
}

void model_set_cost(struct model *model, uint64_t (*cost)(uint32_t leaf)) { model->cost = cost; }
