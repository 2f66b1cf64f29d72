// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vp_field.c - VP.RD, VP.WR: the fields of a vCPU, and where their values are.
 */
#include "seam/dispatch.h"
#include "seam/field.h"
#include "seam/hpa.h"
#include "seam/vp.h"

/* VMCS fields that a status names, and the bit of the pin controls that needs them. */
#define VMCS_VECTOR	      0x0002u
#define VMCS_DESCRIPTOR	      0x2016u
#define PIN_POSTED_INTERRUPTS (1u << 7)

#define IN_TDVPS(member)    FIELD_AT(FIELD_IN_TDVPS, struct tdvps, member)
#define TDVPS_ARRAY(member) FIELD_ARRAY(FIELD_IN_TDVPS, struct tdvps, member)

/* ------------------------------------------------------------------------------------------- */
/* What follows from the TD and the vCPU's place in it.                                         */

/* An address as it stands in a VMCS: with the TD's KeyID. */
static uint64_t with_key(const struct field_view *view, tdx_hpa_t page)
{
	return hpa_with_key(view->seam, page, view->tdr->hkid).v;
}

static uint64_t msr_bitmap(const struct field_view *view, uint32_t i)
{
	return with_key(view, view->tdr->tdcx[TDCS_PAGE_MSR_BITMAP]);
}

static uint64_t eptp(const struct field_view *view, uint32_t i)
{
	return hpa_strip(view->seam, hpa(view->tdcs->eptp)).v;
}

static uint64_t tsc_offset(const struct field_view *view, uint32_t i)
{
	return view->tdcs->tsc_offset;
}

static uint64_t tsc_multiplier(const struct field_view *view, uint32_t i)
{
	return view->tdcs->tsc_multiplier;
}

static uint64_t td_hkid(const struct field_view *view, uint32_t i) { return view->tdr->hkid; }

/* The page to which shared GPAs lead until the host has said which. */
static uint64_t shared_eptp(const struct field_view *view, uint32_t i)
{
	if (view->tdvps->shared_eptp_set)
		return view->tdvps->shared_eptp;
	return with_key(view, view->tdr->tdcx[TDCS_PAGE_SHARED_EPT]);
}

static uint64_t assoc_lpid(const struct field_view *view, uint32_t i)
{
	/* Relaxed: it is this LP. */
	return os_load32(&view->tdvps->lp, OS_RELAXED) - 1;
}

static uint64_t tdvps_page(const struct field_view *view, uint32_t i)
{
	if (i >= view->tdvps->nr_pages)
		return 0;
	return with_key(view, i ? view->tdvps->tdcx[i - 1] : view->tdvpr);
}

static uint64_t nr_epf(const struct field_view *view, uint32_t i) { return view->tdvps->nr_epf; }

static uint64_t nr_faults(const struct field_view *view, uint32_t i)
{
	return view->tdvps->nr_faults;
}

