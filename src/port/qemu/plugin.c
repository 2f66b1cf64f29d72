// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * plugin.c - a plugin for QEMU that makes its x86-64 processors those of a TDX host.
 *
 * QEMU asks about each instruction when it translates it, once. A few kinds get a callback, which
 * runs before each execution of the instruction and either lets it happen, or does its work here
 * and goes on behind it:
 *
 *	SEAMCALL	the module is called with the vCPU's registers
 *	VMXON, VMXOFF	what the plugin remembers of the vCPU; the other VMX instructions that KVM
 *			uses for TDs are accepted with nothing behind them, those that need a VMCS
 *			fail: TDs run here, ordinary VMs do not
 *	MOV CR4		CR4.VMXE is kept here, QEMU would refuse it
 *	CPUID		QEMU answers; then bits are added (identity.c)
 *	RDMSR		of the MSRs that QEMU does not have
 *	MOVDIR64B	which QEMU does not have
 *
 * What a processor would refuse (not in kernel mode, not in 64-bit code, VMXE or VMXON missing) is
 *left to QEMU, which raises the exception.
 *
 * The answer of CPUID can be changed only behind it, so the instruction that follows has a
 * callback too. If that is in another block of translated code, an interrupt may come between; the
 * vCPU notes where its CPUID ended, and the callback is for that address alone.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port/qemu/flags.h"
#include "port/qemu/instructions.h"
#include "port/qemu/ram.h"
#include "port/qemu/module.h"

#define MAX_CPUS    256u
#define CR4_VMXE    (UINT64_C(1) << 13)
#define CPUID_BYTES 2u

int qemu_plugin_version = PAMT_QEMU_PLUGIN_API;

static struct cpu cpus[MAX_CPUS];
static struct identity identity;
static bool count_instructions;

/* An instruction that has a callback. */
struct site {
	uint64_t at;
	struct insn insn;
	struct site *next;
};

/* ------------------------------------------------------------------------------------------- */
/* What instructions do                                                                         */

/* The registers of a SEAMCALL, in the order of struct tdx_regs. */
static const enum cpu_register call_registers[] = {
	CPU_RAX, CPU_RCX, CPU_RDX, CPU_RBX, CPU_RBP, CPU_RSI, CPU_RDI, CPU_R8,
	CPU_R9,	 CPU_R10, CPU_R11, CPU_R12, CPU_R13, CPU_R14, CPU_R15,
};
#define NR_CALL_REGISTERS (sizeof(call_registers) / sizeof(call_registers[0]))
_Static_assert(sizeof(struct tdx_regs) == 8 * NR_CALL_REGISTERS, "every register of a SEAMCALL");

static uint32_t seamcall(struct cpu *cpu)
{
	uint64_t before[NR_CALL_REGISTERS], after[NR_CALL_REGISTERS];
	struct tdx_regs regs;
	bool served;

	for (size_t i = 0; i < NR_CALL_REGISTERS; i++)
		before[i] = cpu_get(cpu, call_registers[i]);
	memcpy(&regs, before, sizeof(regs));
	if (count_instructions)
		instructions_call((unsigned int)(cpu - cpus), TDX_RAX_LEAF(regs.rax));
	served = module_call(cpu->lp, &regs);
	memcpy(after, &regs, sizeof(regs));
	for (size_t i = 0; i < NR_CALL_REGISTERS; i++)
		if (after[i] != before[i])
			cpu_set(cpu, call_registers[i], after[i]);
	return served ? 0 : FLAG_CF;
}

/* The flags that a VMX instruction leaves; kind is one of theirs. */
static uint32_t vmx(struct cpu *cpu, enum insn_kind kind)
{
	if (kind == INSN_SEAMCALL)
		return seamcall(cpu);
	if (kind == INSN_VMX_REFUSED || (kind == INSN_VMXON && cpu->vmxon))
		return FLAG_CF;
	if (kind == INSN_VMXON || kind == INSN_VMXOFF)
		cpu->vmxon = kind == INSN_VMXON;
	return 0;
}

static void on_vmx(unsigned int index, void *ctx)
{
	const struct site *site = ctx;
	struct cpu *cpu = &cpus[index];

	if (!cpu->vmxe || !cpu_is_kernel(cpu) || !cpu_is_64bit(cpu) ||
	    (site->insn.kind != INSN_VMXON && !cpu->vmxon))
		return; /* QEMU raises #UD */
	qemu_plugin_set_pc(
		flags_carry_on(cpu, site->at + site->insn.length, vmx(cpu, site->insn.kind)));
}

