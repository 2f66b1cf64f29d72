// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * status.c - a completion status taken apart: lookup by value and by name, flags, class, detail.
 */
#include "abi/abi.h"
#include "abi/word.h"

static const char *const classes[] = {
	[0x00] = "generic",
	[0x01] = "operand",
	[0x02] = "busy",
	[0x03] = "page metadata",
	[0x04] = "dependents",
	[0x05] = "module",
	[0x06] = "TD",
	[0x07] = "vCPU",
	[0x08] = "keys",
	[0x09] = "platform",
	[0x0a] = "TDMR and PAMT",
	[0x0b] = "S-EPT",
	[0x0c] = "metadata field",
	[0x0d] = "service TD",
	[0x0e] = "migration",
	[0x0f] = "TDX Connect",
	[0x10] = "attestation",
	[0x11] = "nested VM",
	[0xff] = "host software",
};

const char *abi_class_name(uint8_t class) { return classes[class]; }

/* The wrapper's errors are compared whole; a vector without a name of its own is SW_ERROR's. */
static bool matches(const struct abi_status *status, uint64_t value)
{
	if (status->value == TDX_SW_ERROR)
		return (value & ~UINT64_C(0xff)) == TDX_SW_ERROR;
	if (tdx_status_is_software((tdx_status_t){ status->value }))
		return value == status->value;
	return (value & TDX_STATUS_CODE_MASK) == status->value;
}

const struct abi_status *abi_status(tdx_status_t status)
{
	const struct abi_status *s;

	for (unsigned int i = 0; (s = abi_status_at(i)); i++)
		if (matches(s, status.v))
			return s;
	return NULL;
}

const struct abi_status *abi_status_by_name(const char *name)
{
	const struct abi_status *s;

	name = word_after(name, "TDX_");
	for (unsigned int i = 0; (s = abi_status_at(i)); i++)
		if (word_same(s->name, name) ||
		    (tdx_status_is_software((tdx_status_t){ s->value }) &&
		     word_same(word_after(s->name, "SEAMCALL_"), name)))
			return s;
	return NULL;
}

/* Flags say how bad it is, class and code what it is: the same thing under other flags. */
static const struct abi_status *same_code(uint64_t value)
{
	const struct abi_status *s;

	for (unsigned int i = 0; (s = abi_status_at(i)); i++)
		if (!tdx_status_is_software((tdx_status_t){ s->value }) &&
		    !(((s->value ^ value) >> 32) & 0xffff))
			return s;
	return NULL;
}

void abi_decode(tdx_status_t status, struct abi_decoded *decoded)
{
	const struct abi_status *known = abi_status(status);

	*decoded = (struct abi_decoded){
		.value = status.v,
		.status = known,
		.similar = known ? NULL : same_code(status.v),
		.class_name = abi_class_name((uint8_t)(status.v >> 40)),
		.class = (uint8_t)(status.v >> 40),
		.code = (uint8_t)(status.v >> 32),
		.error = status.v & TDX_STATUS_ERROR,
		.non_recoverable = status.v & TDX_STATUS_NON_RECOVERABLE,
		.fatal = status.v & TDX_STATUS_FATAL,
		.host_hint = status.v & TDX_STATUS_HOST_HINT,
		.software = tdx_status_is_software(status),
		.reserved = (uint16_t)(status.v >> 48 & 0xfff),
		.detail = tdx_status_detail(status),
	};
}

/* ------------------------------------------------------------------------------------------- */
/* The detail in words                                                                          */

static void add_level(struct words *w, uint32_t level)
{
	static const char *const names[] = { "4K", "2M", "1G", "512G", "256T" };

	if (level < sizeof(names) / sizeof(names[0]))
		words_add(w, names[level]);
	else
		words_number(w, level);
}

/* "operand RCX (register)" */
static void add_named(struct words *w, enum abi_name_kind kind, uint32_t number)
{
	const struct abi_name *name = abi_name(kind, number);

	words_add(w, abi_kind_text(kind));
	words_add(w, " ");
	if (name) {
		words_add(w, name->name);
		words_add(w, " (");
		words_add(w, name->what);
		words_add(w, ")");
	} else {
		words_number(w, number);
		words_add(w, " (unknown)");
	}
}

