// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * model.c - what the naive model is asked: does it agree with a call, with an accept?
 *
 * The SYS leaves have no rules: what the rest depends on is learnt from their results.
 */
#include <stdio.h>
#include <string.h>

#include "model_attempt.h"

static void read_memory(const struct model *m, uint64_t hpa, void *to, size_t bytes)
{
	/* 512 bytes at a multiple of 512: within a page. */
	memcpy(to, memory_map(m->memory, (tdx_hpa_t){ hpa & ~m_key_mask(m) }, OS_READ), bytes);
}

static void learn_tdmrs(struct attempt *a)
{
	uint64_t at[TDX_MAX_TDMRS];

	a->m->nr_tdmrs = (unsigned int)a->in->rdx;
	read_memory(a->m, a->in->rcx, at, a->m->nr_tdmrs * sizeof(at[0]));
	for (unsigned int i = 0; i < a->m->nr_tdmrs; i++) {
		struct tdx_tdmr_info info;

		read_memory(a->m, at[i], &info, sizeof(info));
		a->m->tdmrs[i] = (struct m_tdmr){
			.base = info.base,
			.size = info.size,
			.pamt = { info.pamt_4k_base, info.pamt_2m_base, info.pamt_1g_base },
			.pamt_size = { info.pamt_4k_size, info.pamt_2m_size, info.pamt_1g_size },
		};
		memcpy(a->m->tdmrs[i].reserved, info.reserved, sizeof(info.reserved));
	}
}

static void learn_config(struct attempt *a)
{
	uint64_t hkid = a->in->r8 & 0xffff;

	if (a->m->configured || a->out->rax == TDX_SYS_BUSY ||
	    a->out->rax == TDX_SYS_CONFIG_NOT_PENDING || bad_shared(a, a->in->rcx, 512) ||
	    a->in->rdx - 1 >= TDX_MAX_TDMRS || a->in->r8 >> 17 || hkid < a->m->config.hkid_min ||
	    hkid > a->m->config.hkid_max)
		return;
	/* Whatever becomes of the rest, the KeyID is gone. */
	a->m->hkid[hkid] = TDX_KOT_RESERVED;
	a->m->dynamic = a->in->r8 >> 16 & 1;
	if (a->out->rax)
		return;
	a->m->configured = true;
	learn_tdmrs(a);
}

static void learn_sys(struct attempt *a, uint32_t leaf)
{
	if (leaf == TDH_SYS_CONFIG)
		learn_config(a);
	if (leaf == TDH_SYS_KEY_CONFIG && !a->out->rax) {
		a->m->key_packages |= 1u << a->lp % a->m->config.nr_packages;
		a->m->ready = a->m->key_packages == (1u << a->m->config.nr_packages) - 1;
	}
	if (leaf == TDH_SYS_LP_INIT && !a->out->rax)
		a->m->lp_done[a->lp] = true;
	if (leaf == TDH_SYS_TDMR_INIT && !a->out->rax)
		for (unsigned int i = 0; i < a->m->nr_tdmrs; i++)
			if (a->m->tdmrs[i].base == a->in->rcx)
				a->m->tdmrs[i].usable = a->out->rdx - a->in->rcx;
}

/* ------------------------------------------------------------------------------------------- */

enum {
	CLEARS = 1,   /* RCX and RDX are 0 on return, unless a rule says otherwise */
	HARMLESS = 2, /* nothing that the model keeps can change */
	VERSION_1 = 4,
	ANY_STATE = 16, /* also before the module is READY */
	L2_RESULTS = 8, /* version 1 returns "no page" for three L2 VMs */
};

