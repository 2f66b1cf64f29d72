// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * metadata.c - MNG.RD, MNG.WR, VP.RD, VP.WR: fields of a TD and of a vCPU, by id.
 *
 * Of a field's id, class (61:56) and code (31:0) say which it is; the rest describes it and is not
 * looked at. The fields are those that a host has a use for: what it would print of a TD in
 * trouble, what it needs to run a vCPU. All others are FIELD_ID_INCORRECT. Production TDs show the
 * host no more than that, so nothing here depends on the debug attribute.
 *
 * Version 0 returns the value in R8; version 1 also the id of the next field in RDX, and takes all
 * ones to mean the first.
 */
#include "seam/dispatch.h"
#include "seam/hpa.h"
#include "seam/vp.h"

#define ID_WHICH(class, code) ((uint64_t)(class) << 56 | (code))
#define ID_MASK		      ID_WHICH(0x3f, UINT32_MAX)
#define ID_NONE		      UINT64_MAX

/* The control page in which a field lies. */
enum home { HOME_TDR, HOME_TDCS, HOME_TDVPS };

struct field {
	uint64_t id; /* of the first, where count > 1: consecutive codes */
	uint32_t count;
	enum home home;
	uint16_t offset;
	uint8_t bytes;
	uint64_t writable; /* bits that the host may change */
};

#define SIZE_OF(type, member) sizeof(((type *)0)->member)
#define FIELD(class, code, where, type, member)                                  \
	{                                                                        \
		.id = ID_WHICH(class, code), .count = 1, .home = where,          \
		.offset = offsetof(type, member), .bytes = SIZE_OF(type, member) \
	}
#define ARRAY(class, code, where, type, member)                                           \
	{                                                                                 \
		.id = ID_WHICH(class, code),                                              \
		.count = SIZE_OF(type, member) / SIZE_OF(type, member[0]), .home = where, \
		.offset = offsetof(type, member), .bytes = SIZE_OF(type, member[0])       \
	}
#define WRITABLE(class, code, type, field, mask)                                                   \
	{                                                                                          \
		.id = ID_WHICH(class, code), .count = 1, .home = HOME_TDVPS,                       \
		.offset = offsetof(type, field), .bytes = SIZE_OF(type, field), .writable = (mask) \
	}

/* Ascending. Classes: 0 management, 1 keys, 16 the TD, 17 its execution controls, 18 epochs. */
static const struct field td_fields[] = {
	FIELD(0, 1, HOME_TDR, struct tdr, fatal),
	FIELD(0, 2, HOME_TDR, struct tdr, nr_tdcx),
	FIELD(0, 4, HOME_TDR, struct tdr, chldcnt),
	FIELD(0, 5, HOME_TDR, struct tdr, lifecycle),
	ARRAY(0, 16, HOME_TDR, struct tdr, tdcx),
	FIELD(1, 1, HOME_TDR, struct tdr, hkid),
	FIELD(1, 2, HOME_TDR, struct tdr, key_packages),
	FIELD(16, 1, HOME_TDCS, struct tdcs, nr_vcpus),
	FIELD(16, 2, HOME_TDCS, struct tdcs, nr_assoc),
	FIELD(16, 4, HOME_TDCS, struct tdcs, op_state),
	FIELD(17, 0, HOME_TDCS, struct tdcs, attributes),
	FIELD(17, 1, HOME_TDCS, struct tdcs, xfam),
	FIELD(17, 2, HOME_TDCS, struct tdcs, max_vcpus),
	FIELD(17, 10, HOME_TDCS, struct tdcs, tsc_offset),
	FIELD(17, 11, HOME_TDCS, struct tdcs, tsc_multiplier),
	FIELD(17, 12, HOME_TDCS, struct tdcs, tsc_frequency),
	FIELD(17, 18, HOME_TDCS, struct tdcs, config_flags),
	FIELD(18, 0, HOME_TDCS, struct tdcs, epoch),
	ARRAY(18, 1, HOME_TDCS, struct tdcs, refcount),
};

/* Classes: 0 the VMCS, by its own encodings, 17 guest state, 32 management. */
static const struct field vp_fields[] = {
	WRITABLE(0, 0x0002, struct tdvps, posted_intr_vector, 0xff),
	WRITABLE(0, 0x2016, struct tdvps, posted_intr_descriptor, UINT64_C(0x000fffffffffffc0)),
	WRITABLE(0, 0x4000, struct tdvps, pin_controls, 1u << 7),
	FIELD(17, 0x100, HOME_TDVPS, struct tdvps, state_details),
	FIELD(32, 0, HOME_TDVPS, struct tdvps, state),
	FIELD(32, 2, HOME_TDVPS, struct tdvps, index),
	FIELD(32, 3, HOME_TDVPS, struct tdvps, nr_pages),
	FIELD(32, 10, HOME_TDVPS, struct tdvps, x2apic_id),
	WRITABLE(32, 11, struct tdvps, pending_nmi, 1),
};

struct table {
	const struct field *fields;
	uint32_t nr;
};

static const struct table td_table = { td_fields, sizeof(td_fields) / sizeof(td_fields[0]) };
static const struct table vp_table = { vp_fields, sizeof(vp_fields) / sizeof(vp_fields[0]) };

/* ------------------------------------------------------------------------------------------- */

/* A field found: its entry and the element. */
struct found {
	const struct field *field; /* NULL: there is none of that id */
	uint32_t element;
	uint64_t next; /* id of the field after it, ID_NONE */
};

static struct found find_field(const struct table *table, uint64_t id, bool all_ones_is_first)
{
	struct found found = { .field = NULL, .next = ID_NONE };

