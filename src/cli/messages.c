// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * messages.c - the table of messages, and how they are found in lines.
 *
 * The first pattern that fits counts, so a special one stands before a general one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/messages.h"

#define LINUX_6_8  "Linux 6.8 and later"
#define LINUX_6_16 "Linux 6.16 and later"
#define LINUX_7_0  "Linux 7.0 and later"
#define LINUX_7_4  "Linux with Dynamic PAMT"
#define QEMU_10	   "QEMU 10.1 and later"
#define LIBVIRT_11 "libvirt 11.6 and later"

#define LOOK_BEFORE "the reason stands in the lines before; if not, bring the whole log"

static const struct message messages[] = {
	/* BIOS and KeyIDs */
	{ STAGE_BIOS, MESSAGE_GOOD, "BIOS enabled: private KeyID range [*, *)",
	  "the BIOS switched TDX on: KeyIDs {1} to below {2} are private, the first of them the "
	  "module's own",
	  "", LINUX_6_8 },
	{ STAGE_BIOS, MESSAGE_FAULT, "initialization failed: too few private KeyIDs",
	  "the module needs one private KeyID and each TD another; the BIOS left one or none",
	  "in the BIOS, give TDX more of the KeyIDs (TME-MT/TDX key split)", LINUX_6_8 },
	{ STAGE_BIOS, MESSAGE_FAULT, "initialization failed: Hibernation support is enabled",
	  "TDX and hibernation exclude each other: private memory cannot be saved",
	  "boot with nohibernate on the command line, or without CONFIG_HIBERNATION", LINUX_6_8 },
	{ STAGE_BIOS, MESSAGE_REMARK, "Disable ACPI S3. Turn off TDX in the BIOS",
	  "a machine with TDX cannot suspend to memory", "nothing, unless S3 is needed",
	  LINUX_6_8 },
	{ STAGE_BIOS, MESSAGE_FAULT, "x86/tme: not enabled by BIOS",
	  "memory encryption (TME) is off in the BIOS, and TDX cannot do without it",
	  "in the BIOS, switch on TME, TME-MT and TDX, and SGX for attestation",
	  "Linux 5.4 and later" },
	{ STAGE_BIOS, MESSAGE_FAULT, "x86/mktme: disabled by BIOS",
	  "there are no KeyIDs: multi-key memory encryption is off in the BIOS",
	  "in the BIOS, switch on TME-MT, and leave KeyIDs to TDX", "Linux 5.4 and later" },
	{ STAGE_BIOS, MESSAGE_GOOD, "x86/mktme: * KeyIDs available",
	  "{1} KeyIDs, shared among TME-MT and TDX", "", "Linux 5.4 and later" },
	{ STAGE_BIOS, MESSAGE_FAULT, "MOVDIR64B is required for TDX",
	  "the CPU, or a hypervisor below, does not show MOVDIR64B",
	  "look for clearcpuid= on the command line and for a hypervisor", LINUX_6_16 },
	{ STAGE_BIOS, MESSAGE_FAULT, "elf-snoop is required for TDX",
	  "the CPU, or a hypervisor below, does not show self-snoop",
	  "look for clearcpuid= on the command line and for a hypervisor", LINUX_6_16 },
	{ STAGE_BIOS, MESSAGE_FAULT, "OSXSAVE is required for TDX",
	  "XSAVE is off, and TDX needs it", "remove noxsave from the command line", LINUX_6_16 },

	/* P-SEAMLDR and module */
	{ STAGE_SEAMLDR, MESSAGE_FAULT, "virt/tdx: module not loaded",
	  "no TDX module is there: the P-SEAMLDR was not started, or did not load one, when the "
	  "machine booted",
	  "in the BIOS, switch the SEAM loader on; check that the module's file (EFI/TDX on the "
	  "boot "
	  "partition) is there, or update the BIOS that carries it",
	  LINUX_6_8 },
	{ STAGE_SEAMLDR, MESSAGE_FAULT, "odule update failed",
	  "the P-SEAMLDR did not take the new module; its code stands in a line before",
	  "explain the code; the old module may be gone: then reboot", LINUX_7_0 },
	{ STAGE_MODULE, MESSAGE_GOOD, "TDX module: attributes *major_version *minor_version *,",
	  "a module is loaded", "", "Linux 6.8 to 6.11" },
	{ STAGE_MODULE, MESSAGE_GOOD, "virt/tdx: Module version: *", "module {1} is loaded", "",
	  LINUX_7_0 },
	{ STAGE_MODULE, MESSAGE_GOOD, "virt/tdx: Module version *", "module {1} is loaded", "",
	  LINUX_7_0 },
	{ STAGE_MODULE, MESSAGE_FAULT, "frame pointer (RBP) clobber bug present",
	  "this module may overwrite the host's RBP: Linux does not use it",
	  "update the TDX module (1.5.06 or later says NO_RBP_MOD)", "Linux 6.13 and later" },
	{ STAGE_MODULE, MESSAGE_FAULT, "TDX requires all packages to have an online CPU",
	  "a package has no CPU online, so the memory key cannot be set there",
	  "bring one CPU of every package online; no nosmp, maxcpus= that leaves one out",
	  LINUX_6_8 },

	/* Memory */
	{ STAGE_MEMORY, MESSAGE_WARNING, "Reject hot-adding memory range: * for TDX compatibility",
	  "memory at {1} was added after TDX had come up; it is in no TDMR, or outside the CMRs "
	  "(CXL, persistent memory), and TDs could never have it",
	  "nothing for TDs; to use it for the host boot without TDX, or have it there at boot",
	  LINUX_6_8 },
	{ STAGE_TDMRS, MESSAGE_FAULT, "initialization failed: TDMR [*): reserved areas exhausted",
	  "TDMR [{1}) has more holes in its memory map than the 16 reserved areas that it may have",
	  "`pamt plan --holes=linux LOG` names it; a newer kernel, or fewer BIOS options that "
	  "break "
	  "memory up below 4 GB",
	  LINUX_6_8 },
	{ STAGE_TDMRS, MESSAGE_FAULT, "initialization failed: TDMRs exhausted",
	  "memory lies in more pieces, each in a GB of its own, than the 64 TDMRs that the module "
	  "takes",
	  "`pamt plan LOG` shows the pieces; interleave memory in the BIOS", LINUX_6_8 },
	{ STAGE_TDMRS, MESSAGE_WARNING, "consumed TDMRs reaching limit: *",
	  "{1} TDMRs of 64: a little more memory, and TDX does not come up",
	  "interleave memory in the BIOS before more is added", LINUX_6_8 },

	/* PAMT */
	{ STAGE_PAMT, MESSAGE_WARNING, "unable to find local NUMA node for PAMT allocation",
	  "a TDMR's PAMT lies on another node than its memory: slower, nothing else",
	  "look at the SRAT for nodes without memory", LINUX_6_8 },
	{ STAGE_PAMT, MESSAGE_GOOD, " * KB allocated for PAMT", "{1} KB of PAMT", "", LINUX_6_8 },
	{ STAGE_DYNAMIC, MESSAGE_GOOD, "Enable Dynamic PAMT", "Dynamic PAMT is on", "", LINUX_7_4 },
	{ STAGE_PAMT, MESSAGE_GOOD, "virt/tdx: TDX-Module initialized", "the module is initialised",
	  "", LINUX_7_0 },
	{ STAGE_PAMT, MESSAGE_GOOD, "virt/tdx: module initialized", "the module is initialised", "",
	  LINUX_6_8 },
	{ STAGE_PAMT, MESSAGE_FAULT, "odule initialization failed (-12)",
	  "-12 is ENOMEM: no contiguous memory was left for a TDMR's PAMT",
	  "bring TDX up at boot (kvm_intel.tdx=1, module loaded early), before memory is broken up",
	  LINUX_6_8 },
	{ STAGE_TDMRS, MESSAGE_RESULT, "odule initialization failed (-28)",
	  "-28 is ENOSPC: TDMRs or reserved areas ran out", LOOK_BEFORE, LINUX_6_8 },
	{ STAGE_SEAMLDR, MESSAGE_RESULT, "odule initialization failed (-19)",
	  "-19 is ENODEV: no module answers SEAMCALLs", LOOK_BEFORE, LINUX_6_8 },
	{ STAGE_MODULE, MESSAGE_RESULT, "odule initialization failed (-22)",
	  "-22 is EINVAL: this module lacks something that the kernel needs", LOOK_BEFORE,
	  LINUX_6_8 },
	{ STAGE_MODULE, MESSAGE_RESULT, "odule initialization failed (-5)",
	  "-5 is EIO: a SEAMCALL failed", LOOK_BEFORE, LINUX_6_8 },
	{ STAGE_MODULE, MESSAGE_RESULT, "odule initialization failed (*)",
	  "the module is there, but did not come up (error {1})", LOOK_BEFORE, LINUX_6_8 },

	/* KVM */
	{ STAGE_KVM, MESSAGE_RESULT, "TDX not supported by the host platform",
	  "KVM found that the kernel had not switched TDX on",
	  "the cause is in the stages before: BIOS, KeyIDs, hibernation", LINUX_6_16 },
	{ STAGE_KVM, MESSAGE_FAULT, "TDX requires mmio caching",
	  "kvm.mmio_caching is off, and TDX needs it", "boot with kvm.mmio_caching=1", LINUX_6_16 },
	{ STAGE_KVM, MESSAGE_FAULT, "TDX requires TDP MMU", "kvm.tdp_mmu is off, and TDX needs it",
	  "boot with kvm.tdp_mmu=1", LINUX_6_16 },
	{ STAGE_KVM, MESSAGE_FAULT, "MAX_VCPU_PER_TD (*) smaller than number of logical CPUs (*)",
	  "the module allows {1} vCPUs for a TD, and KVM wants as many as the machine has CPUs, "
	  "{2}",
	  "update the TDX module, or boot with fewer CPUs (nosmt)", LINUX_6_16 },
	{ STAGE_TD, MESSAGE_WARNING, "* failed. HKID * is leaked",
	  "KeyID {2} is lost until reboot: one TD fewer can run", "reboot when KeyIDs run short",
	  LINUX_6_16 },
	{ STAGE_KVM, MESSAGE_FAULT, "vm-type tdx not supported by KVM",
	  "KVM does not offer TDX: kvm_intel was loaded without tdx=1, or TDX did not come up",
	  "modprobe kvm_intel tdx=1, then look for virt/tdx lines in dmesg", QEMU_10 },
	{ STAGE_KVM, MESSAGE_FAULT, "KVM_TDX_CAPABILITIES failed*",
	  "KVM does not say what TDs it can run ({1})",
	  "kernel and QEMU have to know the same interface: Linux 6.16, QEMU 10.1", QEMU_10 },
	{ STAGE_KVM, MESSAGE_FAULT, "TDX is not supported with this QEMU binary",
	  "libvirt found no TDX in this QEMU", "QEMU 10.1 or later; then restart libvirt's daemon",
	  LIBVIRT_11 },
	{ STAGE_KVM, MESSAGE_FAULT, "unsupported configuration: INTEL TDX launch security",
	  "libvirt found no TDX on this host or in this QEMU",
	  "`virsh domcapabilities` says which; check kvm_intel.tdx and QEMU's version",
	  LIBVIRT_11 },
	{ STAGE_KVM, MESSAGE_FAULT, "'tdx' launch security is not supported",
	  "libvirt found no TDX in this QEMU", "QEMU 10.1 or later; then restart libvirt's daemon",
	  LIBVIRT_11 },
	{ STAGE_KVM, MESSAGE_FAULT, "launch security type 'tdx' is not supported",
	  "libvirt found no TDX on this host or in this QEMU",
	  "`virsh domcapabilities` says which; check kvm_intel.tdx and QEMU's version",
	  LIBVIRT_11 },

	/* TDs */
	{ STAGE_TD, MESSAGE_REMARK, "TDX doesn't support requested feature*",
	  "QEMU takes a CPU feature out of the TD's: TDX has none of it ({1})",
	  "nothing, unless -cpu has enforce=on", QEMU_10 },
	{ STAGE_TD, MESSAGE_REMARK, "TDX forcibly sets the feature*",
	  "the TD has a CPU feature that was not asked for, as each TD has ({1})",
	  "nothing, unless -cpu has enforce=on", QEMU_10 },
	{ STAGE_TD, MESSAGE_FAULT, "KVM_TDX_INIT_VM failed*Invalid argument",
	  "KVM or the module refused the TD's parameters: attributes, XFAM, CPUID, number of vCPUs",
	  "look for CPU features that TDX does not allow (-cpu host without additions is allowed), "
	  "and for the operand in the kernel's line",
	  QEMU_10 },
	{ STAGE_TD, MESSAGE_FAULT, "KVM_TDX_INIT_VM failed*No space left on device",
	  "no private KeyID is free: as many TDs run as there are",
	  "stop a TD, or give TDX more KeyIDs "
	  "in the BIOS; misc.max of the cgroup may be the limit",
	  QEMU_10 },
	{ STAGE_TD, MESSAGE_FAULT, "KVM_TDX_INIT_VM failed*Device or resource busy",
	  "the module was busy with another TD's creation", "try again", QEMU_10 },
	{ STAGE_TD, MESSAGE_FAULT, "KVM_TDX_INIT_VM failed*Resource temporarily unavailable",
	  "the CPU's random number generator had nothing to give", "try again", QEMU_10 },
	{ STAGE_TD, MESSAGE_FAULT, "KVM_TDX_INIT_VM failed*Cannot allocate memory",
	  "no memory for the TD's control pages", "free memory on the host", QEMU_10 },
	{ STAGE_TD, MESSAGE_RESULT, "KVM_TDX_INIT_VM failed*Input/output error",
	  "a SEAMCALL of the TD's creation failed", "the kernel's line has its status: explain it",
	  QEMU_10 },
	{ STAGE_TD, MESSAGE_RESULT, "KVM_TDX_INIT_VM failed*", "the TD could not be created ({1})",
	  "the kernel's log has the SEAMCALL that failed", QEMU_10 },
	{ STAGE_TD, MESSAGE_RESULT, "KVM_TDX_INIT_VCPU failed*",
	  "a vCPU could not be made ready ({1})",
	  "no more vCPUs than the module allows; the kernel's log has the SEAMCALL that failed",
	  QEMU_10 },
	{ STAGE_TD, MESSAGE_FAULT, "KVM_TDX_INIT_MEM_REGION failed*Invalid argument",
	  "the firmware's memory is not private guest memory, or not aligned",
	  "take a firmware image made for TDX (OVMF.inteltdx.fd), given with -bios", QEMU_10 },
	{ STAGE_TD, MESSAGE_FAULT, "KVM_TDX_INIT_MEM_REGION failed*Bad address",
	  "the firmware's memory has no guest_memfd behind it",
	  "use QEMU's own memory backends with "
	  "guest_memfd; no hugetlbfs file, no shared memory of another kind",
	  QEMU_10 },
	{ STAGE_TD, MESSAGE_FAULT, "KVM_TDX_INIT_MEM_REGION failed*Cannot allocate memory",
	  "no memory for the TD's first pages", "free memory on the host", QEMU_10 },
	{ STAGE_TD, MESSAGE_RESULT, "KVM_TDX_INIT_MEM_REGION failed*",
	  "the firmware could not be copied into the TD ({1})",
	  "the kernel's log has the SEAMCALL that failed (TDH.MEM.PAGE.ADD)", QEMU_10 },
	{ STAGE_TD, MESSAGE_RESULT, "KVM_TDX_FINALIZE*failed*",
	  "the TD's measurement could not be ended ({2})",
	  "the kernel's log has the SEAMCALL that failed (TDH.MR.FINALIZE)", QEMU_10 },
	{ STAGE_TD, MESSAGE_FAULT, "annot find TDX metadata",
	  "the firmware image has no TDX metadata",
	  "take a firmware image made for TDX "
	  "(OVMF.inteltdx.fd), given with -bios",
	  QEMU_10 },
};

