// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * mng.c - MNG.CREATE, KEY.CONFIG, ADDCX: a TD's first pages and its key.
 */
#include "seam/dispatch.h"
#include "seam/hpa.h"
#include "seam/td.h"

/* No TD of this module ever had that one. It need not be secret, and repeats from run to run. */
static void set_uuid(struct seam *seam, struct tdr *tdr)
{
	/* Relaxed: it is for its own sake. */
	uint64_t state = os_fetch_add64(&seam->nr_uuids, 1, OS_RELAXED) * 4;

	for (uint32_t i = 0; i < 4; i++) {
		uint64_t word = ++state * UINT64_C(0x9e3779b97f4a7c15);

		word = (word ^ word >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		tdr->uuid[i] = word ^ word >> 31;
	}
}

tdx_status_t tdh_mng_create(struct call *call)
{
	struct seam *seam = call->seam;
	uint64_t hkid = call->in.rdx;
	struct pamt_page page;
	struct tdr *tdr;
	tdx_status_t status;

	if (!hkid_is_private(seam, hkid))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RDX);
	status = pamt_free_4k(call, hpa(call->in.rcx), TDX_OP_RCX, &page);
	if (call_failed(status))
		return status;
	if (!call_lock(call, &seam->kot_lock, LOCK_SHAREX_X))
		return status_operand(TDX_OPERAND_BUSY, TDX_OP_KOT);
	if (seam->kot[hkid].state != TDX_KOT_FREE)
		return tdx_status(TDX_HKID_NOT_FREE, 0);
	if (!call_random(call))
		return tdx_status(TDX_RND_NO_ENTROPY, 0);

	tdr = module_map(seam, hpa(call->in.rcx), OS_WRITE);
	os_memset(tdr, 0, TDX_PAGE_SIZE);
	tdr->lifecycle = TDX_HKID_ASSIGNED;
	tdr->hkid = (uint16_t)hkid;
	set_uuid(seam, tdr);
	seam->kot[hkid].state = TDX_KOT_ASSIGNED;
	pamt_claim(call, &page, TDX_PT_TDR, PAMT_NO_OWNER);
	return CALL_OK;
}

tdx_status_t tdh_mng_key_config(struct call *call)
{
	uint32_t package = 1u << seam_package(call->seam, call->lp);
	struct td td;
	tdx_status_t status = td_explicit(call, hpa(call->in.rcx), TDX_OP_RCX, true, &td);

	if (call_failed(status))
		return status;
	if (td.tdr->fatal)
		return tdx_status(TDX_TD_FATAL, 0);
	if (td.tdr->lifecycle != TDX_HKID_ASSIGNED)
		return tdx_status(TDX_LIFECYCLE_STATE_INCORRECT, 0);
	if (td.tdr->key_packages & package)
		return tdx_status(TDX_KEY_CONFIGURED, 0);
	status = call_pconfig(call);
	if (call_failed(status))
		return status;

	td.tdr->key_packages |= package;
	if (td.tdr->key_packages == seam_all_packages(call->seam))
		td.tdr->lifecycle = TDX_KEYS_CONFIGURED;
	return CALL_OK;
}

/* What the number of pages so far asks for: entropy with the sixth, an unborn TD after it. */
static tdx_status_t check_tdcx_number(struct call *call, const struct tdr *tdr)
{
	const struct tdcs *tdcs = td_tdcs(call, tdr);

	if (tdr->nr_tdcx == TDX_MIN_TDCX - 1 && !call_random(call))
		return tdx_status(TDX_RND_NO_ENTROPY, 0);
	if (tdcs && tdcs->op_state != TDX_OP_UNINITIALIZED)
		return tdx_status(TDX_OP_STATE_INCORRECT, tdcs->op_state);
	return CALL_OK;
}

tdx_status_t tdh_mng_addcx(struct call *call)
{
	const struct os_services *os = call->seam->os;
	struct pamt_page page;
	struct td td;
	tdx_status_t status = td_explicit(call, hpa(call->in.rdx), TDX_OP_RDX, true, &td);

	if (call_failed(status))
		return status;
	if (td.tdr->fatal)
		return tdx_status(TDX_TD_FATAL, 0);
	if (td.tdr->lifecycle != TDX_KEYS_CONFIGURED)
		return tdx_status(TDX_TD_KEYS_NOT_CONFIGURED, 0);
	if (td.tdr->nr_tdcx >= TDX_MAX_TDCX)
		return tdx_status(TDX_TDCX_NUM_INCORRECT, 0);
	status = pamt_free_4k(call, hpa(call->in.rcx), TDX_OP_RCX, &page);
	if (call_failed(status))
		return status;
	status = check_tdcx_number(call, td.tdr);
	if (call_failed(status))
		return status;

	/* The root of the S-EPT gets its entries in MNG.INIT, when it is known what they hold. */
	os->zero(os->ctx, hpa(call->in.rcx), TDX_PAGE_SIZE);
	pamt_claim(call, &page, TDX_PT_TDCX, td.address);
	td_add_children(call, &td, 1);
	td.tdr->tdcx[td.tdr->nr_tdcx++] = hpa(call->in.rcx);
	return CALL_OK;
}
