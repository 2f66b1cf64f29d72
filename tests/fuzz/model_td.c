// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * model_td.c - rules of what a TD and its vCPUs are told, and of what they tell: MNG.INIT, MNG.RD,
 * VP.INIT, VP.FLUSH.
 *
 * Of TD_PARAMS the model looks at what the rest follows from: how wide guest addresses are, how
 * deep the S-EPT is. Whether a value is one that the CPU has is no matter here: a call that fails
 * has changed nothing.
 */
#include <string.h>

#include "model_attempt.h"

#define IN_UNINITIALIZED 1u

static void read_params(const struct attempt *a, struct tdx_td_params *params)
{
	memcpy(params,
	       memory_map(a->m->memory, (tdx_hpa_t){ a->in->rdx & ~m_key_mask(a->m) }, OS_READ),
	       sizeof(*params));
}

static unsigned int smaller(unsigned int a, unsigned int b) { return a < b ? a : b; }

/* Bits of an address that the TD is told of. */
static unsigned int told_width(const struct model *m, const struct tdx_td_params *p)
{
	const unsigned int asked = p->cpuid_config[9][0] & 0xff;
	const unsigned int widest =
		smaller(m->config.max_pa, p->config_flags & TDX_CONFIG_GPAW ? 52 : 48);

	if (p->config_flags & TDX_CONFIG_MAXGPA_VIRT)
		return widest;
	if (p->config_flags & TDX_CONFIG_MAXPA_VIRT)
		return asked ? asked : widest;
	return m->config.max_pa;
}

/* A field that is wrong for certain; 0: the model sees none. */
static uint64_t wrong_param(const struct m_td *td, const struct tdx_td_params *p)
{
	const unsigned int pwl = p->eptp_controls >> TDX_EPTP_PWL_SHIFT & 7;

	if ((p->xfam & 3) != 3)
		return OP(TDX_OPERAND_INVALID, XFAM);
	if (!p->max_vcpus || p->max_vcpus > 576)
		return OP(TDX_OPERAND_INVALID, MAX_VCPUS);
	if (p->num_l2_vms > 3)
		return OP(TDX_OPERAND_INVALID, NUM_L2_VMS);
	if (td->nr_tdcx < 6u + p->num_l2_vms)
		return TDX_TDCS_NOT_ALLOCATED;
	if (p->reserved0)
		return OP(TDX_OPERAND_INVALID, RDX);
	if (p->config_flags >> 5 || (p->config_flags & 0x18) == 0x18)
		return OP(TDX_OPERAND_INVALID, EXEC_CONTROLS);
	if ((pwl != 3 && pwl != 4) || (pwl == 3 && p->config_flags & 1) ||
	    p->eptp_controls != (6 | (uint64_t)pwl << 3))
		return OP(TDX_OPERAND_INVALID, EPTP_CONTROLS);
	if (p->tsc_frequency < 4 || p->tsc_frequency > 400)
		return OP(TDX_OPERAND_INVALID, TSC_FREQUENCY);
	return 0;
}

uint64_t mng_init(struct attempt *a)
{
	struct tdx_td_params p;
	uint64_t status, wrong;

	a->want.rcx = 0;
	status = td_operand(a, a->in->rcx & ~UINT64_C(1), TDX_OP_RCX, true);
	if (!status)
		status = td_built(a, IN_UNINITIALIZED);
	if (!status && bad_shared(a, a->in->rdx, TDX_TD_PARAMS_ALIGN))
		status = OP(TDX_OPERAND_INVALID, RDX);
	if (status)
		return status;
	read_params(a, &p);
	wrong = wrong_param(a->td, &p);
	/* ATTRIBUTES come first, and all else that the model has no opinion on comes after. */
	if (a->out->rax == OP(TDX_OPERAND_INVALID, ATTRIBUTES) ||
	    a->out->rax == OP(TDX_OPERAND_INVALID, XFAM) || (!wrong && a->out->rax))
		return UNKNOWN;
	if (wrong)
		return wrong;
	a->td->op_state = TDX_OP_INITIALIZED;
	a->td->pwl = p.eptp_controls >> TDX_EPTP_PWL_SHIFT & 7;
	a->td->shared_bit = p.config_flags & TDX_CONFIG_GPAW ? 51 : 47;
	a->td->gpa_bits = smaller(a->td->shared_bit, told_width(a->m, &p));
	a->td->epoch = 1;
	a->td->max_vcpus = p.max_vcpus;
	a->m->lost |= p.num_l2_vms != 0;
	return 0;
}

