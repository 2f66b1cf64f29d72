// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * seamcall.c - one SEAMCALL, with what the instruction itself may answer made into a status.
 */
#include "linux.h"

#include "seamcall.h"

/* As seamcall_instruction.S has it. */
static_assert(offsetof(struct tdx_regs, rax) == 0);
static_assert(offsetof(struct tdx_regs, rcx) == 8);
static_assert(offsetof(struct tdx_regs, rdx) == 16);
static_assert(offsetof(struct tdx_regs, rbx) == 24);
static_assert(offsetof(struct tdx_regs, rsi) == 40);
static_assert(offsetof(struct tdx_regs, rdi) == 48);
static_assert(offsetof(struct tdx_regs, r8) == 56);
static_assert(offsetof(struct tdx_regs, r15) == 112);

tdx_status_t seamcall(struct tdx_regs *regs)
{
	int how = seamcall_execute(regs);

	if (how < 0)
		regs->rax = TDX_SEAMCALL_VMFAILINVALID;
	else if (how > 0)
		regs->rax = TDX_SW_ERROR | (u64)how;
	return (tdx_status_t){ regs->rax };
}
