// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * failed.c - what a register holds when a leaf has failed: that depends on the leaf and on the
 * status.
 */
#include "abi/failed.h"

#define ANY	 UINT64_C(0xffff000000000000) /* no status has such a value */
#define CLASS_09 (ANY | 0x09)		      /* whichever of the platform's checks */

const struct abi_operand *abi_operand_in(const struct abi_operand *list, uint8_t reg)
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

const struct abi_operand *abi_failed_operand(const struct abi_leaf *leaf, tdx_status_t status,
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
		return abi_operand_in(leaf->out, reg);
	if (is_cleared(leaf, reg) && !value)
		return &nothing;
	/* MEM leaves give their inputs back only where they are to be called again. */
	if (mapping && class_of(status) != 0x00 &&
	    (status.v & TDX_STATUS_CODE_MASK) != TDX_INTERRUPTED_BUSY)
		return NULL;
	return abi_operand_in(leaf->in, reg);
}
