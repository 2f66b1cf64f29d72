// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sys_info.c - SYS.RD, SYS.RDALL, SYS.INFO: the module's global metadata.
 *
 * A field has a 64-bit id:
 *   31:0 code, 33:32 size of an element (1, 2, 4, 8 bytes), 37:34 last element of the field,
 *   46:38 last field of a sequence, 50 increment, 54:52 context (0: the platform),
 *   61:56 class, 63 defined by this implementation and not by the architecture.
 * Only context, class and code say which field is meant; the rest describes it. Fields are kept in
 * the order in which "next" goes through them: by class, then by code.
 */
#include "seam/dispatch.h"
#include "seam/hpa.h"
#include "seam/sys.h"
#include "seam/td.h"

#define ID_CODE	 UINT64_C(0xffffffff)
#define ID_WHICH (UINT64_C(0x3f) << 56 | UINT64_C(7) << 52 | ID_CODE)
/* Elements, sequences and what is reserved: of lists, and not of one field. */
#define ID_OF_LISTS \
	(UINT64_C(0xf) << 34 | UINT64_C(0x1ff) << 38 | UINT64_C(7) << 47 | UINT64_C(0x81) << 55)
#define ID_NONE		   UINT64_MAX /* on input: the first field; on output: there is none */
#define ID_SEQUENCE(count) ((uint64_t)((count)-1) << 38)

uint64_t sys_features0(const struct seam *seam)
{
	const uint64_t all = 1u << 1 | /* TDs survive an update */
			     1u << 4 | /* leaves need fewer locks exclusively */
			     TDX_FEATURES0_HOST_PRIORITY | TDX_FEATURES0_NO_RBP_MOD |
			     1u << 20 | /* VP.INIT takes the x2APIC id */
			     TDX_FEATURES0_DYNAMIC_PAMT;

	return all & ~seam->config.features0_clear;
}

/* ------------------------------------------------------------------------------------------- */
/* The fields.                                                                                  */

static uint64_t read_features0(const struct seam *seam, uint32_t i)
{
	(void)i;
	return sys_features0(seam);
}

static uint64_t read_cmr_base(const struct seam *seam, uint32_t i)
{
	return seam->config.cmr[i].base;
}

static uint64_t read_cmr_size(const struct seam *seam, uint32_t i)
{
	return seam->config.cmr[i].size;
}

/*
 * How many bits the KeyID must have at least for the rest of the address to fit the 48 bits that
 * a node of Dynamic PAMT can hold.
 */
static uint64_t read_dpamt_hkid_bits(const struct seam *seam, uint32_t i)
{
	(void)i;
	if (seam->config.max_pa <= TDX_DPAMT_MAX_PA_BITS)
		return 0;
	return seam->config.max_pa - TDX_DPAMT_MAX_PA_BITS;
}

struct field {
	uint64_t id;	/* of the first, where there are several */
	uint32_t count; /* fields with consecutive codes */
	bool dpamt;	/* exists only where Dynamic PAMT is offered */
	uint64_t value;
	uint64_t (*read)(const struct seam *seam, uint32_t i); /* NULL: value */
};

static const struct field fields[] = {
	{ UINT64_C(0x0800000200000000), 1, false, SYS_VENDOR_ID, NULL },
	{ UINT64_C(0x0800000100000003), 1, false, SYS_VERSION_MINOR, NULL },
	{ UINT64_C(0x0800000100000004), 1, false, SYS_VERSION_MAJOR, NULL },
	{ UINT64_C(0x0800000100000005), 1, false, SYS_VERSION_UPDATE, NULL },
	{ UINT64_C(0x8900000100000000), 1, false, SYS_HANDOFF_MAX, NULL },
	{ UINT64_C(0x8900000100000001), 1, false, SYS_HANDOFF_MIN, NULL },
	{ TDX_MD_NUM_FEATURES, 1, false, 1, NULL },
	{ TDX_MD_FEATURES0, 1, false, 0, read_features0 },
	{ TDX_MD_NUM_CMRS, 1, false, TDX_MAX_CMRS, NULL },
	{ TDX_MD_CMR_BASE(0), TDX_MAX_CMRS, false, 0, read_cmr_base },
	{ TDX_MD_CMR_SIZE(0), TDX_MAX_CMRS, false, 0, read_cmr_size },
	{ TDX_MD_MAX_TDMRS, 1, false, TDX_MAX_TDMRS, NULL },
	{ TDX_MD_MAX_RESERVED, 1, false, TDX_MAX_RESERVED, NULL },
	{ TDX_MD_PAMT_4K_ENTRY_SIZE, 1, false, TDX_PAMT_ENTRY_BYTES, NULL },
	{ TDX_MD_PAMT_2M_ENTRY_SIZE, 1, false, TDX_PAMT_ENTRY_BYTES, NULL },
	{ TDX_MD_PAMT_1G_ENTRY_SIZE, 1, false, TDX_PAMT_ENTRY_BYTES, NULL },
	{ TDX_MD_PAMT_BITMAP_BITS, 1, true, 1, NULL },
	{ TDX_MD_DPAMT_MIN_HKID_BITS, 1, true, 0, read_dpamt_hkid_bits },
	{ TDX_MD_TDR_BASE_SIZE, 1, false, TDX_PAGE_SIZE, NULL },
	{ TDX_MD_TDCS_BASE_SIZE, 1, false, TDX_MIN_TDCX *TDX_PAGE_SIZE, NULL },
	{ UINT64_C(0x9800000100000101), 1, false, TDX_PAGE_SIZE, NULL }, /* TDCS per L2 VM */
	{ TDX_MD_TDVPS_BASE_SIZE, 1, false, TDX_MIN_TDVPS *TDX_PAGE_SIZE, NULL },
	{ UINT64_C(0x9800000100000201), 1, false, 3 * TDX_PAGE_SIZE, NULL }, /* TDVPS per L2 VM */
	{ UINT64_C(0x1900000300000000), 1, false, SYS_ATTRIBUTES_FIXED0, NULL },
	{ UINT64_C(0x1900000300000001), 1, false, SYS_ATTRIBUTES_FIXED1, NULL },
	{ UINT64_C(0x1900000300000002), 1, false, SYS_XFAM_FIXED0, NULL },
	{ UINT64_C(0x1900000300000003), 1, false, SYS_XFAM_FIXED1, NULL },
	{ UINT64_C(0x9900000100000004), 1, false, 0, NULL }, /* configurable CPUID leaves */
	{ UINT64_C(0x9900000100000008), 1, false, TDX_MAX_VCPUS, NULL },
};
#define NR_FIELDS (sizeof(fields) / sizeof(fields[0]))

