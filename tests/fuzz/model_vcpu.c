// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * model_vcpu.c - rules of vCPUs: VP.INIT, VP.FLUSH, VP.RD, VP.WR, VP.ENTER.
 */
#include "model_field.h"

/* TDVPR in RCX, and the TD of it. UNKNOWN: a TDVPR of no TD that the model has. */
static uint64_t vcpu_operand(struct attempt *a, uint64_t hpa, bool exclusive, bool tdr_exclusive,
			     struct m_vcpu **vcpu)
{
	uint64_t status = page_operand(a, hpa, TDX_OP_RCX, TDX_PT_TDVPR, exclusive);

	if (status)
		return status;
	*vcpu = m_find_vcpu(a->m, hpa, &a->td);
	if (!*vcpu)
		return UNKNOWN;
	hold(a, a->td->tdr, tdr_exclusive, true);
	return 0;
}

static uint64_t x2apic_operand(const struct attempt *a)
{
	if (a->in->r8 >> 32)
		return OP(TDX_OPERAND_INVALID, R8);
	for (uint32_t i = 0; i < a->td->nr_vcpus; i++)
		if (a->td->x2apic_id[i] == a->in->r8)
			return TDX_X2APIC_ID_NOT_UNIQUE | a->in->r8;
	return 0;
}

uint64_t vp_init(struct attempt *a)
{
	const bool named = a->in->rax >> 16;
	struct m_vcpu *vcpu;
	uint64_t status = vcpu_operand(a, a->in->rcx, true, named, &vcpu);

	if (!status)
		status = td_built(a, IN_INITIALIZED);
	if (status)
		return status;
	if (vcpu->pages < TDX_MIN_TDVPS)
		return TDX_TDCX_NUM_INCORRECT;
	if (vcpu->state != TDX_VCPU_UNINITIALIZED)
		return TDX_VCPU_STATE_INCORRECT | vcpu->state;
	if (a->td->nr_vcpus >= a->td->max_vcpus)
		return TDX_MAX_VCPUS_EXCEEDED;
	if (named) {
		status = x2apic_operand(a);
		if (status)
			return status;
		a->td->x2apic_id[a->td->nr_vcpus] = (uint32_t)a->in->r8;
	} else {
		a->td->has_unnamed_vcpu = true;
	}
	vcpu->index = a->td->nr_vcpus++;
	vcpu->state = TDX_VCPU_READY;
	vcpu->vector = 0xffff;
	vcpu->descriptor = UINT64_MAX;
	vcpu->lp = a->lp + 1;
	a->td->nr_assoc++;
	return 0;
}

uint64_t vp_flush(struct attempt *a)
{
	struct m_vcpu *vcpu;
	uint64_t status = vcpu_operand(a, a->in->rcx, true, false, &vcpu);

	if (status)
		return status;
	if (a->td->lifecycle != TDX_KEYS_CONFIGURED)
		return TDX_TD_KEYS_NOT_CONFIGURED;
	if (a->td->nr_tdcx < TDX_MIN_TDCX || vcpu->pages < TDX_MIN_TDVPS)
		return TDX_TDCX_NUM_INCORRECT;
	if (vcpu->lp != a->lp + 1)
		return TDX_VCPU_NOT_ASSOCIATED;
	vcpu->lp = 0;
	a->td->nr_assoc--;
	return 0;
}

/*
 * What VP.RD, VP.WR and VP.ENTER begin with. A vCPU that is no LP's is this one's from here on,
 * whatever comes out in the end.
 */
static uint64_t use_vcpu(struct attempt *a, uint64_t hpa, unsigned int op_states,
			 bool disabled_is_fine, struct m_vcpu **vcpu)
{
	uint64_t status = vcpu_operand(a, hpa, false, false, vcpu);

	if (!status)
		status = td_built(a, op_states);
	if (status)
		return status;
	if ((*vcpu)->pages < TDX_MIN_TDVPS)
		return TDX_TDCX_NUM_INCORRECT;
	if ((*vcpu)->state != TDX_VCPU_READY &&
	    !(disabled_is_fine && (*vcpu)->state == TDX_VCPU_DISABLED))
		return TDX_VCPU_STATE_INCORRECT | (*vcpu)->state;
	if (!(*vcpu)->lp) {
		(*vcpu)->lp = a->lp + 1;
		a->td->nr_assoc++;
	}
	return (*vcpu)->lp == a->lp + 1 ? 0 : TDX_VCPU_ASSOCIATED;
}

