// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * model_mem.c - rules of the leaves that work on a TD's memory.
 */
#include "model_attempt.h"

/* TDR, and a flag in bit 0, in RDX. */
static uint64_t handle_operand(const struct attempt *a)
{
	return a->in->rdx & 0xffe || a->in->rdx >> 52 ? OP(TDX_OPERAND_INVALID, RDX) : 0;
}

/* Pages for L2 VMs, of which there are none. */
static uint64_t l2_pages(const struct attempt *a)
{
	if (a->in->r9 != TDX_NULL_PA)
		return OP(TDX_OPERAND_INVALID, R9);
	if (a->in->r10 != TDX_NULL_PA)
		return OP(TDX_OPERAND_INVALID, R10);
	return a->in->r11 != TDX_NULL_PA ? OP(TDX_OPERAND_INVALID, R11) : 0;
}

uint64_t sept_add(struct attempt *a)
{
	/* On input bit 63 says nothing, but in the value that means "no page". */
	uint64_t page = a->in->r8 & ~(UINT64_C(1) << 63);
	bool v1 = a->in->rax >> 16;
	uint64_t status = handle_operand(a);

	if (v1) /* R8..R11 come back with marks */
		a->loose |= REG_BIT(r8) | REG_BIT(r9) | REG_BIT(r10) | REG_BIT(r11);
	if (!status)
		status = mapping(a, a->in->rdx & ~UINT64_C(1), false, IN_BUILT, 1, 4);
	if (status)
		return status;
	if (a->map && !a->map->table)
		return wrong_state();
	if (a->map && a->map->blocked)
		return wrong_state();
	if (a->in->r8 == TDX_NULL_PA && !v1)
		return OP(TDX_OPERAND_INVALID, R8);
	if (a->map ? a->in->r8 != TDX_NULL_PA && !(a->in->rdx & 1) : a->in->r8 == TDX_NULL_PA)
		return wrong_state();
	if (!a->map)
		status = free_page(a, page, TDX_OP_R8);
	if (!status && v1)
		status = l2_pages(a);
	if (status || a->map)
		return status;
	take_page(a, page, TDX_PT_EPT, a->td->tdr);
	a->td->children++;
	m_add_map(a->td,
		  &(struct m_map){ .gpa = a->gpa, .level = a->level, .table = true, .hpa = page });
	return 0;
}

/* The entry as a host may see it: RCX and RDX. */
static void show_entry(struct attempt *a, unsigned int level, const struct m_map *map)
{
	const uint64_t sve = UINT64_C(1) << 63, rwx = 0x407, leaf = 0xf0;
	enum tdx_sept_state state = TDX_SEPT_FREE;

	a->want.rcx = sve;
	if (map && map->table) {
		state = map->blocked ? TDX_SEPT_NL_BLOCKED : TDX_SEPT_NL_MAPPED;
		a->want.rcx = map->blocked ? 0 : rwx;
	} else if (map) {
		state = map->pending ? (map->blocked ? TDX_SEPT_PENDING_BLOCKED : TDX_SEPT_PENDING)
				     : (map->blocked ? TDX_SEPT_BLOCKED : TDX_SEPT_MAPPED);
		a->want.rcx = sve | leaf | map->hpa | (state == TDX_SEPT_MAPPED ? rwx : 0);
		/* How far the accept came is not kept. */
		if (map->half_accepted)
			a->want.rcx |= a->out->rcx & 0x1ff000;
	}
	a->want.rdx = (uint64_t)state << 8 | level;
}

uint64_t sept_rd(struct attempt *a)
{
	const uint64_t tdr = a->in->rdx & ~UINT64_C(1);
	uint64_t status;

	/* Bit 0 asks for what only a TD with L2 VMs has. */
	if (a->in->rdx & 1) {
		status = td_operand(a, tdr, TDX_OP_RDX, false);
		if (!status)
			status = td_built(a, IN_BUILT);
		return status ? status : OP(TDX_OPERAND_INVALID, RDX);
	}
	status = mapping(a, tdr, false, IN_BUILT, 0, 4);
	if (!status)
		show_entry(a, a->level, a->map);
	return status;
}

