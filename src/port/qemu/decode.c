// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * decode.c - three tables of opcodes (one byte, 0F, 0F 38), and what they cannot say.
 *
 * Only what a compiler or a kernel puts near a VMX instruction is listed. Anything else is "not
 * known", on which the caller stops the machine rather than guess.
 */
#include <string.h>

#include "port/qemu/decode.h"

/* What follows the opcode. */
enum { MODRM = 1, IMM8 = 2, IMMZ = 4, IMM16 = 8, IMM_FULL = 16 };

struct form {
	uint8_t first, last; /* opcodes */
	uint8_t follows;
	uint16_t reads, writes;
	enum insn_kind kind;
};

#define NONE 0, 0, INSN_PLAIN
#define SETS 0, FLAGS_ALL, INSN_PLAIN

static const struct form one_byte[] = {
	{ 0x50, 0x5f, 0, NONE },	    /* PUSH, POP */
	{ 0x63, 0x63, MODRM, NONE },	    /* MOVSXD */
	{ 0x68, 0x68, IMMZ, NONE },	    /* PUSH */
	{ 0x69, 0x69, MODRM | IMMZ, SETS }, /* IMUL */
	{ 0x6a, 0x6a, IMM8, NONE },	    /* PUSH */
	{ 0x6b, 0x6b, MODRM | IMM8, SETS }, /* IMUL */
	{ 0x70, 0x7f, IMM8, 0, 0, INSN_JCC },
	{ 0x80, 0x80, MODRM | IMM8, SETS }, /* ADD..CMP; ADC and SBB read: see below */
	{ 0x81, 0x81, MODRM | IMMZ, SETS },
	{ 0x83, 0x83, MODRM | IMM8, SETS },
	{ 0x84, 0x85, MODRM, SETS }, /* TEST */
	{ 0x86, 0x8b, MODRM, NONE }, /* XCHG, MOV */
	{ 0x8d, 0x8d, MODRM, NONE }, /* LEA */
	{ 0x8f, 0x8f, MODRM, NONE }, /* POP */
	{ 0x90, 0x99, 0, NONE },     /* NOP, XCHG, CWDE, CDQ */
	{ 0x9c, 0x9c, 0, FLAGS_ALL, 0, INSN_PUSHF },
	{ 0x9d, 0x9d, 0, SETS },				/* POPF */
	{ 0x9e, 0x9e, 0, 0, FLAGS_ALL & ~FLAG_OF, INSN_PLAIN }, /* SAHF */
	{ 0x9f, 0x9f, 0, FLAGS_ALL & ~FLAG_OF, 0, INSN_LAHF },
	{ 0xa4, 0xa5, 0, NONE },    /* MOVS */
	{ 0xa6, 0xa7, 0, SETS },    /* CMPS */
	{ 0xa8, 0xa8, IMM8, SETS }, /* TEST */
	{ 0xa9, 0xa9, IMMZ, SETS },
	{ 0xaa, 0xad, 0, NONE },    /* STOS, LODS */
	{ 0xae, 0xaf, 0, SETS },    /* SCAS */
	{ 0xb0, 0xb7, IMM8, NONE }, /* MOV */
	{ 0xb8, 0xbf, IMM_FULL, NONE },
	{ 0xc0, 0xc1, MODRM | IMM8, NONE }, /* shifts: none if the count is 0 */
	{ 0xc2, 0xc2, IMM16, 0, 0, INSN_LEAVES },
	{ 0xc3, 0xc3, 0, 0, 0, INSN_LEAVES },
	{ 0xc6, 0xc6, MODRM | IMM8, NONE }, /* MOV */
	{ 0xc7, 0xc7, MODRM | IMMZ, NONE },
	{ 0xc9, 0xc9, 0, NONE }, /* LEAVE */
	{ 0xcc, 0xcc, 0, 0, 0, INSN_LEAVES },
	{ 0xcf, 0xcf, 0, 0, 0, INSN_LEAVES },
	{ 0xd0, 0xd1, MODRM, NONE },
	{ 0xd2, 0xd3, MODRM, NONE },
	{ 0xe8, 0xe8, IMMZ, 0, 0, INSN_LEAVES },
	{ 0xe9, 0xe9, IMMZ, 0, 0, INSN_JUMP },
	{ 0xeb, 0xeb, IMM8, 0, 0, INSN_JUMP },
	{ 0xf4, 0xf4, 0, NONE },			 /* HLT */
	{ 0xf5, 0xf5, 0, FLAG_CF, FLAG_CF, INSN_PLAIN }, /* CMC */
	{ 0xf6, 0xf7, MODRM, SETS },			 /* TEST, NOT, NEG, MUL, DIV: see below */
	{ 0xf8, 0xf9, 0, 0, FLAG_CF, INSN_PLAIN },	 /* CLC, STC */
	{ 0xfa, 0xfd, 0, NONE },			 /* CLI, STI, CLD, STD */
	{ 0xfe, 0xff, MODRM, 0, FLAGS_ALL & ~FLAG_CF, INSN_PLAIN }, /* INC, DEC, and see below */
};

