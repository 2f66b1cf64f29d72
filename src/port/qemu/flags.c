// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * flags.c - the status flags that SEAMCALL and the VMX instructions leave.
 *
 * QEMU keeps the flags as the operands of what computed them last, and what a plugin writes to
 * EFLAGS does not get there. So whoever reads the flags is executed here, at once, with the flags
 * as they should be: conditional jumps, SETcc, CMOVcc, PUSHF and LAHF that stand directly behind
 * the instruction, one after the other, along jumps that are taken.
 *
 * That leaves a reader with something else in between. It must not be met by surprise: from where
 * the vCPU goes on the code is looked through, without executing it, until each flag has been
 * written by somebody else, or the function ends (nobody passes flags to a caller or to a callee).
 * A reader on the way of a flag that is still due ends the machine, and so does an instruction
 * that is not known. Addresses that were looked through once are remembered.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "port/qemu/flags.h"

/* So many instructions without one that writes flags: nobody waits for them any more. */
#define FAR_ENOUGH 200u

void stop_at(struct cpu *cpu, uint64_t at, const char *why)
{
	uint8_t bytes[INSN_MAX_BYTES];
	struct insn insn;
	size_t nr = 8;

	fprintf(stderr, "pamt-qemu: stopped at %#llx:", (unsigned long long)at);
	if (cpu_read(cpu, at, bytes, sizeof(bytes))) {
		if (decode(bytes, sizeof(bytes), &insn))
			nr = insn.length;
		for (size_t i = 0; i < nr; i++)
			fprintf(stderr, " %02x", bytes[i]);
	}
	fprintf(stderr, ": %s\n", why);
	fflush(NULL);
	_Exit(70);
}

static void fetch(struct cpu *cpu, uint64_t at, struct insn *insn)
{
	uint8_t bytes[INSN_MAX_BYTES];
	size_t nr = sizeof(bytes);

	/* What is close to a page that is not there. */
	while (nr && !cpu_read(cpu, at, bytes, nr))
		nr--;
	if (!decode(bytes, nr, insn))
		stop_at(cpu, at,
			"not known here, and it may read the flags of the VMX instruction before");
}

/* ------------------------------------------------------------------------------------------- */
/* Operands                                                                                     */

uint64_t operand_address(struct cpu *cpu, const struct insn *insn, uint64_t next)
{
	unsigned int mod = insn->modrm >> 6, rm = insn->modrm & 7, index;
	uint64_t address = (uint64_t)(int64_t)insn->displacement;

	if (insn->fs)
		address += cpu_get(cpu, CPU_FS_BASE);
	if (insn->gs)
		address += cpu_get(cpu, CPU_GS_BASE);
	if (rm == 4) {
		index = (insn->sib >> 3 & 7) | (insn->rex & 2) << 2;
		if (index != CPU_RSP)
			address += cpu_get(cpu, (enum cpu_register)index) << (insn->sib >> 6);
		if (mod == 0 && (insn->sib & 7) == 5)
			return address;
		return address +
		       cpu_get(cpu, (enum cpu_register)((insn->sib & 7) | (insn->rex & 1) << 3));
	}
	if (mod == 0 && rm == 5)
		return address + next;
	return address + cpu_get(cpu, (enum cpu_register)insn_rm(insn));
}

static void write_memory(struct cpu *cpu, uint64_t at, uint64_t to, const void *from, size_t bytes)
{
	if (!cpu_write(cpu, to, from, bytes))
		stop_at(cpu, at, "it stores to an address that is not mapped");
}

/* Without REX the byte registers 4 to 7 are AH, CH, DH and BH. */
static void set_byte(struct cpu *cpu, unsigned int reg, bool rex, uint8_t value)
{
	unsigned int shift = 0;

	if (!rex && reg >= 4 && reg < 8) {
		reg -= 4;
		shift = 8;
	}
	cpu_set(cpu, (enum cpu_register)reg,
		(cpu_get(cpu, (enum cpu_register)reg) & ~(UINT64_C(0xff) << shift)) |
			(uint64_t)value << shift);
}

/* ------------------------------------------------------------------------------------------- */
/* Readers                                                                                      */

static void setcc(struct cpu *cpu, uint64_t at, const struct insn *insn, uint32_t flags)
{
	uint8_t value = condition_holds(insn->condition, flags);

	if (insn_has_memory(insn))
		write_memory(cpu, at, operand_address(cpu, insn, at + insn->length), &value, 1);
	else
		set_byte(cpu, insn_rm(insn), insn->rex, value);
}