/* A page that the guest has, at a GPA. The entry at which the way there ends is shown if not. */
static uint64_t mapped_page(struct attempt *a, uint64_t gpa, uint64_t align,
			    const struct m_map **map)
{
	if (gpa & (align - 1) || gpa >> a->td->gpa_bits)
		return OP(TDX_OPERAND_INVALID, RCX);
	*map = m_find_leaf(a->td, gpa);
	if (*map && !(*map)->pending && !(*map)->blocked)
		return 0;
	a->loose |= REG_BIT(rcx) | REG_BIT(rdx);
	return OP(TDX_EPT_ENTRY_NOT_PRESENT, RCX);
}

uint64_t mr_extend(struct attempt *a)
{
	const struct m_map *map;
	uint64_t status = td_operand(a, a->in->rdx, TDX_OP_RDX, true);

	if (!status)
		status = td_built(a, IN_INITIALIZED);
	return status ? status : mapped_page(a, a->in->rcx, 256, &map);
}

/* The word that a debugger names. */
static uint64_t debugged_word(struct attempt *a, const uint64_t **word)
{
	const struct m_map *map;
	uint64_t status = td_operand(a, a->in->rdx, TDX_OP_RDX, false), size;

	a->want.r8 = 0;
	if (!status)
		status = td_built(a, IN_BUILT);
	if (!status && !(a->td->attributes & TDX_ATTR_DEBUG))
		status = TDX_TD_NON_DEBUG;
	if (!status)
		status = mapped_page(a, a->in->rcx, 8, &map);
	if (status)
		return status;
	size = UINT64_C(1) << TDX_LEVEL_SHIFT(map->level);
	*word = memory_map(a->m->memory, (tdx_hpa_t){ map->hpa | (a->in->rcx & (size - 1)) },
			   OS_READ);
	return 0;
}

uint64_t mem_rd(struct attempt *a)
{
	const uint64_t *word;
	uint64_t status = debugged_word(a, &word);

	if (!status)
		a->want.r8 = *word;
	return status;
}

uint64_t mem_wr(struct attempt *a)
{
	const uint64_t *word;
	uint64_t status = debugged_word(a, &word);

	if (status)
		return status;
	/* What was there before is gone; what is there now must be what was written. */
	a->loose |= REG_BIT(r8);
	return *word == a->in->r8 ? 0 : NOT_WRITTEN;
}

static bool table_is_empty(const struct m_td *td, const struct m_map *table)
{
	uint64_t size = UINT64_C(1) << TDX_LEVEL_SHIFT(table->level);

	for (size_t i = 0; i < td->nr_maps; i++)
		if (td->maps[i].level + 1 == table->level && td->maps[i].gpa >= table->gpa &&
		    td->maps[i].gpa - table->gpa < size)
			return false;
	return true;
}

uint64_t sept_remove(struct attempt *a)
{
	uint64_t status = mapping(a, a->in->rdx, false, IN_BUILT, 1, 4);

	if (status)
		return status;
	if (!a->map || !a->map->table)
		return wrong_state();
	status = out_of_reach(a);
	if (status)
		return status;
	if (!table_is_empty(a->td, a->map))
		return OP(TDX_EPT_PAGE_NOT_FREE, RCX);
	a->want.rcx = give_page(a, a->map->hpa);
	a->want.rdx = 0;
	a->td->children--;
	m_drop_map(a->td, a->gpa, a->level);
	return 0;
}

static void map_page(struct attempt *a, uint64_t hpa, bool pending)
{
	m_add_map(a->td,
		  &(struct m_map){
			  .gpa = a->gpa, .level = a->level, .pending = pending, .hpa = hpa });
	a->td->children += UINT64_C(1) << 9 * a->level;
}

uint64_t page_add(struct attempt *a)
{
	uint64_t status = mapping(a, a->in->rdx, true, IN_INITIALIZED, 0, 0);

	if (status)
		return status;
	if (a->map)
		return wrong_state();
	if (bad_shared(a, a->in->r9, SIZE_4K))
		return OP(TDX_OPERAND_INVALID, R9);
	status = free_page(a, a->in->r8, TDX_OP_R8);
	if (status)
		return status;
	take_page(a, a->in->r8, TDX_PT_REG, a->td->tdr);
	map_page(a, a->in->r8, false);
	return 0;
}

uint64_t page_aug(struct attempt *a)
{
	uint64_t status = mapping(a, a->in->rdx, false, IN_BUILT, 0, 1);

	if (status)
		return status;
	if (a->map)
		return wrong_state();
	status = a->level ? free_region(a, a->in->r8, TDX_OP_R8)
			  : free_page(a, a->in->r8, TDX_OP_R8);
	if (status)
		return status;
	if (a->level) {
		m_region(a->m, a->in->r8)->leaf = true;
		m_region(a->m, a->in->r8)->owner = a->td->tdr;
	} else {
		take_page(a, a->in->r8, TDX_PT_REG, a->td->tdr);
	}
	map_page(a, a->in->r8, true);
	return 0;
}

