// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * names.c - small numbers with names: operands, page types, states, exit reasons, exceptions.
 */
#include "abi/abi.h"
#include "abi/word.h"

/* clang-format off */
#define OPERAND(name, what) { TDX_OP_##name, #name, what }
static const struct abi_name operands[] = {
	OPERAND(RAX, "register: leaf and version"),
	OPERAND(RCX, "register"),
	OPERAND(RDX, "register"),
	OPERAND(RBX, "register"),
	OPERAND(RBP, "register"),
	OPERAND(RSI, "register"),
	OPERAND(RDI, "register"),
	OPERAND(R8, "register"),
	OPERAND(R9, "register"),
	OPERAND(R10, "register"),
	OPERAND(R11, "register"),
	OPERAND(R12, "register"),
	OPERAND(R13, "register"),
	OPERAND(R14, "register"),
	OPERAND(R15, "register"),
	OPERAND(ATTRIBUTES, "TD_PARAMS: attributes"),
	OPERAND(XFAM, "TD_PARAMS: extended features"),
	OPERAND(EXEC_CONTROLS, "TD_PARAMS: configuration flags"),
	OPERAND(EPTP_CONTROLS, "TD_PARAMS: memory type and depth of the S-EPT"),
	OPERAND(MAX_VCPUS, "TD_PARAMS: highest number of vCPUs"),
	OPERAND(CPUID_CONFIG, "TD_PARAMS: CPUID values"),
	OPERAND(TSC_FREQUENCY, "TD_PARAMS: frequency of the virtual TSC"),
	OPERAND(NUM_L2_VMS, "TD_PARAMS: number of nested VMs"),
	OPERAND(ARCH_CAPABILITIES_CONFIG, "TD_PARAMS: IA32_ARCH_CAPABILITIES"),
	OPERAND(PAGE, "a page"),
	OPERAND(TDMR_INFO_PA, "address of a TDMR_INFO"),
	OPERAND(GPA_LIST_ENTRY, "entry of a list of guest addresses"),
	OPERAND(MIG_BUFF_LIST_ENTRY, "entry of a list of migration buffers"),
	OPERAND(NEW_PAGE_LIST_ENTRY, "entry of a list of pages to import into"),
	OPERAND(TDR, "the TD's root page"),
	OPERAND(TDCX, "a page of the TD's or vCPU's control structure"),
	OPERAND(TDVPR, "the vCPU's root page"),
	OPERAND(REG_PAGE, "a guest page"),
	OPERAND(TDCS, "the TD's control structure"),
	OPERAND(TDVPS, "the vCPU's control structure"),
	OPERAND(SEPT_TREE, "lock of the TD's whole S-EPT"),
	OPERAND(SEPT_ENTRY, "lock of one S-EPT entry"),
	OPERAND(RTMR, "run-time measurement registers"),
	OPERAND(TD_EPOCH, "lock of the TD's TLB epoch: TRACK against VP.ENTER"),
	OPERAND(L2_VAPIC_GPA, "virtual APIC page of a nested VM"),
	OPERAND(MIGSC, "a migration stream"),
	OPERAND(OP_STATE, "lock of the TD's operation state"),
	OPERAND(MIG, "the TD's migration context"),
	OPERAND(SERVTD_BINDINGS, "the TD's table of service TDs"),
	OPERAND(METADATA_FIELD, "a metadata field"),
	OPERAND(NUM_VCPUS, "number of vCPUs"),
	OPERAND(CPUID_FIXED0_BITMAP, "CPUID bits that must be 0"),
	OPERAND(SYS, "lock of the module as a whole"),
	OPERAND(TDMR, "a TDMR"),
	OPERAND(KOT, "lock of the KeyID ownership table"),
	OPERAND(KET, "the package's key programming"),
	OPERAND(WBCACHE, "lock of the package's cache write-back"),
};

static const struct abi_name page_types[] = {
	{ TDX_PT_NDA, "NDA", "free: no TD has it" },
	{ TDX_PT_RSVD, "RSVD", "inside a reserved area" },
	{ TDX_PT_REG, "REG", "guest memory" },
	{ TDX_PT_TDR, "TDR", "a TD's root page" },
	{ TDX_PT_TDCX, "TDCX", "part of a control structure" },
	{ TDX_PT_TDVPR, "TDVPR", "a vCPU's root page" },
	{ TDX_PT_EPT, "EPT", "a page of an S-EPT" },
	{ TDX_PT_PAMT, "PAMT", "a page of a page pair, or a region that has one" },
};

