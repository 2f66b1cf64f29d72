// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * field.c - the way through the tables of metadata fields.
 */
#include "seam/cpuid.h"
#include "seam/field.h"

static bool exists(const struct field_view *view, const struct abi_field *field)
{
	return view->has & 1u << field->needs;
}

/* The bits that an element has. */
static uint64_t element_mask(const struct abi_field *field)
{
	return UINT64_MAX >> (64 - abi_id_bits(field->id));
}

uint64_t field_readable(const struct field_view *view, const struct abi_field *field)
{
	if (!exists(view, field))
		return 0;
	return (view->debug ? field->read_debug : field->read) & element_mask(field);
}

uint64_t field_writable(const struct field_view *view, const struct abi_field *field)
{
	if (!exists(view, field))
		return 0;
	return (view->debug ? field->write_debug : field->write) & element_mask(field);
}

tdx_status_t field_find(const struct field_view *view, uint64_t id, struct field_ref *ref)
{
	const tdx_status_t incorrect = tdx_status(TDX_METADATA_FIELD_ID_INCORRECT, 0);

	if (field_is_none(id) || id & (ABI_ID_RESERVED | ABI_ID_LIST))
		return incorrect;
	ref->field = abi_field(view->context, id, &ref->element);
	if (!ref->field || !exists(view, ref->field))
		return incorrect;
	ref->place = (uint32_t)(ref->field - abi_field_at(view->context, 0));
	return CALL_OK;
}

/* CPUID_VALUES: which elements there are is the CPUID table's to say. */
static bool is_cpuid(const struct field_view *view, uint32_t place)
{
	return view->context == ABI_TD && place == TD_FIELD_CPUID_VALUES;
}

/* A leaf of CPUID of which nothing is known. */
static bool is_no_cpuid(const struct field_view *view, const struct field_ref *ref)
{
	return is_cpuid(view, ref->place) && cpuid_by_code(ref->element) == CPUID_ENTRIES &&
	       !cpuid_is_fixed0(ref->element);
}

/* The first readable field at or after a place of the table. */
static uint64_t next_field(const struct field_view *view, uint32_t place)
{
	const struct abi_field *field;

	for (; (field = abi_field_at(view->context, place)); place++)
		if (field_readable(view, field))
			return field->id + (is_cpuid(view, place) ? cpuid_code(cpuid_at(0)) : 0);
	return ABI_ID_NONE;
}

/* After the second two registers of a CPUID entry; of a leaf that is not in the table, none. */
static uint64_t next_cpuid(const struct field_view *view, const struct field_ref *ref)
{
	const struct cpuid_entry *next = cpuid_at(cpuid_by_code(ref->element) + 1);

	return next ? ref->field->id + cpuid_code(next) : next_field(view, ref->place + 1);
}

uint64_t field_first(const struct field_view *view) { return next_field(view, 0); }

uint64_t field_next(const struct field_view *view, uint64_t id, const struct field_ref *ref)
{
	if (is_cpuid(view, ref->place) && ref->element & CPUID_CODE_SECOND)
		return next_cpuid(view, ref);
	if (ref->element + 1 == abi_field_elements(ref->field))
		return next_field(view, ref->place + 1);
	id = (id & ~ABI_ID_CONTEXT) | (ref->field->id & ABI_ID_CONTEXT);
	return id + abi_field_step(ref->field);
}

/* ------------------------------------------------------------------------------------------- */

static const struct field_value *value_of(const struct field_view *view, uint32_t place)
{
	return &view->values[place];
}

static void *home(const struct field_view *view, const struct field_ref *ref,
		  const struct field_value *value)
{
	uint8_t *page = value->home == FIELD_IN_TDR    ? (uint8_t *)view->tdr
			: value->home == FIELD_IN_TDCS ? (uint8_t *)view->tdcs
						       : (uint8_t *)view->tdvps;

	return page + value->offset + ref->element * value->bytes;
}

/* Relaxed, all: a field is read for its own sake; what is not atomic is ordered by a lock. */
static uint64_t load(void *at, uint32_t bytes)
{
	switch (bytes) {
	case 8:
		return os_load64(at, OS_RELAXED);
	case 4:
		return os_load32(at, OS_RELAXED);
	default:
		return os_load16(at, OS_RELAXED);
	}
}

uint64_t field_load(const struct field_view *view, const struct field_ref *ref)
{
	const struct field_value *value = value_of(view, ref->place);

	if (value->home == FIELD_CONSTANT)
		return value->constant;
	if (value->home == FIELD_COMPUTED)
		return value->read(view, ref->element);
	return load(home(view, ref, value), value->bytes);
}

void field_store(const struct field_view *view, const struct field_ref *ref, uint64_t value)
{
	const struct field_value *where = value_of(view, ref->place);
	void *at = home(view, ref, where);

	/* What a debugger may change and nothing here keeps. */
	if (where->home == FIELD_CONSTANT || where->home == FIELD_COMPUTED)
		return;
	/* Relaxed: as in load(). */
	switch (where->bytes) {
	case 8:
		os_store64(at, value, OS_RELAXED);
		break;
	case 4:
		os_store32(at, (uint32_t)value, OS_RELAXED);
		break;
	default:
		os_store16(at, (uint16_t)value, OS_RELAXED);
	}
}

tdx_status_t field_check_write(const struct field_view *view, const struct abi_field *field,
			       uint64_t value, uint64_t mask, uint64_t seen)
{
	uint64_t writable = field_writable(view, field);

	if (!(mask & writable))
		return tdx_status(TDX_METADATA_FIELD_NOT_WRITABLE, 0);
	if ((value ^ seen) & mask & ~writable)
		return tdx_status(TDX_METADATA_FIELD_VALUE_NOT_VALID, 0);
	return CALL_OK;
}

void field_change(const struct field_view *view, const struct field_ref *ref, uint64_t value,
		  uint64_t mask)
{
	mask &= field_writable(view, ref->field);
	field_store(view, ref, (field_load(view, ref) & ~mask) | (value & mask));
}

/* ------------------------------------------------------------------------------------------- */
/* Leaves.                                                                                      */

struct field_view field_view_of(struct call *call, enum abi_context context,
				const struct field_value *values, struct td *td)
{
	return (struct field_view){
		.seam = call->seam,
		.call = call,
		.context = context,
		.values = values,
		.debug = td->tdcs->attributes & TDX_ATTR_DEBUG,
		.has = (2u << td->tdcs->nr_l2_vms) - 1, /* ALWAYS, and the VMs in order */
		.tdr = td->tdr,
		.children = td_children(td->page.head),
		.tdcs = td->tdcs,
	};
}

tdx_status_t field_read_leaf(struct call *call, const struct field_view *view)
{
	struct field_ref ref;
	uint64_t readable;
	tdx_status_t status;

	if (call->version && field_is_none(call->in.rdx)) {
		call->regs->rdx = field_first(view);
		return tdx_status(TDX_METADATA_FIRST_FIELD_ID_IN_CONTEXT, 0);
	}
	status = field_find(view, call->in.rdx, &ref);
	if (call_failed(status))
		return status;
	readable = field_readable(view, ref.field);
	if (!readable || is_no_cpuid(view, &ref))
		return tdx_status(TDX_METADATA_FIELD_NOT_READABLE, 0);
	call->regs->r8 = field_load(view, &ref) & readable;
	if (call->version)
		call->regs->rdx = field_next(view, call->in.rdx, &ref);
	return CALL_OK;
}
