// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * model_life.c - rules of the leaves of a TD's life.
 */
#include "model_attempt.h"

uint64_t mng_create(struct attempt *a)
{
	uint64_t hkid = a->in->rdx, status;

	if (hkid < a->m->config.hkid_min || hkid > a->m->config.hkid_max)
		return OP(TDX_OPERAND_INVALID, RDX);
	status = free_page(a, a->in->rcx, TDX_OP_RCX);
	if (status)
		return status;
	if (a->m->hkid[hkid] != TDX_KOT_FREE)
		return TDX_HKID_NOT_FREE;
	a->m->hkid[hkid] = TDX_KOT_ASSIGNED;
	take_page(a, a->in->rcx, TDX_PT_TDR, 0);
	m_add_td(a->m, a->in->rcx, (uint16_t)hkid);
	return 0;
}

uint64_t mng_key_config(struct attempt *a)
{
	uint32_t package = a->lp % a->m->config.nr_packages;
	uint64_t status = td_operand(a, a->in->rcx, TDX_OP_RCX, true);

	if (status)
		return status;
	if (a->td->fatal)
		return TDX_TD_FATAL;
	if (a->td->lifecycle != TDX_HKID_ASSIGNED)
		return TDX_LIFECYCLE_STATE_INCORRECT;
	if (a->td->key_packages >> package & 1)
		return TDX_KEY_CONFIGURED;
	a->td->key_packages |= 1u << package;
	if (a->td->key_packages == (1u << a->m->config.nr_packages) - 1)
		a->td->lifecycle = TDX_KEYS_CONFIGURED;
	return 0;
}

uint64_t mng_addcx(struct attempt *a)
{
	uint64_t status = td_operand(a, a->in->rdx, TDX_OP_RDX, true);

	if (status)
		return status;
	if (a->td->fatal)
		return TDX_TD_FATAL;
	if (a->td->lifecycle != TDX_KEYS_CONFIGURED)
		return TDX_TD_KEYS_NOT_CONFIGURED;
	if (a->td->nr_tdcx == TDX_MAX_TDCX)
		return TDX_TDCX_NUM_INCORRECT;
	status = free_page(a, a->in->rcx, TDX_OP_RCX);
	if (status)
		return status;
	if (a->td->nr_tdcx >= TDX_MIN_TDCX && a->td->op_state != TDX_OP_UNINITIALIZED)
		return TDX_OP_STATE_INCORRECT | a->td->op_state;
	take_page(a, a->in->rcx, TDX_PT_TDCX, a->td->tdr);
	a->td->tdcx[a->td->nr_tdcx++] = a->in->rcx;
	a->td->children++;
	return 0;
}

uint64_t mng_vpflushdone(struct attempt *a)
{
	uint64_t status = td_operand(a, a->in->rcx, TDX_OP_RCX, true);

	if (status)
		return status;
	if (a->td->lifecycle != TDX_HKID_ASSIGNED && a->td->lifecycle != TDX_KEYS_CONFIGURED)
		return TDX_LIFECYCLE_STATE_INCORRECT;
	if (a->td->nr_tdcx >= TDX_MIN_TDCX && a->td->op_state != TDX_OP_UNINITIALIZED &&
	    a->td->nr_assoc)
		return TDX_FLUSHVP_NOT_DONE;
	a->td->lifecycle = TDX_BLOCKED;
	a->td->building = false;
	a->m->hkid[a->td->hkid] = TDX_KOT_FLUSHED;
	a->m->to_flush[a->td->hkid] = (1u << a->m->config.nr_packages) - 1;
	return 0;
}

bool note_flushed(struct model *m, uint32_t package)
{
	bool any = false;

	for (unsigned int k = 0; k < TDX_MAX_HKIDS; k++) {
		m->written_back[package][k] = m->hkid[k] == TDX_KOT_FLUSHED;
		any = any || m->written_back[package][k];
	}
	return any;
}

