// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * model_td.c - MNG.INIT in the naive model.
 *
 * Of TD_PARAMS the model looks at what the rest follows from, such as how wide guest addresses are
 * and how deep the S-EPT is. Whether a value is one that the CPU has is no matter here: a call that
 * fails has changed nothing.
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
	a->td->building = true;
	a->td->attributes = p.attributes;
	a->td->xfam = p.xfam;
	a->td->config_flags = p.config_flags;
	a->td->tsc_frequency = p.tsc_frequency;
	a->td->virt_maxpa = told_width(a->m, &p);
	m_begin_td(a->td, p.eptp_controls >> TDX_EPTP_PWL_SHIFT & 7,
		   p.config_flags & TDX_CONFIG_GPAW, p.max_vcpus);
	a->td->gpa_bits = smaller(a->td->shared_bit, a->td->virt_maxpa);
	a->m->lost |= p.num_l2_vms != 0;
	return 0;
}