static void add_numbered(struct words *w, const char *what, uint32_t number)
{
	words_add(w, what);
	words_number(w, number);
}

/* The four info bytes of SYS.CONFIG's errors; those that a code does not use must be 0. */
static void add_tdmr(struct words *w, enum abi_detail kind, uint32_t detail)
{
	static const uint32_t used[] = {
		[ABI_DETAIL_TDMR] = 0xff,
		[ABI_DETAIL_TDMR_RESERVED] = 0xffff,
		[ABI_DETAIL_TDMR_PAMT] = 0xffff,
		[ABI_DETAIL_TDMR_OVERLAP] = 0xffffff,
	};
	uint32_t tdmr = detail & 0xff, second = detail >> 8 & 0xff, third = detail >> 16 & 0xff;

	add_numbered(w, "TDMR ", tdmr);
	if (kind == ABI_DETAIL_TDMR_RESERVED) {
		add_numbered(w, ", reserved area ", second);
	} else if (kind != ABI_DETAIL_TDMR) {
		words_add(w, ", PAMT of ");
		add_level(w, second);
		words_add(w, " pages");
	}
	if (kind == ABI_DETAIL_TDMR_OVERLAP) {
		if (third == tdmr)
			words_add(w, ", with itself or its own TDMR");
		else
			add_numbered(w, ", with TDMR ", third);
	}
	if (detail & ~used[kind]) {
		words_add(w, ", unexpected bits ");
		words_hex(w, detail & ~used[kind], 1);
	}
}

static void add_update(struct words *w, uint32_t detail)
{
	words_number(w, detail >> 16);
	words_add(w, (detail & 0xffff) == 0 ? " TDs being built" : " interrupted imports");
}

const char *abi_detail_text(const struct abi_decoded *d, char *buffer, size_t size)
{
	const uint32_t detail = d->detail;
	struct words w;

	words_begin(&w, buffer, size);
	if (!d->status) {
		if (abi_name(ABI_OPERAND, detail) && detail)
			add_named(&w, ABI_OPERAND, detail);
		else if (detail)
			words_hex(&w, detail, 1);
		return buffer;
	}
	switch ((enum abi_detail)d->status->detail) {
	case ABI_DETAIL_OPERAND:
		/* RAX is 0: only OPERAND_INVALID means it, elsewhere 0 is "no operand". */
		if (detail || d->status->value == TDX_OPERAND_INVALID)
			add_named(&w, ABI_OPERAND, detail);
		break;
	case ABI_DETAIL_NONE:
		if (detail && !d->software) {
			words_hex(&w, detail, 1);
			words_add(&w, ", which this code does not define");
		}
		break;
	case ABI_DETAIL_EXIT_REASON:
		if (detail || d->error)
			add_named(&w, ABI_EXIT_REASON, detail & 0xffff);
		break;
	case ABI_DETAIL_TDMR:
	case ABI_DETAIL_TDMR_RESERVED:
	case ABI_DETAIL_TDMR_PAMT:
	case ABI_DETAIL_TDMR_OVERLAP:
		add_tdmr(&w, (enum abi_detail)d->status->detail, detail);
		break;
	case ABI_DETAIL_OP_STATE:
		add_named(&w, ABI_OP_STATE, detail);
		break;
	case ABI_DETAIL_VCPU_STATE:
		add_named(&w, ABI_VCPU_STATE, detail);
		break;
	case ABI_DETAIL_PAIR_INDEX:
		add_numbered(&w, "page ", detail);
		words_add(&w, detail == 0   ? " of the pair: 4K pages 0 to 255 of the region"
			      : detail == 1 ? " of the pair: 4K pages 256 to 511 of the region"
					    : " of the pair (unknown)");
		break;
	case ABI_DETAIL_L2_SEPT:
		add_numbered(&w, "nested VM ", detail >> 16);
		words_add(&w, ", level ");
		add_level(&w, detail & 0xffff);
		break;
	case ABI_DETAIL_LEVEL:
		words_add(&w, "level ");
		add_level(&w, detail);
		break;
	case ABI_DETAIL_X2APIC_ID:
		add_numbered(&w, "x2APIC id ", detail);
		break;
	case ABI_DETAIL_MSR:
		words_add(&w, "MSR ");
		words_hex(&w, detail, 1);
		break;
	case ABI_DETAIL_INDEX:
		add_numbered(&w, "entry ", detail);
		break;
	case ABI_DETAIL_UPDATE:
		add_update(&w, detail);
		break;
	case ABI_DETAIL_VECTOR:
		add_named(&w, ABI_VECTOR, detail);
		break;
	}
	return buffer;
}

