/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * call_line.h - a SEAMCALL as recordings have it (docs/vectors.md).
 */
#ifndef PAMT_ABI_CALL_LINE_H
#define PAMT_ABI_CALL_LINE_H

#include <pamt/tdx.h>

#include "abi/word.h"

/* The registers of struct tdx_regs by place: rax is 0. */
#define CALL_LINE_REGS 15u
extern const char *const call_line_reg_name[CALL_LINE_REGS];
uint64_t *call_line_reg(struct tdx_regs *regs, unsigned int index);

/* "call 0x6 lp=1 rcx=0x...": the registers that are not 0. */
void call_line_in(struct words *line, uint32_t lp, const struct tdx_regs *in);
/* " -> rax=0x0 rcx=0x...": RAX, and the registers that have changed. */
void call_line_out(struct words *line, const struct tdx_regs *in, const struct tdx_regs *out);

#endif
