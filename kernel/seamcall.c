// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * seamcall.c - one SEAMCALL, out of a structure and back into it.
 */
#include "linux.h"

#include "seamcall.h"

/* As seamcall_instruction.S has it. */
static_assert(offsetof(struct tdx_regs, rcx) == 8);
static_assert(offsetof(struct tdx_regs, rdx) == 16);
static_assert(offsetof(struct tdx_regs, rbx) == 24);
static_assert(offsetof(struct tdx_regs, rsi) == 40);
static_assert(offsetof(struct tdx_regs, rdi) == 48);
static_assert(offsetof(struct tdx_regs, r8) == 56);
static_assert(offsetof(struct tdx_regs, r15) == 112);
static_assert(TDX_SEAMCALL_VMFAILINVALID == 0x8000ff00ffff0000);
static_assert(TDX_SW_ERROR == 0x8000ff0000000000);

tdx_status_t seamcall(struct tdx_regs *regs)
{
	regs->rax = seamcall_execute(regs->rax, regs);
	return (tdx_status_t){ regs->rax };
}
