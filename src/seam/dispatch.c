// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * dispatch.c - from a SEAMCALL's registers to its leaf: the table of leaves, and the gates that
 * every call passes, in the order in which they report.
 */
#include "abi/abi.h"
#include "seam/dispatch.h"

enum leaf_flags {
	LEAF_ANY_STATE = 1,    /* may be called before the module is READY */
	LEAF_IN_SHUTDOWN = 2,  /* and after SHUTDOWN */
	LEAF_NEXT = 4,	       /* of the module that comes next: seam_config.next */
	LEAF_ANY_VERSION = 8,  /* one that has versions, and looks at them when it gets there */
	LEAF_CLEARS = 16,      /* RCX and RDX are results, zero unless the leaf says otherwise */
	LEAF_CLEARS_INIT = 32, /* RCX, RDX, R8..R10 are zero on return: SYS.INIT */
	/* R8 is the value that was read; version 1: RDX the next field's id */
	LEAF_CLEARS_FIELD = 64,
	/* version 1: R9..R11 are pages of L2 VMs given back, "no page" here */
	LEAF_L2_PAGES = 128,
};

struct leaf {
	leaf_fn *fn;
	uint32_t flags;
};

/* A leaf that is not here is answered like a number that does not exist. */
static const struct leaf leaves[] = {
	[TDH_VP_ENTER] = { tdh_vp_enter, 0 },
	[TDH_MNG_ADDCX] = { tdh_mng_addcx, 0 },
	[TDH_MEM_PAGE_ADD] = { tdh_mem_page_add, LEAF_CLEARS },
	[TDH_MEM_SEPT_ADD] = { tdh_mem_sept_add, LEAF_CLEARS },
	[TDH_VP_ADDCX] = { tdh_vp_addcx, 0 },
	[TDH_MEM_PAGE_RELOCATE] = { tdh_mem_page_relocate, LEAF_CLEARS },
	[TDH_MEM_PAGE_AUG] = { tdh_mem_page_aug, LEAF_CLEARS },
	[TDH_MEM_RANGE_BLOCK] = { tdh_mem_range_block, LEAF_CLEARS },
	[TDH_MNG_KEY_CONFIG] = { tdh_mng_key_config, 0 },
	[TDH_MNG_CREATE] = { tdh_mng_create, 0 },
	[TDH_VP_CREATE] = { tdh_vp_create, 0 },
	[TDH_MEM_PAGE_DEMOTE] = { tdh_mem_page_demote, LEAF_CLEARS },
	[TDH_MR_EXTEND] = { tdh_mr_extend, LEAF_CLEARS },
	[TDH_MR_FINALIZE] = { tdh_mr_finalize, 0 },
	[TDH_VP_FLUSH] = { tdh_vp_flush, 0 },
	[TDH_MNG_VPFLUSHDONE] = { tdh_mng_vpflushdone, 0 },
	[TDH_MNG_KEY_FREEID] = { tdh_mng_key_freeid, 0 },
	[TDH_MNG_RD] = { tdh_mng_rd, LEAF_CLEARS_FIELD },
	[TDH_MNG_WR] = { tdh_mng_wr, LEAF_CLEARS_FIELD },
	[TDH_MEM_RD] = { tdh_mem_rd, LEAF_CLEARS | LEAF_CLEARS_FIELD },
	[TDH_MEM_WR] = { tdh_mem_wr, LEAF_CLEARS | LEAF_CLEARS_FIELD },
	[TDH_MNG_INIT] = { tdh_mng_init, 0 },
	[TDH_VP_INIT] = { tdh_vp_init, 0 },
	[TDH_MEM_PAGE_PROMOTE] = { tdh_mem_page_promote, LEAF_CLEARS | LEAF_L2_PAGES },
	[TDH_PHYMEM_PAGE_RDMD] = { tdh_phymem_page_rdmd, 0 },
	[TDH_MEM_SEPT_RD] = { tdh_mem_sept_rd, LEAF_CLEARS },
	[TDH_VP_RD] = { tdh_vp_rd, LEAF_CLEARS_FIELD },
	[TDH_MNG_KEY_RECLAIMID] = { tdh_mng_key_reclaimid, 0 },
	[TDH_PHYMEM_PAGE_RECLAIM] = { tdh_phymem_page_reclaim, 0 },
	[TDH_MEM_PAGE_REMOVE] = { tdh_mem_page_remove, LEAF_CLEARS },
	[TDH_MEM_SEPT_REMOVE] = { tdh_mem_sept_remove, LEAF_CLEARS | LEAF_L2_PAGES },
	[TDH_MEM_TRACK] = { tdh_mem_track, 0 },
	[TDH_MEM_RANGE_UNBLOCK] = { tdh_mem_range_unblock, LEAF_CLEARS },
	[TDH_PHYMEM_CACHE_WB] = { tdh_phymem_cache_wb, 0 },
	[TDH_PHYMEM_PAGE_WBINVD] = { tdh_phymem_page_wbinvd, 0 },
	[TDH_PHYMEM_PAMT_ADD] = { tdh_phymem_pamt_add, 0 },
	[TDH_PHYMEM_PAMT_REMOVE] = { tdh_phymem_pamt_remove, 0 },
	[TDH_VP_WR] = { tdh_vp_wr, LEAF_CLEARS_FIELD },
	[TDH_SYS_INIT] = { tdh_sys_init, LEAF_ANY_STATE | LEAF_CLEARS_INIT },
	[TDH_SYS_LP_INIT] = { tdh_sys_lp_init, LEAF_ANY_STATE },
	[TDH_SYS_INFO] = { tdh_sys_info, LEAF_ANY_STATE },
	[TDH_SYS_RD] = { tdh_sys_rd, LEAF_ANY_STATE },
	[TDH_SYS_RDALL] = { tdh_sys_rdall, LEAF_ANY_STATE },
	[TDH_SYS_CONFIG] = { tdh_sys_config, LEAF_ANY_STATE },
	[TDH_SYS_KEY_CONFIG] = { tdh_sys_key_config, LEAF_ANY_STATE },
	[TDH_SYS_TDMR_INIT] = { tdh_sys_tdmr_init, 0 },
	[TDH_SYS_LP_SHUTDOWN] = { tdh_sys_lp_shutdown, LEAF_ANY_STATE | LEAF_IN_SHUTDOWN },
	[TDH_SYS_SHUTDOWN] = { tdh_sys_shutdown, 0 },
	[TDH_SYS_DISABLE] = { tdh_sys_disable, LEAF_ANY_STATE | LEAF_IN_SHUTDOWN | LEAF_NEXT },
	[TDH_SYS_UPDATE] = { tdh_sys_update, LEAF_ANY_STATE | LEAF_ANY_VERSION },
};

