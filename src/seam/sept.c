// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sept.c - entries of the secure EPT and the walk through it. States: sept.h.
 */
#include "seam/sept.h"

const struct sept_state_info sept_states[SEPT_NR_STATES] = {
	[SEPT_FREE] = { SEPT_SVE | SEPT_TDEX | SEPT_TDBW | SEPT_TDB, TDX_SEPT_FREE, SEPT_FREE,
			SEPT_FREE, false },
	[SEPT_NL_MAPPED] = { SEPT_RWX, TDX_SEPT_NL_MAPPED, SEPT_NL_BLOCKED, SEPT_NL_MAPPED, false },
	[SEPT_NL_BLOCKED] = { SEPT_TDB, TDX_SEPT_NL_BLOCKED, SEPT_NL_BLOCKED, SEPT_NL_MAPPED,
			      true },
	[SEPT_MAPPED] = { SEPT_SVE | SEPT_LEAF | SEPT_RWX, TDX_SEPT_MAPPED, SEPT_BLOCKED,
			  SEPT_MAPPED, false },
	[SEPT_BLOCKED] = { SEPT_SVE | SEPT_LEAF | SEPT_TDB, TDX_SEPT_BLOCKED, SEPT_BLOCKED,
			   SEPT_MAPPED, true },
	[SEPT_PENDING] = { SEPT_SVE | SEPT_LEAF | SEPT_TDP, TDX_SEPT_PENDING, SEPT_PENDING_BLOCKED,
			   SEPT_PENDING, false },
	[SEPT_PENDING_BLOCKED] = { SEPT_SVE | SEPT_LEAF | SEPT_TDP | SEPT_TDB,
				   TDX_SEPT_PENDING_BLOCKED, SEPT_PENDING_BLOCKED, SEPT_PENDING,
				   true },
};

/* A code as sept_state() computes it, from the letters of the bits. */
#define TDEX 4
#define TDBW 8
#define TDB  16
#define TDP  32
#define LEAF 3 /* IPAT and PS */

const uint8_t sept_state_by_code[64] = {
	[TDEX | TDBW | TDB] = SEPT_FREE + 1,
	[0] = SEPT_NL_MAPPED + 1,
	[TDB] = SEPT_NL_BLOCKED + 1,
	[LEAF] = SEPT_MAPPED + 1,
	[LEAF | TDB] = SEPT_BLOCKED + 1,
	[LEAF | TDP] = SEPT_PENDING + 1,
	[LEAF | TDP | TDB] = SEPT_PENDING_BLOCKED + 1,
};

static inline os_a64_t *entry_in(os_a64_t *table, tdx_gpa_t gpa, uint32_t level)
{
	return &table[gpa.v >> TDX_LEVEL_SHIFT(level) & (SEPT_ENTRIES - 1)];
}

/* Returns the page in which the entry is, HPA_NONE if that is the root. */
static inline tdx_hpa_t walk(struct call *call, const struct td *td, tdx_gpa_t gpa, uint32_t level,
			     struct sept_pos *pos)
{
	os_a64_t *entry = td_map_page(call, td->tdr, TDCS_PAGE_SEPT, OS_WRITE);
	tdx_hpa_t table = HPA_NONE;
	uint64_t value;
	uint32_t at = td->tdcs->pwl;

	for (;; at--) {
		entry = entry_in(entry, gpa, at);
		/* Acquire: the page that the entry points to was filled before. */
		value = os_load64(entry, OS_ACQUIRE);
		if (at <= level || sept_is_leaf(value) || !(value & SEPT_RWX))
			break;
		table = sept_page(value);
		entry = pamt_map_owned(call, table, OS_WRITE);
	}
	*pos = (struct sept_pos){ .entry = entry, .value = value, .level = at };
	return table;
}

void sept_walk(struct call *call, const struct td *td, tdx_gpa_t gpa, uint32_t level,
	       struct sept_pos *pos)
{
	walk(call, td, gpa, level, pos);
}

void sept_walk_locked(struct call *call, const struct td *td, tdx_gpa_t gpa, uint32_t level,
		      struct sept_pos *pos)
{
	uint64_t range = gpa.v >> TDX_LEVEL_SHIFT(level + 1);
	struct table_map *map = &call->maps->table[(range + level) % TABLE_MAPS];
	struct table_map found = { td->address.v | level, td->tdcs->tables, range, HPA_NONE };

	if (map->td_level == found.td_level && map->tables == found.tables && map->range == range) {
		pos->entry = entry_in(pamt_map_owned(call, map->page, OS_WRITE), gpa, level);
		/* Acquire: as in walk(). */
		pos->value = os_load64(pos->entry, OS_ACQUIRE);
		pos->level = level;
		return;
	}
	found.page = walk(call, td, gpa, level, pos);
	if (pos->level == level && !hpa_is_none(found.page))
		*map = found;
}

void sept_new_tables(struct call *call, struct tdcs *tdcs)
{
	/* Relaxed: no two are the same, and that is all. */
	tdcs->tables = os_fetch_add64(&call->seam->nr_tables, 1, OS_RELAXED) + 1;
}

void sept_clear_page(void *entries)
{
	/* Plain stores: the page becomes visible with the store that links it, a release. */
	os_fill64(entries, SEPT_FREE_ENTRY, SEPT_ENTRIES);
}

void sept_details(struct call *call, const struct sept_pos *pos)
{
	enum sept_state state = sept_state(pos->value);
	uint64_t view = pos->value & SEPT_RWX;

	if (state == SEPT_FREE)
		view = pos->value & SEPT_SVE;
	else if (sept_is_leaf(pos->value))
		view = pos->value & (SEPT_RWX | SEPT_LEAF | SEPT_PAGE | SEPT_SVE);
	call->regs->rcx = view;
	call->regs->rdx = pos->level;
	if (state != SEPT_NO_STATE)
		call->regs->rdx |= (uint64_t)sept_states[state].public << 8;
}

void sept_set(os_a64_t *entry, uint64_t value)
{
	uint64_t old = os_load64(entry, OS_RELAXED);

	/*
	 * Release: what the entry now points to is seen by whoever walks through it. On failure
	 * somebody has left HP in between; nobody else changes a locked entry.
	 */
	while (!os_cas64(entry, &old, value | (old & SEPT_HP), OS_ACQ_REL))
		;
}

void sept_commit(struct call *call, struct sept_pos *pos, uint64_t value)
{
	sept_set(pos->entry, value);
	call_lock_forget(call, pos->entry);
}

void sept_commit_alone(struct call *call, struct sept_pos *pos, uint64_t value)
{
	/* Release: as in sept_set(). */
	os_store64(pos->entry, value, OS_RELEASE);
	call_lock_forget(call, pos->entry);
}
