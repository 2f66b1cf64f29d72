/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * flags.h - status flags that an instruction of the plugin's has set.
 */
#ifndef PAMT_PORT_QEMU_FLAGS_H
#define PAMT_PORT_QEMU_FLAGS_H

#include "port/qemu/cpu.h"
#include "port/qemu/decode.h"

/*
 * flags_carry_on - an instruction that ended before at has set the status flags to these. Executes
 * what reads them behind it. Return: where the vCPU goes on. Ends the machine, with a line that
 * names the instruction, where something would read flags that QEMU does not have.
 */
uint64_t flags_carry_on(struct cpu *cpu, uint64_t at, uint32_t flags);

/* The virtual address of an instruction's memory operand; next: where the instruction ends. */
uint64_t operand_address(struct cpu *cpu, const struct insn *insn, uint64_t next);

/* Ends the machine: the instruction at this address cannot be done right, for this reason. */
void stop_at(struct cpu *cpu, uint64_t at, const char *why) __attribute__((noreturn));

#endif