uint64_t range_block(struct attempt *a)
{
	uint64_t status = mapping(a, a->in->rdx, false, IN_BUILT, 0, 4);

	if (status)
		return status;
	if (!a->map)
		return wrong_state();
	if (a->map->blocked)
		return OP(TDX_GPA_RANGE_ALREADY_BLOCKED, RCX);
	a->map->blocked = true;
	a->map->half_accepted = false;
	a->map->bepoch = a->td->epoch;
	return 0;
}

uint64_t range_unblock(struct attempt *a)
{
	uint64_t status = mapping(a, a->in->rdx, false, IN_BUILT, 0, 4);

	if (status)
		return status;
	if (!a->map || !a->map->blocked)
		return wrong_state();
	status = out_of_reach(a);
	if (!status)
		a->map->blocked = false;
	return status;
}

uint64_t mem_track(struct attempt *a)
{
	uint64_t status = td_operand(a, a->in->rcx, TDX_OP_RCX, false);

	if (!status)
		status = td_built(a, IN_BUILT);
	if (status)
		return status;
	if (a->td->inside[(a->td->epoch + 1) & 1])
		return TDX_PREVIOUS_TLB_EPOCH_BUSY;
	a->td->epoch++;
	return 0;
}

uint64_t page_remove(struct attempt *a)
{
	uint64_t status = mapping(a, a->in->rdx, false, IN_BUILT, 0, 2);

	if (status)
		return status;
	if (!a->map || a->map->table)
		return wrong_state();
	status = out_of_reach(a);
	if (status)
		return status;
	a->want.rcx = a->map->hpa;
	a->want.rdx = 0;
	if (a->level == TDX_1G)
		m_drop_block(a->m, a->map->hpa);
	else if (a->level == TDX_2M)
		m_find_region(a->m, a->map->hpa)->leaf = false;
	else
		a->want.rcx = give_page(a, a->map->hpa);
	a->td->children -= UINT64_C(1) << 9 * a->level;
	m_drop_map(a->td, a->gpa, a->level);
	return 0;
}

uint64_t page_relocate(struct attempt *a)
{
	uint64_t status = mapping(a, a->in->rdx, false, IN_BUILT, 0, 0);

	if (status)
		return status;
	if (!a->map)
		return wrong_state();
	if (a->in->r8 == a->map->hpa)
		return OP(TDX_OPERAND_INVALID, R8);
	hold(a, a->map->hpa, true, true);
	status = out_of_reach(a);
	if (!status)
		status = free_page(a, a->in->r8, TDX_OP_R8);
	if (status)
		return status;
	take_page(a, a->in->r8, TDX_PT_REG, a->td->tdr);
	a->want.rcx = give_page(a, a->map->hpa);
	a->want.rdx = 0;
	a->map->hpa = a->in->r8;
	a->map->blocked = false;
	return 0;
}

/* The metadata of a guest page split into 512, or 512 merged into one. */
static void split_metadata(struct attempt *a, uint64_t hpa)
{
	if (a->level == TDX_1G) {
		for (uint64_t i = 0; i < 512; i++) {
			m_region(a->m, hpa + i * SIZE_2M)->leaf = true;
			m_region(a->m, hpa + i * SIZE_2M)->owner = a->td->tdr;
		}
		m_drop_block(a->m, hpa);
		return;
	}
	m_find_region(a->m, hpa)->leaf = false;
	for (uint64_t i = 0; i < 512; i++)
		take_page(a, hpa + i * SIZE_4K, TDX_PT_REG, a->td->tdr);
	if (a->m->dynamic)
		set_pair(a->m, hpa, a->in->r12, a->in->r13);
}

static void merge_metadata(struct attempt *a, uint64_t hpa)
{
	struct m_region *region;

	if (a->level == TDX_1G) {
		for (uint64_t i = 0; i < 512; i++)
			m_find_region(a->m, hpa + i * SIZE_2M)->leaf = false;
		m_add_block(a->m, hpa, a->td->tdr);
		return;
	}
	for (uint64_t i = 0; i < 512; i++)
		m_page(a->m, hpa + i * SIZE_4K)->type = TDX_PT_NDA;
	region = m_region(a->m, hpa);
	region->leaf = true;
	region->owner = a->td->tdr;
	if (a->m->dynamic) {
		a->want.r12 = region->pair[0];
		a->want.r13 = region->pair[1];
		clear_pair(a->m, region);
	}
}

