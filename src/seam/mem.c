// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * mem.c - the checks that the MEM leaves begin with, and those that several of them make later.
 */
#include "seam/hpa.h"
#include "seam/mem.h"

#define MAP_LEVEL    UINT64_C(7)
#define MAP_RESERVED (UINT64_C(0xff8) | ~((UINT64_C(1) << TDX_PA_BITS) - 1))

/* RCX: guest range. Format, level, alignment. */
static bool decode_map(const struct call *call, const struct mem_rule *rule, struct mem *mem)
{
	uint64_t map = call->in.rcx;
	uint32_t max = rule->max_level == MEM_ROOT ? mem->td.tdcs->pwl : rule->max_level;

	mem->level = map & MAP_LEVEL;
	mem->gpa = gpa(map & ~MAP_LEVEL);
	if (map & MAP_RESERVED || mem->level < rule->min_level || mem->level > max)
		return false;
	return !(mem->gpa.v & ((UINT64_C(1) << TDX_LEVEL_SHIFT(mem->level)) - 1));
}

/* What is asked of the TD's state and of RCX. Nothing of it changes while the TDR is locked. */
static tdx_status_t check_operands(struct call *call, const struct mem_rule *rule, struct mem *mem)
{
	tdx_status_t status = td_check_op_state(call, &mem->td);

	if (call_failed(status))
		return status;
	if (mem->flag && rule->flag == MEM_DEBUG_FLAG)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RDX);
	if (!decode_map(call, rule, mem) || mem->gpa.v >> mem->td.tdcs->gpa_bits)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RCX);
	return CALL_OK;
}

/*
 * OP_STATE's lock, then the operands, then the tree's. The operands are looked at first, since the
 * TDR's lock holds still what they are judged by; what is wrong with them is reported in its turn.
 * Where nothing is wrong and nobody in the way one step takes both locks, and nobody can tell. A
 * plan of faults is asked at each.
 */
static tdx_status_t lock_td(struct call *call, const struct mem_rule *rule, struct mem *mem)
{
	tdx_status_t operands = check_operands(call, rule, mem);
	os_a64_t *locks = &mem->td.tdcs->locks;
	bool exclusive = rule->tree_exclusive;

	if (rule->tdr_exclusive)
		return operands;
	if (!call_failed(operands) && !call->faults &&
	    (exclusive ? call_lock(call, locks, LOCK_PAIR_X) : call_lock(call, locks, LOCK_PAIR_S)))
		return CALL_OK;
	if (!call_lock(call, locks, LOCK_SHAREX_HP_S))
		return status_operand(TDX_OPERAND_BUSY, TDX_OP_OP_STATE);
	if (call_failed(operands))
		return operands;
	if (!(exclusive ? call_lock(call, locks, LOCK_SECOND_X)
			: call_lock(call, locks, LOCK_SECOND_S)))
		return status_operand(TDX_OPERAND_BUSY, TDX_OP_SEPT_TREE);
	return CALL_OK;
}

/* To the entry, which is locked unless the whole TD is. */
static tdx_status_t walk(struct call *call, const struct mem_rule *rule, struct mem *mem)
{
	sept_walk_locked(call, &mem->td, mem->gpa, mem->level, &mem->pos);
	if (mem->pos.level != mem->level)
		return mem_entry_status(call, mem, TDX_EPT_WALK_FAILED);
	if (!rule->tdr_exclusive &&
	    !call_lock_read(call, mem->pos.entry, LOCK_SEPT_ENTRY, &mem->pos.value))
		return mem_entry_status(call, mem, TDX_OPERAND_BUSY);
	mem->state = sept_state(mem->pos.value);
	return CALL_OK;
}

tdx_status_t mem_decode_entry(struct call *call, const struct mem_rule *rule, struct mem *mem)
{
	tdx_hpa_t tdr = hpa(call->in.rdx);
	tdx_status_t status;

	mem->flag = rule->flag != MEM_NO_FLAG && tdr.v & 1;
	if (mem->flag)
		tdr.v &= ~UINT64_C(1);
	status = td_explicit(call, tdr, TDX_OP_RDX, rule->tdr_exclusive, &mem->td);
	if (call_failed(status))
		return status;
	status = td_has_tdcs(call, &mem->td);
	if (call_failed(status))
		return status;
	status = lock_td(call, rule, mem);
	if (call_failed(status))
		return status;
	return walk(call, rule, mem);
}