uint64_t cache_wb(struct attempt *a)
{
	uint32_t package = a->lp % a->m->config.nr_packages;

	if (a->in->rcx > 1)
		return OP(TDX_OPERAND_INVALID, RCX);
	if (a->in->rcx && !a->m->write_back_open[package])
		return TDX_WBCACHE_RESUME_ERROR;
	a->m->write_back_open[package] = false;
	if (!a->in->rcx && !note_flushed(a->m, package))
		return TDX_NO_HKID_READY_TO_WBCACHE;
	for (unsigned int k = 0; k < TDX_MAX_HKIDS; k++)
		if (a->m->written_back[package][k])
			a->m->to_flush[k] &= ~(1u << package);
	return 0;
}

uint64_t mng_key_freeid(struct attempt *a)
{
	uint64_t status = td_operand(a, a->in->rcx, TDX_OP_RCX, true);

	if (status)
		return status;
	if (a->td->lifecycle != TDX_BLOCKED)
		return TDX_LIFECYCLE_STATE_INCORRECT;
	if (a->m->to_flush[a->td->hkid])
		return TDX_WBCACHE_NOT_COMPLETE;
	a->td->lifecycle = TDX_TEARDOWN;
	a->m->hkid[a->td->hkid] = TDX_KOT_FREE;
	return 0;
}

uint64_t vp_create(struct attempt *a)
{
	uint64_t status = td_operand(a, a->in->rdx, TDX_OP_RDX, false);

	if (!status)
		status = td_built(a, IN_INITIALIZED);
	if (!status)
		status = free_page(a, a->in->rcx, TDX_OP_RCX);
	if (status)
		return status;
	take_page(a, a->in->rcx, TDX_PT_TDVPR, a->td->tdr);
	m_add_vcpu(a->td, a->in->rcx);
	a->td->children++;
	return 0;
}

uint64_t vp_addcx(struct attempt *a)
{
	struct m_vcpu *vcpu;
	uint64_t status = page_operand(a, a->in->rdx, TDX_OP_RDX, TDX_PT_TDVPR, true);

	if (status)
		return status;
	vcpu = m_find_vcpu(a->m, a->in->rdx, &a->td);
	if (!vcpu)
		return UNKNOWN;
	hold(a, a->td->tdr, false, true);
	status = td_built(a, IN_INITIALIZED);
	if (status)
		return status;
	if (vcpu->state != TDX_VCPU_UNINITIALIZED)
		return TDX_VCPU_STATE_INCORRECT | vcpu->state;
	if (vcpu->pages == TDX_MAX_TDVPS)
		return TDX_TDCX_NUM_INCORRECT;
	status = free_page(a, a->in->rcx, TDX_OP_RCX);
	if (status)
		return status;
	take_page(a, a->in->rcx, TDX_PT_TDCX, a->td->tdr);
	vcpu->pages++;
	a->td->children++;
	return 0;
}

uint64_t mr_finalize(struct attempt *a)
{
	uint64_t status = td_operand(a, a->in->rcx, TDX_OP_RCX, true);

	if (!status)
		status = td_built(a, IN_INITIALIZED);
	if (status)
		return status;
	if (!a->td->nr_vcpus)
		return TDX_NO_VCPUS;
	a->td->op_state = TDX_OP_RUNNABLE;
	a->td->building = false;
	return 0;
}

/* There is one version of a handoff, and no way back. Bit 16: not while TDs are being built. */
uint64_t sys_shutdown(struct attempt *a)
{
	uint64_t builds = 0;

	if ((a->in->rcx & ~UINT64_C(0x10000)) != 1)
		return OP(TDX_OPERAND_INVALID, RCX);
	for (size_t i = 0; i < a->m->nr_tds; i++)
		builds += a->m->tds[i]->building;
	if (a->in->rcx >> 16 && builds)
		return TDX_UPDATE_COMPATIBILITY_SENSITIVE | builds << 16;
	a->m->shut = true;
	return 0;
}