static const struct form two_bytes[] = {
	{ 0x01, 0x01, MODRM, NONE }, /* SEAMCALL, VMXOFF: see below */
	{ 0x05, 0x05, 0, 0, 0, INSN_LEAVES },
	{ 0x0b, 0x0b, 0, 0, 0, INSN_LEAVES },
	{ 0x0d, 0x0d, MODRM, NONE }, /* PREFETCHW */
	{ 0x10, 0x1f, MODRM, NONE }, /* SSE moves, NOP, ENDBR */
	{ 0x20, 0x20, MODRM, 0, 0, INSN_READ_CR4 },
	{ 0x22, 0x22, MODRM, 0, 0, INSN_WRITE_CR4 },
	{ 0x28, 0x29, MODRM, NONE },
	{ 0x30, 0x31, 0, NONE }, /* WRMSR, RDTSC */
	{ 0x32, 0x32, 0, 0, 0, INSN_RDMSR },
	{ 0x40, 0x4f, MODRM, 0, 0, INSN_CMOV },
	{ 0x6e, 0x6f, MODRM, NONE },
	{ 0x78, 0x79, MODRM, 0, FLAGS_ALL, INSN_VMX_REFUSED }, /* VMREAD, VMWRITE */
	{ 0x7e, 0x7f, MODRM, NONE },
	{ 0x80, 0x8f, IMMZ, 0, 0, INSN_JCC },
	{ 0x90, 0x9f, MODRM, 0, 0, INSN_SETCC },
	{ 0xa0, 0xa1, 0, NONE }, /* PUSH, POP FS */
	{ 0xa2, 0xa2, 0, 0, 0, INSN_CPUID },
	{ 0xa3, 0xa3, MODRM, 0, FLAG_CF, INSN_PLAIN }, /* BT */
	{ 0xa8, 0xa9, 0, NONE },
	{ 0xab, 0xab, MODRM, 0, FLAG_CF, INSN_PLAIN }, /* BTS */
	{ 0xae, 0xae, MODRM, NONE },		       /* fences */
	{ 0xaf, 0xb1, MODRM, SETS },		       /* IMUL, CMPXCHG */
	{ 0xb3, 0xb3, MODRM, 0, FLAG_CF, INSN_PLAIN },
	{ 0xb6, 0xb7, MODRM, NONE }, /* MOVZX */
	{ 0xba, 0xba, MODRM | IMM8, 0, FLAG_CF, INSN_PLAIN },
	{ 0xbb, 0xbb, MODRM, 0, FLAG_CF, INSN_PLAIN },
	{ 0xbc, 0xbd, MODRM, SETS },		       /* BSF, BSR, TZCNT, LZCNT */
	{ 0xbe, 0xbf, MODRM, NONE },		       /* MOVSX */
	{ 0xc0, 0xc1, MODRM, SETS },		       /* XADD */
	{ 0xc7, 0xc7, MODRM, 0, FLAG_ZF, INSN_PLAIN }, /* CMPXCHG8B, VMPTRLD...: see below */
	{ 0xc8, 0xcf, 0, NONE },		       /* BSWAP */
	{ 0xd6, 0xd6, MODRM, NONE },
	{ 0xef, 0xef, MODRM, NONE }, /* PXOR */
};

static const struct form three_bytes[] = {
	{ 0x80, 0x81, MODRM, 0, FLAGS_ALL, INSN_VMX_ACCEPTED }, /* INVEPT, INVVPID */
	{ 0xf0, 0xf1, MODRM, NONE },				/* MOVBE */
	{ 0xf8, 0xf8, MODRM, 0, 0, INSN_MOVDIR64B },
};

/* What the conditions read, by the upper three of their four bits; the lowest negates. */
static const uint16_t condition_reads[8] = {
	FLAG_OF, FLAG_CF, FLAG_ZF,	     FLAG_CF | FLAG_ZF,
	FLAG_SF, FLAG_PF, FLAG_SF | FLAG_OF, FLAG_ZF | FLAG_SF | FLAG_OF,
};

bool condition_holds(uint8_t condition, uint32_t flags)
{
	bool less = !(flags & FLAG_SF) != !(flags & FLAG_OF), holds;

	switch (condition >> 1) {
	case 6:
		holds = less;
		break;
	case 7:
		holds = less || flags & FLAG_ZF;
		break;
	default:
		holds = flags & condition_reads[condition >> 1];
	}
	return holds != (condition & 1);
}