static const struct {
	uint64_t (*rule)(struct attempt *a);
	unsigned int flags;
} rules[] = {
	[TDH_MNG_ADDCX] = { mng_addcx, 0 },
	[TDH_MEM_PAGE_ADD] = { page_add, CLEARS },
	[TDH_MEM_SEPT_ADD] = { sept_add, CLEARS | VERSION_1 },
	[TDH_VP_ADDCX] = { vp_addcx, 0 },
	[TDH_MEM_PAGE_RELOCATE] = { page_relocate, CLEARS },
	[TDH_MEM_PAGE_AUG] = { page_aug, CLEARS },
	[TDH_MEM_RANGE_BLOCK] = { range_block, CLEARS },
	[TDH_MNG_KEY_CONFIG] = { mng_key_config, 0 },
	[TDH_MNG_CREATE] = { mng_create, 0 },
	[TDH_VP_CREATE] = { vp_create, 0 },
	[TDH_MEM_PAGE_DEMOTE] = { page_demote, CLEARS },
	[TDH_MR_EXTEND] = { mr_extend, CLEARS },
	[TDH_MR_FINALIZE] = { mr_finalize, 0 },
	[TDH_VP_INIT] = { vp_init, VERSION_1 },
	[TDH_VP_FLUSH] = { vp_flush, 0 },
	[TDH_VP_ENTER] = { vp_enter, 0 },
	[TDH_VP_RD] = { vp_rd, HARMLESS | VERSION_1 },
	[TDH_VP_WR] = { vp_wr, HARMLESS },
	[TDH_MNG_INIT] = { mng_init, 0 },
	[TDH_MNG_RD] = { mng_rd, HARMLESS | VERSION_1 },
	[TDH_MNG_WR] = { mng_wr, 0 },
	[TDH_MNG_VPFLUSHDONE] = { mng_vpflushdone, 0 },
	[TDH_MNG_KEY_FREEID] = { mng_key_freeid, 0 },
	[TDH_MEM_PAGE_PROMOTE] = { page_promote, CLEARS | VERSION_1 | L2_RESULTS },
	[TDH_PHYMEM_PAGE_RDMD] = { page_rdmd, 0 },
	[TDH_MEM_SEPT_RD] = { sept_rd, CLEARS },
	[TDH_MEM_RD] = { mem_rd, CLEARS },
	[TDH_MEM_WR] = { mem_wr, CLEARS },
	[TDH_MNG_KEY_RECLAIMID] = { NULL, HARMLESS },
	[TDH_PHYMEM_PAGE_RECLAIM] = { page_reclaim, 0 },
	[TDH_MEM_PAGE_REMOVE] = { page_remove, CLEARS },
	[TDH_MEM_SEPT_REMOVE] = { sept_remove, CLEARS | VERSION_1 | L2_RESULTS },
	[TDH_SYS_KEY_CONFIG] = { NULL, HARMLESS },
	[TDH_SYS_INFO] = { sys_info, HARMLESS | ANY_STATE },
	[TDH_SYS_RD] = { sys_rd, HARMLESS | ANY_STATE },
	[TDH_SYS_LP_INIT] = { NULL, HARMLESS },
	[TDH_SYS_SHUTDOWN] = { sys_shutdown, 0 },
	[TDH_SYS_TDMR_INIT] = { NULL, HARMLESS },
	[TDH_SYS_RDALL] = { sys_rdall, HARMLESS | ANY_STATE },
	[TDH_MEM_TRACK] = { mem_track, 0 },
	[TDH_MEM_RANGE_UNBLOCK] = { range_unblock, CLEARS },
	[TDH_PHYMEM_CACHE_WB] = { cache_wb, 0 },
	[TDH_PHYMEM_PAGE_WBINVD] = { page_wbinvd, 0 },
	[TDH_SYS_LP_SHUTDOWN] = { NULL, HARMLESS },
	[TDH_SYS_CONFIG] = { NULL, HARMLESS },
	[TDH_PHYMEM_PAMT_ADD] = { pamt_add, 0 },
	[TDH_PHYMEM_PAMT_REMOVE] = { pamt_remove, 0 },
};

/* Somebody or something else was in the way: nothing happened. */
static bool is_excuse(uint64_t rax)
{
	switch (rax & TDX_STATUS_CODE_MASK) {
	case TDX_OPERAND_BUSY:
	case TDX_SYS_BUSY:
	case TDX_OPERAND_BUSY_HOST_PRIORITY:
	case TDX_INTERRUPTED_BUSY:
	case TDX_INTERRUPTED_RESTARTABLE:
	case TDX_INTERRUPTED_RESUMABLE:
	case TDX_RND_NO_ENTROPY:
	case TDX_KEY_GENERATION_FAILED:
		return true;
	}
	return false;
}