static void on_cpuid(unsigned int index, void *ctx)
{
	const struct site *site = ctx;
	struct cpu *cpu = &cpus[index];

	cpu->cpuid_leaf = (uint32_t)cpu_get(cpu, CPU_RAX);
	cpu->cpuid_subleaf = (uint32_t)cpu_get(cpu, CPU_RCX);
	cpu->cpuid_end = site->at + site->insn.length;
}

static void after_cpuid(unsigned int index, void *ctx)
{
	static const enum cpu_register results[4] = { CPU_RAX, CPU_RBX, CPU_RCX, CPU_RDX };
	const struct site *site = ctx;
	const struct cpuid_bits *bits;
	struct cpu *cpu = &cpus[index];

	if (cpu->cpuid_end != site->at)
		return;
	cpu->cpuid_end = 0;
	bits = identity_cpuid(cpu->cpuid_leaf, cpu->cpuid_subleaf);
	for (unsigned int i = 0; bits && i < 4; i++)
		if (bits->set[i])
			cpu_set(cpu, results[i], (uint32_t)cpu_get(cpu, results[i]) | bits->set[i]);
}

static void on_rdmsr(unsigned int index, void *ctx)
{
	const struct site *site = ctx;
	struct cpu *cpu = &cpus[index];
	uint64_t value;

	if (!identity_msr(&identity, (uint32_t)cpu_get(cpu, CPU_RCX), &value) ||
	    !cpu_is_kernel(cpu))
		return;
	cpu_set(cpu, CPU_RAX, (uint32_t)value);
	cpu_set(cpu, CPU_RDX, value >> 32);
	qemu_plugin_set_pc(site->at + site->insn.length);
}

static void on_write_cr4(unsigned int index, void *ctx)
{
	const struct site *site = ctx;
	struct cpu *cpu = &cpus[index];
	uint64_t value = cpu_get(cpu, (enum cpu_register)insn_rm(&site->insn));

	if (!cpu_is_kernel(cpu))
		return;
	cpu->vmxe = value & CR4_VMXE;
	if (!cpu->vmxe)
		return;
	cpu_set(cpu, CPU_CR4, value & ~CR4_VMXE);
	qemu_plugin_set_pc(site->at + site->insn.length);
}

static void on_read_cr4(unsigned int index, void *ctx)
{
	const struct site *site = ctx;
	struct cpu *cpu = &cpus[index];

	if (!cpu->vmxe || !cpu_is_kernel(cpu))
		return;
	cpu_set(cpu, (enum cpu_register)insn_rm(&site->insn), cpu_get(cpu, CPU_CR4) | CR4_VMXE);
	qemu_plugin_set_pc(site->at + site->insn.length);
}

static void on_movdir64b(unsigned int index, void *ctx)
{
	const struct site *site = ctx;
	struct cpu *cpu = &cpus[index];
	uint64_t next = site->at + site->insn.length, from, to;
	uint8_t line[64];

	from = operand_address(cpu, &site->insn, next);
	to = cpu_get(cpu, (enum cpu_register)insn_reg(&site->insn));
	if (to % sizeof(line))
		stop_at(cpu, site->at, "MOVDIR64B to an address that is no multiple of 64");
	if (!cpu_read(cpu, from, line, sizeof(line)) || !cpu_write(cpu, to, line, sizeof(line)))
		stop_at(cpu, site->at, "MOVDIR64B of memory that is not mapped");
	qemu_plugin_set_pc(next);
}

/* ------------------------------------------------------------------------------------------- */
/* Translation                                                                                  */

static const struct {
	plugin_cpu_fn *fn;
	enum plugin_registers registers;
} actions[] = {
	[INSN_CPUID] = { on_cpuid, PLUGIN_READS },
	[INSN_RDMSR] = { on_rdmsr, PLUGIN_WRITES_PC },
	[INSN_READ_CR4] = { on_read_cr4, PLUGIN_WRITES_PC },
	[INSN_WRITE_CR4] = { on_write_cr4, PLUGIN_WRITES_PC },
	[INSN_MOVDIR64B] = { on_movdir64b, PLUGIN_WRITES_PC },
	[INSN_SEAMCALL] = { on_vmx, PLUGIN_WRITES_PC },
	[INSN_VMXON] = { on_vmx, PLUGIN_WRITES_PC },
	[INSN_VMXOFF] = { on_vmx, PLUGIN_WRITES_PC },
	[INSN_VMX_ACCEPTED] = { on_vmx, PLUGIN_WRITES_PC },
	[INSN_VMX_REFUSED] = { on_vmx, PLUGIN_WRITES_PC },
};

/*
 * Sites are found again when the same code is translated again, and live as long as QEMU: a
 * translated block may be executing while it is thrown away.
 */
