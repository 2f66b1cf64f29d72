// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * register.c - what a register of a leaf holds, in words.
 */
#include "abi/abi.h"
#include "abi/word.h"

static const struct abi_operand *find_operand(const struct abi_operand *list, uint8_t reg)
{
	for (unsigned int i = 0; i < ABI_MAX_OPERANDS && list[i].value != ABI_NO_VALUE; i++)
		if (list[i].reg == reg)
			return &list[i];
	return NULL;
}

static uint8_t class_of(tdx_status_t status) { return (uint8_t)(status.v >> 40); }

/* Leaves that walk an S-EPT return where the walk ended. */
static bool returns_sept_details(const struct abi_leaf *leaf, tdx_status_t status)
{
	return !leaf->guest && leaf->number != TDH_VP_ENTER && class_of(status) == 0x0b;
}

static bool walks(const struct abi_leaf *leaf)
{
	return !leaf->guest && leaf->in[0].value == ABI_GPA_LEVEL;
}

/* ------------------------------------------------------------------------------------------- */
/* Failures: what registers hold then depends on the leaf and on the status                     */

#define ANY	 UINT64_C(0xffff000000000000) /* no status has such a value */
#define CLASS_09 (ANY | 0x09)		      /* whichever of the platform's checks */

/* Registers with a meaning of their own when a leaf fails so. */
static const struct failure {
	uint16_t leaf;
	uint64_t status; /* without detail */
	struct abi_operand holds;
} failures[] = {
	{ TDH_SYS_INIT, CLASS_09, { TDX_OP_RCX, ABI_CPUID_LEAF, "CPUID that was checked" } },
	{ TDH_SYS_INIT, CLASS_09, { TDX_OP_RDX, ABI_EAX_EBX, "bits that were checked" } },
	{ TDH_SYS_INIT, CLASS_09, { TDX_OP_R8, ABI_ECX_EDX, "bits that were checked" } },
	{ TDH_SYS_INIT, CLASS_09, { TDX_OP_R9, ABI_EAX_EBX, "values that were expected" } },
	{ TDH_SYS_INIT, CLASS_09, { TDX_OP_R10, ABI_ECX_EDX, "values that were expected" } },
	{ TDH_SYS_LP_INIT, CLASS_09, { TDX_OP_RCX, ABI_CPUID_LEAF, "CPUID that was checked" } },
	{ TDH_SYS_LP_INIT, CLASS_09, { TDX_OP_RDX, ABI_EAX_EBX, "bits that differ" } },
	{ TDH_SYS_LP_INIT, CLASS_09, { TDX_OP_R8, ABI_ECX_EDX, "bits that differ" } },
	{ TDH_MNG_INIT,
	  TDX_OPERAND_INVALID,
	  { TDX_OP_RCX, ABI_CPUID_LEAF, "CPUID entry of TD_PARAMS" } },
	{ TDH_MNG_INIT, CLASS_09, { TDX_OP_RCX, ABI_CPUID_LEAF, "CPUID entry of TD_PARAMS" } },
};

/* Registers that a leaf clears before anything else, and that most failures leave at that. */
static const struct {
	uint16_t leaf;
	uint32_t regs;
} cleared[] = {
#define R(reg) (1u << TDX_OP_##reg)
	{ TDH_PHYMEM_PAGE_RECLAIM, R(RCX) | R(RDX) | R(R8) | R(R9) | R(R10) | R(R11) },
	{ TDH_PHYMEM_PAGE_RDMD, R(RCX) | R(RDX) | R(R8) | R(R9) | R(R10) | R(R11) },
	{ TDH_SYS_INIT, R(RCX) | R(RDX) | R(R8) | R(R9) | R(R10) },
	{ TDH_SYS_INFO, R(RDX) | R(R9) },
	{ TDH_SYS_TDMR_INIT, R(RDX) },
	{ TDH_SYS_RD, R(R8) },
	{ TDH_MNG_INIT, R(RCX) },
#undef R
};