#define NR_MESSAGES (sizeof(messages) / sizeof(*messages))

static const char *const stage_names[NR_STAGES] = {
	[STAGE_BIOS] = "BIOS and KeyIDs",
	[STAGE_SEAMLDR] = "P-SEAMLDR",
	[STAGE_MODULE] = "module",
	[STAGE_MEMORY] = "memory map and CMRs",
	[STAGE_TDMRS] = "TDMRs and reserved areas",
	[STAGE_PAMT] = "PAMT",
	[STAGE_DYNAMIC] = "Dynamic PAMT",
	[STAGE_KVM] = "KVM",
	[STAGE_TD] = "TDs",
};

const char *stage_name(enum stage stage) { return stage_names[stage]; }

/* What a '*' stood for, without the blanks and the punctuation around it. */
static void take_wild(char wild[MESSAGE_WILD], const char *from, const char *to)
{
	while (from < to && strchr(" :,", *from))
		from++;
	while (to > from && strchr(" :,", to[-1]))
		to--;
	if (from == to)
		snprintf(wild, MESSAGE_WILD, "it does not say more");
	else
		snprintf(wild, MESSAGE_WILD, "%.*s", (int)(to - from), from);
}

/* Length of the literal part at the beginning of a pattern. */
static size_t literal(const char *pattern) { return strcspn(pattern, "*"); }

