// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * page_split.c - MEM.PAGE.DEMOTE and MEM.PAGE.PROMOTE: one large guest page becomes 512 smaller
 * ones, and back.
 *
 * The S-EPT's side is the same at every level and in both modes: one leaf against a page of 512.
 * The metadata's side differs. Between 1G and 2M, and with static PAMT also between 2M and 4K, the
 * smaller entries are there already, in the TDMR's array. Between 2M and 4K with Dynamic PAMT they
 * are in a pair of pages, which DEMOTE is given in R12/R13 and PROMOTE gives back.
 */
#include "seam/dispatch.h"
#include "seam/donate.h"
#include "seam/hpa.h"
#include "seam/mem.h"

static const struct mem_rule demote_rule = {
	.flag = MEM_FLAG,
	.min_level = TDX_2M,
	.max_level = TDX_1G,
	.states = SEPT_ALLOW_LEAF,
};

static const struct mem_rule promote_rule = {
	.tree_exclusive = true,
	.min_level = TDX_2M,
	.max_level = TDX_1G,
	.states = SEPT_ALLOW_NON_LEAF,
};

static bool is_pair_level(const struct seam *seam, uint32_t level)
{
	return seam->dpamt && level == TDX_2M;
}

/*
 * The first 256 (half 0) or last 256 metadata entries one level below a page. pair: addresses of
 * the two pages that hold them, where that is so.
 */
static struct pamt_entry *children(struct call *call, const struct pamt_page *large, tdx_hpa_t page,
				   const tdx_hpa_t *pair, uint32_t half)
{
	if (pair)
		return pamt_map_owned(call, pair[half], OS_WRITE);
	page.v += (uint64_t)half << (TDX_LEVEL_SHIFT(large->level) - 1);
	return pamt_entry_at(call, large->tdmr, page, large->level - 1);
}

/* ------------------------------------------------------------------------------------------- */
/* DEMOTE.                                                                                      */

/*
 * Plain stores: nobody can reach the entries before the entry above them says so, which is a
 * release.
 */
static void fill_children(struct call *call, const struct pamt_page *large, tdx_hpa_t page,
			  const tdx_hpa_t *pair, uint64_t head)
{
	for (uint32_t half = 0; half < 2; half++) {
		struct pamt_entry *entry = children(call, large, page, pair, half);

		for (uint32_t i = 0; i < 256; i++) {
			entry[i].head.v = head;
			entry[i].tail.v = 0;
		}
	}
}

static void split_metadata(struct call *call, const struct mem *mem, const struct pamt_page *large,
			   const tdx_hpa_t *pair)
{
	tdx_hpa_t at = sept_large_page(mem->pos.value, mem->level);

	fill_children(call, large, at, pair, pamt_head(TDX_PT_REG, mem->td.address));
	if (pair)
		pamt_make_node(large->entry, pair, TDX_PAGES_PER_2M);
	else
		pamt_set(large->entry, TDX_PT_NDA, PAMT_NO_OWNER);
}

/* The new S-EPT page. Blocking ends: there is nothing cached. */
static void fill_sept(struct call *call, const struct mem *mem, tdx_hpa_t sept)
{
	enum sept_state state = (enum sept_state)sept_states[mem->state].after_unblock;
	uint64_t step = UINT64_C(1) << TDX_LEVEL_SHIFT(mem->level - 1);
	uint64_t entry = sept_entry(state, sept_large_page(mem->pos.value, mem->level));
	os_a64_t *entries = module_map(call->seam, sept, OS_FILL);

	/* Plain stores: the page becomes visible with the entry that links it, a release. */
	for (uint32_t i = 0; i < SEPT_ENTRIES; i++)
		entries[i].v = entry + i * step;
}

tdx_status_t tdh_mem_page_demote(struct call *call)
{
	tdx_hpa_t pair[2] = { hpa(call->in.r12), hpa(call->in.r13) };
	struct pamt_page large, sept;
	struct mem mem;
	bool with_pair;
	tdx_status_t status = mem_decode(call, &demote_rule, &mem);

	if (call_failed(status))
		return status;
	status = mem_find_tracked(call, &mem, &large);
	if (call_failed(status))
		return status;
	status = pamt_free_4k(call, hpa(call->in.r8), TDX_OP_R8, &sept);
	if (call_failed(status))
		return status;
	status = mem_check_interrupt(call, &mem);
	if (call_failed(status))
		return status;
	status = pamt_lock_found(call, &large, TDX_OP_RCX);
	if (call_failed(status))
		return status;
	with_pair = is_pair_level(call->seam, mem.level);
	if (with_pair) {
		status = donate_pair(call, pair, TDX_OP_R12, TDX_OP_R13);
		if (call_failed(status))
			return status;
	}

	split_metadata(call, &mem, &large, with_pair ? pair : NULL);
	fill_sept(call, &mem, hpa(call->in.r8));
	pamt_claim(call, &sept, TDX_PT_EPT, mem.td.address);
	td_add_children(call, &mem.td, 1);
	sept_commit(call, &mem.pos, sept_entry(SEPT_NL_MAPPED, hpa(call->in.r8)));
	return CALL_OK;
}