static bool is_cleared(const struct abi_leaf *leaf, uint8_t reg)
{
	if (walks(leaf) && (reg == TDX_OP_RCX || reg == TDX_OP_RDX))
		return true;
	for (unsigned int i = 0; i < sizeof(cleared) / sizeof(*cleared); i++)
		if (!leaf->guest && cleared[i].leaf == leaf->number)
			return reg < 32 && cleared[i].regs >> reg & 1;
	return false;
}

static const struct abi_operand *failure_operand(const struct abi_leaf *leaf, tdx_status_t status,
						 uint8_t reg)
{
	for (unsigned int i = 0; i < sizeof(failures) / sizeof(*failures); i++) {
		const struct failure *f = &failures[i];

		if (!leaf->guest && f->leaf == leaf->number && f->holds.reg == reg &&
		    (f->status == CLASS_09 ? class_of(status) == 0x09
					   : (status.v & TDX_STATUS_CODE_MASK) == f->status))
			return &f->holds;
	}
	return NULL;
}

/*
 * RECLAIM looks at the page's metadata first: from then on type, owner and size stay even where it
 * fails later.
 */
static bool reclaim_knows_page(tdx_status_t status)
{
	return class_of(status) != 0x01 && class_of(status) != 0x03 &&
	       !(class_of(status) == 0x02 && tdx_status_detail(status) == TDX_OP_RCX);
}

/* On failure. NULL: nothing is known of it. */
static const struct abi_operand *failed_operand(const struct abi_leaf *leaf, tdx_status_t status,
						uint8_t reg, uint64_t value)
{
	static const struct abi_operand entry = { TDX_OP_RCX, ABI_SEPT_ENTRY, "S-EPT entry" };
	static const struct abi_operand state = { TDX_OP_RDX, ABI_SEPT_STATE,
						  "where the walk ended" };
	static const struct abi_operand nothing = { 0, ABI_NO_VALUE, "cleared, says nothing" };
	const struct abi_operand *own = failure_operand(leaf, status, reg);
	bool mapping = walks(leaf) && (reg == TDX_OP_RCX || reg == TDX_OP_RDX);

	if (returns_sept_details(leaf, status) && (reg == TDX_OP_RCX || reg == TDX_OP_RDX)) {
		if (value || (status.v & TDX_STATUS_CODE_MASK) != TDX_TLB_TRACKING_NOT_DONE)
			return reg == TDX_OP_RCX ? &entry : &state;
		return &nothing;
	}
	/* 0 is a leaf of CPUID too, but MNG.INIT's errors of another kind leave it so. */
	if (own && (value || leaf->number != TDH_MNG_INIT))
		return own;
	if (leaf->number == TDH_PHYMEM_PAGE_RECLAIM && !leaf->guest &&
	    (value || reclaim_knows_page(status)))
		return find_operand(leaf->out, reg);
	if (is_cleared(leaf, reg) && !value)
		return &nothing;
	/* MEM leaves give their inputs back only where they are to be called again. */
	if (mapping && class_of(status) != 0x00 &&
	    (status.v & TDX_STATUS_CODE_MASK) != TDX_INTERRUPTED_BUSY)
		return NULL;
	return find_operand(leaf->in, reg);
}

static const struct abi_operand *operand_of(const struct abi_leaf *leaf, const tdx_status_t *status,
					    uint8_t reg, uint64_t value)
{
	const struct abi_operand *out = find_operand(leaf->out, reg);

	if (!status)
		return find_operand(leaf->in, reg);
	if (tdx_status_ok(*status))
		return out ? out : find_operand(leaf->in, reg);
	return failed_operand(leaf, *status, reg, value);
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

const char *abi_register_text(const struct abi_leaf *leaf, const tdx_status_t *status, uint8_t reg,
			      uint64_t value, char *buffer, size_t size)
{
	const struct abi_operand *operand = operand_of(leaf, status, reg, value);
	struct words w;

	words_begin(&w, buffer, size);
	if (!operand)
		return buffer;
	words_add(&w, operand->what);
	if (operand->value == ABI_NO_VALUE)
		return buffer;
	words_add(&w, ": ");
	add_value[operand->value](&w, value);
	return buffer;
}