/* A literal part somewhere in a text; it is not terminated itself. */
static const char *find_part(const char *text, const char *part, size_t length)
{
	return memmem(text, strlen(text), part, length);
}

static bool fits(const struct message *m, const char *line, struct message_match *match)
{
	const char *pattern = m->pattern, *at = line, *from = NULL;
	unsigned int wild = 0;

	memset(match, 0, sizeof(*match));
	for (;;) {
		size_t length = literal(pattern);
		const char *found =
			length ? find_part(at, pattern, length) : at + (from ? strlen(at) : 0);

		if (!found)
			return false;
		if (from && wild < MESSAGE_WILDS)
			take_wild(match->wild[wild++], from, found);
		at = found + length;
		pattern += length;
		if (!*pattern)
			break;
		from = at;
		pattern++;
	}
	match->message = m;
	return true;
}

bool message_find(const char *line, struct message_match *match)
{
	/* Nearly all lines of a log are about something else. */
	if (!strcasestr(line, "td") && !strstr(line, "x86/") && !strstr(line, "KB allocated"))
		return false;
	for (unsigned int i = 0; i < NR_MESSAGES; i++)
		if (fits(&messages[i], line, match))
			return true;
	return false;
}

/*
 * Who speaks of TDX: the kernel's own file of it; others only where they name it. QEMU's arguments
 * are no message.
 */