static void cmov(struct cpu *cpu, uint64_t at, const struct insn *insn, uint32_t flags)
{
	size_t bytes = insn->rex & 8 ? 8 : insn->operand16 ? 2 : 4;
	enum cpu_register to = (enum cpu_register)insn_reg(insn);
	uint64_t value = 0, mask = bytes == 2 ? 0xffff : UINT64_MAX;

	/* The operand is read, and 32 bits are extended, whether or not the condition holds. */
	if (!insn_has_memory(insn))
		value = cpu_get(cpu, (enum cpu_register)insn_rm(insn));
	else if (!cpu_read(cpu, operand_address(cpu, insn, at + insn->length), &value, bytes))
		stop_at(cpu, at, "it loads from an address that is not mapped");
	if (!condition_holds(insn->condition, flags))
		value = cpu_get(cpu, to);
	if (bytes == 4)
		value = (uint32_t)value;
	cpu_set(cpu, to, (cpu_get(cpu, to) & ~mask) | (value & mask));
}

static void pushf(struct cpu *cpu, uint64_t at, const struct insn *insn, uint32_t flags)
{
	/* RF and VM are pushed as 0, bit 1 is always 1. */
	uint64_t value = (cpu_get(cpu, CPU_EFLAGS) & ~(UINT64_C(0x30000) | FLAGS_ALL)) | flags | 2;
	size_t bytes = insn->operand16 ? 2 : 8;
	uint64_t stack = cpu_get(cpu, CPU_RSP) - bytes;

	write_memory(cpu, at, stack, &value, bytes);
	cpu_set(cpu, CPU_RSP, stack);
}

/* One reader. Return: where it leads to. */
static uint64_t execute(struct cpu *cpu, uint64_t at, const struct insn *insn, uint32_t flags)
{
	uint64_t next = at + insn->length;

	switch (insn->kind) {
	case INSN_JCC:
		return condition_holds(insn->condition, flags)
			       ? next + (uint64_t)(int64_t)insn->target
			       : next;
	case INSN_SETCC:
		setcc(cpu, at, insn, flags);
		return next;
	case INSN_CMOV:
		cmov(cpu, at, insn, flags);
		return next;
	case INSN_PUSHF:
		pushf(cpu, at, insn, flags);
		return next;
	case INSN_LAHF:
		set_byte(cpu, 4, false, (uint8_t)(flags | 2));
		return next;
	default:
		stop_at(cpu, at, "it reads the flags of the VMX instruction before it");
	}
}

/* ------------------------------------------------------------------------------------------- */
/* Looking through                                                                              */

/* Addresses from where no reader comes: a set that only grows, as large as the code that uses it.
 */
static struct {
	pthread_mutex_t lock;
	uint64_t *at;
	size_t nr, room;
} clear = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool is_clear(uint64_t at)
{
	bool found = false;

	pthread_mutex_lock(&clear.lock);
	for (size_t i = 0; i < clear.nr && !found; i++)
		found = clear.at[i] == at;
	pthread_mutex_unlock(&clear.lock);
	return found;
}

static void set_clear(uint64_t at)
{
	pthread_mutex_lock(&clear.lock);
	if (clear.nr == clear.room) {
		size_t room = clear.room ? 2 * clear.room : 64;
		uint64_t *grown = realloc(clear.at, room * sizeof(*grown));

		if (grown) {
			clear.at = grown;
			clear.room = room;
		}
	}
	if (clear.nr < clear.room)
		clear.at[clear.nr++] = at;
	pthread_mutex_unlock(&clear.lock);
}

static void look_through(struct cpu *cpu, uint64_t at)
{
	uint32_t due = FLAGS_ALL;
	struct insn insn;

	for (unsigned int i = 0; due && i < FAR_ENOUGH; i++) {
		fetch(cpu, at, &insn);
		if (insn.kind == INSN_LEAVES)
			return;
		if (insn.reads & due)
			stop_at(cpu, at,
				"it reads flags of a VMX instruction that is not directly before "
				"it");
		due &= ~(uint32_t)insn.writes;
		at += insn.length;
		if (insn.kind == INSN_JUMP)
			at += (uint64_t)(int64_t)insn.target;
	}
}

uint64_t flags_carry_on(struct cpu *cpu, uint64_t at, uint32_t flags)
{
	struct insn insn;

	for (;;) {
		if (is_clear(at))
			return at;
		fetch(cpu, at, &insn);
		if (!insn.reads || insn.writes)
			break;
		at = execute(cpu, at, &insn, flags);
	}
	look_through(cpu, at);
	set_clear(at);
	return at;
}
