// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sys_info.c - SYS.RD, SYS.RDALL, SYS.INFO: the module's global metadata, one by one, as a list,
 * and in the structure that was there first.
 */
#include "seam/cpuid.h"
#include "seam/dispatch.h"
#include "seam/field.h"
#include "seam/hpa.h"
#include "seam/sys.h"

/* All fields of the module that this machine has. */
static struct field_view sys_view(const struct seam *seam)
{
	const bool dpamt = sys_features0(seam) & TDX_FEATURES0_DYNAMIC_PAMT;

	return (struct field_view){
		.seam = seam,
		.context = ABI_SYS,
		.values = sys_field_values,
		.has = 1u << ABI_ALWAYS | (dpamt ? 1u << ABI_DYNAMIC_PAMT : 0),
	};
}

static tdx_status_t check_lp(const struct call *call)
{
	/* Relaxed: an LP asks about itself. */
	if (!os_load32(&call->seam->lp[call->lp].initialised, OS_RELAXED))
		return tdx_status(TDX_SYS_LP_INIT_NOT_DONE, 0);
	return CALL_OK;
}

tdx_status_t tdh_sys_rd(struct call *call)
{
	const struct field_view view = sys_view(call->seam);
	struct field_ref ref;
	tdx_status_t status = check_lp(call);

	call->regs->rdx = ABI_ID_NONE;
	call->regs->r8 = 0;
	if (call_failed(status))
		return status;
	if (field_is_none(call->in.rdx)) {
		call->regs->rdx = field_first(&view);
		return tdx_status(TDX_METADATA_FIRST_FIELD_ID_IN_CONTEXT, 0);
	}
	status = field_find(&view, call->in.rdx, &ref);
	if (call_failed(status))
		return status;
	call->regs->r8 = field_load(&view, &ref);
	call->regs->rdx = field_next(&view, call->in.rdx, &ref);
	return CALL_OK;
}

/* ------------------------------------------------------------------------------------------- */
/* RDALL.                                                                                       */

/*
 * A list: a header with 15:0 bytes used, its own included, and 31:16 number of sequences; then
 * sequences, each an id that says how many fields follow, and their elements, 8 bytes each. A
 * sequence goes on while the next field is like the one before and has the code behind it.
 */
#define ID_SEQUENCE(fields, elements) \
	((uint64_t)((fields)-1) << 38 | (uint64_t)((elements)-1) << 34)
#define ID_OF_SEQUENCE (~(ABI_ID_CONTEXT | ABI_ID_LIST | UINT64_C(1) << 51))

static bool goes_on(const struct abi_field *field, const struct abi_field *next)
{
	const uint64_t like = UINT64_C(3) << 32 | UINT64_C(0x3f) << 56;

	return next && !((field->id ^ next->id) & like) && field->elements == next->elements &&
	       abi_id_code(next->id) == abi_id_code(field->id) + abi_field_elements(field);
}

/* One sequence to at, from *ref on, which moves behind it; how many words it took. */
static uint32_t write_sequence(const struct field_view *view, uint64_t *at, struct field_ref *ref)
{
	const uint32_t elements = ref->field->elements;
	const uint64_t id = ref->field->id + ref->element;
	const struct abi_field *next;
	uint32_t used = 1;

	for (;;) {
		for (; ref->element < abi_field_elements(ref->field); ref->element++)
			at[used++] = field_load(view, ref);
		do
			next = abi_field_at(ABI_SYS, ++ref->place);
		while (next && !field_readable(view, next));
		ref->element = 0;
		if (!goes_on(ref->field, next))
			break;
		ref->field = next;
	}
	ref->field = next;
	at[0] = (id & ID_OF_SEQUENCE) | ID_SEQUENCE((used - 1) / elements, elements);
	return used;
}

/* All fields from ref on: less than a page, whatever the first is. */
static void write_list(const struct field_view *view, uint64_t *list, struct field_ref ref)
{
	uint32_t used = 1, sequences = 0;

	for (; ref.field; sequences++)
		used += write_sequence(view, list + used, &ref);
	list[0] = used * sizeof(*list) | (uint64_t)sequences << 16;
}

/* An id to begin with: of it class, code and size are looked at; a field begins there. */
static tdx_status_t first_of_list(const struct field_view *view, uint64_t id, struct field_ref *ref)
{
	tdx_status_t status;

	if (field_is_none(id))
		id = field_first(view);
	status = field_find(view, id & ~(ABI_ID_RESERVED | ABI_ID_LIST), ref);
	if (call_failed(status))
		return status;
	if (ref->element % ref->field->elements || abi_id_bits(id) != abi_id_bits(ref->field->id))
		return tdx_status(TDX_METADATA_FIELD_ID_INCORRECT, 0);
	return CALL_OK;
}

/*
 * A buffer of the host's that is a page of the module's or of a TD's is spoilt by the write, as
 * hardware would find with a machine check when it is read next: nothing can go on from there.
 */
static bool is_hosts(const struct seam *seam, tdx_hpa_t buffer)
{
	struct seam_owner owner;

	return !seam_owns(seam, hpa_strip(seam, buffer), &owner);
}