static enum model_verdict unknown(struct attempt *a, unsigned int flags)
{
	if (!(a->out->rax & TDX_STATUS_ERROR) && !(flags & HARMLESS))
		a->m->lost = true;
	return MODEL_UNKNOWN;
}

static enum model_verdict compare(struct attempt *a, unsigned int flags, char *why, size_t why_size)
{
	static const char *const names[] = { "rax", "rcx", "rdx", "rbx", "rbp", "rsi", "rdi", "r8",
					     "r9",  "r10", "r11", "r12", "r13", "r14", "r15" };
	const uint64_t *want = &a->want.rax, *out = &a->out->rax;

	if (!a->want.rax && flags & CLEARS)
		a->loose &= (uint16_t) ~(REG_BIT(rcx) | REG_BIT(rdx));
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (want[i] == out[i] || a->loose >> i & 1)
			continue;
		snprintf(why, why_size, "%s: the model expects 0x%llx", names[i],
			 (unsigned long long)want[i]);
		return MODEL_DISAGREES;
	}
	return MODEL_AGREES;
}

enum model_verdict model_call(struct model *m, uint32_t lp, const struct tdx_regs *in,
			      const struct tdx_regs *out, bool excused, char *why, size_t why_size)
{
	uint32_t leaf = TDX_RAX_LEAF(in->rax);
	struct attempt a = { .m = m, .lp = lp, .in = in, .out = out, .want = *in };
	unsigned int flags = leaf < sizeof(rules) / sizeof(rules[0]) ? rules[leaf].flags : 0;

	/* A processor that the machine does not have never gets as far as the module. */
	if (m->lost || lp >= m->config.nr_lps)
		return MODEL_UNKNOWN;
	if (m->shut && in->rax >> 16)
		return MODEL_UNKNOWN;
	if (m->shut && leaf != TDH_SYS_LP_SHUTDOWN) {
		a.want.rax = TDX_SYS_SHUTDOWN;
		return compare(&a, 0, why, why_size);
	}
	learn_sys(&a, leaf);
	if (leaf >= sizeof(rules) / sizeof(rules[0]) || !rules[leaf].rule ||
	    in->rax >> 16 > (flags & VERSION_1 ? 1 : 0))
		return unknown(&a, flags);
	if (!m->ready && !(flags & ANY_STATE)) {
		a.want.rax = TDX_SYS_NOT_READY;
		return compare(&a, 0, why, why_size);
	}
	/* A lock of a child that is held is a difference between the children. */
	if (excused && leaf == TDH_MEM_PAGE_PROMOTE &&
	    tdx_status_is((tdx_status_t){ out->rax }, TDX_EPT_INVALID_PROMOTE_CONDITIONS))
		return MODEL_UNKNOWN;
	if (excused && is_excuse(out->rax)) {
		if (leaf == TDH_VP_ENTER)
			vp_enter_gave_way(&a);
		/* An interrupted write-back can be resumed. */
		if (out->rax == TDX_INTERRUPTED_RESUMABLE && leaf == TDH_PHYMEM_CACHE_WB) {
			m->write_back_open[lp % m->config.nr_packages] = true;
			if (!in->rcx)
				note_flushed(m, lp % m->config.nr_packages);
		}
		return MODEL_UNKNOWN;
	}
	if (flags & CLEARS)
		a.want.rcx = a.want.rdx = 0;
	if (flags & L2_RESULTS && in->rax >> 16)
		a.want.r9 = a.want.r10 = a.want.r11 = TDX_NULL_PA;
	a.want.rax = rules[leaf].rule(&a);
	if (a.want.rax == UNKNOWN)
		return unknown(&a, flags);
	return compare(&a, flags, why, why_size);
}

