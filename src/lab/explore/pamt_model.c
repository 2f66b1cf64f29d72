// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * pamt_model.c - what the TDX module does with PAMT entries, and nothing else: small enough to run
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

#include "lab/explore/pamt_model_internal.h"

static tdx_status_t rdmd(struct pamt_model *model, struct tdx_regs *regs)
{
	uint64_t at = regs->rcx & ~UINT64_C(0xfff);
	struct model_region *region;
	uint64_t size = regs->rcx & 7;

	if (size > TDX_2M || !is_known(model, at))
		return answer(TDX_OPERAND_INVALID, TDX_OP_RCX);
	region = region_at(model, at);
	if (!lock_shared(region))
		return answer(TDX_OPERAND_BUSY, TDX_OP_RCX);
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
static tdx_status_t nothing(struct pamt_model *model, struct tdx_regs *regs)
{
	return answer(TDX_SUCCESS, 0);
}

static tdx_status_t tdmr_init(struct pamt_model *model, struct tdx_regs *regs)
{
	regs->rdx = (model->first + model->nr) << TDX_2M_SHIFT;
	return answer(TDX_SUCCESS, 0);
}

/* The metadata fields that a host needs to make TDMRs. */
static tdx_status_t sys_rd(struct pamt_model *model, struct tdx_regs *regs)
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

static tdx_status_t (*const leaves[])(struct pamt_model *model, struct tdx_regs *regs) = {
	[TDH_PHYMEM_PAMT_ADD] = model_pamt_add,
	[TDH_PHYMEM_PAMT_REMOVE] = model_pamt_remove,
	[TDH_MEM_PAGE_AUG] = model_aug,
	[TDH_MEM_PAGE_REMOVE] = model_page_remove,
	[TDH_MEM_SEPT_ADD] = model_sept_add,
	[TDH_MEM_SEPT_REMOVE] = model_sept_remove,
	[TDH_PHYMEM_PAGE_RECLAIM] = model_reclaim,
	[TDH_MEM_PAGE_DEMOTE] = model_demote,
	[TDH_MEM_PAGE_PROMOTE] = model_promote,
	[TDH_PHYMEM_PAGE_RDMD] = rdmd,
	[TDH_SYS_INIT] = nothing,
	[TDH_SYS_LP_INIT] = nothing,
	[TDH_SYS_CONFIG] = nothing,
	[TDH_SYS_KEY_CONFIG] = nothing,
	[TDH_SYS_TDMR_INIT] = tdmr_init,
	[TDH_SYS_RD] = sys_rd,
};

static tdx_status_t call(void *ctx, uint32_t cpu, struct tdx_regs *regs)
{
	struct pamt_model *model = ctx;
	tdx_status_t status = answer(TDX_OPERAND_INVALID, TDX_OP_RAX);
	uint64_t leaf = TDX_RAX_LEAF(regs->rax);

	if (model->fatal)
		status = answer(TDX_SYS_SHUTDOWN, 0);
	else if (leaf < sizeof(leaves) / sizeof(leaves[0]) && leaves[leaf])
		status = leaves[leaf](model, regs);
	regs->rax = status.v;
	return status;
}

static bool owns(void *ctx, tdx_hpa_t page)
{
	struct pamt_model *model = ctx;
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
	struct pamt_model *model = ctx;
	const struct model_region *r = &model->region[region.v - model->first];

	entry->kind = r->type == TDX_PT_PAMT  ? LAB_NODE
		      : r->type == TDX_PT_REG ? LAB_LARGE
					      : LAB_FREE;
	entry->count = r->count.v;
	entry->pair[0] = r->pair[0];
	entry->pair[1] = r->pair[1];
}

static bool is_entry(void *ctx, const void *addr)
{
	struct pamt_model *model = ctx;

	return addr >= (void *)model->region && addr < (void *)(model->region + model->nr);
}

static bool name_of(void *ctx, const void *addr, char text[64])
{
	struct pamt_model *model = ctx;
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

static const char *fatal_rule(void *ctx) { return ((struct pamt_model *)ctx)->fatal; }

struct pamt_model *pamt_model_create(const struct os_services *os, region_t first, uint64_t nr)
{
	uint64_t pages = nr * TDX_PAGES_PER_2M;
	struct pamt_model *model = os->alloc(os->ctx, sizeof(*model));

	if (!model)
		return NULL;
	model->first = first.v;
	model->nr = nr;
	model->region = os->sparse_create(os->ctx, nr * sizeof(*model->region));
	model->page = os->sparse_create(os->ctx, pages * sizeof(*model->page));
	model->bitmap = os->sparse_create(os->ctx, pages / 8);
	return model->region && model->page && model->bitmap ? model : NULL;
}

void pamt_model_module(struct pamt_model *model, struct lab_module *module)
{
	*module = (struct lab_module){ .box = { .ctx = model, .call = call, .owns = owns },
				       .entry = entry,
				       .fatal = fatal_rule,
				       .is_entry = is_entry,
				       .name_of = name_of };
}