/* ------------------------------------------------------------------------------------------- */
/* PROMOTE.                                                                                     */

/*
 * All 512 children leaves of one state, MAPPED or PENDING, of one contiguous, aligned piece of
 * memory? *first: the first of them; the page keeps its progress of an ACCEPT.
 */
static bool children_match(struct call *call, const struct mem *mem, uint64_t *first)
{
	const os_a64_t *entries = pamt_map_owned(call, sept_page(mem->pos.value), OS_READ);
	uint64_t step = UINT64_C(1) << TDX_LEVEL_SHIFT(mem->level - 1);
	/* HP is left by hosts that failed to lock one; how far an ACCEPT came does not matter. */
	uint64_t ignored = SEPT_HP | (mem->level > TDX_2M ? SEPT_ACCEPTED : 0);
	uint64_t different = 0;
	enum sept_state state;

	/*
	 * Plain loads: the tree is locked and no vCPU has a way to the entries, so that they stand
	 * still.
	 */
	*first = entries[0].v & ~SEPT_HP;
	state = sept_state(*first);
	if (state != SEPT_MAPPED && state != SEPT_PENDING)
		return false;
	for (uint32_t i = 1; i < SEPT_ENTRIES; i++)
		different |= entries[i].v ^ (*first + i * step);
	return !(different & ~ignored) && !(sept_large_page(*first, mem->level - 1).v &
					    ((UINT64_C(1) << TDX_LEVEL_SHIFT(mem->level)) - 1));
}

/*
 * The metadata of the children says that all are the TD's guest pages? Then it is given up, where
 * the entries stay in the TDMR's array; those of a pair go with the pair.
 */
static bool give_up_children(struct call *call, const struct pamt_page *large, tdx_hpa_t page,
			     const tdx_hpa_t *pair, uint64_t expected)
{
	for (uint32_t half = 0; half < 2; half++) {
		struct pamt_entry *entry = children(call, large, page, pair, half);
		uint64_t different = 0;

		for (uint32_t i = 0; i < 256; i += 4)
			different |=
				(entry[i].head.v ^ expected) | (entry[i + 1].head.v ^ expected) |
				(entry[i + 2].head.v ^ expected) | (entry[i + 3].head.v ^ expected);
		if (different & ~LOCK_MASK)
			return false;
		for (uint32_t i = 0; i < 256 && !pair; i++)
			entry[i].head.v &= ~PAMT_TYPE_MASK;
	}
	return true;
}

static tdx_status_t merge_metadata(struct call *call, const struct mem *mem,
				   const struct pamt_page *large, tdx_hpa_t at)
{
	uint64_t expected = pamt_head(TDX_PT_REG, mem->td.address);
	tdx_hpa_t pair[2];

	if (is_pair_level(call->seam, mem->level)) {
		pamt_node_pair(large->entry, pair);
		if (!give_up_children(call, large, at, pair, expected))
			return call_fatal(call, FATAL_PROMOTE, at);
		donate_return(call, pair);
		call->regs->r12 = pair[0].v;
		call->regs->r13 = pair[1].v;
	} else if (!give_up_children(call, large, at, NULL, expected)) {
		return call_fatal(call, FATAL_PROMOTE, at);
	}
	/*
	 * With static PAMT the epoch of the last blocking stays, from before it was split.
	 * Relaxed: ordered by the change of the head that follows.
	 */
	if (call->seam->dpamt)
		os_store64(&large->entry->tail, 0, OS_RELAXED);
	pamt_set(large->entry, TDX_PT_REG, mem->td.address);
	return CALL_OK;
}

tdx_status_t tdh_mem_page_promote(struct call *call)
{
	struct pamt_page large, sept;
	tdx_hpa_t freed, at;
	uint64_t first;
	struct mem mem;
	tdx_status_t status = mem_decode(call, &promote_rule, &mem);

	if (call_failed(status))
		return status;
	freed = sept_page(mem.pos.value);
	status = mem_take_tracked(call, &mem, freed, TDX_4K, &sept);
	if (call_failed(status))
		return status;
	if (!children_match(call, &mem, &first))
		return mem_entry_status(call, &mem, TDX_EPT_INVALID_PROMOTE_CONDITIONS);
	at = sept_large_page(first, mem.level);
	status = mem_check_interrupt(call, &mem);
	if (call_failed(status))
		return status;
	status = pamt_implicit_parent(call, at, mem.level, TDX_OP_RCX, &large);
	if (call_failed(status))
		return status;

	status = merge_metadata(call, &mem, &large, at);
	if (call_failed(status))
		return status;
	sept_new_tables(call, mem.td.tdcs);
	sept_commit_alone(call, &mem.pos, sept_entry(sept_state(first), sept_page(first)));
	td_drop_children(call, &mem.td, 1);
	call->regs->rcx = freed.v | (pamt_release(call, &sept) ? TDX_HINT_BIT : 0);
	return CALL_OK;
}
