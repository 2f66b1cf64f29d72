/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * cpu.h - a vCPU of QEMU's as the plugin has it: registers by name, memory by virtual address, and
 * the little that the plugin remembers of it. All of it only on the vCPU's own thread.
 */
#ifndef PAMT_PORT_QEMU_CPU_H
#define PAMT_PORT_QEMU_CPU_H

#include "port/qemu/plugin_abi.h"

/* The general registers in the order of their numbers in instructions. */
enum cpu_register {
	CPU_RAX,
	CPU_RCX,
	CPU_RDX,
	CPU_RBX,
	CPU_RSP,
	CPU_RBP,
	CPU_RSI,
	CPU_RDI,
	CPU_R8,
	CPU_R9,
	CPU_R10,
	CPU_R11,
	CPU_R12,
	CPU_R13,
	CPU_R14,
	CPU_R15,
	CPU_EFLAGS,
	CPU_CS,
	CPU_FS_BASE,
	CPU_GS_BASE,
	CPU_CR4,
	CPU_NR_REGISTERS,
};

struct cpu {
	uint32_t lp; /* of the module */
	struct plugin_reg *reg[CPU_NR_REGISTERS];
	struct glib_bytes *bytes; /* for one register or some memory at a time */
	bool vmxe;		  /* CR4.VMXE, which QEMU does not have */
	bool vmxon;
	/* A CPUID whose result is still to be completed: where it ends, and what it was asked. */
	uint64_t cpuid_end;
	uint32_t cpuid_leaf, cpuid_subleaf;
};

/* Return: false, with one line on stderr, if QEMU does not show a register of that name. */
bool cpu_init(struct cpu *cpu);
uint64_t cpu_get(struct cpu *cpu, enum cpu_register reg);
void cpu_set(struct cpu *cpu, enum cpu_register reg, uint64_t value);
/* Does it run with the rights of a kernel? */
bool cpu_is_kernel(struct cpu *cpu);
/* Is the code that it runs 64-bit code? */
bool cpu_is_64bit(struct cpu *cpu);
/* Virtual addresses. Return: false if not all of it is mapped. */
bool cpu_read(struct cpu *cpu, uint64_t at, void *to, size_t bytes);
bool cpu_write(struct cpu *cpu, uint64_t at, const void *from, size_t bytes);

#endif
