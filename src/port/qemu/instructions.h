/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * instructions.h - how many instructions the machine executes (`pamt qemu --instructions`).
 *
 * QEMU counts them itself, one by one, those of the kernel and those of programs. What lies between
 * two SEAMCALLs of one leaf on one vCPU, with no other between them, is sorted by length: where a
 * kernel makes such calls in a loop, the middle of these lengths is what one round of the loop
 * costs, whatever interrupts come in now and then.
 */
#ifndef PAMT_PORT_QEMU_INSTRUCTIONS_H
#define PAMT_PORT_QEMU_INSTRUCTIONS_H

#include "port/qemu/plugin_abi.h"

/* Before the first translation. false: no memory. */
bool instructions_begin(void);
/* This instruction, at that virtual address, is to be counted. */
void instructions_translate(struct plugin_insn *insn, uint64_t at);
/* A SEAMCALL is being executed; on the vCPU's own thread. */
void instructions_call(unsigned int cpu, uint32_t leaf);
/* All of it on stderr, if anything was begun. */
void instructions_print(void);

#endif