/* ------------------------------------------------------------------------------------------- */
/* Fields.                                                                                      */

static bool vp_value(const struct model *m, const struct m_td *td, const struct m_vcpu *vcpu,
		     const struct field_place *p, uint64_t *value)
{
	*value = 0;
	if (field_is(p, "VMCS_POSTED_INTERRUPT_VECTOR"))
		*value = vcpu->vector;
	else if (field_is(p, "VMCS_POSTED_INTERRUPT_DESCRIPTOR"))
		*value = vcpu->descriptor;
	else if (field_is(p, "VMCS_PIN_CONTROLS"))
		*value = vcpu->pin_controls;
	else if (field_is(p, "VMCS_INSTRUCTION_TIMEOUT_CONTROL"))
		*value = vcpu->timeout;
	else if (field_is(p, "VMCS_SHARED_EPTP"))
		*value = vcpu->shared_eptp ? vcpu->shared_eptp : with_td_key(m, td, td->tdcx[4]);
	else if (field_is(p, "VCPU_INDEX"))
		*value = vcpu->index;
	else if (field_is(p, "NUM_TDVPS_PAGES"))
		*value = vcpu->pages;
	else if (field_is(p, "ASSOC_LPID"))
		*value = vcpu->lp - 1;
	else if (field_is(p, "PEND_NMI"))
		*value = vcpu->pend_nmi;
	else if (!field_is(p, "VCPU_STATE_DETAILS"))
		return false;
	return true;
}

uint64_t vp_rd(struct attempt *a)
{
	const bool with_next = a->in->rax >> 16;
	struct field_place p = { .context = ABI_VP };
	struct m_vcpu *vcpu;
	uint64_t status, value;
	bool known;

	a->want.r8 = 0;
	if (with_next)
		a->want.rdx = UINT64_MAX;
	status = use_vcpu(a, a->in->rcx, IN_BUILT, true, &vcpu);
	if (status)
		return status;
	p.debug = a->td->attributes & 1;
	status = field_read(a, &p, with_next);
	if (status)
		return status;
	/* A vCPU that was forced into its state has not got what VP.INIT gives it. */
	known = !p.debug && !vcpu->forced && vp_value(a->m, a->td, vcpu, &p, &value);
	field_value(a, &p, known, known ? value : 0);
	return 0;
}

/* The value that a field is to have; what it may not. */
static uint64_t change_vcpu(struct attempt *a, struct m_vcpu *vcpu, const struct field_place *p,
			    uint64_t value)
{
	if (field_is(p, "VMCS_POSTED_INTERRUPT_VECTOR")) {
		if (value > 255)
			return TDX_METADATA_FIELD_VALUE_NOT_VALID;
		vcpu->vector = value;
	} else if (field_is(p, "VMCS_POSTED_INTERRUPT_DESCRIPTOR")) {
		if (value != UINT64_MAX && bad_shared(a, value, 64))
			return TDX_METADATA_FIELD_VALUE_NOT_VALID;
		vcpu->descriptor = value;
	} else if (field_is(p, "VMCS_PIN_CONTROLS")) {
		if (value & 0x80 && vcpu->vector == 0xffff)
			return TDX_TD_VMCS_FIELD_NOT_INITIALIZED | 0x0002;
		if (value & 0x80 && vcpu->descriptor == UINT64_MAX)
			return TDX_TD_VMCS_FIELD_NOT_INITIALIZED | 0x2016;
		vcpu->pin_controls = value;
	} else if (field_is(p, "VMCS_SHARED_EPTP")) {
		if (bad_shared(a, value, SIZE_4K))
			return TDX_METADATA_FIELD_VALUE_NOT_VALID;
		vcpu->shared_eptp = value;
		/* The model has no way to keep "written, with 0". */
		a->m->lost |= !value;
	} else if (field_is(p, "VMCS_INSTRUCTION_TIMEOUT_CONTROL")) {
		vcpu->timeout = value;
	} else if (field_is(p, "PEND_NMI")) {
		vcpu->pend_nmi = value;
	}
	return 0;
}

