// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * mng_field.c - MNG.RD, MNG.WR: the fields of a TD, and where their values are.
 *
 * Version 0 of MNG.RD returns the value in R8; version 1 also the id of the next field in RDX, and
 * takes all ones to mean the first.
 */
#include "seam/cpuid.h"
#include "seam/dispatch.h"
#include "seam/field.h"
#include "seam/hpa.h"
#include "seam/sys.h"

#define IN_TDR(member)	   FIELD_AT(FIELD_IN_TDR, struct tdr, member)
#define IN_TDCS(member)	   FIELD_AT(FIELD_IN_TDCS, struct tdcs, member)
#define TDCS_ARRAY(member) FIELD_ARRAY(FIELD_IN_TDCS, struct tdcs, member)

/* How long a guest waits for a lock that the host wants; kept in 32 bits of TSC ticks. */
#define TICKS_PER_US	  (CPUID_TSC_HZ / 1000000u)
#define HP_TIMEOUT_MIN_US 10000u
#define HP_TIMEOUT_MAX_US 100000000u

static uint64_t hp_timeout(const struct field_view *view, uint32_t i)
{
	return os_load32(&view->tdcs->hp_lock_timeout, OS_RELAXED) / TICKS_PER_US;
}

/* Control pages are shown with the TD's KeyID. */
static uint64_t tdcx(const struct field_view *view, uint32_t i)
{
	const tdx_hpa_t page = view->tdr->tdcx[i];

	return page.v ? hpa_with_key(view->seam, page, view->tdr->hkid).v : 0;
}

static uint64_t chldcnt(const struct field_view *view, uint32_t i) { return view->children; }

static uint64_t gpaw(const struct field_view *view, uint32_t i)
{
	return view->tdcs->shared_bit == 51;
}

/* Bit 0: a guest that touches a pending page gets no #VE. */
static uint64_t td_ctls(const struct field_view *view, uint32_t i)
{
	return view->tdcs->attributes & TDX_ATTR_SEPT_VE_DISABLE ? 1 : 0;
}

static uint64_t cpuid_of_view(const struct field_view *view, uint32_t code)
{
	const uint32_t at = cpuid_by_code(code);
	const uint32_t *value = view->tdcs->cpuid[at];

	if (at == CPUID_ENTRIES)
		return 0;
	value += code & CPUID_CODE_SECOND ? CPUID_REG_ECX : CPUID_REG_EAX;
	return value[0] | (uint64_t)value[1] << 32;
}

static uint64_t cpuid_valid(const struct field_view *view, uint32_t i) { return i < CPUID_ENTRIES; }

static uint64_t x2apic_id(const struct field_view *view, uint32_t i)
{
	const struct tdcs_vcpus *vcpus =
		td_map_page(view->call, view->tdr, TDCS_PAGE_VCPU, OS_READ);

	return vcpus->x2apic_id[i];
}

