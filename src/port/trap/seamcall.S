/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * seamcall.S - executes the SEAMCALL instruction with the registers of a struct tdx_regs.
 *
 * bool trap_seamcall(struct tdx_regs *regs);
 *
 * Loads every register but RSP, executes, stores every register. Returns the carry flag, as Intel
 * has it for VMX instructions: set means that there was no module to call (VMfailInvalid).
 *
 * It is a file of its own, not inline assembly: the thread sanitizer's instrumentation takes
 * registers that a long list of register variables wants, and RBP is the frame's in debug builds.
 * The offsets below are checked against the structure in trap.c.
 */
#define RAX	0
#define RCX	8
#define RDX	16
#define RBX	24
#define RBP	32
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

	.macro	save reg
	pushq	%\reg
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %\reg, 0
	.endm

	.macro	restore reg
	popq	%\reg
	.cfi_adjust_cfa_offset -8
	.cfi_restore %\reg
	.endm

	.text
	.globl	trap_seamcall
	.hidden	trap_seamcall
	.type	trap_seamcall, @function
	.p2align 4
trap_seamcall:
	.cfi_startproc
	save	rbx
	save	rbp
	save	r12
	save	r13
	save	r14
	save	r15
	/* The structure's address: all registers are the instruction's. */
	pushq	%rdi
	.cfi_adjust_cfa_offset 8

	movq	RAX(%rdi), %rax
	movq	RCX(%rdi), %rcx
	movq	RDX(%rdi), %rdx
	movq	RBX(%rdi), %rbx
	movq	RBP(%rdi), %rbp
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

	.byte	0x66, 0x0f, 0x01, 0xcf	/* SEAMCALL: assemblers of our age do not know it */

	/* From here to setc only moves: they leave the flags alone. */
	pushq	%rdi
	.cfi_adjust_cfa_offset 8
	movq	8(%rsp), %rdi
	movq	%rax, RAX(%rdi)
	movq	%rcx, RCX(%rdi)
	movq	%rdx, RDX(%rdi)
	movq	%rbx, RBX(%rdi)
	movq	%rbp, RBP(%rdi)
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
	.cfi_adjust_cfa_offset -8
	setc	%al
	movzbl	%al, %eax

	leaq	8(%rsp), %rsp
	.cfi_adjust_cfa_offset -8
	restore	r15
	restore	r14
	restore	r13
	restore	r12
	restore	rbp
	restore	rbx
	ret
	.cfi_endproc
	.size	trap_seamcall, . - trap_seamcall

	.section .note.GNU-stack, "", @progbits