#define SITE_LISTS 1024u
static struct site *sites[SITE_LISTS];
static pthread_mutex_t sites_lock = PTHREAD_MUTEX_INITIALIZER;

static struct site **list_of(uint64_t at) { return &sites[(at ^ at >> 12) % SITE_LISTS]; }

static struct site *find_site(uint64_t at, const struct insn *insn)
{
	struct site **list = list_of(at), *site;

	pthread_mutex_lock(&sites_lock);
	for (site = *list; site; site = site->next)
		if (site->at == at && !memcmp(&site->insn, insn, sizeof(*insn)))
			break;
	if (!site) {
		site = malloc(sizeof(*site));
		if (!site)
			abort();
		/* The padding too: it is compared. */
		memset(site, 0, sizeof(*site));
		site->at = at;
		memcpy(&site->insn, insn, sizeof(*insn));
		site->next = *list;
		*list = site;
	}
	pthread_mutex_unlock(&sites_lock);
	return site;
}

static bool is_cpuid_site(uint64_t at)
{
	const struct site *site;

	pthread_mutex_lock(&sites_lock);
	for (site = *list_of(at); site; site = site->next)
		if (site->at == at && site->insn.kind == INSN_CPUID)
			break;
	pthread_mutex_unlock(&sites_lock);
	return site;
}

/* Of an instruction that QEMU does not know it has the first bytes only; the others are behind. */
static size_t more_bytes(uint64_t at, uint8_t *bytes, size_t nr)
{
	struct glib_bytes *found = g_byte_array_new();

	for (size_t n = INSN_MAX_BYTES; n > nr; n--) {
		g_byte_array_set_size(found, 0);
		if (!qemu_plugin_read_memory_vaddr(at, found, n))
			continue;
		memcpy(bytes, found->data, n);
		nr = n;
	}
	g_byte_array_free(found, true);
	return nr;
}

/* What it is, as far as there is a callback for it. */
static enum insn_kind translate_insn(struct plugin_insn *insn, uint64_t at)
{
	uint8_t bytes[INSN_MAX_BYTES];
	size_t nr = qemu_plugin_insn_data(insn, bytes, sizeof(bytes));
	struct insn decoded;

	/* All of them begin with 0F, behind prefixes. */
	if (!memchr(bytes, 0x0f, nr < 5 ? nr : 5))
		return INSN_PLAIN;
	if (!decode(bytes, nr, &decoded) && !decode(bytes, more_bytes(at, bytes, nr), &decoded))
		return INSN_PLAIN;
	if (decoded.kind < INSN_CPUID)
		return INSN_PLAIN;
	qemu_plugin_register_vcpu_insn_exec_cb(insn, actions[decoded.kind].fn,
					       actions[decoded.kind].registers,
					       find_site(at, &decoded));
	return decoded.kind;
}

static bool guard;
static uint64_t most_low; /* memory below 4 GB; 0: as much as QEMU puts there */

/* The address of the instruction is all that is asked of ctx. */
static void on_access(unsigned int index, uint32_t access, uint64_t address, void *ctx)
{
	const struct plugin_hwaddr *at = qemu_plugin_get_hwaddr(access, address);

	if (at && !qemu_plugin_hwaddr_is_io(at))
		module_touched(cpus[index].lp, (uintptr_t)ctx, qemu_plugin_hwaddr_phys_addr(at),
			       qemu_plugin_mem_is_store(access));
}

/* A CPUID that is the last of a block that is full: begins a block of its own. */
static void on_last_cpuid(unsigned int index, void *ctx)
{
	qemu_plugin_set_pc(((const struct site *)ctx)->at);
}

/*
 * A block ends with its page, or where it is full. A CPUID that a page ends behind is followed by
 * the first instruction of a block; one that a full block ends behind is tried again as the first
 * of its own, unless it is that already: a debugger goes step by step.
 */
static void translate(struct plugin_tb *tb, void *ctx)
{
	static const struct insn none = { .kind = INSN_PLAIN };
	size_t nr = qemu_plugin_tb_n_insns(tb);
	uint64_t at = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
	bool follows = at % TDX_PAGE_SIZE < CPUID_BYTES || is_cpuid_site(at - CPUID_BYTES);

	for (size_t i = 0; i < nr; i++) {
		struct plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		at = qemu_plugin_insn_vaddr(insn);
		if (count_instructions)
			instructions_translate(insn, at);
		if (guard)
			qemu_plugin_register_vcpu_mem_cb(insn, on_access, PLUGIN_NO_REGISTERS,
							 PLUGIN_LOADS_AND_STORES,
							 (void *)(uintptr_t)at);
		if (follows)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, after_cpuid, PLUGIN_WRITES,
							       find_site(at, &none));
		follows = translate_insn(insn, at) == INSN_CPUID;
		if (follows && i && i + 1 == nr &&
		    (at + CPUID_BYTES) % TDX_PAGE_SIZE >= CPUID_BYTES)
			qemu_plugin_register_vcpu_insn_exec_cb(
				insn, on_last_cpuid, PLUGIN_WRITES_PC, find_site(at, &none));
	}
}

