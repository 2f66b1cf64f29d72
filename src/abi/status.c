// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * status.c - a completion status found by value or by name, and taken apart.
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

/* What some statuses say of one leaf, or of all that change a TD's mappings. */
enum { ALL_MEM_LEAVES = 0xffff };

static const struct {
	uint16_t leaf;
	struct abi_status status;
} of_leaf[] = {
	{ TDH_PHYMEM_PAGE_RECLAIM,
	  { .value = TDX_PAGE_METADATA_INCORRECT,
	    .meaning = "the page is nobody's: free (NDA) or reserved; it was reclaimed before, by "
		       "itself or with the 2M page that it was part of",
	    .advice = "do not reclaim it again; registers of 0 carry no type, owner or size" } },
	{ ALL_MEM_LEAVES,
	  { .value = TDX_TD_KEYS_NOT_CONFIGURED,
	    .meaning = "the TD's key is gone: it is in tear-down, and nothing is mapped, split or "
		       "removed any more (or it is not set yet: nothing can be mapped)",
	    .advice = "leave the S-EPT alone after VPFLUSHDONE; reclaim the TD's pages" } },
	{ TDH_SYS_CONFIG,
	  { .value = TDX_OPERAND_INVALID,
	    .meaning = "RCX or RDX: the array of TDMRs; R8: no private KeyID, or Dynamic PAMT is "
		       "asked for where KeyIDs begin above address bit 48",
	    .advice = "for R8 do without Dynamic PAMT; else check alignment and number" } },
};

const struct abi_status *abi_status_of_leaf(const struct abi_leaf *leaf, tdx_status_t status)
{
	if (!leaf || leaf->guest || leaf->loader)
		return NULL;
	for (unsigned int i = 0; i < sizeof(of_leaf) / sizeof(*of_leaf); i++) {
		bool mem = of_leaf[i].leaf == ALL_MEM_LEAVES && leaf->in[0].value == ABI_GPA_LEVEL;

		if ((mem || of_leaf[i].leaf == leaf->number) &&
		    (status.v & TDX_STATUS_CODE_MASK) == of_leaf[i].status.value)
			return &of_leaf[i].status;
	}
	return NULL;
}