tdx_status_t tdh_sys_rdall(struct call *call)
{
	struct seam *seam = call->seam;
	const struct field_view view = sys_view(seam);
	const tdx_hpa_t buffer = hpa(call->in.rdx);
	struct field_ref ref;
	tdx_status_t status = check_lp(call);

	call->regs->r8 = ABI_ID_NONE;
	if (call_failed(status))
		return status;
	if (!hpa_is_shared(seam, buffer, TDX_PAGE_SIZE, TDX_PAGE_SIZE))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RDX);
	status = first_of_list(&view, call->in.r8, &ref);
	if (call_failed(status))
		return status;
	if (!is_hosts(seam, buffer))
		return call_fatal(call, FATAL_WRITE, hpa_strip(seam, buffer));
	write_list(&view, module_map(seam, hpa_strip(seam, buffer), OS_WRITE), ref);
	return CALL_OK;
}

/* ------------------------------------------------------------------------------------------- */
/* INFO.                                                                                        */

/* TDSYSINFO, what SYS.INFO writes: 1024 bytes at a 1 KB boundary. */
struct tdsysinfo {
	uint32_t attributes, vendor_id, build_date;
	uint16_t build_num, minor_version, major_version;
	uint8_t sys_rd, reserved0[13];
	uint16_t max_tdmrs, max_reserved_per_tdmr, pamt_entry_size;
	uint8_t reserved1[10];
	uint16_t tdcs_base_size;
	uint8_t reserved2[2];
	uint16_t tdvps_base_size;
	uint8_t reserved3[10];
	uint64_t attributes_fixed0, attributes_fixed1, xfam_fixed0, xfam_fixed1;
	uint8_t reserved4[32];
	uint32_t num_cpuid_config;
	struct {
		uint32_t leaf, subleaf, value[CPUID_REGS];
	} cpuid[CPUID_PARAMS];
	uint8_t reserved5[220];
};
_Static_assert(sizeof(struct tdsysinfo) == 1024, "TDSYSINFO is 1024 bytes");
_Static_assert(offsetof(struct tdsysinfo, max_tdmrs) == 32, "layout");
_Static_assert(offsetof(struct tdsysinfo, tdcs_base_size) == 48, "layout");
_Static_assert(offsetof(struct tdsysinfo, attributes_fixed0) == 64, "layout");
_Static_assert(offsetof(struct tdsysinfo, num_cpuid_config) == 128, "layout");

#define INFO_BYTES sizeof(struct tdsysinfo)

static void write_info(struct tdsysinfo *info)
{
	const struct cpuid_entry *entry;

	*info = (struct tdsysinfo){
		.vendor_id = SYS_VENDOR_ID,
		.build_date = SYS_BUILD_DATE,
		.minor_version = SYS_VERSION_MINOR,
		.major_version = SYS_VERSION_MAJOR,
		.sys_rd = 1,
		.max_tdmrs = TDX_MAX_TDMRS,
		.max_reserved_per_tdmr = TDX_MAX_RESERVED,
		.pamt_entry_size = TDX_PAMT_ENTRY_BYTES,
		.tdcs_base_size = TDX_MIN_TDCX * TDX_PAGE_SIZE,
		.tdvps_base_size = TDX_MIN_TDVPS * TDX_PAGE_SIZE,
		.attributes_fixed0 = SYS_ATTRIBUTES_FIXED0,
		.attributes_fixed1 = SYS_ATTRIBUTES_FIXED1,
		.xfam_fixed0 = SYS_XFAM_FIXED0,
		.xfam_fixed1 = SYS_XFAM_FIXED1,
		.num_cpuid_config = CPUID_PARAMS,
	};
	for (uint32_t i = 0; (entry = cpuid_param(i)); i++) {
		info->cpuid[i].leaf = entry->leaf;
		info->cpuid[i].subleaf = entry->subleaf;
		os_memcpy(info->cpuid[i].value, entry->given, sizeof(entry->given));
	}
}

/*
 * The buffer for the information is known to be good before the one for the CMRs is looked at, and
 * is cleared then.
 */
tdx_status_t tdh_sys_info(struct call *call)
{
	struct seam *seam = call->seam;
	const struct tdx_regs *in = &call->in;
	const tdx_hpa_t buffer = hpa(in->rcx), cmrs = hpa(in->r8);
	tdx_status_t status = check_lp(call);
	struct tdsysinfo *info;

	call->regs->rdx = call->regs->r9 = 0;
	if (call_failed(status))
		return status;
	if (!hpa_is_shared(seam, buffer, INFO_BYTES, INFO_BYTES))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RCX);
	if (in->rdx < INFO_BYTES)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RDX);
	if (!is_hosts(seam, buffer))
		return call_fatal(call, FATAL_WRITE, hpa_strip(seam, buffer));
	info = module_map(seam, hpa_strip(seam, buffer), OS_WRITE);
	os_memset(info, 0, INFO_BYTES);
	if (!hpa_is_shared(seam, cmrs, TDX_INFO_ALIGN, sizeof(seam->config.cmr)))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_R8);
	if (in->r9 < TDX_MAX_CMRS)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_R9);
	if (!is_hosts(seam, cmrs))
		return call_fatal(call, FATAL_WRITE, hpa_strip(seam, cmrs));

	/* In this order: where the two overlap, the CMRs stand. */
	write_info(info);
	os_memcpy(module_map(seam, hpa_strip(seam, cmrs), OS_WRITE), seam->config.cmr,
		  sizeof(seam->config.cmr));
	call->regs->rdx = INFO_BYTES;
	call->regs->r9 = TDX_MAX_CMRS;
	return CALL_OK;
}
