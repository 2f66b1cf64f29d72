// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * call_line.c - a SEAMCALL as a line of a recording.
 */
#include "abi/call_line.h"

const char *const call_line_reg_name[CALL_LINE_REGS] = {
	"rax", "rcx", "rdx", "rbx", "rbp", "rsi", "rdi", "r8",
	"r9",  "r10", "r11", "r12", "r13", "r14", "r15",
};

_Static_assert(sizeof(struct tdx_regs) == CALL_LINE_REGS * sizeof(uint64_t),
	       "registers are numbered by their place in struct tdx_regs");

uint64_t *call_line_reg(struct tdx_regs *regs, unsigned int index) { return &regs->rax + index; }

static uint64_t value_of(const struct tdx_regs *regs, unsigned int index)
{
	return *(&regs->rax + index);
}

static void add_register(struct words *line, unsigned int index, uint64_t value)
{
	words_add(line, " ");
	words_add(line, call_line_reg_name[index]);
	words_add(line, "=");
	words_hex(line, value, 1);
}

void call_line_in(struct words *line, uint32_t lp, const struct tdx_regs *in)
{
	words_add(line, "call ");
	words_hex(line, in->rax, 1);
	if (lp) {
		words_add(line, " lp=");
		words_number(line, lp);
	}
	for (unsigned int i = 1; i < CALL_LINE_REGS; i++)
		if (value_of(in, i))
			add_register(line, i, value_of(in, i));
}

void call_line_out(struct words *line, const struct tdx_regs *in, const struct tdx_regs *out)
{
	words_add(line, " ->");
	add_register(line, 0, out->rax);
	for (unsigned int i = 1; i < CALL_LINE_REGS; i++)
		if (value_of(in, i) != value_of(out, i))
			add_register(line, i, value_of(out, i));
}
