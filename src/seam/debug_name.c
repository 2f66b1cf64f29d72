// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * debug_name.c - the names of locks, for who takes down what a call did: a word is compared with
 * all that the registers of the call may have led to.
 */
#include "seam/debug_call.h"
#include "seam/hpa.h"

static bool is_page_word(struct seam *seam, tdx_hpa_t page, struct seam_debug_word *found)
{
	for (unsigned int level = TDX_4K; level <= TDX_1G; level++) {
		const struct pamt_entry *entry = pamt_peek(seam, page, level);

		if (!entry || &entry->head != found->word)
			continue;
		found->is_page = true;
		found->at = page.v & ~((UINT64_C(1) << TDX_LEVEL_SHIFT(level)) - 1);
		found->level = level;
		return true;
	}
	return false;
}

static bool is_lock(struct call *call, enum seam_debug_lock what, uint64_t at, uint64_t map,
		    struct seam_debug_word *found)
{
	if (debug_find_lock(call, what, at, map) != found->word)
		return false;
	found->what = what;
	found->at = at;
	found->map = map;
	return true;
}

/* Of the module itself. */
static bool is_global_word(struct call *call, struct seam_debug_word *found)
{
	const struct seam *seam = call->seam;

	if (is_lock(call, SEAM_DEBUG_SYS, 0, 0, found) ||
	    is_lock(call, SEAM_DEBUG_KOT, 0, 0, found))
		return true;
	for (uint32_t i = 0; i < seam->config.nr_packages; i++)
		if (is_lock(call, SEAM_DEBUG_WBT, i, 0, found))
			return true;
	for (uint32_t i = 0; i < seam->nr_tdmrs; i++)
		if (is_lock(call, SEAM_DEBUG_TDMR, seam->tdmr[i].base.v, 0, found))
			return true;
	return false;
}

/* On the way to a GPA of the TD, or the page there. */
static bool is_sept_word(struct call *call, tdx_hpa_t tdr, uint64_t rcx,
			 struct seam_debug_word *found)
{
	struct sept_pos pos;
	struct td td;

	if (!debug_find_td_sept(call, tdr, &td) || rcx >> td.tdcs->gpa_bits)
		return false;
	for (uint32_t level = TDX_4K; level <= td.tdcs->pwl; level++) {
		uint64_t at = rcx & ~((UINT64_C(1) << TDX_LEVEL_SHIFT(level)) - 1);

		if (is_lock(call, SEAM_DEBUG_SEPTE, tdr.v, at | level, found))
			return true;
		sept_walk(call, &td, gpa(at), level, &pos);
		if (is_page_word(call->seam, sept_page(pos.value), found))
			return true;
	}
	return false;
}

static bool is_td_word(struct call *call, tdx_hpa_t tdr, bool second, uint64_t rcx,
		       struct seam_debug_word *found)
{
	return is_page_word(call->seam, tdr, found) ||
	       is_lock(call, second ? SEAM_DEBUG_SEPT : SEAM_DEBUG_OPSTATE, tdr.v, 0, found) ||
	       is_lock(call, SEAM_DEBUG_EPOCH, tdr.v, 0, found) ||
	       is_sept_word(call, tdr, rcx, found);
}

/* The TD whose page this is, or the TDR itself; HPA_NONE: nobody's. */
static tdx_hpa_t td_of_page(struct seam *seam, tdx_hpa_t page)
{
	struct seam_owner owner;

	if (!seam_owns(seam, page, &owner) || owner.type == TDX_PT_PAMT)
		return HPA_NONE;
	return owner.tdr;
}

bool seam_debug_find_lock(struct seam *seam, const os_a64_t *word, bool second,
			  const struct tdx_regs *regs, struct seam_debug_word *found)
{
	const uint64_t *reg = &regs->rax;
	struct debug_call debug;
	struct call *call = debug_begin_call(&debug, seam);

	*found = (struct seam_debug_word){ .word = word };
	if (is_global_word(call, found))
		return true;
	for (uint32_t i = 1; i < sizeof(*regs) / sizeof(*reg); i++) {
		tdx_hpa_t page = hpa_strip(seam, hpa(reg[i] & ~(TDX_PAGE_SIZE - 1)));
		tdx_hpa_t tdr = td_of_page(seam, page);

		if (is_page_word(seam, page, found) ||
		    (!hpa_is_none(tdr) &&
		     is_td_word(call, tdr, second, regs->rcx & ~(TDX_PAGE_SIZE - 1), found)))
			return true;
	}
	return false;
}

bool seam_debug_lock_word(struct seam *seam, enum seam_debug_lock what, uint64_t at, uint64_t map,
			  struct seam_debug_word *found)
{
	struct debug_call debug;
	struct call *call = debug_begin_call(&debug, seam);

	*found = (struct seam_debug_word){ .word = debug_find_lock(call, what, at, map) };
	return found->word && is_lock(call, what, at, map, found);
}

bool seam_debug_is_held(const struct seam_debug_word *lock, bool *exclusive)
{
	/* Relaxed: a look, exact while nobody is in the module. */
	uint64_t value = os_load64(lock->word, OS_RELAXED);
	bool hp =
		lock->is_page || lock->what == SEAM_DEBUG_OPSTATE || lock->what == SEAM_DEBUG_SEPT;

	if (!lock->is_page && lock->what == SEAM_DEBUG_SEPT)
		value >>= PAIR_SECOND;
	if (!lock->is_page && lock->what == SEAM_DEBUG_SEPTE) {
		*exclusive = true;
		return value & SEPT_LOCK;
	}
	*exclusive = value & LOCK_EXCLUSIVE;
	return value & LOCK_EXCLUSIVE ||
	       value & (hp ? LOCK_HP_READERS : LOCK_MASK & ~LOCK_EXCLUSIVE);
}