	if (id == ID_NONE && all_ones_is_first)
		id = table->fields[0].id;
	id &= ID_MASK;
	for (uint32_t i = 0; i < table->nr; i++) {
		const struct field *field = &table->fields[i];

		if (id - field->id >= field->count)
			continue;
		found.field = field;
		found.element = (uint32_t)(id - field->id);
		if (found.element + 1 < field->count)
			found.next = id + 1;
		else if (i + 1 < table->nr)
			found.next = table->fields[i + 1].id;
		break;
	}
	return found;
}

static void *field_at(const struct found *found, void *page)
{
	return (uint8_t *)page + found->field->offset + found->element * found->field->bytes;
}

/* Relaxed, all: a field is read for its own sake; what is not atomic is ordered by a lock. */
static uint64_t read_field(const struct found *found, void *page)
{
	void *at = field_at(found, page);

	switch (found->field->bytes) {
	case 8:
		return os_load64(at, OS_RELAXED);
	case 4:
		return os_load32(at, OS_RELAXED);
	default:
		return os_load16(at, OS_RELAXED);
	}
}

static void write_field(const struct found *found, void *page, uint64_t value)
{
	void *at = field_at(found, page);

	switch (found->field->bytes) {
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

/* Results of a read that did not happen; RDX is one in version 1 only. */
static void clear_results(struct call *call)
{
	call->regs->r8 = 0;
	if (call->version)
		call->regs->rdx = ID_NONE;
}

static tdx_status_t read_results(struct call *call, const struct found *found, void *page)
{
	call->regs->r8 = read_field(found, page);
	if (call->version)
		call->regs->rdx = found->next;
	return CALL_OK;
}

/* RDX field, R9 the bits of it that are meant. */
static tdx_status_t check_write(struct call *call, const struct found *found)
{
	if (!found->field)
		return tdx_status(TDX_METADATA_FIELD_ID_INCORRECT, 0);
	if (!found->field->writable)
		return tdx_status(TDX_METADATA_FIELD_NOT_WRITABLE, 0);
	if (!call->in.r9 || call->in.r9 & ~found->field->writable)
		return tdx_status(TDX_METADATA_WR_MASK_NOT_VALID, 0);
	return CALL_OK;
}

/* ------------------------------------------------------------------------------------------- */
/* TDs.                                                                                         */

tdx_status_t tdh_mng_rd(struct call *call)
{
	struct found found = find_field(&td_table, call->in.rdx, call->version);
	struct td td;
	tdx_status_t status;

	clear_results(call);
	status = td_explicit(call, call->in.rcx, TDX_OP_RCX, false, &td);
	if (call_failed(status))
		return status;
	if (!found.field)
		return tdx_status(TDX_METADATA_FIELD_ID_INCORRECT, 0);
	if (found.field->home == HOME_TDR)
		return read_results(call, &found, td.tdr);
	status = td_build(call, &td, OP_UNINITIALIZED | OP_BUILT, true);
	if (call_failed(status))
		return status;
	return read_results(call, &found, td.tdcs);
}

/* No field of a TD may be changed from outside: there is a reason in every case. */
tdx_status_t tdh_mng_wr(struct call *call)
{
	struct found found = find_field(&td_table, call->in.rdx, false);
	struct td td;
	tdx_status_t status = td_explicit(call, call->in.rcx, TDX_OP_RCX, false, &td);

	if (call_failed(status))
		return status;
	return check_write(call, &found);
}

/* ------------------------------------------------------------------------------------------- */
/* vCPUs.                                                                                       */

/* An initialised vCPU that is or can be this LP's. */
static tdx_status_t vp_operand(struct call *call, struct vp *vp)
{
	tdx_status_t status = vp_explicit(call, call->in.rcx, TDX_OP_RCX, false, false, vp);

	if (call_failed(status))
		return status;
	status = td_build(call, &vp->td, OP_BUILT, true);
	if (call_failed(status))
		return status;
	/* Acquire: VP.INIT is complete. */
	if (os_load32(&vp->tdvps->state, OS_ACQUIRE) == TDX_VCPU_UNINITIALIZED)
		return tdx_status(TDX_VCPU_STATE_INCORRECT, TDX_VCPU_UNINITIALIZED);
	return CALL_OK;
}

tdx_status_t tdh_vp_rd(struct call *call)
{
	struct found found = find_field(&vp_table, call->in.rdx, call->version);
	tdx_status_t status;
	struct vp vp;

	clear_results(call);
	status = vp_operand(call, &vp);
	if (call_failed(status))
		return status;
	if (!found.field)
		return tdx_status(TDX_METADATA_FIELD_ID_INCORRECT, 0);
	if (!vp_associate(call, &vp))
		return tdx_status(TDX_VCPU_ASSOCIATED, 0);
	return read_results(call, &found, vp.tdvps);
}

tdx_status_t tdh_vp_wr(struct call *call)
{
	struct found found = find_field(&vp_table, call->in.rdx, false);
	struct vp vp;
	tdx_status_t status = vp_operand(call, &vp);
	uint64_t old;

	if (call_failed(status))
		return status;
	status = check_write(call, &found);
	if (call_failed(status))
		return status;
	if (!vp_associate(call, &vp))
		return tdx_status(TDX_VCPU_ASSOCIATED, 0);

	old = read_field(&found, vp.tdvps);
	write_field(&found, vp.tdvps, (old & ~call->in.r9) | (call->in.r8 & call->in.r9));
	call->regs->r8 = old;
	return CALL_OK;
}
