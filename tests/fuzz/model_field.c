// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * model_field.c - metadata fields in the naive model: ids, and the rules of SYS.RD, RDALL and INFO,
 * MNG.RD and MNG.WR.
 *
 * Which fields there are is abi's table, as it is in the documents. An id is compared with every
 * element of every field; the next one is the first that can be read among all that come after.
 * Values are those that the model keeps anyway, or that were written; of others it has no opinion.
 */
#include <string.h>

#include "model_field.h"

#define LIST_BITS      UINT64_C(0x00007ffc00000000)
#define RESERVED_BITS  UINT64_C(0x40838000ff000000)
#define CONTEXT_BITS   UINT64_C(0x0070000000000000)
#define CLASS_CODE(id) ((id)&UINT64_C(0x3f00000000ffffff))

bool field_id_is_null(uint64_t id) { return (id | CONTEXT_BITS) == UINT64_MAX; }

static uint64_t id_of(const struct abi_field *f, uint32_t element)
{
	return f->id + element * (f->id & ABI_ID_STEP_2 ? 2 : 1);
}

static uint64_t width_mask(const struct abi_field *f)
{
	const unsigned int bits = 8u << (f->id >> 32 & 3);

	return bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

static bool is_there(const struct field_place *p, const struct abi_field *f)
{
	/* TDs with L2 VMs are none of the model's. */
	return f->needs == ABI_ALWAYS || (f->needs == ABI_DYNAMIC_PAMT && p->context == ABI_SYS);
}

static bool find_element(const struct abi_field *f, uint64_t id, uint32_t *element)
{
	for (*element = 0; *element < f->fields * f->elements; ++*element)
		if (CLASS_CODE(id_of(f, *element)) == CLASS_CODE(id))
			return true;
	return false;
}

bool field_lookup(struct field_place *p, uint64_t id)
{
	const struct abi_field *f;

	if (field_id_is_null(id) || id & (RESERVED_BITS | LIST_BITS))
		return false;
	for (uint32_t i = 0; (f = abi_field_at(p->context, i)); i++) {
		if (!is_there(p, f) || abi_id_class(f->id) != abi_id_class(id) ||
		    !find_element(f, id, &p->element))
			continue;
		p->field = f;
		p->read = (p->debug ? f->read_debug : f->read) & width_mask(f);
		p->write = (p->debug ? f->write_debug : f->write) & width_mask(f);
		return true;
	}
	return false;
}

bool field_is(const struct field_place *p, const char *name)
{
	return !strcmp(p->field->name, name);
}

static bool is_cpuid(const struct field_place *p, const struct abi_field *f)
{
	return p->context == ABI_TD && !strcmp(f->name, "CPUID_VALUES");
}

/*
 * The id of the first field from number i on that can be read; false: it is one of a CPUID leaf,
 * which go in an order of their own.
 */
static bool first_from(const struct field_place *p, uint32_t i, uint64_t *next)
{
	const struct abi_field *f;

	*next = UINT64_MAX;
	while ((f = abi_field_at(p->context, i)) &&
	       !(is_there(p, f) && (p->debug ? f->read_debug : f->read)))
		i++;
	if (f)
		*next = f->id;
	return !(f && is_cpuid(p, f));
}

/* The readable element behind this one, which id named. */
static bool next_id(const struct field_place *p, uint64_t id, uint64_t *next)
{
	const struct abi_field *f = p->field;
	uint32_t i = 0;

	if (is_cpuid(p, f))
		return false;
	if (p->element + 1 < f->fields * f->elements) {
		*next = (id & ~CONTEXT_BITS) | (f->id & CONTEXT_BITS);
		*next += f->id & ABI_ID_STEP_2 ? 2 : 1;
		return true;
	}
	while (abi_field_at(p->context, i) != f)
		i++;
	return first_from(p, i + 1, next);
}

uint64_t field_read(struct attempt *a, struct field_place *p, bool with_next)
{
	if (with_next && field_id_is_null(a->in->rdx)) {
		first_from(p, 0, &a->want.rdx);
		return TDX_METADATA_FIRST_FIELD_ID_IN_CONTEXT;
	}
	if (!field_lookup(p, a->in->rdx))
		return TDX_METADATA_FIELD_ID_INCORRECT;
	if (!p->read)
		return TDX_METADATA_FIELD_NOT_READABLE;
	if (with_next && !next_id(p, a->in->rdx, &a->want.rdx))
		a->loose |= REG_BIT(rdx);
	return 0;
}

uint64_t field_write(const struct attempt *a, const struct field_place *p, uint64_t seen)
{
	if (!(a->in->r9 & p->write))
		return TDX_METADATA_FIELD_NOT_WRITABLE;
	if ((a->in->r8 ^ seen) & a->in->r9 & ~p->write)
		return TDX_METADATA_FIELD_VALUE_NOT_VALID;
	return 0;
}

void field_value(struct attempt *a, const struct field_place *p, bool known, uint64_t value)
{
	if (known)
		a->want.r8 = value & p->read;
	else
		a->loose |= REG_BIT(r8);
}

/* ------------------------------------------------------------------------------------------- */
/* The module's own.                                                                            */

static bool sys_value(const struct model *m, const struct field_place *p, uint64_t *value)
{
	const struct seam_config *c = &m->config;

	*value = 0;
	if (field_is(p, "NUM_PKGS"))
		*value = c->nr_packages;
	else if (field_is(p, "CMR_BASE"))
		*value = c->cmr[p->element].base;
	else if (field_is(p, "CMR_SIZE"))
		*value = c->cmr[p->element].size;
	else if (field_is(p, "NUM_CMRS"))
		*value = 32;
	else if (field_is(p, "MAX_TDMRS"))
		*value = 64;
	else if (field_is(p, "MIN_DYNAMIC_PAMT_NUM_HKID_BITS"))
		*value = c->max_pa > 48 ? c->max_pa - 48 : 0;
	else
		return false;
	return true;
}

uint64_t sys_rd(struct attempt *a)
{
	struct field_place p = { .context = ABI_SYS };
	uint64_t status, value;
	bool known;

	a->want.r8 = 0;
	a->want.rdx = UINT64_MAX;
	if (!a->m->lp_done[a->lp])
		return TDX_SYS_LP_INIT_NOT_DONE;
	status = field_read(a, &p, true);
	if (status)
		return status;
	known = sys_value(a->m, &p, &value);
	field_value(a, &p, known, value);
	return 0;
}

static uint64_t word_at(const struct model *m, uint64_t hpa)
{
	uint64_t word;

	memcpy(&word, memory_map(m->memory, (tdx_hpa_t){ hpa & ~m_key_mask(m) }, OS_READ), 8);
	return word;
}

/* All of it, in 40 sequences: what is in the page afterwards. */
uint64_t sys_rdall(struct attempt *a)
{
	struct field_place p = { .context = ABI_SYS };
	const uint64_t id = a->in->r8 & ~(RESERVED_BITS | LIST_BITS);

	a->want.r8 = UINT64_MAX;
	if (!a->m->lp_done[a->lp])
		return TDX_SYS_LP_INIT_NOT_DONE;
	if (bad_shared(a, a->in->rdx, SIZE_4K))
		return OP(TDX_OPERAND_INVALID, RDX);
	if (!field_id_is_null(a->in->r8) &&
	    (!field_lookup(&p, id) || p.element % p.field->elements ||
	     (id ^ p.field->id) >> 32 & 3))
		return TDX_METADATA_FIELD_ID_INCORRECT;
	if (field_id_is_null(a->in->r8) && !a->out->rax &&
	    word_at(a->m, a->in->rdx) != (3200 | 40 << 16))
		return NOT_WRITTEN;
	return 0;
}

uint64_t sys_info(struct attempt *a)
{
	const struct tdx_regs *in = a->in;

	a->want.rdx = a->want.r9 = 0;
	if (!a->m->lp_done[a->lp])
		return TDX_SYS_LP_INIT_NOT_DONE;
	if (bad_shared(a, in->rcx, 1024))
		return OP(TDX_OPERAND_INVALID, RCX);
	if (in->rdx < 1024)
		return OP(TDX_OPERAND_INVALID, RDX);
	if (bad_shared(a, in->r8, 512))
		return OP(TDX_OPERAND_INVALID, R8);
	if (in->r9 < 32)
		return OP(TDX_OPERAND_INVALID, R9);
	a->want.rdx = 1024;
	a->want.r9 = 32;
	return 0;
}

/* ------------------------------------------------------------------------------------------- */
/* A TD's.                                                                                      */

uint64_t with_td_key(const struct model *m, const struct m_td *td, uint64_t page)
{
	return page | (uint64_t)td->hkid << (m->config.max_pa - m->config.hkid_bits);
}

static bool td_value(const struct model *m, const struct m_td *td, const struct field_place *p,
		     uint64_t *value)
{
	const struct {
		const char *name;
		uint64_t value;
	} known[] = {
		{ "FATAL", td->fatal },
		{ "NUM_TDCX", td->nr_tdcx },
		{ "CHLDCNT", td->children },
		{ "LIFECYCLE_STATE", td->lifecycle },
		{ "HKID", td->hkid },
		{ "PKG_CONFIG_BITMAP", td->key_packages },
		{ "NUM_VCPUS", td->nr_vcpus },
		{ "NUM_ASSOC_VCPUS", td->nr_assoc },
		{ "OP_STATE", td->op_state },
		{ "NUM_L2_VMS", 0 },
		{ "ATTRIBUTES", td->attributes },
		{ "XFAM", td->xfam },
		{ "MAX_VCPUS", td->max_vcpus },
		{ "GPAW", td->shared_bit == 51 },
		{ "TSC_FREQUENCY", td->tsc_frequency },
		/* In 32 bits of ticks, 2000 in a microsecond. */
		{ "HP_LOCK_TIMEOUT", (uint32_t)(td->hp_timeout_us * 2000) / 2000 },
		{ "NOTIFY_ENABLES", td->notify_enables },
		{ "CONFIG_FLAGS", td->config_flags },
		{ "TD_CTLS", td->attributes >> 28 & 1 },
		{ "VIRT_MAXPA", td->virt_maxpa },
		{ "TOPOLOGY_ENUM_CONFIGURED", !td->has_unnamed_vcpu },
		{ "VE_REDUCTION_VALID", !td->has_unnamed_vcpu },
		{ "TD_EPOCH", td->epoch },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (field_is(p, known[i].name)) {
			*value = known[i].value;
			return true;
		}
	*value = 0;
	if (field_is(p, "TDCX_PA"))
		*value = p->element < td->nr_tdcx ? with_td_key(m, td, td->tdcx[p->element]) : 0;
	else if (field_is(p, "REFCOUNT"))
		*value = td->inside[p->element];
	else if (field_is(p, "VM_CTLS"))
		*value = td->vm_ctls[p->element];
	else if (field_is(p, "X2APIC_IDS"))
		*value = td->x2apic_id[p->element];
	else
		return false;
	return true;
}

/* What MNG.RD and MNG.WR begin with. */
static uint64_t begin_td(struct attempt *a, struct field_place *p)
{
	uint64_t status = td_operand(a, a->in->rcx, TDX_OP_RCX, false);

	a->want.r8 = 0;
	if (!status)
		status = td_built(a, IN_BUILT);
	if (!status)
		*p = (struct field_place){ .context = ABI_TD, .debug = a->td->attributes & 1 };
	return status;
}

uint64_t mng_rd(struct attempt *a)
{
	const bool with_next = a->in->rax >> 16;
	struct field_place p;
	uint64_t status, value;
	bool known;

	if (with_next)
		a->want.rdx = UINT64_MAX;
	status = begin_td(a, &p);
	if (!status)
		status = field_read(a, &p, with_next);
	if (status)
		return status;
	/* Which leaves of CPUID there are is not kept. */
	if (field_is(&p, "CPUID_VALUES") && a->out->rax)
		return UNKNOWN;
	known = td_value(a->m, a->td, &p, &value);
	field_value(a, &p, known, value);
	return 0;
}

static uint64_t change_td(struct attempt *a, const struct field_place *p)
{
	const uint64_t mask = a->in->r9 & p->write;

	if (field_is(p, "HP_LOCK_TIMEOUT")) {
		if (a->in->r9 != UINT64_MAX)
			return TDX_METADATA_WR_MASK_NOT_VALID;
		if (a->in->r8 < 10000 || a->in->r8 > 100000000)
			return TDX_METADATA_FIELD_VALUE_NOT_VALID;
		a->td->hp_timeout_us = a->in->r8;
	} else if (field_is(p, "VM_CTLS")) {
		uint64_t *ctls = &a->td->vm_ctls[p->element];

		*ctls = (*ctls & ~mask) | (a->in->r8 & mask);
	} else if (field_is(p, "NOTIFY_ENABLES")) {
		a->td->notify_enables = (a->td->notify_enables & ~mask) | (a->in->r8 & mask);
	} else {
		a->m->lost = true;
	}
	return 0;
}

uint64_t mng_wr(struct attempt *a)
{
	struct field_place p;
	uint64_t status = begin_td(a, &p), value;
	bool known;

	if (status)
		return status;
	if (!field_lookup(&p, a->in->rdx))
		return TDX_METADATA_FIELD_ID_INCORRECT;
	known = td_value(a->m, a->td, &p, &value);
	/* Of a field that the model does not know it cannot say what a reader sees. */
	if (!known && p.write & a->in->r9)
		return UNKNOWN;
	status = field_write(a, &p, value & p.read);
	if (!status)
		status = change_td(a, &p);
	if (!status)
		field_value(a, &p, known, value);
	return status;
}
