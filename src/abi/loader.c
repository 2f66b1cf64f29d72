// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * loader.c - calls that the TDX module of the recordings does not serve: those of the P-SEAMLDR,
 * which loads the module and has status codes of its own, and leaves of later modules.
 */
#include "abi/abi.h"

static const struct abi_leaf leaves[] = {
	{ .number = 0,
	  .name = "SEAMLDR.INFO",
	  .symbol = "SEAMLDR_INFO",
	  .loader = true,
	  .purpose = "describes the P-SEAMLDR and what it can do" },
	{ .number = 1,
	  .name = "SEAMLDR.INSTALL",
	  .symbol = "SEAMLDR_INSTALL",
	  .loader = true,
	  .purpose = "loads a TDX module, or updates the one that is there" },
	{ .number = 2,
	  .name = "SEAMLDR.SHUTDOWN",
	  .symbol = "SEAMLDR_SHUTDOWN",
	  .loader = true,
	  .purpose = "shuts the P-SEAMLDR down" },
	{ .number = 3,
	  .name = "SEAMLDR.SEAMINFO",
	  .symbol = "SEAMLDR_SEAMINFO",
	  .loader = true,
	  .purpose = "describes the module's memory and the CMRs" },
	{ .number = 60,
	  .name = "TDH.EXT.INIT",
	  .symbol = "TDH_EXT_INIT",
	  .later = true,
	  .purpose = "initialises the module's extensions" },
	{ .number = 61,
	  .name = "TDH.EXT.MEM.ADD",
	  .symbol = "TDH_EXT_MEM_ADD",
	  .later = true,
	  .purpose = "gives the module's extensions memory, which they keep" },
	{ .number = 69,
	  .name = "TDH.SYS.DISABLE",
	  .symbol = "TDH_SYS_DISABLE",
	  .later = true,
	  .purpose = "switches the module off before another kernel starts (kexec)" },
};

const struct abi_leaf *abi_other_leaf_at(unsigned int i)
{
	return i < sizeof(leaves) / sizeof(*leaves) ? &leaves[i] : NULL;
}

const struct abi_leaf *abi_other_leaf(uint64_t rax)
{
	for (unsigned int i = 0; i < sizeof(leaves) / sizeof(*leaves); i++) {
		uint64_t bit = leaves[i].loader ? ABI_LOADER_BIT : 0;

		if (rax == (leaves[i].number | bit))
			return &leaves[i];
	}
	return NULL;
}

static const struct abi_status statuses[] = {
	{ 0x8000000000000000, "EBADPARAM", "a parameter of the call is not valid",
	  "a bug in the host's call: check addresses and the parameter block", ABI_DETAIL_NONE },
	{ 0x8000000000000003, "EBADCALL", "the call is not possible now, or unknown",
	  "the module must be shut down on all CPUs before an update; check the leaf",
	  ABI_DETAIL_NONE },
	{ 0x8000000000000004, "EBADHANDOFF",
	  "the old module's hand-off data is not accepted by the new one",
	  "update to a module that takes this hand-off version, or reboot", ABI_DETAIL_NONE },
	{ 0x8000000000010002, "ENOMEM", "the module does not fit into the memory that is there",
	  "the BIOS sets that memory aside: look for a BIOS update", ABI_DETAIL_NONE },
	{ 0x8000000000010003, "EUNSPECERR", "an unspecified error of the platform",
	  "look for machine checks and for BIOS and microcode updates", ABI_DETAIL_NONE },
	{ 0x8000000000010004, "EUNSUPCPU", "the new module does not support a CPU of this machine",
	  "take a module made for this generation of CPUs", ABI_DETAIL_NONE },
	{ 0x8000000000020000, "EBADSIG", "the module's signature is malformed or not verified",
	  "take module and signature file as they were published, of the same version",
	  ABI_DETAIL_NONE },
	{ 0x8000000000020001, "EBADHASH", "the module is not the one that was signed",
	  "the file is damaged, or not the one that the signature belongs to", ABI_DETAIL_NONE },
	{ 0x8000000000030000, "EINTERRUPT", "an interrupt was pending: nothing was done",
	  "make the same call again", ABI_DETAIL_NONE },
	{ 0x8000000000030001, "ENOENTROPY", "the random number generator had nothing to give",
	  "make the same call again, ten times or so", ABI_DETAIL_NONE },
};

const struct abi_status *abi_loader_status_at(unsigned int i)
{
	return i < sizeof(statuses) / sizeof(*statuses) ? &statuses[i] : NULL;
}

const struct abi_status *abi_loader_status(uint64_t value)
{
	for (unsigned int i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
		if (statuses[i].value == value)
			return &statuses[i];
	return NULL;
}
