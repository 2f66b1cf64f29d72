/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * start.S - from what a multiboot loader hands over to a C function in 64-bit mode: the first GB
 * mapped one to one, a stack, and an exception table in which #UD and #GP are counted and skipped.
 */
	.section .multiboot, "a"
	.balign 4
header:	.long 0x1badb002
	.long 0x00010000	/* addresses follow */
	.long -(0x1badb002 + 0x00010000)
	.long header
	.long image
	.long image_end
	.long bss_end
	.long start

	.text
	.code32
	.globl start
start:	cli
	movl	16(%ebx), %esi		/* the command line */
	movl	$stack_end, %esp
	/* Page tables: one of each level, 512 times 2 MB. */
	movl	$level3, %eax
	orl	$3, %eax
	movl	%eax, level4
	movl	$level2, %eax
	orl	$3, %eax
	movl	%eax, level3
	xorl	%ecx, %ecx
1:	movl	%ecx, %eax
	shll	$21, %eax
	orl	$0x83, %eax
	movl	%eax, level2(, %ecx, 8)
	incl	%ecx
	cmpl	$512, %ecx
	jne	1b
	movl	$level4, %eax
	movl	%eax, %cr3
	movl	%cr4, %eax
	orl	$0x620, %eax		/* PAE, SSE */
	movl	%eax, %cr4
	movl	$0xc0000080, %ecx	/* EFER.LME */
	rdmsr
	orl	$0x100, %eax
	wrmsr
	movl	%cr0, %eax
	andl	$~4, %eax
	orl	$0x80000001, %eax
	movl	%eax, %cr0
	lgdt	gdt_at
	ljmp	$8, $long_mode

	.code64
long_mode:
	movl	$16, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	$gate, %eax
	movl	$idt, %edi
	movl	$32, %ecx
	/* All of them the same gate: 64-bit, interrupts off. */
1:	movw	%ax, (%rdi)
	movw	$8, 2(%rdi)
	movw	$0x8e00, 4(%rdi)
	movl	%eax, %edx
	shrl	$16, %edx
	movw	%dx, 6(%rdi)
	addl	$16, %edi
	decl	%ecx
	jnz	1b
	lidt	idt_at
	movl	%esi, %edi
	call	bare_main
1:	hlt
	jmp	1b

/* #UD has no error code; nothing else is expected. The instruction after is at resume_at. */
	.balign 16
gate:	incq	faults
	pushq	%rax
	movq	resume_at, %rax
	movq	%rax, 8(%rsp)
	popq	%rax
	iretq

/* An interrupt whose handler makes a SEAMCALL, of a leaf that there is not. */
	.globl calling_gate, interrupt_carry, interrupt_status, idt
	.balign 16
calling_gate:
	pushq	%rax
	movl	$0xffff, %eax
	.byte	0x66, 0x0f, 0x01, 0xcf
	setc	interrupt_carry
	movq	%rax, interrupt_status
	popq	%rax
	iretq

/* SEAMCALL in a 32-bit segment of 64-bit mode. Returns how many exceptions that was. */
	.globl seamcall_in_32_bit_code
seamcall_in_32_bit_code:
	movq	faults, %rdx
	movq	$1f, resume_at
	ljmpl	*code_32_at
	.code32
code_32:
	movl	$0xffff, %eax
	.byte	0x66, 0x0f, 0x01, 0xcf
1:	ljmp	$8, $2f
	.code64
2:	movq	faults, %rax
	subq	%rdx, %rax
	ret

	.data
code_32_at: .long code_32
	.word	24
interrupt_status: .quad 0
interrupt_carry: .byte 1
	.balign 8
gdt:	.quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff, 0x00cf9a000000ffff
gdt_at:	.word . - gdt - 1
	.quad gdt
	.balign 8
idt_at:	.word 32 * 16 - 1
	.quad idt
	.globl faults, resume_at
	.balign 8
faults:	.quad 0
resume_at: .quad 0

	.bss
	.balign 4096
level4:	.skip 4096
level3:	.skip 4096
level2:	.skip 4096
idt:	.skip 512
	.skip 16384
stack_end:

	.section .note.GNU-stack, "", @progbits