#define NR_LEAVES (sizeof(leaves) / sizeof(leaves[0]))

static const struct leaf *find_leaf(const struct seam *seam, uint32_t number)
{
	static const struct leaf unknown = { NULL, 0 };

	if (number >= NR_LEAVES || (leaves[number].flags & LEAF_NEXT && !seam->config.next))
		return &unknown;
	return &leaves[number];
}

/* What is asked of every call before its leaf sees it. */
static tdx_status_t gates(struct call *call, const struct leaf *leaf)
{
	uint32_t state = seam_state(call->seam);

	if (call->in.rax & TDX_RAX_RESERVED)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RAX);
	if (call->version && !ABI_MAX_VERSION(call->leaf))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RAX);
	if (state == TDX_SYS_STATE_SHUTDOWN && !(leaf->flags & LEAF_IN_SHUTDOWN))
		return tdx_status(TDX_SYS_SHUTDOWN, 0);
	if (state != TDX_SYS_READY && !(leaf->flags & LEAF_ANY_STATE))
		return tdx_status(TDX_SYS_NOT_READY, 0);
	if (!leaf->fn)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RAX);
	return CALL_OK;
}

static tdx_status_t dispatch(struct call *call)
{
	const struct leaf *leaf = find_leaf(call->seam, call->leaf);
	tdx_status_t status = gates(call, leaf);

	if (call_failed(status))
		return status;
	if (leaf->flags & LEAF_CLEARS)
		call->regs->rcx = call->regs->rdx = 0;
	if (leaf->flags & LEAF_CLEARS_INIT)
		call->regs->rcx = call->regs->rdx = call->regs->r8 = call->regs->r9 =
			call->regs->r10 = 0;
	if (leaf->flags & LEAF_CLEARS_FIELD) {
		call->regs->r8 = 0;
		if (call->version)
			call->regs->rdx = ABI_ID_NONE;
	}
	if (leaf->flags & LEAF_L2_PAGES && call->version)
		call->regs->r9 = call->regs->r10 = call->regs->r11 = TDX_NULL_PA;
	if (call->version > ABI_MAX_VERSION(call->leaf) && !(leaf->flags & LEAF_ANY_VERSION))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RAX);
	status = leaf->fn(call);
	/* What fails at once lets go at once. */
	if (call->seam->config.pace && !call_failed(status))
		call->seam->config.pace(call->seam->config.ctx, call->lp, call->leaf);
	if (call->seam->watch && call->seam->watch->worked && !call_failed(status))
		call->seam->watch->worked(call->seam->watch->ctx, call->lp, call->regs);
	held_release(&call->held, 0);
	return status;
}

static tdx_status_t serve(struct seam *seam, uint32_t lp, struct tdx_regs *regs)
{
	struct call call;
	tdx_status_t status;

	/* An LP that the machine does not have is not in VMX operation. */
	if (lp >= seam->config.nr_lps) {
		debug_take_injection(seam);
		regs->rax = TDX_SEAMCALL_UD;
		return (tdx_status_t){ regs->rax };
	}
	/* Relaxed: who sees the fatal state late is no worse than who called earlier. */
	if (os_load32(&seam->fatal_state, OS_RELAXED)) {
		regs->rax = TDX_SYS_SHUTDOWN;
		return (tdx_status_t){ regs->rax };
	}
	call.seam = seam;
	call.lp = lp;
	call.leaf = TDX_RAX_LEAF(regs->rax);
	call.version = TDX_RAX_VERSION(regs->rax);
	call.regs = regs;
	call.in = *regs;
	call.held.nr = 0;
	call.look = false;
	call.maps = &seam->lp[lp].maps;
	call.faults = fault_plan_for(seam, call.leaf);
	call.inject = debug_take_injection(seam);

	/*
	 * A full barrier on x86, which SYS.SHUTDOWN relies on: an LP that it does not see inside
	 * has not read the state yet, and will find SHUTDOWN.
	 */
	os_xchg32(&seam->lp[lp].inside, 1, OS_ACQ_REL);
	status = dispatch(&call);
	os_store32(&seam->lp[lp].inside, 0, OS_RELEASE);
	/* The module is gone, this call's part in it or not. */
	if (os_load32(&seam->fatal_state, OS_RELAXED))
		status = tdx_status(TDX_SYS_SHUTDOWN, 0);
	regs->rax = status.v;
	return status;
}

tdx_status_t seam_call(struct seam *seam, uint32_t lp, struct tdx_regs *regs)
{
	const struct seam_watch *watch = seam->watch;
	tdx_status_t status;

	if (watch && watch->began)
		watch->began(watch->ctx, lp, regs);
	status = serve(seam, lp, regs);
	if (watch && watch->ended)
		watch->ended(watch->ctx, lp, regs);
	return status;
}