static const struct field_value vp_field_values[NR_VP_FIELDS] = {
	[VP_FIELD_VMCS_POSTED_INTERRUPT_VECTOR] = IN_TDVPS(posted_intr_vector),
	[VP_FIELD_VMCS_MSR_BITMAP_ADDRESS] = FIELD_BY(msr_bitmap),
	[VP_FIELD_VMCS_PML_ADDRESS] = FIELD_FIXED(UINT64_MAX),
	[VP_FIELD_VMCS_TSC_OFFSET] = FIELD_BY(tsc_offset),
	[VP_FIELD_VMCS_POSTED_INTERRUPT_DESCRIPTOR] = IN_TDVPS(posted_intr_descriptor),
	[VP_FIELD_VMCS_EPTP] = FIELD_BY(eptp),
	[VP_FIELD_VMCS_EPTP_LIST_ADDRESS] = FIELD_FIXED(UINT64_MAX),
	[VP_FIELD_VMCS_TSC_MULTIPLIER] = FIELD_BY(tsc_multiplier),
	[VP_FIELD_VMCS_SHARED_EPTP] = FIELD_BY(shared_eptp),
	[VP_FIELD_VMCS_PIN_CONTROLS] = IN_TDVPS(pin_controls),
	[VP_FIELD_VMCS_SECONDARY_CONTROLS] = IN_TDVPS(secondary_controls),
	[VP_FIELD_VMCS_INSTRUCTION_TIMEOUT_CONTROL] = IN_TDVPS(instruction_timeout),
	[VP_FIELD_VMCS_TD_HKID] = FIELD_BY(td_hkid),
	[VP_FIELD_RAX] = IN_TDVPS(gpr[0]),
	[VP_FIELD_RCX] = IN_TDVPS(gpr[1]),
	[VP_FIELD_RDX] = IN_TDVPS(gpr[2]),
	[VP_FIELD_RBX] = IN_TDVPS(gpr[3]),
	[VP_FIELD_RBP] = IN_TDVPS(gpr[5]),
	[VP_FIELD_RSI] = IN_TDVPS(gpr[6]),
	[VP_FIELD_RDI] = IN_TDVPS(gpr[7]),
	[VP_FIELD_R8] = IN_TDVPS(gpr[8]),
	[VP_FIELD_R9] = IN_TDVPS(gpr[9]),
	[VP_FIELD_R10] = IN_TDVPS(gpr[10]),
	[VP_FIELD_R11] = IN_TDVPS(gpr[11]),
	[VP_FIELD_R12] = IN_TDVPS(gpr[12]),
	[VP_FIELD_R13] = IN_TDVPS(gpr[13]),
	[VP_FIELD_R14] = IN_TDVPS(gpr[14]),
	[VP_FIELD_R15] = IN_TDVPS(gpr[15]),
	[VP_FIELD_DR0] = IN_TDVPS(dr[0]),
	[VP_FIELD_DR1] = IN_TDVPS(dr[1]),
	[VP_FIELD_DR2] = IN_TDVPS(dr[2]),
	[VP_FIELD_DR3] = IN_TDVPS(dr[3]),
	[VP_FIELD_DR6] = IN_TDVPS(dr6),
	[VP_FIELD_XCR0] = FIELD_FIXED(1),
	[VP_FIELD_CR2] = IN_TDVPS(cr2),
	[VP_FIELD_VCPU_STATE_DETAILS] = IN_TDVPS(state_details),
	[VP_FIELD_VCPU_STATE] = IN_TDVPS(state),
	[VP_FIELD_VCPU_INDEX] = IN_TDVPS(index),
	[VP_FIELD_NUM_TDVPS_PAGES] = IN_TDVPS(nr_pages),
	[VP_FIELD_ASSOC_LPID] = FIELD_BY(assoc_lpid),
	[VP_FIELD_VCPU_EPOCH] = IN_TDVPS(epoch),
	[VP_FIELD_PEND_NMI] = IN_TDVPS(pending_nmi),
	[VP_FIELD_TDVPS_PAGE_PA] = FIELD_BY(tdvps_page),
	[VP_FIELD_L2_CTLS] = TDVPS_ARRAY(l2_ctls),
	[VP_FIELD_L2_DEBUG_CTLS] = TDVPS_ARRAY(l2_debug_ctls),
	[VP_FIELD_TSC_DEADLINE] = FIELD_FIXED(UINT64_MAX),
	[VP_FIELD_BASE_L2_CR0_GUEST_HOST_MASK] = IN_TDVPS(l2_cr0_mask),
	[VP_FIELD_BASE_L2_CR0_READ_SHADOW] = IN_TDVPS(l2_cr0_shadow),
	[VP_FIELD_BASE_L2_CR4_GUEST_HOST_MASK] = IN_TDVPS(l2_cr4_mask),
	[VP_FIELD_BASE_L2_CR4_READ_SHADOW] = IN_TDVPS(l2_cr4_shadow),
	[VP_FIELD_SHADOW_CR0_GUEST_HOST_MASK] = FIELD_FIXED(UINT64_C(0xffffffff7fffffff)),
	[VP_FIELD_SHADOW_CR0_READ_SHADOW] = FIELD_FIXED(0x21),
	[VP_FIELD_SHADOW_CR4_GUEST_HOST_MASK] = FIELD_FIXED(UINT64_MAX),
	[VP_FIELD_SHADOW_CR4_READ_SHADOW] = FIELD_FIXED(0x40),
	[VP_FIELD_SHADOW_PID_HPA] = FIELD_FIXED(UINT64_MAX),
	[VP_FIELD_SHADOW_POSTED_INT_NOTIFICATION_VECTOR] = FIELD_FIXED(UINT16_MAX),
	[VP_FIELD_SHADOW_SHARED_EPTP] = FIELD_FIXED(UINT64_MAX),
	[VP_FIELD_L2_ENTER_GUEST_STATE_GPA] = FIELD_FIXED(UINT64_MAX),
	[VP_FIELD_L2_ENTER_GUEST_STATE_HPA] = FIELD_FIXED(UINT64_MAX),
	[VP_FIELD_L2_VAPIC_GPA] = FIELD_FIXED(UINT64_MAX),
	[VP_FIELD_L2_VAPIC_HPA] = FIELD_FIXED(UINT64_MAX),
	[VP_FIELD_LAST_EPF_GPA_LIST_IDX] = FIELD_BY(nr_epf),
	[VP_FIELD_POSSIBLY_EPF_STEPPING] = FIELD_BY(nr_faults),
	[VP_FIELD_LAST_EPF_GPA_LIST] = TDVPS_ARRAY(epf),
};

/* ------------------------------------------------------------------------------------------- */
/* What the host may not write, beyond the masks. value: the field as it would be.              */

static tdx_status_t check_vector(const struct field_view *view, uint64_t value)
{
	return value > UINT8_MAX ? tdx_status(TDX_METADATA_FIELD_VALUE_NOT_VALID, 0) : CALL_OK;
}