static bool field_exists(const struct seam *seam, const struct field *field)
{
	return !field->dpamt || sys_features0(seam) & TDX_FEATURES0_DYNAMIC_PAMT;
}

/* A place in the table: field f, its element i. f == NR_FIELDS: the end. */
struct place {
	uint32_t f, i;
};

/* Moves on to a field that exists, if this one does not. */
static struct place skip_hidden(const struct seam *seam, struct place at)
{
	while (at.f < NR_FIELDS && !field_exists(seam, &fields[at.f]))
		at = (struct place){ at.f + 1, 0 };
	return at;
}

static struct place next_place(const struct seam *seam, struct place at)
{
	if (++at.i == fields[at.f].count)
		at = (struct place){ at.f + 1, 0 };
	return skip_hidden(seam, at);
}

static uint64_t place_id(struct place at)
{
	return at.f == NR_FIELDS ? ID_NONE : fields[at.f].id + at.i;
}

static uint64_t place_value(const struct seam *seam, struct place at)
{
	const struct field *field = &fields[at.f];

	return field->read ? field->read(seam, at.i) : field->value;
}

/* Where an id from the host points to; the end of the table: nowhere. */
static struct place find_place(const struct seam *seam, uint64_t id)
{
	for (uint32_t f = 0; f < NR_FIELDS; f++) {
		uint64_t i = (id & ID_WHICH) - (fields[f].id & ID_WHICH);

		if (i < fields[f].count && field_exists(seam, &fields[f]))
			return (struct place){ f, (uint32_t)i };
	}
	return (struct place){ NR_FIELDS, 0 };
}

/* ------------------------------------------------------------------------------------------- */
/* The leaves.                                                                                  */

tdx_status_t tdh_sys_rd(struct call *call)
{
	struct seam *seam = call->seam;
	struct place at;

	call->regs->rdx = ID_NONE;
	call->regs->r8 = 0;
	if (call->in.rdx == ID_NONE) {
		call->regs->rdx = place_id(skip_hidden(seam, (struct place){ 0, 0 }));
		return tdx_status(TDX_METADATA_FIRST_FIELD_ID_IN_CONTEXT, 0);
	}
	at = find_place(seam, call->in.rdx);
	if (at.f == NR_FIELDS || call->in.rdx & ID_OF_LISTS)
		return tdx_status(TDX_METADATA_FIELD_ID_INCORRECT, 0);
	call->regs->r8 = place_value(seam, at);
	call->regs->rdx = place_id(next_place(seam, at));
	return CALL_OK;
}

/*
 * Writes a list of fields from *at on, as many as fit one page; *at is then the first that did
 * not. A list: a header with 15:0 bytes used and 31:16 number of sequences, then sequences, each
 * an id that says how many fields follow and their values, 8 bytes each.
 */
static void write_list(const struct seam *seam, uint64_t *list, struct place *at)
{
	const uint32_t words = TDX_PAGE_SIZE / sizeof(*list);
	uint32_t used = 1, sequences = 0;

	while (at->f < NR_FIELDS && used + 2 <= words) {
		uint32_t f = at->f, count = fields[f].count - at->i;

		if (count > words - used - 1)
			count = words - used - 1;
		list[used++] = place_id(*at) | ID_SEQUENCE(count);
		sequences++;
		for (; count; count--, *at = next_place(seam, *at))
			list[used++] = place_value(seam, *at);
	}
	list[0] = used * sizeof(*list) | (uint64_t)sequences << 16;
}