/* Kinds of detail that a log can give by name. */
static const struct abi_name *short_detail(const struct abi_decoded *d)
{
	switch ((enum abi_detail)d->status->detail) {
	case ABI_DETAIL_OPERAND:
		return abi_name(ABI_OPERAND, d->detail);
	case ABI_DETAIL_OP_STATE:
		return abi_name(ABI_OP_STATE, d->detail);
	case ABI_DETAIL_VCPU_STATE:
		return abi_name(ABI_VCPU_STATE, d->detail);
	case ABI_DETAIL_EXIT_REASON:
		return abi_name(ABI_EXIT_REASON, d->detail);
	case ABI_DETAIL_VECTOR:
		return abi_name(ABI_VECTOR, d->detail);
	default:
		return NULL;
	}
}

const char *abi_status_text(tdx_status_t status, char *buffer, size_t size)
{
	const struct abi_name *name;
	struct abi_decoded d;
	struct words w;

	abi_decode(status, &d);
	words_begin(&w, buffer, size);
	if (!d.status) {
		words_hex(&w, status.v, 16);
		return buffer;
	}
	words_add(&w, d.status->name);
	if (!tdx_status_detail((tdx_status_t){ status.v ^ d.status->value }) &&
	    d.status->value != TDX_OPERAND_INVALID)
		return buffer;
	words_add(&w, "(");
	name = short_detail(&d);
	if (name)
		words_add(&w, name->name);
	else
		words_hex(&w, d.detail, 1);
	words_add(&w, ")");
	return buffer;
}

/* ------------------------------------------------------------------------------------------- */
/* A register in words                                                                          */

static const struct abi_operand *find_operand(const struct abi_operand *list, uint8_t reg)
{
	for (unsigned int i = 0; i < ABI_MAX_OPERANDS && list[i].value != ABI_NO_VALUE; i++)
		if (list[i].reg == reg)
			return &list[i];
	return NULL;
}

/* Leaves that walk an S-EPT return where the walk ended, except when TLB tracking is missing. */
static bool returns_sept_details(const struct abi_leaf *leaf, tdx_status_t status)
{
	const struct abi_status *s = abi_status(status);

	return !leaf->guest && leaf->in[0].value == ABI_GPA_LEVEL && s &&
	       (uint8_t)(s->value >> 40) == 0x0b && s->value != TDX_TLB_TRACKING_NOT_DONE;
}

static const struct abi_operand *operand_of(const struct abi_leaf *leaf, const tdx_status_t *status,
					    uint8_t reg)
{
	static const struct abi_operand entry = { TDX_OP_RCX, ABI_SEPT_ENTRY, "S-EPT entry" };
	static const struct abi_operand state = { TDX_OP_RDX, ABI_SEPT_STATE,
						  "where the walk ended" };
	const struct abi_operand *out = find_operand(leaf->out, reg);
	const struct abi_operand *in = find_operand(leaf->in, reg);

	if (!status)
		return in;
	if (returns_sept_details(leaf, *status) && (reg == TDX_OP_RCX || reg == TDX_OP_RDX))
		return reg == TDX_OP_RCX ? &entry : &state;
	if (tdx_status_ok(*status))
		return out ? out : in;
	/* RECLAIM tells whose page it is even where it cannot take it. */
	return leaf->number == TDH_PHYMEM_PAGE_RECLAIM && !leaf->guest && out ? out : in;
}

/* The address in bits 51:12; bits of value outside it and of known are shown, not hidden. */
static void add_address(struct words *w, uint64_t value, uint64_t known)
{
	const uint64_t address = UINT64_C(0x000ffffffffff000);

	words_hex(w, value & address, 1);
	if (value & ~(address | known)) {
		words_add(w, ", unexpected bits ");
		words_hex(w, value & ~(address | known), 1);
	}
}

