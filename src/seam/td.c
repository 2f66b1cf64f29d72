// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * td.c - the TD operand of a leaf, its state, and the rule that says when a blocked page is out
 * of every vCPU's reach.
 */
#include "seam/hpa.h"
#include "seam/td.h"

/* The TDR behind metadata that is locked, if it is one that the module wrote. */
static tdx_status_t use_tdr(struct call *call, tdx_hpa_t address, struct td *td)
{
	struct tdr *tdr = module_map(call->seam, address, OS_WRITE);

	td->address = address;
	td->tdr = tdr;
	td->tdcs = NULL;
	if (!hkid_is_private(call->seam, tdr->hkid) || tdr->nr_tdcx > TDX_MAX_TDCX)
		return call_fatal(call, FATAL_CONTROL, address);
	return CALL_OK;
}

tdx_status_t td_explicit(struct call *call, tdx_hpa_t address, enum tdx_operand operand,
			 bool exclusive, struct td *td)
{
	tdx_status_t status = pamt_explicit(
		call, (struct pamt_operand){ address, operand, exclusive }, TDX_PT_TDR, &td->page);

	return call_failed(status) ? status : use_tdr(call, address, td);
}

tdx_status_t td_implicit(struct call *call, tdx_hpa_t address, bool exclusive, struct td *td)
{
	tdx_status_t status = pamt_implicit(
		call, (struct pamt_operand){ address, TDX_OP_TDR, exclusive }, TDX_4K, &td->page);

	if (call_failed(status))
		return status;
	if (pamt_type(td->page.head) != TDX_PT_TDR)
		return call_fatal(call, FATAL_IMPLICIT, address);
	return use_tdr(call, address, td);
}

/* What is used as a number of levels, of bits, of elements. */
static bool tdcs_is_sane(const struct tdcs *tdcs)
{
	bool has_root = tdcs->pwl == 3 || tdcs->pwl == 4;

	return tdcs->op_state < 32 && tdcs->max_vcpus <= TDX_MAX_VCPUS &&
	       tdcs->nr_l2_vms <= TDX_MAX_L2_VMS && tdcs->shared_bit <= TDX_PA_BITS &&
	       tdcs->gpa_bits <= TDX_PA_BITS && tdcs->building <= 1 &&
	       (has_root || (!tdcs->pwl && tdcs->op_state == TDX_OP_UNINITIALIZED));
}

struct tdcs *td_tdcs(struct call *call, const struct tdr *tdr)
{
	struct tdcs *tdcs;

	if (tdr->nr_tdcx < TDX_MIN_TDCX)
		return NULL;
	tdcs = td_map_page(call, tdr, TDCS_PAGE, OS_WRITE);
	if (pamt_is_nowhere(call, tdcs))
		return NULL;
	if (tdcs_is_sane(tdcs))
		return tdcs;
	call_fatal(call, FATAL_CONTROL, tdr->tdcx[TDCS_PAGE]);
	return NULL;
}

tdx_status_t td_has_tdcs(struct call *call, struct td *td)
{
	if (td->tdr->fatal)
		return tdx_status(TDX_TD_FATAL, 0);
	if (td->tdr->lifecycle != TDX_KEYS_CONFIGURED)
		return tdx_status(TDX_TD_KEYS_NOT_CONFIGURED, 0);
	td->tdcs = td_tdcs(call, td->tdr);
	if (!td->tdcs)
		return tdx_status(TDX_TDCS_NOT_ALLOCATED, 0);
	return CALL_OK;
}

#define OP(state) (1u << TDX_OP_##state)
#define BUILT	  (OP(INITIALIZED) | OP(RUNNABLE))
#define EXPORT	  (OP(LIVE_EXPORT) | OP(PAUSED_EXPORT) | OP(POST_EXPORT))
#define IMPORT	  (OP(MEMORY_IMPORT) | OP(STATE_IMPORT) | OP(POST_IMPORT) | OP(LIVE_IMPORT))
#define RUNNING	  (OP(RUNNABLE) | OP(LIVE_EXPORT) | OP(LIVE_IMPORT))
/* Memory may change its place; and may be looked at and taken away. */
#define SETTLED (BUILT | EXPORT | OP(POST_IMPORT) | OP(LIVE_IMPORT))
#define EXISTS	(BUILT | EXPORT | IMPORT | OP(FAILED_IMPORT))
#define WRITTEN (EXISTS & ~(OP(PAUSED_EXPORT) | OP(POST_EXPORT)))

/*
 * In which states of the TD each leaf works. No leaf here makes a TD migrate; in the states of
 * those that do nothing was recorded, and they come from the module's public tables.
 */
