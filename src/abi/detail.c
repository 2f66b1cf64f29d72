// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * detail.c - bits 31:0 of a completion status in words.
 *
 * Some kinds of detail are numbers that have names; the others are put in words by a function
 * each. One table says which, for the long form (explain) and the short one (logs).
 */
#include "abi/abi.h"
#include "abi/word.h"

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

static void add_unexpected(struct words *w, uint32_t bits)
{
	if (!bits)
		return;
	words_add(w, ", unexpected bits ");
	words_hex(w, bits, 1);
}

static void add_none(struct words *w, uint32_t detail)
{
	if (!detail)
		return;
	words_hex(w, detail, 1);
	words_add(w, ", which this code does not define");
}

/* The info bytes of SYS.CONFIG's errors; those that a code does not use are 0. */
static void add_tdmr(struct words *w, uint32_t detail)
{
	add_numbered(w, "TDMR ", detail & 0xff);
	add_unexpected(w, detail & ~UINT32_C(0xff));
}

static void add_reserved(struct words *w, uint32_t detail)
{
	add_numbered(w, "TDMR ", detail & 0xff);
	add_numbered(w, ", reserved area ", detail >> 8 & 0xff);
	add_unexpected(w, detail & ~UINT32_C(0xffff));
}

static void add_pamt_area(struct words *w, uint32_t detail)
{
	add_numbered(w, "TDMR ", detail & 0xff);
	words_add(w, ", PAMT of ");
	words_level(w, detail >> 8 & 0xff);
	words_add(w, " pages");
}

static void add_pamt(struct words *w, uint32_t detail)
{
	add_pamt_area(w, detail);
	add_unexpected(w, detail & ~UINT32_C(0xffff));
}

static void add_overlap(struct words *w, uint32_t detail)
{
	uint32_t other = detail >> 16 & 0xff;

	add_pamt_area(w, detail);
	if (other == (detail & 0xff))
		words_add(w, ", with itself or its own TDMR");
	else
		add_numbered(w, ", with TDMR ", other);
	add_unexpected(w, detail & ~UINT32_C(0xffffff));
}

static void add_pair_index(struct words *w, uint32_t detail)
{
	add_numbered(w, "page ", detail);
	words_add(w, detail == 0   ? " of the pair: 4K pages 0 to 255 of the region"
		     : detail == 1 ? " of the pair: 4K pages 256 to 511 of the region"
				   : " of the pair (unknown)");
}

static void add_l2_sept(struct words *w, uint32_t detail)
{
	add_numbered(w, "nested VM ", detail >> 16);
	words_add(w, ", level ");
	words_level(w, detail & 0xffff);
}

static void add_level(struct words *w, uint32_t detail)
{
	words_add(w, "level ");
	words_level(w, detail);
}

static void add_x2apic_id(struct words *w, uint32_t detail)
{
	add_numbered(w, "x2APIC id ", detail);
}

static void add_msr(struct words *w, uint32_t detail)
{
	words_add(w, "MSR ");
	words_hex(w, detail, 1);
}

static void add_index(struct words *w, uint32_t detail) { add_numbered(w, "entry ", detail); }

static void add_update(struct words *w, uint32_t detail)
{
	words_number(w, detail >> 16);
	words_add(w, (detail & 0xffff) == 0 ? " TDs being built" : " interrupted imports");
}

static const struct detail_form {
	void (*add)(struct words *w, uint32_t detail); /* NULL: the number has a name */
	enum abi_name_kind names;
} forms[] = {
	[ABI_DETAIL_OPERAND] = { .names = ABI_OPERAND },
	[ABI_DETAIL_NONE] = { .add = add_none },
	[ABI_DETAIL_EXIT_REASON] = { .names = ABI_EXIT_REASON },
	[ABI_DETAIL_TDMR] = { .add = add_tdmr },
	[ABI_DETAIL_TDMR_RESERVED] = { .add = add_reserved },
	[ABI_DETAIL_TDMR_PAMT] = { .add = add_pamt },
	[ABI_DETAIL_TDMR_OVERLAP] = { .add = add_overlap },
	[ABI_DETAIL_OP_STATE] = { .names = ABI_OP_STATE },
	[ABI_DETAIL_VCPU_STATE] = { .names = ABI_VCPU_STATE },
	[ABI_DETAIL_PAIR_INDEX] = { .add = add_pair_index },
	[ABI_DETAIL_L2_SEPT] = { .add = add_l2_sept },
	[ABI_DETAIL_LEVEL] = { .add = add_level },
	[ABI_DETAIL_X2APIC_ID] = { .add = add_x2apic_id },
	[ABI_DETAIL_MSR] = { .add = add_msr },
	[ABI_DETAIL_INDEX] = { .add = add_index },
	[ABI_DETAIL_UPDATE] = { .add = add_update },
	[ABI_DETAIL_VECTOR] = { .names = ABI_VECTOR },
};

bool abi_detail_names(const struct abi_status *status, enum abi_name_kind *kind)
{
	const struct detail_form *form = &forms[status->detail];

	*kind = form->names;
	return !form->add;
}

/*
 * 0 is a value of most kinds, but "no operand" in every code that has operands except one: the
 * operand RAX is 0, and only OPERAND_INVALID means it. An exit reason goes with VP.ENTER alone.
 */
static bool says_nothing(const struct abi_decoded *d)
{
	if (d->detail)
		return false;
	switch ((enum abi_detail)d->status->detail) {
	case ABI_DETAIL_OPERAND:
		return d->status->value != TDX_OPERAND_INVALID;
	case ABI_DETAIL_EXIT_REASON:
		return !d->error;
	default:
		return false;
	}
}

const char *abi_detail_text(const struct abi_decoded *d, char *buffer, size_t size)
{
	const struct detail_form *form;
	struct words w;

	words_begin(&w, buffer, size);
	if (!d->status) { /* an unknown code: most have an operand */
		if (d->detail && abi_name(ABI_OPERAND, d->detail))
			add_named(&w, ABI_OPERAND, d->detail);
		else if (d->detail)
			words_hex(&w, d->detail, 1);
		return buffer;
	}
	form = &forms[d->status->detail];
	/* Software errors are compared whole: their low bits are a detail only if a vector. */
	if (says_nothing(d) || (d->software && form->add))
		return buffer;
	if (form->add)
		form->add(&w, d->detail);
	else
		add_named(&w, form->names, d->detail);
	return buffer;
}

const char *abi_status_text(tdx_status_t status, char *buffer, size_t size)
{
	const struct abi_name *name;
	enum abi_name_kind kind;
	struct abi_decoded d;
	struct words w;

	abi_decode(status, &d);
	words_begin(&w, buffer, size);
	if (!d.status) {
		words_hex(&w, status.v, 16);
		return buffer;
	}
	words_add(&w, d.status->name);
	if (d.value == d.status->value && d.status->value != TDX_OPERAND_INVALID)
		return buffer;
	words_add(&w, "(");
	name = abi_detail_names(d.status, &kind) ? abi_name(kind, d.detail) : NULL;
	if (name)
		words_add(&w, name->name);
	else
		words_hex(&w, d.detail, 1);
	words_add(&w, ")");
	return buffer;
}