tdx_status_t mem_decode(struct call *call, const struct mem_rule *rule, struct mem *mem)
{
	tdx_status_t status = mem_decode_entry(call, rule, mem);

	if (call_failed(status))
		return status;
	if (mem->state == SEPT_NO_STATE || !(1u << mem->state & rule->states))
		return mem_entry_status(call, mem, TDX_EPT_ENTRY_STATE_INCORRECT);
	return CALL_OK;
}

tdx_status_t mem_entry_status(struct call *call, const struct mem *mem, uint64_t code)
{
	sept_details(call, &mem->pos);
	return status_operand(code, TDX_OP_RCX);
}

/*
 * Is the range out of every vCPU's reach, as far as the TD's state asks for it? page: the metadata
 * that holds the epoch of its blocking.
 */
static tdx_status_t check_tracked(struct call *call, const struct mem *mem,
				  const struct pamt_page *page)
{
	struct sept_pos shown = mem->pos;

	if (!td_has_running_vcpus(mem->td.tdcs))
		return CALL_OK;
	if (!sept_states[mem->state].blocked) {
		/* Shown without the progress of an ACCEPT, as the leaf would go on with it. */
		shown.value &= ~sept_progress(mem->pos.value, mem->level);
		sept_details(call, &shown);
		return status_operand(TDX_GPA_RANGE_NOT_BLOCKED, TDX_OP_RCX);
	}
	/* Relaxed: BLOCK wrote it under the entry's lock, which this call has now. */
	if (!td_tracked(mem->td.tdcs, os_load64(&page->entry->tail, OS_RELAXED)))
		return status_operand(TDX_TLB_TRACKING_NOT_DONE, TDX_OP_RCX);
	return CALL_OK;
}

tdx_status_t mem_find_page(struct call *call, const struct mem *mem, struct pamt_page *page)
{
	uint32_t size = mem_size(mem);

	return pamt_find(call, sept_large_page(mem->pos.value, size), size, page);
}

tdx_status_t mem_find_tracked(struct call *call, const struct mem *mem, struct pamt_page *page)
{
	tdx_status_t status = mem_find_page(call, mem, page);

	return call_failed(status) ? status : check_tracked(call, mem, page);
}

tdx_status_t mem_take_tracked(struct call *call, const struct mem *mem, tdx_hpa_t at, uint32_t size,
			      struct pamt_page *page)
{
	tdx_status_t status =
		pamt_implicit(call, (struct pamt_operand){ at, TDX_OP_RCX, true }, size, page);

	return call_failed(status) ? status : check_tracked(call, mem, page);
}

tdx_status_t mem_find_mapped(struct call *call, const struct td *td, tdx_gpa_t at,
			     struct sept_pos *pos)
{
	sept_walk(call, td, at, TDX_4K, pos);
	if (sept_state(pos->value) == SEPT_MAPPED)
		return CALL_OK;
	sept_details(call, pos);
	return status_operand(TDX_EPT_ENTRY_NOT_PRESENT, TDX_OP_RCX);
}

tdx_status_t mem_check_interrupt(struct call *call, const struct mem *mem)
{
	tdx_status_t status = CALL_OK;

	if (call_interrupted(call))
		status = tdx_status(TDX_INTERRUPTED_RESTARTABLE, 0);
	/* Relaxed: a hint, set by whoever failed to get the tree exclusively. */
	else if (os_load64(&mem->td.tdcs->locks, OS_RELAXED) & LOCK_HP << PAIR_SECOND)
		status = tdx_status(TDX_INTERRUPTED_BUSY, 0);
	if (call_failed(status)) {
		call->regs->rcx = call->in.rcx;
		call->regs->rdx = call->in.rdx;
	}
	return status;
}