bool model_owns(const struct model *m, uint64_t hpa)
{
	int type;

	hpa &= ~m_key_mask(m);
	for (unsigned int i = 0; i < m->nr_tdmrs; i++)
		for (unsigned int level = 0; level < 3; level++)
			if (hpa >= m->tdmrs[i].pamt[level] &&
			    hpa - m->tdmrs[i].pamt[level] < m->tdmrs[i].pamt_size[level])
				return true;
	hpa &= ~(SIZE_4K - 1);
	if (!m_covered(m, hpa))
		return false;
	type = m_type(m, hpa);
	return (type != TDX_PT_NDA && type != TDX_PT_RSVD) ||
	       (m_donated(m, hpa) && !m_reserved(m, hpa));
}

bool model_stops(const struct model *m, const struct tdx_regs *in)
{
	uint32_t leaf = TDX_RAX_LEAF(in->rax);

	if (m->lost)
		return true;
	if (leaf == TDH_SYS_INFO)
		return model_owns(m, in->rcx) || model_owns(m, in->r8);
	return leaf == TDH_SYS_RDALL && model_owns(m, in->rdx);
}

/* What an accept must come to: a status, or an exit of the TD. */
static enum seam_debug_accept accept(struct attempt *a, uint64_t *rax)
{
	*rax = mapping_operand(a, 0, 1);
	if (*rax)
		return SEAM_ACCEPT_STATUS;
	for (unsigned int l = a->td->pwl; l > a->level; l--) {
		const struct m_map *map =
			m_find_map(a->td, a->gpa & ~((UINT64_C(1) << TDX_LEVEL_SHIFT(l)) - 1), l);

		if (!map || map->blocked)
			return SEAM_ACCEPT_TDEXIT;
		if (map->table)
			continue;
		*rax = TDX_PAGE_ALREADY_ACCEPTED | l;
		return map->pending ? SEAM_ACCEPT_TDEXIT : SEAM_ACCEPT_STATUS;
	}
	a->map = m_find_map(a->td, a->gpa, a->level);
	if (!a->map)
		return SEAM_ACCEPT_TDEXIT;
	*rax = TDX_PAGE_SIZE_MISMATCH | a->level;
	if (a->map->table)
		return SEAM_ACCEPT_STATUS;
	if (a->map->blocked)
		return SEAM_ACCEPT_TDEXIT;
	*rax = a->map->pending ? TDX_SUCCESS : TDX_PAGE_ALREADY_ACCEPTED | a->level;
	a->map->pending = a->map->half_accepted = false;
	return SEAM_ACCEPT_STATUS;
}

enum model_verdict model_accept(struct model *m, uint64_t tdr, uint64_t rcx,
				enum seam_debug_accept how, uint64_t rax, bool excused, char *why,
				size_t why_size)
{
	const struct tdx_regs in = { .rcx = rcx };
	struct attempt a = { .m = m, .in = &in, .td = m_find_td(m, tdr) };
	enum seam_debug_accept want_how;
	uint64_t want;

	/* A vCPU of a TD in teardown cannot be inside it. */
	if (m->lost || !a.td || !a.td->pwl || a.td->lifecycle == TDX_TEARDOWN)
		return MODEL_UNKNOWN;
	if ((rcx & UINT64_C(0xffffffffff000)) >> a.td->gpa_bits)
		return MODEL_UNKNOWN;
	/* A host that failed to lock the entry, then or earlier, goes first. */
	if (how == SEAM_ACCEPT_STATUS && is_excuse(rax))
		return MODEL_UNKNOWN;
	if (excused && how == SEAM_ACCEPT_INTERRUPTED) {
		mapping_operand(&a, 0, 1);
		a.map = m_find_map(a.td, a.gpa, a.level);
		if (a.map)
			a.map->half_accepted = true;
		return MODEL_UNKNOWN;
	}
	want_how = accept(&a, &want);
	if (how == want_how && (how != SEAM_ACCEPT_STATUS || rax == want))
		return MODEL_AGREES;
	snprintf(why, why_size, "the model expects %s 0x%llx",
		 want_how == SEAM_ACCEPT_STATUS ? "a return of" : "an exit, not",
		 (unsigned long long)want);
	return MODEL_DISAGREES;
}