/*
 * A buffer of the host's that is a page of the module's or of a TD's is spoilt by the write, as
 * hardware would find with a machine check when it is read next: nothing can go on from there.
 */
static bool is_hosts(const struct seam *seam, uint64_t buffer)
{
	struct seam_owner owner;

	return !seam_owns(seam, hpa(hpa_strip(seam, buffer)), &owner);
}

tdx_status_t tdh_sys_rdall(struct call *call)
{
	struct seam *seam = call->seam;
	struct place at = skip_hidden(seam, (struct place){ 0, 0 });

	call->regs->r8 = ID_NONE;
	if (!hpa_is_shared(seam, call->in.rdx, TDX_PAGE_SIZE, TDX_PAGE_SIZE))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RDX);
	if (call->in.r8 != ID_NONE)
		at = find_place(seam, call->in.r8);
	if (at.f == NR_FIELDS)
		return tdx_status(TDX_METADATA_FIELD_ID_INCORRECT, 0);
	if (!is_hosts(seam, call->in.rdx))
		return call_fatal(call, FATAL_WRITE, hpa_strip(seam, call->in.rdx));
	write_list(seam, module_map(seam, hpa_strip(seam, call->in.rdx), OS_WRITE), &at);
	call->regs->r8 = place_id(at);
	return CALL_OK;
}

/* TDSYSINFO, what SYS.INFO writes: 1024 bytes at a 1 KB boundary. */
struct tdsysinfo {
	uint32_t attributes, vendor_id, build_date;
	uint16_t build_num, minor_version, major_version;
	uint8_t reserved0[14];
	uint16_t max_tdmrs, max_reserved_per_tdmr, pamt_entry_size;
	uint8_t reserved1[10];
	uint16_t tdcs_base_size;
	uint8_t reserved2[2];
	uint16_t tdvps_base_size;
	uint8_t reserved3[10];
	uint64_t attributes_fixed0, attributes_fixed1, xfam_fixed0, xfam_fixed1;
	uint8_t reserved4[32];
	uint32_t num_cpuid_config;
	uint8_t reserved5[892];
};
_Static_assert(sizeof(struct tdsysinfo) == 1024, "TDSYSINFO is 1024 bytes");
_Static_assert(offsetof(struct tdsysinfo, max_tdmrs) == 32, "layout");
_Static_assert(offsetof(struct tdsysinfo, tdcs_base_size) == 48, "layout");
_Static_assert(offsetof(struct tdsysinfo, attributes_fixed0) == 64, "layout");
_Static_assert(offsetof(struct tdsysinfo, num_cpuid_config) == 128, "layout");

#define INFO_BYTES sizeof(struct tdsysinfo)

tdx_status_t tdh_sys_info(struct call *call)
{
	struct seam *seam = call->seam;
	const struct tdx_regs *in = &call->in;
	const struct tdsysinfo info = {
		.vendor_id = SYS_VENDOR_ID,
		.minor_version = SYS_VERSION_MINOR,
		.major_version = SYS_VERSION_MAJOR,
		.max_tdmrs = TDX_MAX_TDMRS,
		.max_reserved_per_tdmr = TDX_MAX_RESERVED,
		.pamt_entry_size = TDX_PAMT_ENTRY_BYTES,
		.tdcs_base_size = TDX_MIN_TDCX * TDX_PAGE_SIZE,
		.tdvps_base_size = TDX_MIN_TDVPS * TDX_PAGE_SIZE,
		.attributes_fixed0 = SYS_ATTRIBUTES_FIXED0,
		.attributes_fixed1 = SYS_ATTRIBUTES_FIXED1,
		.xfam_fixed0 = SYS_XFAM_FIXED0,
		.xfam_fixed1 = SYS_XFAM_FIXED1,
	};

	if (!hpa_is_shared(seam, in->rcx, INFO_BYTES, INFO_BYTES))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RCX);
	if (in->rdx < INFO_BYTES)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RDX);
	if (!hpa_is_shared(seam, in->r8, TDX_INFO_ALIGN, sizeof(seam->config.cmr)))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_R8);
	if (in->r9 < TDX_MAX_CMRS)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_R9);

	if (!is_hosts(seam, in->rcx))
		return call_fatal(call, FATAL_WRITE, hpa_strip(seam, in->rcx));
	if (!is_hosts(seam, in->r8))
		return call_fatal(call, FATAL_WRITE, hpa_strip(seam, in->r8));

	os_memcpy(module_map(seam, hpa_strip(seam, in->rcx), OS_WRITE), &info, sizeof(info));
	os_memcpy(module_map(seam, hpa_strip(seam, in->r8), OS_WRITE), seam->config.cmr,
		  sizeof(seam->config.cmr));
	call->regs->rdx = INFO_BYTES;
	call->regs->r9 = TDX_MAX_CMRS;
	return CALL_OK;
}