static const struct abi_name sept_states[] = {
	{ TDX_SEPT_FREE, "FREE", "maps nothing" },
	{ TDX_SEPT_BLOCKED, "BLOCKED", "a page, not accessible, about to change" },
	{ TDX_SEPT_PENDING, "PENDING", "a page that the guest has not accepted" },
	{ TDX_SEPT_PENDING_BLOCKED, "PENDING_BLOCKED", "not accepted, and blocked" },
	{ TDX_SEPT_MAPPED, "MAPPED", "a page that the guest can use" },
	{ TDX_SEPT_REMOVED, "REMOVED", "taken away during an import" },
	{ 8, "BLOCKEDW", "blocked for writing" },
	{ 9, "EXPORTED_BLOCKEDW", "exported and blocked for writing" },
	{ 11, "EXPORTED_DIRTY", "exported, then written" },
	{ 12, "EXPORTED_DIRTY_BLOCKEDW", "exported, written, blocked for writing again" },
	{ 16, "PENDING_BLOCKEDW", "not accepted, and blocked for export" },
	{ 17, "PENDING_EXPORTED_BLOCKEDW", "not accepted, exported, blocked for writing" },
	{ 19, "PENDING_EXPORTED_DIRTY", "not accepted, exported, changed since" },
	{ 20, "PENDING_EXPORTED_DIRTY_BLOCKEDW", "not accepted, changed since export, blocked" },
	{ TDX_SEPT_NL_BLOCKED, "NL_BLOCKED", "an S-EPT page, blocked" },
	{ TDX_SEPT_NL_MAPPED, "NL_MAPPED", "an S-EPT page" },
};

static const struct abi_name sys_states[] = {
	{ TDX_SYS_INIT_PENDING, "INIT_PENDING", "loaded, SYS.INIT comes next" },
	{ TDX_SYS_INIT_DONE, "INIT_DONE", "LP.INIT on every CPU, then SYS.CONFIG" },
	{ TDX_SYS_CONFIG_DONE, "CONFIG_DONE", "SYS.KEY.CONFIG on every package comes next" },
	{ TDX_SYS_READY, "READY", "in use" },
	{ TDX_SYS_STATE_SHUTDOWN, "SHUTDOWN", "shut down, by SYS.SHUTDOWN or a fatal error" },
};

static const struct abi_name lifecycles[] = {
	{ TDX_HKID_ASSIGNED, "HKID_ASSIGNED", "created, no key yet" },
	{ TDX_KEYS_CONFIGURED, "KEYS_CONFIGURED", "its key is set; it can be built and run" },
	{ TDX_BLOCKED, "BLOCKED", "vCPUs flushed, caches not written back yet" },
	{ TDX_TEARDOWN, "TEARDOWN", "KeyID freed, pages may be reclaimed" },
};

static const struct abi_name op_states[] = {
	{ TDX_OP_UNINITIALIZED, "UNINITIALIZED", "before MNG.INIT" },
	{ TDX_OP_INITIALIZED, "INITIALIZED", "being built, before MR.FINALIZE" },
	{ TDX_OP_RUNNABLE, "RUNNABLE", "built; vCPUs can be entered" },
	{ TDX_OP_LIVE_EXPORT, "LIVE_EXPORT", "migrating away while it runs" },
	{ TDX_OP_PAUSED_EXPORT, "PAUSED_EXPORT", "migrating away, stopped" },
	{ TDX_OP_POST_EXPORT, "POST_EXPORT", "migrated away, memory still being sent" },
	{ TDX_OP_MEMORY_IMPORT, "MEMORY_IMPORT", "memory is arriving" },
	{ TDX_OP_STATE_IMPORT, "STATE_IMPORT", "TD and vCPU state is arriving" },
	{ TDX_OP_POST_IMPORT, "POST_IMPORT", "imported, memory may still arrive" },
	{ TDX_OP_LIVE_IMPORT, "LIVE_IMPORT", "runs here while memory arrives" },
	{ TDX_OP_FAILED_IMPORT, "FAILED_IMPORT", "import given up; only tear-down is left" },
	{ TDX_OP_START_IMPORT, "START_IMPORT", "an import is about to begin" },
};

static const struct abi_name keyid_states[] = {
	{ TDX_KOT_FREE, "FREE", "no TD has the KeyID" },
	{ TDX_KOT_ASSIGNED, "ASSIGNED", "a TD has it" },
	{ TDX_KOT_FLUSHED, "FLUSHED", "its TD is flushed, caches are not" },
	{ TDX_KOT_RESERVED, "RESERVED", "the module's own" },
};

static const struct abi_name vcpu_states[] = {
	{ TDX_VCPU_UNINITIALIZED, "UNINITIALIZED", "before VP.INIT" },
	{ TDX_VCPU_READY, "READY", "can be entered" },
	{ TDX_VCPU_ACTIVE, "ACTIVE", "runs, on this or another CPU" },
	{ TDX_VCPU_DISABLED, "DISABLED", "can never be entered again" },
	{ TDX_VCPU_IMPORT, "IMPORT", "its state is being imported" },
};