static const uint16_t op_states[] = {
	[TDH_VP_ENTER] = RUNNING,
	[TDH_MEM_PAGE_ADD] = OP(INITIALIZED),
	[TDH_MEM_SEPT_ADD] = BUILT | OP(LIVE_EXPORT) | IMPORT,
	[TDH_VP_ADDCX] = OP(INITIALIZED) | OP(STATE_IMPORT),
	[TDH_MEM_PAGE_RELOCATE] = SETTLED,
	[TDH_MEM_PAGE_AUG] = OP(INITIALIZED) | RUNNING,
	[TDH_MEM_RANGE_BLOCK] = SETTLED,
	[TDH_VP_CREATE] = OP(INITIALIZED) | OP(STATE_IMPORT),
	[TDH_MNG_RD] = EXISTS,
	[TDH_MEM_RD] = EXISTS,
	[TDH_MNG_WR] = WRITTEN,
	[TDH_MEM_WR] = WRITTEN,
	[TDH_MEM_PAGE_DEMOTE] = SETTLED,
	[TDH_MR_EXTEND] = OP(INITIALIZED),
	[TDH_MR_FINALIZE] = OP(INITIALIZED),
	[TDH_MNG_INIT] = OP(UNINITIALIZED),
	[TDH_VP_INIT] = OP(INITIALIZED),
	[TDH_MEM_PAGE_PROMOTE] = SETTLED,
	[TDH_MEM_SEPT_RD] = EXISTS,
	[TDH_VP_RD] = EXISTS,
	[TDH_MEM_PAGE_REMOVE] = SETTLED | OP(FAILED_IMPORT),
	[TDH_MEM_SEPT_REMOVE] = EXISTS,
	[TDH_MEM_TRACK] = BUILT | EXPORT | IMPORT,
	[TDH_MEM_RANGE_UNBLOCK] = SETTLED,
	[TDH_VP_WR] = WRITTEN,
};

tdx_status_t td_check_op_state(const struct call *call, const struct td *td)
{
	if (!(1u << td->tdcs->op_state & op_states[call->leaf]))
		return tdx_status(TDX_OP_STATE_INCORRECT, td->tdcs->op_state);
	return CALL_OK;
}

bool td_has_running_vcpus(const struct tdcs *tdcs) { return 1u << tdcs->op_state & RUNNING; }

tdx_status_t td_build(struct call *call, struct td *td, bool lock)
{
	tdx_status_t status = td_has_tdcs(call, td);

	if (call_failed(status))
		return status;
	if (lock && !call_lock(call, &td->tdcs->locks, LOCK_SHAREX_HP_S))
		return status_operand(TDX_OPERAND_BUSY, TDX_OP_OP_STATE);
	return td_check_op_state(call, td);
}

tdx_status_t td_usable(struct call *call, tdx_hpa_t address, enum tdx_operand operand,
		       bool exclusive, struct td *td)
{
	tdx_status_t status = td_explicit(call, address, operand, exclusive, td);

	return call_failed(status) ? status : td_build(call, td, !exclusive);
}

void td_begin_build(struct seam *seam, struct td *td)
{
	td->tdcs->op_state = TDX_OP_INITIALIZED;
	td->tdcs->building = true;
	/* Relaxed: the only reader has the module to itself. */
	os_fetch_add32(&seam->nr_builds, 1, OS_RELAXED);
}

void td_end_build(struct seam *seam, struct tdcs *tdcs)
{
	if (!tdcs || !tdcs->building)
		return;
	tdcs->building = false;
	os_fetch_add32(&seam->nr_builds, UINT32_MAX, OS_RELAXED); /* as above */
}

bool td_tracked(const struct tdcs *tdcs, uint64_t bepoch)
{
	/* Acquire: pairs with the release of TRACK. */
	uint64_t epoch = os_load64(&tdcs->epoch, OS_ACQUIRE);

	if (bepoch >> 63 || bepoch >= epoch)
		return false;
	if (bepoch < epoch - 1)
		return true;
	/*
	 * Acquire: pairs with the release of a vCPU that leaves; its accesses are over. If TRACK
	 * comes between the two loads, the count is that of vCPUs that entered later, and the
	 * answer errs on the side of "not yet".
	 */
	return !os_load64(&tdcs->refcount[bepoch & 1], OS_ACQUIRE);
}

void td_add_children(struct call *call, const struct td *td, uint64_t pages)
{
	os_a64_t *word = &td->page.entry->head;
	struct call_lock *held = held_find(call, word);

	/* Held exclusively. Relaxed: the release of the lock comes after. */
	if (!held->add)
		os_fetch_add64(word, pages << TD_CHILD_SHIFT, OS_RELAXED);
	else
		held->add += pages << TD_CHILD_SHIFT;
}

void td_drop_children(struct call *call, const struct td *td, uint64_t pages)
{
	td_add_children(call, td, -pages);
}