/* ------------------------------------------------------------------------------------------- */

struct reader {
	const uint8_t *at, *end;
	bool operand16, rep, repne;
};

static const struct form *find(const struct form *forms, size_t nr, uint8_t opcode)
{
	for (size_t i = 0; i < nr; i++)
		if (opcode >= forms[i].first && opcode <= forms[i].last)
			return &forms[i];
	return NULL;
}
#define FIND(forms, opcode) find(forms, sizeof(forms) / sizeof(forms[0]), opcode)

/* Below 0x40 the opcodes are a grid: ADD OR ADC SBB AND SUB XOR CMP by six shapes of operands. */
static const struct form *find_arithmetic(uint8_t opcode, struct form *form)
{
	static const uint8_t follows[6] = { MODRM, MODRM, MODRM, MODRM, IMM8, IMMZ };
	unsigned int operation = opcode >> 3;

	if ((opcode & 7) > 5)
		return NULL;
	*form = (struct form){ opcode, opcode, follows[opcode & 7], SETS };
	if (operation == 2 || operation == 3)
		form->reads = FLAG_CF;
	return form;
}

static const struct form *find_form(struct reader *r, struct insn *insn, uint8_t *opcode,
				    unsigned int *map, struct form *arithmetic)
{
	*map = 0;
	*opcode = *r->at++;
	if (*opcode != 0x0f)
		return *opcode < 0x40 ? find_arithmetic(*opcode, arithmetic)
				      : FIND(one_byte, *opcode);
	if (r->at == r->end)
		return NULL;
	*map = 1;
	*opcode = *r->at++;
	if (*opcode != 0x38)
		return FIND(two_bytes, *opcode);
	if (r->at == r->end)
		return NULL;
	*map = 2;
	*opcode = *r->at++;
	return FIND(three_bytes, *opcode);
}

static bool take(struct reader *r, unsigned int bytes, int32_t *value)
{
	int8_t byte;

	if (r->end - r->at < (ptrdiff_t)bytes)
		return false;
	if (bytes == 1) {
		memcpy(&byte, r->at, 1);
		*value = byte;
	} else if (bytes == 4) {
		memcpy(value, r->at, 4);
	}
	r->at += bytes;
	return true;
}

/* ModRM, SIB, displacement. */
static bool take_operand(struct reader *r, struct insn *insn)
{
	unsigned int mod, rm;

	if (r->at == r->end)
		return false;
	insn->modrm = *r->at++;
	mod = insn->modrm >> 6;
	rm = insn->modrm & 7;
	if (mod == 3)
		return true;
	if (rm == 4) {
		if (r->at == r->end)
			return false;
		insn->sib = *r->at++;
	}
	if (mod == 1)
		return take(r, 1, &insn->displacement);
	if (mod == 2 || (mod == 0 && (rm == 5 || (rm == 4 && (insn->sib & 7) == 5))))
		return take(r, 4, &insn->displacement);
	return true;
}

static bool take_immediates(struct reader *r, struct insn *insn, unsigned int follows, bool jump)
{
	int32_t value = 0;
	bool fine = true;

	/* A relative jump has 32 bits whatever the prefix says. */
	if (follows & IMM8)
		fine = take(r, 1, &value);
	else if (follows & IMMZ)
		fine = take(r, r->operand16 && !jump ? 2 : 4, &value);
	else if (follows & IMM16)
		fine = take(r, 2, &value);
	else if (follows & IMM_FULL)
		fine = take(r, insn->rex & 8 ? 8 : r->operand16 ? 2 : 4, &value);
	if (jump)
		insn->target = value;
	return fine;
}

/* ------------------------------------------------------------------------------------------- */
/* Opcodes that are several instructions, by ModRM and prefix                                    */

static bool refine_one_byte(struct insn *insn, uint8_t opcode, unsigned int *more)
{
	unsigned int reg = insn->modrm >> 3 & 7;

	*more = 0;
	switch (opcode) {
	case 0x80:
	case 0x81:
	case 0x83:
		if (reg == 2 || reg == 3)
			insn->reads = FLAG_CF;
		return true;
	case 0xc0:
	case 0xc1:
	case 0xd0:
	case 0xd1:
	case 0xd2:
	case 0xd3:
		if (reg == 2 || reg == 3) /* RCL, RCR */
			insn->reads = FLAG_CF;
		return true;
	case 0xf6:
	case 0xf7:
		if (reg < 2) /* TEST */
			*more = opcode == 0xf6 ? IMM8 : IMMZ;
		if (reg == 2) /* NOT */
			insn->writes = 0;
		return true;
	case 0xfe:
		return reg < 2;
	case 0xff:
		if (reg >= 2)
			insn->writes = 0;
		if (reg >= 2 && reg <= 5)
			insn->kind = INSN_LEAVES;
		return reg != 7;
	}
	return true;
}