/* The fields that are the model's own business, by class and code. */
static bool field_value(const struct m_td *td, uint64_t which, uint64_t *value)
{
	const struct {
		uint64_t which, value;
	} fields[] = {
		{ UINT64_C(0x00000002), td->nr_tdcx },
		{ UINT64_C(0x00000004), td->children },
		{ UINT64_C(0x00000005), td->lifecycle },
		{ UINT64_C(0x01000001), td->hkid },
		{ UINT64_C(0x01000002), td->key_packages },
		{ UINT64_C(0x10000001), td->nr_vcpus },
		{ UINT64_C(0x10000002), td->nr_assoc },
		{ UINT64_C(0x10000004), td->op_state },
		{ UINT64_C(0x11000003), td->shared_bit == 51 },
		{ UINT64_C(0x12000000), td->epoch },
		{ UINT64_C(0x12000001), td->inside[0] },
		{ UINT64_C(0x12000002), td->inside[1] },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].which == which) {
			*value = fields[i].value;
			return true;
		}
	return false;
}

uint64_t mng_rd(struct attempt *a)
{
	const uint64_t reserved = UINT64_C(0x4083fffc00000000) | UINT64_C(0xff000000);
	const uint64_t id = a->in->rdx;
	uint64_t status = td_operand(a, a->in->rcx, TDX_OP_RCX, false);

	a->want.r8 = 0;
	if (a->in->rax >> 16) {
		a->want.rdx = UINT64_MAX;
		a->loose |= status ? 0 : REG_BIT(rdx);
	}
	if (!status)
		status = td_built(a, IN_BUILT);
	if (status)
		return status;
	if (id & reserved)
		return (id | UINT64_C(7) << 52) == UINT64_MAX ? UNKNOWN
							      : TDX_METADATA_FIELD_ID_INCORRECT;
	if (!field_value(a->td, (id >> 56 & 0x3f) << 24 | (id & 0xffffff), &a->want.r8))
		return UNKNOWN;
	return 0;
}

/* ------------------------------------------------------------------------------------------- */
/* vCPUs.                                                                                       */

uint64_t vp_init(struct attempt *a)
{
	struct m_vcpu *vcpu;
	uint64_t status = page_operand(a, a->in->rcx, TDX_OP_RCX, TDX_PT_TDVPR, true);

	if (status)
		return status;
	vcpu = m_find_vcpu(a->m, a->in->rcx, &a->td);
	if (!vcpu)
		return UNKNOWN;
	hold(a, a->td->tdr, a->in->rax >> 16, true);
	status = td_built(a, IN_INITIALIZED);
	if (status)
		return status;
	if (vcpu->pages < TDX_MIN_TDVPS)
		return TDX_TDCX_NUM_INCORRECT;
	if (vcpu->state != TDX_VCPU_UNINITIALIZED)
		return TDX_VCPU_STATE_INCORRECT | vcpu->state;
	if (a->td->nr_vcpus >= a->td->max_vcpus)
		return TDX_MAX_VCPUS_EXCEEDED;
	/* Which x2APIC ids there are is not kept. */
	if (a->in->rax >> 16 && a->out->rax)
		return UNKNOWN;
	vcpu->state = TDX_VCPU_READY;
	vcpu->lp = a->lp + 1;
	a->td->nr_vcpus++;
	a->td->nr_assoc++;
	return 0;
}

uint64_t vp_flush(struct attempt *a)
{
	struct m_vcpu *vcpu;
	uint64_t status = page_operand(a, a->in->rcx, TDX_OP_RCX, TDX_PT_TDVPR, true);

	if (status)
		return status;
	vcpu = m_find_vcpu(a->m, a->in->rcx, &a->td);
	if (!vcpu)
		return UNKNOWN;
	hold(a, a->td->tdr, false, true);
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

/* VP.RD, VP.WR, VP.ENTER: a vCPU that is no LP's may become this one's, whatever comes out. */
uint64_t vp_touched(struct attempt *a)
{
	struct m_vcpu *vcpu = m_find_vcpu(a->m, a->in->rcx, &a->td);

	if (vcpu && !vcpu->lp)
		a->m->lost = true;
	return UNKNOWN;
}
