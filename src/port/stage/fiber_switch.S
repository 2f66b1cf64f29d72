/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * fiber_switch.S - the switch from one stack to another: x86-64 System V, callee-saved registers
 * only, since the switch is an ordinary call to the code around it. Signal mask and floating point
 * control words are shared by all fibers of the thread and stay as they are.
 */
	.text

/* void fiber_switch_stacks(void **save_sp, void *to_sp) */
	.globl	fiber_switch_stacks
	.hidden	fiber_switch_stacks
	.type	fiber_switch_stacks, @function
	.p2align 4
fiber_switch_stacks:
	.cfi_startproc
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	/*
	 * A jump instead of a return: the processor's return predictor would guess the other
	 * stack's caller and be wrong each time.
	 */
	popq	%rcx
	jmp	*%rcx
	.cfi_endproc
	.size	fiber_switch_stacks, . - fiber_switch_stacks

/* Where a fresh fiber's first switch arrives: r12 = entry, r13 = its argument. */
	.globl	fiber_first
	.hidden	fiber_first
	.type	fiber_first, @function
	.p2align 4
fiber_first:
	.cfi_startproc
	.cfi_undefined rip
	xorl	%ebp, %ebp
	movq	%r13, %rdi
	call	*%r12
	ud2
	.cfi_endproc
	.size	fiber_first, . - fiber_first

	.section .note.GNU-stack, "", @progbits