static void add_page_type(struct words *w, uint64_t value)
{
	const struct abi_name *type = abi_name(ABI_PAGE_TYPE_NAME, (uint32_t)(value & 0x1f));

	words_add(w, type ? type->name : "unknown");
	if (value >> 63)
		words_add(w, ", a region with a page pair");
	else if (type) {
		words_add(w, " (");
		words_add(w, type->what);
		words_add(w, ")");
	}
}

static void add_sept_state(struct words *w, uint64_t value)
{
	const struct abi_name *state = abi_name(ABI_SEPT_STATE_NAME, (uint8_t)(value >> 8));

	words_add(w, "level ");
	add_level(w, (uint32_t)(value & 7));
	words_add(w, ", state ");
	words_add(w, state ? state->name : "unknown");
	if (value >> 16 & 3)
		add_numbered(w, ", nested VM ", (uint32_t)(value >> 16 & 3));
}

static void add_sept_entry(struct words *w, uint64_t value)
{
	words_add(w, value & 1 ? "R" : "-");
	words_add(w, value & 2 ? "W" : "-");
	words_add(w, value & 4 ? "X" : "-");
	if (value & UINT64_C(0x000ffffffffff000)) {
		words_add(w, " ");
		words_hex(w, value & UINT64_C(0x000ffffffffff000), 1);
	}
}

static void add_value(struct words *w, enum abi_value kind, uint64_t value)
{
	switch (kind) {
	case ABI_NO_VALUE:
		break;
	case ABI_NUMBER:
		words_hex(w, value, 1);
		break;
	case ABI_HPA:
	case ABI_GPA:
		add_address(w, value, kind == ABI_GPA ? 0xfff : 0);
		break;
	case ABI_HPA_KEYID:
	case ABI_FIELD:
		words_hex(w, value, 16);
		break;
	case ABI_HPA_FLAG:
		add_address(w, value, 1);
		words_add(w, value & 1 ? ", flag set" : "");
		break;
	case ABI_HPA_SIZE:
	case ABI_GPA_LEVEL:
		add_address(w, value, 7);
		words_add(w, ", ");
		add_level(w, (uint32_t)(value & 7));
		break;
	case ABI_OPTIONAL_PAGE:
		if (value == TDX_NULL_PA) {
			words_add(w, "none");
			break;
		}
		add_address(w, value, UINT64_C(1) << 63);
		words_add(w, value >> 63 ? ", not taken" : "");
		break;
	case ABI_FREED_PAGE:
		add_address(w, value, TDX_HINT_BIT);
		words_add(w, value & TDX_HINT_BIT ? ", the last of its 2M region" : "");
		break;
	case ABI_SEPT_ENTRY:
		add_sept_entry(w, value);
		break;
	case ABI_SEPT_STATE:
		add_sept_state(w, value);
		break;
	case ABI_PAGE_TYPE:
		add_page_type(w, value);
		break;
	case ABI_SIZE:
		add_level(w, (uint32_t)value);
		break;
	case ABI_KEYID:
		words_number(w, value);
		break;
	case ABI_SYS_CONFIG:
		words_number(w, value & 0xffff);
		words_add(w, value & TDX_SYS_CONFIG_DYNAMIC_PAMT ? ", with Dynamic PAMT"
								 : ", without Dynamic PAMT");
		break;
	}
}

const char *abi_register_text(const struct abi_leaf *leaf, const tdx_status_t *status, uint8_t reg,
			      uint64_t value, char *buffer, size_t size)
{
	const struct abi_operand *operand = operand_of(leaf, status, reg);
	struct words w;

	words_begin(&w, buffer, size);
	if (!operand)
		return buffer;
	words_add(&w, operand->what);
	words_add(&w, ": ");
	/* The MEM leaves clear RCX and RDX before anything else, and an error leaves it at that. */
	if (status && !tdx_status_ok(*status) && !value && operand->value != ABI_SEPT_ENTRY &&
	    operand->value != ABI_SEPT_STATE)
		words_add(&w, "cleared");
	else
		add_value(&w, (enum abi_value)operand->value, value);
	return buffer;
}
