/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * seamcall_instruction.S - executes the SEAMCALL instruction with registers from memory.
 *
 * int seamcall_execute(struct tdx_regs *regs);
 *
 * Loads all registers that a leaf may take, executes, stores what it returned. RBP is no operand
 * of any leaf, but a guest that leaves by a TDCALL may have changed it, so it is kept. Returns
 *   0    the module served the call;
 *   -1   carry flag: there is a TDX-capable CPU, but no module to call (VMfailInvalid);
 *   > 0  the instruction raised this exception; registers are as they were.
 *
 * The exception table entry makes the last of these an answer and not an oops. The offsets below
 * are checked against the structure in seamcall.c.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/frame.h>

#define RAX	0
#define RCX	8
#define RDX	16
#define RBX	24
#define RSI	40
#define RDI	48
#define R8	56
#define R9	64
#define R10	72
#define R11	80
#define R12	88
#define R13	96
#define R14	104
#define R15	112

	.text
SYM_FUNC_START(seamcall_execute)
	FRAME_BEGIN
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	/* The structure's address: all registers are the instruction's. */
	pushq	%rdi

	movq	RAX(%rdi), %rax
	movq	RCX(%rdi), %rcx
	movq	RDX(%rdi), %rdx
	movq	RBX(%rdi), %rbx
	movq	RSI(%rdi), %rsi
	movq	R8(%rdi), %r8
	movq	R9(%rdi), %r9
	movq	R10(%rdi), %r10
	movq	R11(%rdi), %r11
	movq	R12(%rdi), %r12
	movq	R13(%rdi), %r13
	movq	R14(%rdi), %r14
	movq	R15(%rdi), %r15
	movq	RDI(%rdi), %rdi

.Lseamcall:
	.byte	0x66, 0x0f, 0x01, 0xcf	/* SEAMCALL: assemblers of our age do not know it */

	jc	.Lno_module

	pushq	%rdi
	movq	8(%rsp), %rdi
	movq	%rax, RAX(%rdi)
	movq	%rcx, RCX(%rdi)
	movq	%rdx, RDX(%rdi)
	movq	%rbx, RBX(%rdi)
	movq	%rsi, RSI(%rdi)
	movq	%r8, R8(%rdi)
	movq	%r9, R9(%rdi)
	movq	%r10, R10(%rdi)
	movq	%r11, R11(%rdi)
	movq	%r12, R12(%rdi)
	movq	%r13, R13(%rdi)
	movq	%r14, R14(%rdi)
	movq	%r15, R15(%rdi)
	popq	RDI(%rdi)
	xorl	%eax, %eax
.Lout:
	addq	$8, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	FRAME_END
	RET

.Lno_module:
	movl	$-1, %eax
	jmp	.Lout

	/* The exception's number is in EAX already. */
	_ASM_EXTABLE_FAULT(.Lseamcall, .Lout)
SYM_FUNC_END(seamcall_execute)