/* ------------------------------------------------------------------------------------------- */
/* Loading                                                                                      */

static void on_cpu(unsigned int index, void *ctx)
{
	if (index >= MAX_CPUS || !cpu_init(&cpus[index]))
		exit(1);
	cpus[index].lp = module_lp(index);
}

static void on_exit_(void *ctx)
{
	module_end();
	instructions_print();
}

/* NAME=VALUE; NULL: another name. */
static const char *value_of(const char *argument, const char *name)
{
	size_t length = strlen(name);

	return strncmp(argument, name, length) || argument[length] != '=' ? NULL
									  : argument + length + 1;
}

/* "32-63": of the KeyIDs, those of TDs. */
static bool read_keyids(const char *value, struct identity *ids)
{
	if (sscanf(value, "%u-%u", &ids->hkid_min, &ids->hkid_max) != 2 || !ids->hkid_min ||
	    ids->hkid_max <= ids->hkid_min || ids->hkid_max >= TDX_MAX_HKIDS)
		return false;
	for (ids->hkid_bits = 1; ids->hkid_max >> ids->hkid_bits; ids->hkid_bits++)
		;
	return true;
}

/* Up to four numbers between colons, in the order of enum seam_fault. */
static void read_faults(const char *value, struct seam_faults *faults)
{
	sscanf(value, "%u:%u:%u:%u", &faults->per_million[0], &faults->per_million[1],
	       &faults->per_million[2], &faults->per_million[3]);
}

static bool read_argument(const char *argument, struct module_options *options)
{
	const char *value;

	if ((value = value_of(argument, "ram")))
		return memory_add(value);
	if ((value = value_of(argument, "packages")))
		options->nr_packages = (uint32_t)strtoul(value, NULL, 10);
	else if ((value = value_of(argument, "low")))
		most_low = strtoull(value, NULL, 10);
	else if ((value = value_of(argument, "trace")))
		options->trace = value;
	else if ((value = value_of(argument, "record")))
		options->record = value;
	else if ((value = value_of(argument, "static")))
		options->is_static = !strcmp(value, "on");
	else if ((value = value_of(argument, "guard")))
		guard = !strcmp(value, "on");
	else if ((value = value_of(argument, "stats")))
		options->stats = !strcmp(value, "on");
	else if ((value = value_of(argument, "instructions")))
		count_instructions = !strcmp(value, "on");
	else if ((value = value_of(argument, "leaf")))
		options->faults.leaf = (uint32_t)strtoul(value, NULL, 10);
	else if ((value = value_of(argument, "next")))
		options->next = !strcmp(value, "on");
	else if ((value = value_of(argument, "faults")))
		read_faults(value, &options->faults);
	else if ((value = value_of(argument, "seed")))
		options->faults.seed = strtoull(value, NULL, 10);
	else if (!(value = value_of(argument, "keyids")) ||
		 !read_keyids(value, &options->identity)) {
		fprintf(stderr, "pamt-qemu: not an argument: '%s'\n", argument);
		return false;
	}
	return true;
}

int qemu_plugin_install(uint64_t id, const struct plugin_info *info, int argc, char **argv)
{
	struct module_options options = {
		.nr_packages = 1,
		.identity = { .hkid_min = 32, .hkid_max = 63, .hkid_bits = 6 },
		.faults = { .leaf = SEAM_ANY_LEAF, .seed = 1 },
	};

	if (strcmp(info->target, "x86_64") || !info->system) {
		fprintf(stderr, "pamt-qemu: only for qemu-system-x86_64\n");
		return -1;
	}
	options.nr_cpus = (uint32_t)info->machine.cpus;
	for (int i = 0; i < argc; i++)
		if (!read_argument(argv[i], &options))
			return -1;
	if (!memory_place(most_low) || !module_create(&options))
		return -1;
	if (count_instructions && !instructions_begin()) {
		fprintf(stderr, "pamt-qemu: out of memory\n");
		return -1;
	}
	identity = options.identity;
	qemu_plugin_register_vcpu_init_cb(id, on_cpu, NULL);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate, NULL);
	qemu_plugin_register_atexit_cb(id, on_exit_, NULL);
	return 0;
}
