/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * seamcall.h - one SEAMCALL on this CPU.
 */
#ifndef PAMT_KERNEL_SEAMCALL_H
#define PAMT_KERNEL_SEAMCALL_H

#include <pamt/os.h>

/* seamcall_instruction.S */
u64 seamcall_execute(u64 rax, struct tdx_regs *regs);

/*
 * Registers in and out, returns RAX. Where there is no module RAX is TDX_SEAMCALL_VMFAILINVALID,
 * TDX_SEAMCALL_UD or TDX_SEAMCALL_GP. Any context.
 */
tdx_status_t seamcall(struct tdx_regs *regs);

#endif