static bool message_of_tdx(const char *line, enum stage *stage)
{
	if (strstr(line, "virt/tdx: ")) {
		*stage = STAGE_MODULE;
		return true;
	}
	*stage = STAGE_KVM;
	return (strstr(line, "kvm_intel: ") || strstr(line, "qemu-system-x86_64: ") ||
		strstr(line, "qemu-kvm: ") || strstr(line, "error: ")) &&
	       (strcasestr(line, "tdx") || strstr(line, "TDVF"));
}

bool message_unknown(const char *line, enum stage *stage)
{
	static const char *const words[] = {
		"fail",	    "error",	"unable",	 "cannot",	"can't",     "could not",
		"invalid",  "reject",	"exhaust",	 "unsupported", "n't ",	     "not support",
		"too few",  "too many", "not enough",	 "no memory",	"not found", "not loaded",
		"required", "requires", "incompatib",	 "mismatch",	"timed out", "abort",
		"refus",    "corrupt",	"not available", "broken",
	};

	if (!message_of_tdx(line, stage))
		return false;
	for (unsigned int i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasestr(line, words[i]))
			return true;
	return false;
}

const char *message_text(const struct message_match *match, const char *text, char *buffer,
			 size_t size)
{
	size_t used = 0;

	for (*buffer = '\0'; *text && used + 1 < size; text++) {
		int nr = text[0] == '{' && text[1] >= '1' && text[1] <= '3' && text[2] == '}'
				 ? text[1] - '0'
				 : 0;

		if (!nr) {
			buffer[used++] = *text;
			buffer[used] = '\0';
			continue;
		}
		used += (size_t)snprintf(buffer + used, size - used, "%s", match->wild[nr - 1]);
		used = used < size ? used : size - 1;
		text += 2;
	}
	return buffer;
}