/* What is not here is 0: no vCPU is ever measured, migrated, or served by another TD. */
static const struct field_value td_field_values[NR_TD_FIELDS] = {
	[TD_FIELD_FATAL] = IN_TDR(fatal),
	[TD_FIELD_NUM_TDCX] = IN_TDR(nr_tdcx),
	[TD_FIELD_CHLDCNT] = FIELD_BY(chldcnt),
	[TD_FIELD_LIFECYCLE_STATE] = IN_TDR(lifecycle),
	[TD_FIELD_TDCX_PA] = FIELD_BY(tdcx),
	[TD_FIELD_TD_UUID] = FIELD_ARRAY(FIELD_IN_TDR, struct tdr, uuid),
	[TD_FIELD_HKID] = IN_TDR(hkid),
	[TD_FIELD_PKG_CONFIG_BITMAP] = IN_TDR(key_packages),
	[TD_FIELD_HANDOFF_VERSION] = FIELD_FIXED(SYS_HANDOFF_MAX),
	[TD_FIELD_NUM_VCPUS] = IN_TDCS(nr_vcpus),
	[TD_FIELD_NUM_ASSOC_VCPUS] = IN_TDCS(nr_assoc),
	[TD_FIELD_OP_STATE] = IN_TDCS(op_state),
	[TD_FIELD_NUM_L2_VMS] = IN_TDCS(nr_l2_vms),
	[TD_FIELD_ATTRIBUTES] = IN_TDCS(attributes),
	[TD_FIELD_XFAM] = IN_TDCS(xfam),
	[TD_FIELD_MAX_VCPUS] = IN_TDCS(max_vcpus),
	[TD_FIELD_GPAW] = FIELD_BY(gpaw),
	[TD_FIELD_EPTP] = IN_TDCS(eptp),
	[TD_FIELD_TSC_OFFSET] = IN_TDCS(tsc_offset),
	[TD_FIELD_TSC_MULTIPLIER] = IN_TDCS(tsc_multiplier),
	[TD_FIELD_TSC_FREQUENCY] = IN_TDCS(tsc_frequency),
	[TD_FIELD_NUM_CPUID_VALUES] = FIELD_FIXED(CPUID_ENTRIES),
	[TD_FIELD_XBUFF_SIZE] = FIELD_FIXED(CPUID_XBUFF_BYTES),
	[TD_FIELD_NOTIFY_ENABLES] = IN_TDCS(notify_enables),
	[TD_FIELD_HP_LOCK_TIMEOUT] = FIELD_BY(hp_timeout),
	[TD_FIELD_VM_CTLS] = TDCS_ARRAY(vm_ctls),
	[TD_FIELD_CONFIG_FLAGS] = IN_TDCS(config_flags),
	[TD_FIELD_TD_CTLS] = FIELD_BY(td_ctls),
	[TD_FIELD_VIRT_MAXPA] = IN_TDCS(virt_maxpa),
	[TD_FIELD_TOPOLOGY_ENUM_CONFIGURED] = IN_TDCS(topology_enum_configured),
	[TD_FIELD_VE_REDUCTION_VALID] = IN_TDCS(ve_reduction_valid),
	[TD_FIELD_CPUID_FIXED0_BITMAP] = FIELD_FIXED(CPUID_FIXED0),
	[TD_FIELD_CPUID_VALID] = FIELD_BY(cpuid_valid),
	[TD_FIELD_TD_EPOCH] = IN_TDCS(epoch),
	[TD_FIELD_REFCOUNT] = TDCS_ARRAY(refcount),
	[TD_FIELD_MRCONFIGID] = TDCS_ARRAY(mrconfigid),
	[TD_FIELD_MROWNER] = TDCS_ARRAY(mrowner),
	[TD_FIELD_MROWNERCONFIG] = TDCS_ARRAY(mrownerconfig),
	[TD_FIELD_CPUID_VALUES] = FIELD_BY(cpuid_of_view),
	[TD_FIELD_X2APIC_IDS] = FIELD_BY(x2apic_id),
};

/* ------------------------------------------------------------------------------------------- */

tdx_status_t tdh_mng_rd(struct call *call)
{
	struct field_view view;
	struct td td;
	tdx_status_t status;

	status = td_usable(call, hpa(call->in.rcx), TDX_OP_RCX, false, &td);
	if (call_failed(status))
		return status;
	view = field_view_of(call, ABI_TD, td_field_values, &td);
	return field_read_leaf(call, &view);
}

/* All of it at once, in microseconds. */
static tdx_status_t write_hp_timeout(const struct call *call, struct tdcs *tdcs)
{
	if (call->in.r9 != UINT64_MAX)
		return tdx_status(TDX_METADATA_WR_MASK_NOT_VALID, 0);
	if (call->in.r8 < HP_TIMEOUT_MIN_US || call->in.r8 > HP_TIMEOUT_MAX_US)
		return tdx_status(TDX_METADATA_FIELD_VALUE_NOT_VALID, 0);
	/* Relaxed: it is for its own sake. */
	os_store32(&tdcs->hp_lock_timeout, (uint32_t)(call->in.r8 * TICKS_PER_US), OS_RELAXED);
	return CALL_OK;
}

tdx_status_t tdh_mng_wr(struct call *call)
{
	struct field_view view;
	struct field_ref ref;
	struct td td;
	uint64_t seen;
	tdx_status_t status;

	status = td_usable(call, hpa(call->in.rcx), TDX_OP_RCX, false, &td);
	if (call_failed(status))
		return status;
	view = field_view_of(call, ABI_TD, td_field_values, &td);
	status = field_find(&view, call->in.rdx, &ref);
	if (call_failed(status))
		return status;
	seen = field_load(&view, &ref) & field_readable(&view, ref.field);
	status = field_check_write(&view, ref.field, call->in.r8, call->in.r9, seen);
	if (call_failed(status))
		return status;
	if (ref.place == TD_FIELD_HP_LOCK_TIMEOUT)
		status = write_hp_timeout(call, td.tdcs);
	else
		field_change(&view, &ref, call->in.r8, call->in.r9);
	if (!call_failed(status))
		call->regs->r8 = seen;
	return status;
}
