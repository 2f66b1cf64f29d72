/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * decode.h - x86-64 instructions as far as the plugin must know them: how long, what kind, which
 * status flags they read and which they write.
 */
#ifndef PAMT_PORT_QEMU_DECODE_H
#define PAMT_PORT_QEMU_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INSN_MAX_BYTES 15u

/* The status flags, as EFLAGS has them. */
#define FLAG_CF	  0x001u
#define FLAG_PF	  0x004u
#define FLAG_AF	  0x010u
#define FLAG_ZF	  0x040u
#define FLAG_SF	  0x080u
#define FLAG_OF	  0x800u
#define FLAGS_ALL (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

/* What the plugin does at an instruction, or what it must do for one that reads flags. */
enum insn_kind {
	INSN_PLAIN,
	INSN_LEAVES, /* goes elsewhere for good: a call, a return, an indirect jump */
	INSN_JUMP,   /* to target, always */
	INSN_JCC,
	INSN_SETCC,
	INSN_CMOV,
	INSN_PUSHF,
	INSN_LAHF,
	INSN_CPUID,
	INSN_RDMSR,
	INSN_READ_CR4,
	INSN_WRITE_CR4,
	INSN_MOVDIR64B,
	INSN_SEAMCALL,
	INSN_VMXON,
	INSN_VMXOFF,
	INSN_VMX_ACCEPTED, /* VMCLEAR, VMPTRLD, INVEPT, INVVPID */
	INSN_VMX_REFUSED,  /* what would need a VMCS */
};

struct insn {
	enum insn_kind kind;
	uint8_t length;
	uint8_t condition;	/* of JCC, SETCC, CMOV */
	uint16_t reads, writes; /* status flags */
	int32_t target;		/* of a jump, from the end of the instruction */
	/* Operands. */
	uint8_t rex, modrm, sib;
	bool operand16, gs, fs;
	int32_t displacement;
};

/*
 * decode - the instruction in these bytes. Return: false for one that is not known here, or that
 * does not end in them.
 */
bool decode(const uint8_t *bytes, size_t nr, struct insn *insn);

/* Does the condition of a JCC, SETCC, CMOV hold with these flags? */
bool condition_holds(uint8_t condition, uint32_t flags);

static inline unsigned int insn_reg(const struct insn *insn)
{
	return (insn->modrm >> 3 & 7) | (insn->rex & 4) << 1;
}
static inline unsigned int insn_rm(const struct insn *insn)
{
	return (insn->modrm & 7) | (insn->rex & 1) << 3;
}
static inline bool insn_has_memory(const struct insn *insn) { return insn->modrm < 0xc0; }

#endif
