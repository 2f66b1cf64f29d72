/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * seamcall_instruction.S - executes the SEAMCALL instruction with registers from memory.
 *
 * u64 seamcall_execute(u64 rax, struct tdx_regs *regs);
 *
 * Loads all registers that a leaf may take, executes, stores what it returned but RAX, and returns
 * that. RBP is no operand of any leaf, but a guest that leaves by a TDCALL may have changed it, so
 * it is kept. Where the module did not serve the call, registers are as they were, and RAX is
 *   VMFAILINVALID    carry flag: there is a TDX-capable CPU, but no module to call;
 *   SW_ERROR | N     the instruction raised exception N.
 *
 * The exception table entry makes the last of these an answer and not an oops. The numbers below
 * are checked against their C in seamcall.c.
 *
 * Both arguments are in their registers still when it returns, as are the results: a probe behind
 * the CALL, such as `pamt watch` puts there, sees the whole call.
 */
#include <linux/linkage.h>
#include <asm/asm.h>
#include <asm/frame.h>

#define VMFAILINVALID	0x8000ff00ffff0000
#define SW_ERROR	0x8000ff0000000000

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
#ifdef CONFIG_FRAME_POINTER
	FRAME_BEGIN /* pushes RBP */
#else
	pushq	%rbp
#endif
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	/* All registers are the instruction's. */
	pushq	%rsi
	pushq	%rdi

	movq	%rdi, %rax
	movq	RCX(%rsi), %rcx
	movq	RDX(%rsi), %rdx
	movq	RBX(%rsi), %rbx
	movq	R8(%rsi), %r8
	movq	R9(%rsi), %r9
	movq	R10(%rsi), %r10
	movq	R11(%rsi), %r11
	movq	R12(%rsi), %r12
	movq	R13(%rsi), %r13
	movq	R14(%rsi), %r14
	movq	R15(%rsi), %r15
	movq	RDI(%rsi), %rdi
	movq	RSI(%rsi), %rsi

.Lseamcall:
	.byte	0x66, 0x0f, 0x01, 0xcf	/* SEAMCALL: assemblers of our age do not know it */

	jc	.Lno_module

	pushq	%rsi
	movq	16(%rsp), %rsi
	movq	%rcx, RCX(%rsi)
	movq	%rdx, RDX(%rsi)
	movq	%rbx, RBX(%rsi)
	movq	%r8, R8(%rsi)
	movq	%r9, R9(%rsi)
	movq	%r10, R10(%rsi)
	movq	%r11, R11(%rsi)
	movq	%r12, R12(%rsi)
	movq	%r13, R13(%rsi)
	movq	%r14, R14(%rsi)
	movq	%r15, R15(%rsi)
	movq	%rdi, RDI(%rsi)
	popq	RSI(%rsi)
.Lout:
	popq	%rdi
	popq	%rsi
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	RET

.Lno_module:
	movabsq	$VMFAILINVALID, %rax
	jmp	.Lout

.Lfault:
	/* The exception's number is in EAX already. */
	movabsq	$SW_ERROR, %rdi
	orq	%rdi, %rax
	jmp	.Lout

	_ASM_EXTABLE_FAULT(.Lseamcall, .Lfault)
SYM_FUNC_END(seamcall_execute)