static const struct abi_name exit_reasons[] = {
	{ 0, "EXCEPTION_OR_NMI", "an exception, a machine check or an NMI" },
	{ TDX_EXIT_INTERRUPT, "INTERRUPT", "a host interrupt" },
	{ 2, "TRIPLE_FAULT", "the guest died of a fault in a fault" },
	{ 3, "INIT", "an INIT signal" },
	{ 6, "SMI", "system management took over" },
	{ 7, "INTERRUPT_WINDOW", "the guest can take interrupts again" },
	{ 10, "CPUID", "the guest executed CPUID" },
	{ 12, "HLT", "the guest halted" },
	{ 18, "VMCALL", "the guest executed VMCALL" },
	{ 30, "IO", "port input or output" },
	{ 31, "RDMSR", "the guest read an MSR" },
	{ 32, "WRMSR", "the guest wrote an MSR" },
	{ 33, "INVALID_GUEST_STATE", "entry refused: guest state" },
	{ 41, "MACHINE_CHECK_AT_ENTRY", "a machine check during entry" },
	{ TDX_EXIT_EPT_VIOLATION, "EPT_VIOLATION", "an access to a page that is not mapped" },
	{ 49, "EPT_MISCONFIGURATION", "a bad S-EPT or EPT entry" },
	{ 52, "PREEMPTION_TIMER", "the time slice ended" },
	{ 74, "BUS_LOCK", "a bus lock was taken" },
	{ 75, "NOTIFY", "the guest let no event through for too long" },
	{ TDX_EXIT_TDCALL, "TDCALL", "TDG.VP.VMCALL: a request to the host" },
};

static const struct abi_name vectors[] = {
	{ 0, "#DE", "divide error" },
	{ 1, "#DB", "debug exception" },
	{ 2, "NMI", "non-maskable interrupt" },
	{ 3, "#BP", "breakpoint" },
	{ 4, "#OF", "overflow" },
	{ 5, "#BR", "bound range" },
	{ 6, "#UD", "invalid opcode" },
	{ 7, "#NM", "no coprocessor" },
	{ 8, "#DF", "double fault" },
	{ 10, "#TS", "invalid TSS" },
	{ 11, "#NP", "segment not present" },
	{ 12, "#SS", "stack segment" },
	{ 13, "#GP", "general protection" },
	{ 14, "#PF", "page fault" },
	{ 16, "#MF", "floating-point error" },
	{ 17, "#AC", "alignment check" },
	{ 18, "#MC", "machine check" },
	{ 19, "#XM", "SIMD exception" },
	{ 20, "#VE", "virtualisation exception" },
	{ 21, "#CP", "control protection" },
};

#define KIND(text, names) { text, names, sizeof(names) / sizeof((names)[0]) }
static const struct {
	const char *text;
	const struct abi_name *names;
	unsigned int nr;
} kinds[ABI_NR_NAME_KINDS] = {
	[ABI_OPERAND] = KIND("operand", operands),
	[ABI_PAGE_TYPE_NAME] = KIND("page type", page_types),
	[ABI_SEPT_STATE_NAME] = KIND("S-EPT state", sept_states),
	[ABI_SYS_STATE] = KIND("module state", sys_states),
	[ABI_LIFECYCLE] = KIND("TD life cycle", lifecycles),
	[ABI_OP_STATE] = KIND("TD operation state", op_states),
	[ABI_KEYID_STATE] = KIND("KeyID state", keyid_states),
	[ABI_VCPU_STATE] = KIND("vCPU state", vcpu_states),
	[ABI_EXIT_REASON] = KIND("exit reason", exit_reasons),
	[ABI_VECTOR] = KIND("exception", vectors),
};
/* clang-format on */

const char *abi_kind_text(enum abi_name_kind kind)
{
	return kind < ABI_NR_NAME_KINDS ? kinds[kind].text : "";
}

const struct abi_name *abi_name_at(enum abi_name_kind kind, unsigned int i)
{
	return kind < ABI_NR_NAME_KINDS && i < kinds[kind].nr ? &kinds[kind].names[i] : NULL;
}

const struct abi_name *abi_name(enum abi_name_kind kind, uint32_t number)
{
	const struct abi_name *name;

	for (unsigned int i = 0; (name = abi_name_at(kind, i)); i++)
		if (name->number == number)
			return name;
	return NULL;
}

const struct abi_name *abi_name_by_name(enum abi_name_kind kind, const char *word)
{
	const struct abi_name *name;

	for (unsigned int i = 0; (name = abi_name_at(kind, i)); i++)
		if (word_same(name->name, word))
			return name;
	return NULL;
}