/* 0F C7 with a memory operand; 6 is VMPTRLD, and VMCLEAR or VMXON with a prefix. */
static bool refine_group9(const struct reader *r, struct insn *insn)
{
	unsigned int reg = insn->modrm >> 3 & 7;

	if (!insn_has_memory(insn)) {
		insn->writes = FLAGS_ALL; /* RDRAND, RDSEED, RDPID */
		return true;
	}
	if (reg < 6)
		return true;
	insn->writes = FLAGS_ALL;
	if (reg == 7)
		insn->kind = INSN_VMX_REFUSED; /* VMPTRST */
	else
		insn->kind = r->rep ? INSN_VMXON : INSN_VMX_ACCEPTED;
	return true;
}

static bool refine_group7(const struct reader *r, struct insn *insn)
{
	switch (insn->modrm) {
	case 0xc2: /* VMLAUNCH */
	case 0xc3: /* VMRESUME */
		insn->kind = INSN_VMX_REFUSED;
		insn->writes = FLAGS_ALL;
		break;
	case 0xc4:
		insn->kind = INSN_VMXOFF;
		insn->writes = FLAGS_ALL;
		break;
	case 0xcf:
		if (!r->operand16)
			break;
		insn->kind = INSN_SEAMCALL;
		insn->writes = FLAGS_ALL;
		break;
	}
	return true;
}

static bool refine_two_bytes(const struct reader *r, struct insn *insn, uint8_t opcode)
{
	switch (opcode) {
	case 0x01:
		return refine_group7(r, insn);
	case 0x20:
	case 0x22:
		if (insn_reg(insn) != 4)
			insn->kind = INSN_PLAIN;
		return true;
	case 0x78:
	case 0x79:
		if (r->operand16 || r->repne) { /* of SSE4A */
			insn->kind = INSN_PLAIN;
			return false;
		}
		return true;
	case 0xc7:
		return refine_group9(r, insn);
	}
	return true;
}

static bool refine_three_bytes(const struct reader *r, struct insn *insn, uint8_t opcode)
{
	if (opcode == 0xf8 && !(r->operand16 && insn_has_memory(insn)))
		return false;
	if (opcode == 0x80 || opcode == 0x81)
		return r->operand16;
	return true;
}

/* ------------------------------------------------------------------------------------------- */

static bool take_prefixes(struct reader *r, struct insn *insn)
{
	for (; r->at < r->end; r->at++) {
		switch (*r->at) {
		case 0x66:
			r->operand16 = true;
			break;
		case 0x64:
			insn->fs = true;
			break;
		case 0x65:
			insn->gs = true;
			break;
		case 0xf2:
			r->repne = true;
			break;
		case 0xf3:
			r->rep = true;
			break;
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0xf0:
			break;
		default:
			if ((*r->at & 0xf0) == 0x40)
				insn->rex = *r->at++;
			return r->at < r->end;
		}
	}
	return false;
}

static bool has_condition(enum insn_kind kind)
{
	return kind == INSN_JCC || kind == INSN_SETCC || kind == INSN_CMOV;
}

bool decode(const uint8_t *bytes, size_t nr, struct insn *insn)
{
	struct reader r = { bytes, bytes + (nr < INSN_MAX_BYTES ? nr : INSN_MAX_BYTES), 0, 0, 0 };
	unsigned int map, more = 0;
	const struct form *form;
	struct form arithmetic;
	uint8_t opcode;
	bool known;

	*insn = (struct insn){ .modrm = 0xc0 };
	if (!take_prefixes(&r, insn))
		return false;
	form = find_form(&r, insn, &opcode, &map, &arithmetic);
	if (!form)
		return false;
	insn->kind = form->kind;
	insn->reads = form->reads;
	insn->writes = form->writes;
	insn->operand16 = r.operand16;
	if (form->follows & MODRM && !take_operand(&r, insn))
		return false;
	known = map == 0   ? refine_one_byte(insn, opcode, &more)
		: map == 1 ? refine_two_bytes(&r, insn, opcode)
			   : refine_three_bytes(&r, insn, opcode);
	if (has_condition(insn->kind)) {
		insn->condition = opcode & 15;
		insn->reads = condition_reads[insn->condition >> 1];
	}
	if (!take_immediates(&r, insn, form->follows | more,
			     insn->kind == INSN_JCC || insn->kind == INSN_JUMP ||
				     insn->kind == INSN_LEAVES))
		return false;
	insn->length = (uint8_t)(r.at - bytes);
	return known;
}