static tdx_status_t check_descriptor(const struct field_view *view, uint64_t value)
{
	if (value == UINT64_MAX || hpa_is_shared(view->seam, hpa(value), 64, 64))
		return CALL_OK;
	return tdx_status(TDX_METADATA_FIELD_VALUE_NOT_VALID, 0);
}

static tdx_status_t check_shared_eptp(const struct field_view *view, uint64_t value)
{
	if (hpa_is_shared(view->seam, hpa(value), TDX_PAGE_SIZE, TDX_PAGE_SIZE))
		return CALL_OK;
	return tdx_status(TDX_METADATA_FIELD_VALUE_NOT_VALID, 0);
}

/* Posted interrupts are processed once it is known where they are posted. */
static tdx_status_t check_pin_controls(const struct field_view *view, uint64_t value)
{
	if (!(value & PIN_POSTED_INTERRUPTS))
		return CALL_OK;
	if (view->tdvps->posted_intr_vector == UINT16_MAX)
		return tdx_status(TDX_TD_VMCS_FIELD_NOT_INITIALIZED, VMCS_VECTOR);
	if (view->tdvps->posted_intr_descriptor == UINT64_MAX)
		return tdx_status(TDX_TD_VMCS_FIELD_NOT_INITIALIZED, VMCS_DESCRIPTOR);
	return CALL_OK;
}

/* Of a debug TD: all but bit 0 is the machine's, where it is 0. */
static tdx_status_t check_misc_enable(uint64_t value)
{
	return value > 1 ? tdx_status(TDX_METADATA_FIELD_VALUE_NOT_VALID, 0) : CALL_OK;
}

/* Nor may the header of its extended state, behind the legacy region of 512 bytes, be changed. */
static tdx_status_t check_xbuff(uint32_t element)
{
	const bool header = element >= 512 / 8 && element < (512 + 64) / 8;

	return header ? tdx_status(TDX_METADATA_FIELD_NOT_WRITABLE, 0) : CALL_OK;
}

static tdx_status_t check_value(const struct field_view *view, const struct field_ref *ref,
				uint64_t value)
{
	switch (ref->place) {
	case VP_FIELD_IA32_MISC_ENABLE:
		return check_misc_enable(value);
	case VP_FIELD_XBUFF:
		return check_xbuff(ref->element);
	case VP_FIELD_VMCS_POSTED_INTERRUPT_VECTOR:
		return check_vector(view, value);
	case VP_FIELD_VMCS_POSTED_INTERRUPT_DESCRIPTOR:
		return check_descriptor(view, value);
	case VP_FIELD_VMCS_SHARED_EPTP:
		return check_shared_eptp(view, value);
	case VP_FIELD_VMCS_PIN_CONTROLS:
		return check_pin_controls(view, value);
	default:
		return CALL_OK;
	}
}

static void store(const struct field_view *view, const struct field_ref *ref, uint64_t value)
{
	if (ref->place != VP_FIELD_VMCS_SHARED_EPTP) {
		field_store(view, ref, value);
		return;
	}
	view->tdvps->shared_eptp = value;
	view->tdvps->shared_eptp_set = 1;
}

/* ------------------------------------------------------------------------------------------- */

static struct field_view view_of(struct call *call, struct vp *vp)
{
	struct field_view view = field_view_of(call, ABI_VP, vp_field_values, &vp->td);

	view.tdvps = vp->tdvps;
	view.tdvpr = vp->address;
	return view;
}

tdx_status_t tdh_vp_rd(struct call *call)
{
	struct field_view view;
	tdx_status_t status;
	struct vp vp;

	status = vp_use(call, hpa(call->in.rcx), 1u << TDX_VCPU_READY | 1u << TDX_VCPU_DISABLED,
			&vp);
	if (call_failed(status))
		return status;
	view = view_of(call, &vp);
	return field_read_leaf(call, &view);
}

tdx_status_t tdh_vp_wr(struct call *call)
{
	struct field_view view;
	struct field_ref ref;
	uint64_t old, base, mask, value;
	tdx_status_t status;
	struct vp vp;

	status = vp_use(call, hpa(call->in.rcx), 1u << TDX_VCPU_READY, &vp);
	if (call_failed(status))
		return status;
	view = view_of(call, &vp);
	status = field_find(&view, call->in.rdx, &ref);
	if (call_failed(status))
		return status;
	mask = field_writable(&view, ref.field);
	old = field_load(&view, &ref);
	/* "None" of the descriptor is all ones; of it only what can be written counts here. */
	base = ref.place == VP_FIELD_VMCS_POSTED_INTERRUPT_DESCRIPTOR ? old & mask : old;
	status = field_check_write(&view, ref.field, call->in.r8, call->in.r9,
				   base & field_readable(&view, ref.field));
	if (call_failed(status))
		return status;
	mask &= call->in.r9;
	value = (base & ~mask) | (call->in.r8 & mask);
	status = check_value(&view, &ref, value);
	if (call_failed(status))
		return status;
	store(&view, &ref, value);
	call->regs->r8 = old & field_readable(&view, ref.field);
	return CALL_OK;
}
