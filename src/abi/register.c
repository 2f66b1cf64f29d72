// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * register.c - what a register of a leaf holds, in words.
 */
#include "abi/failed.h"
#include "abi/word.h"

static const struct abi_operand *operand_of(const struct abi_register *reg)
{
	const struct abi_leaf *leaf = reg->leaf;
	const struct abi_operand *out = abi_operand_in(leaf->out, reg->reg);

	if (!reg->status)
		return abi_operand_in(leaf->in, reg->reg);
	if (tdx_status_ok(*reg->status))
		return out ? out : abi_operand_in(leaf->in, reg->reg);
	return abi_failed_operand(leaf, *reg->status, reg->reg, reg->value);
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
	words_level(w, value & 7);
	words_add(w, ", state ");
	words_add(w, state ? state->name : "unknown");
	if (value >> 16 & 3) {
		words_add(w, ", nested VM ");
		words_number(w, value >> 16 & 3);
	}
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

static void add_number(struct words *w, uint64_t value) { words_hex(w, value, 1); }
static void add_whole(struct words *w, uint64_t value) { words_hex(w, value, 16); }
static void add_hpa(struct words *w, uint64_t value) { add_address(w, value, 0); }

static void add_with_size(struct words *w, uint64_t value)
{
	add_address(w, value, 7);
	words_add(w, ", ");
	words_level(w, value & 7);
}

static void add_with_flag(struct words *w, uint64_t value)
{
	add_address(w, value, 1);
	words_add(w, value & 1 ? ", flag set" : "");
}

static void add_optional_page(struct words *w, uint64_t value)
{
	if (value == TDX_NULL_PA || !value) {
		words_add(w, "none");
		return;
	}
	add_address(w, value, UINT64_C(1) << 63);
	words_add(w, value >> 63 ? ", not taken" : "");
}

static void add_freed_page(struct words *w, uint64_t value)
{
	add_address(w, value, TDX_HINT_BIT);
	words_add(w, value & TDX_HINT_BIT ? ", the last of its 2M region" : "");
}

static void add_sys_config(struct words *w, uint64_t value)
{
	words_number(w, value & 0xffff);
	words_add(w, value & TDX_SYS_CONFIG_DYNAMIC_PAMT ? ", with Dynamic PAMT"
							 : ", without Dynamic PAMT");
}

static void add_cpuid_leaf(struct words *w, uint64_t value)
{
	words_add(w, "leaf ");
	words_hex(w, value & 0xffffffff, 1);
	if (value >> 32 != 0xffffffff) {
		words_add(w, ", subleaf ");
		words_hex(w, value >> 32, 1);
	}
}

static void add_pair(struct words *w, const char *low, const char *high, uint64_t value)
{
	words_add(w, low);
	words_hex(w, value & 0xffffffff, 1);
	words_add(w, high);
	words_hex(w, value >> 32, 1);
}

static void add_eax_ebx(struct words *w, uint64_t value) { add_pair(w, "EAX ", ", EBX ", value); }
static void add_ecx_edx(struct words *w, uint64_t value) { add_pair(w, "ECX ", ", EDX ", value); }

static void (*const add_value[])(struct words *w, uint64_t value) = {
	[ABI_NUMBER] = add_number,	   [ABI_HPA] = add_hpa,
	[ABI_HPA_SIZE] = add_with_size,	   [ABI_HPA_KEYID] = add_whole,
	[ABI_HPA_FLAG] = add_with_flag,	   [ABI_OPTIONAL_PAGE] = add_optional_page,
	[ABI_FREED_PAGE] = add_freed_page, [ABI_GPA] = add_number,
	[ABI_GPA_LEVEL] = add_with_size,   [ABI_SEPT_ENTRY] = add_sept_entry,
	[ABI_SEPT_STATE] = add_sept_state, [ABI_PAGE_TYPE] = add_page_type,
	[ABI_SIZE] = words_level,	   [ABI_KEYID] = words_number,
	[ABI_SYS_CONFIG] = add_sys_config, [ABI_FIELD] = add_whole,
	[ABI_CPUID_LEAF] = add_cpuid_leaf, [ABI_EAX_EBX] = add_eax_ebx,
	[ABI_ECX_EDX] = add_ecx_edx,
};

const char *abi_register_text(const struct abi_register *reg, char *buffer, size_t size)
{
	const struct abi_operand *operand = operand_of(reg);
	struct words w;

	words_begin(&w, buffer, size);
	if (!operand)
		return buffer;
	words_add(&w, operand->what);
	if (operand->value == ABI_NO_VALUE)
		return buffer;
	words_add(&w, ": ");
	add_value[operand->value](&w, reg->value);
	return buffer;
}