uint64_t vp_wr(struct attempt *a)
{
	struct field_place p = { .context = ABI_VP };
	struct m_vcpu *vcpu;
	uint64_t status, old, mask;

	a->want.r8 = 0;
	status = use_vcpu(a, a->in->rcx, IN_BUILT, false, &vcpu);
	if (status)
		return status;
	p.debug = a->td->attributes & 1;
	if (!field_lookup(&p, a->in->rdx))
		return TDX_METADATA_FIELD_ID_INCORRECT;
	if (!(a->in->r9 & p.write))
		return TDX_METADATA_FIELD_NOT_WRITABLE;
	/* What a debugger writes is not kept, nor the controls that the CPU has a say in. */
	if (p.debug || vcpu->forced || field_is(&p, "VMCS_SECONDARY_CONTROLS"))
		return UNKNOWN;
	if (!vp_value(a->m, a->td, vcpu, &p, &old))
		return UNKNOWN;
	field_value(a, &p, true, old);
	if (field_is(&p, "VMCS_POSTED_INTERRUPT_DESCRIPTOR"))
		old &= p.write;
	mask = a->in->r9 & p.write;
	status = field_write(a, &p, old & p.read);
	if (!status)
		status = change_vcpu(a, vcpu, &p, (old & ~mask) | (a->in->r8 & mask));
	if (status)
		a->want.r8 = 0;
	return status;
}

/* ------------------------------------------------------------------------------------------- */
/* VP.ENTER, with nothing to run: what is inside leaves at once.                                */

/* Does the guest, at this private page, find nothing that it can use? */
static bool would_fault(const struct m_td *td, uint64_t gpa)
{
	const struct m_map *map = m_find_leaf(td, gpa);

	if (gpa >> td->gpa_bits || !map || map->blocked)
		return true;
	return map->pending && td->attributes & TDX_ATTR_SEPT_VE_DISABLE;
}

void vp_enter_gave_way(struct attempt *a)
{
	struct m_vcpu *vcpu;

	if (a->out->rax == OP(TDX_OPERAND_BUSY, TD_EPOCH) ||
	    a->out->rax == OP(TDX_OPERAND_BUSY, SEPT_TREE))
		use_vcpu(a, a->in->rcx, IN_RUNNABLE, false, &vcpu);
}

uint64_t vp_enter(struct attempt *a)
{
	const uint64_t flags = UINT64_C(3) << 52, rcx = a->in->rcx;
	struct m_vcpu *vcpu;
	uint64_t status;

	if (rcx & 0xfff || rcx >> 54)
		return OP(TDX_OPERAND_INVALID, RCX);
	status = use_vcpu(a, rcx & ~flags, IN_RUNNABLE, false, &vcpu);
	if (status)
		return status;
	if (rcx & flags)
		return OP(TDX_OPERAND_INVALID, RCX);
	a->want = (struct tdx_regs){
		.rbp = a->td->config_flags & TDX_CONFIG_NO_RBP_MOD ? a->in->rbp : 0,
	};
	for (unsigned int i = 0; i < vcpu->nr_epf; i++) {
		const uint64_t gpa = vcpu->epf[i] & ~(SIZE_4K - 1);

		if (!would_fault(a->td, gpa))
			continue;
		a->want.rcx = TDX_EPT_VIOLATION_WRITE;
		a->want.r8 = gpa;
		return TDX_EXIT_EPT_VIOLATION;
	}
	a->loose |= REG_BIT(r9); /* which interrupt it was */
	return TDX_EXIT_INTERRUPT;
}