/* R12 and R13 of a DEMOTE that needs them. */
static uint64_t demote_pair(struct attempt *a, uint64_t demoted)
{
	if (bad_private(a, a->in->r12, SIZE_4K))
		return OP(TDX_OPERAND_INVALID, R12);
	if (bad_private(a, a->in->r13, SIZE_4K))
		return OP(TDX_OPERAND_INVALID, R13);
	if (!m_covered(a->m, a->in->r12))
		return OP(TDX_OPERAND_ADDR_RANGE_ERROR, R12);
	if (!m_covered(a->m, a->in->r13))
		return OP(TDX_OPERAND_ADDR_RANGE_ERROR, R13);
	return donate(a, a->in->r12, TDX_OP_R12, a->in->r13, TDX_OP_R13, demoted, false);
}

uint64_t page_demote(struct attempt *a)
{
	uint64_t status = handle_operand(a);
	struct m_map map;

	if (!status)
		status = mapping(a, a->in->rdx & ~UINT64_C(1), false, IN_BUILT, 1, 2);
	if (status)
		return status;
	if (!a->map || a->map->table)
		return wrong_state();
	status = out_of_reach(a);
	if (!status)
		status = free_page(a, a->in->r8, TDX_OP_R8);
	if (!status && a->m->dynamic && a->level == TDX_2M)
		status = demote_pair(a, a->map->hpa);
	if (status)
		return status;
	map = *a->map;
	split_metadata(a, map.hpa);
	take_page(a, a->in->r8, TDX_PT_EPT, a->td->tdr);
	a->td->children++;
	*a->map =
		(struct m_map){ .gpa = a->gpa, .level = a->level, .table = true, .hpa = a->in->r8 };
	for (uint64_t i = 0; i < 512; i++) {
		uint64_t size = UINT64_C(1) << TDX_LEVEL_SHIFT(a->level - 1);

		m_add_map(a->td, &(struct m_map){ .gpa = a->gpa + i * size,
						  .level = a->level - 1,
						  .pending = map.pending,
						  .hpa = map.hpa + i * size });
	}
	return 0;
}

/* The first of 512 mappings that are one piece of memory in one state; NULL: they are not. */
static const struct m_map *mergeable(const struct m_td *td, const struct m_map *table)
{
	uint64_t size = UINT64_C(1) << TDX_LEVEL_SHIFT(table->level - 1);
	const struct m_map *first = m_find_map(td, table->gpa, table->level - 1);

	if (!first || first->table || first->blocked || first->hpa & (512 * size - 1))
		return NULL;
	for (uint64_t i = 0; i < 512; i++) {
		const struct m_map *map = m_find_map(td, table->gpa + i * size, table->level - 1);

		if (!map || map->table || map->blocked || map->pending != first->pending ||
		    map->hpa != first->hpa + i * size)
			return NULL;
	}
	return first;
}

uint64_t page_promote(struct attempt *a)
{
	uint64_t status = mapping(a, a->in->rdx, false, IN_BUILT, 1, 2);
	uint64_t size;
	const struct m_map *first;
	struct m_map map;

	if (status)
		return status;
	if (!a->map || !a->map->table)
		return wrong_state();
	status = out_of_reach(a);
	if (status)
		return status;
	first = mergeable(a->td, a->map);
	if (!first)
		return OP(TDX_EPT_INVALID_PROMOTE_CONDITIONS, RCX);
	map = *first;
	size = UINT64_C(1) << TDX_LEVEL_SHIFT(a->level - 1);
	merge_metadata(a, map.hpa);
	a->want.rcx = give_page(a, a->map->hpa);
	a->want.rdx = 0;
	a->td->children--;
	for (uint64_t i = 0; i < 512; i++)
		m_drop_map(a->td, a->gpa + i * size, a->level - 1);
	*m_find_map(a->td, a->gpa, a->level) = (struct m_map){
		.gpa = a->gpa,
		.level = a->level,
		.pending = map.pending,
		.half_accepted = map.half_accepted,
		.hpa = map.hpa,
	};
	return 0;
}
