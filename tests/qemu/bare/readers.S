/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * readers.S - every reader of flags directly behind a VMX instruction, each a function:
 *
 *	reader_KIND_N_fails, reader_KIND_N_works
 *
 * behind a VMREAD (which fails here: CF is 1) and behind a VMCLEAR (which works: all flags are 0).
 * N is the condition. Before, the flags are set to the opposite of what they should become. Each
 * returns whether the condition held, or for PUSHF and LAHF the flags.
 */
	.text
	.code64

/* All flags 0, or all 1 as far as they can be. */
	.macro fails
	xorl	%ecx, %ecx
	movl	$1, %edx
	addl	%edx, %ecx
	vmread	%rdx, %rcx
	.endm
	.macro works
	movl	$0x8d5, %ecx
	pushq	%rcx
	popfq
	vmclear	vmcs
	.endm

/* The condition is the low half of the opcode. */
	.macro jcc n, outcome
	\outcome
	.byte	0x70 + \n, 3		/* over xor and ret */
	xorl	%eax, %eax
	ret
	movl	$1, %eax
	.endm
	.macro jccnear n, outcome
	\outcome
	.byte	0x0f, 0x80 + \n
	.long	3
	xorl	%eax, %eax
	ret
	movl	$1, %eax
	.endm
	.macro setcc n, outcome
	movl	$0x2200, %eax
	\outcome
	.byte	0x0f, 0x90 + \n, 0xc0	/* AL */
	andl	$0xffff, %eax
	subl	$0x2200, %eax
	.endm
	.macro setccmem n, outcome
	movl	$byte_at + 4, %r9d
	movb	$0x77, byte_at
	\outcome
	.byte	0x41, 0x0f, 0x90 + \n, 0x41, 0xfc /* -4(%r9) */
	movzbl	byte_at, %eax
	.endm
	.macro cmov n, outcome
	xorl	%eax, %eax
	movl	$1, %r8d
	\outcome
	.byte	0x41, 0x0f, 0x40 + \n, 0xc0		/* R8D to EAX */
	.endm
	.macro cmovmem n, outcome
	xorl	%eax, %eax
	movl	$one, %r10d
	xorl	%r9d, %r9d
	\outcome
	.byte	0x4b, 0x0f, 0x40 + \n, 0x04, 0x4a	/* (%r10,%r9,2) to RAX */
	.endm

/* PUSHF and LAHF have no condition; they come behind a SETcc, which leaves the flags alone. */
	.macro pushflags n, outcome
	\outcome
	.byte	0x0f, 0x90 + \n, 0xc2	/* DL */
	pushfq
	popq	%rax
	andl	$0x8d5, %eax
	.endm
	.macro loadflags n, outcome
	xorl	%eax, %eax
	\outcome
	.byte	0x0f, 0x90 + \n, 0xc2
	lahf
	shrl	$8, %eax
	andl	$0xd5, %eax
	.endm

#define EACH_CONDITION(m, kind, outcome)                                                        \
	m(kind, 0, outcome) m(kind, 1, outcome) m(kind, 2, outcome) m(kind, 3, outcome)        \
	m(kind, 4, outcome) m(kind, 5, outcome) m(kind, 6, outcome) m(kind, 7, outcome)        \
	m(kind, 8, outcome) m(kind, 9, outcome) m(kind, 10, outcome) m(kind, 11, outcome)      \
	m(kind, 12, outcome) m(kind, 13, outcome) m(kind, 14, outcome) m(kind, 15, outcome)
#define EACH_OUTCOME(m, kind) EACH_CONDITION(m, kind, works) EACH_CONDITION(m, kind, fails)
#define EACH_READER(m)                                                                          \
	EACH_OUTCOME(m, jcc) EACH_OUTCOME(m, jccnear) EACH_OUTCOME(m, setcc)                    \
	EACH_OUTCOME(m, setccmem) EACH_OUTCOME(m, cmov) EACH_OUTCOME(m, cmovmem)                \
	EACH_OUTCOME(m, pushflags) EACH_OUTCOME(m, loadflags)

#define FUNCTION(kind, n, outcome) \
	.balign 16; reader_##kind##_##n##_##outcome: kind n, outcome; ret;
	EACH_READER(FUNCTION)

/* readers[kind][fails][n] */
	.section .rodata
	.balign 8
	.globl	readers
readers:
#define POINTER(kind, n, outcome) .quad reader_##kind##_##n##_##outcome;
	EACH_READER(POINTER)

/* What must stop the machine: a reader with something in between. */
	.text
	.globl	late_reader
late_reader:
	works
	movl	$1, %eax
	setc	%al
	ret

/* A CPUID that is the last of a page, and one behind more instructions than a block takes. */
	.globl	cpuid_at_page_end, cpuid_in_full_block
	.balign 4096
	.skip	4096 - 12, 0x90
cpuid_at_page_end:
	pushq	%rbx
	movl	$1, %eax
	xorl	%ecx, %ecx
	nop
	nop
	cpuid
	movl	%ecx, %eax
	popq	%rbx
	ret
	.balign 64
cpuid_in_full_block:
	pushq	%rbx
	movl	$1, %eax
	xorl	%ecx, %ecx
	.rept	508
	nop
	.endr
	cpuid
	movl	%ecx, %eax
	popq	%rbx
	ret

	.data
	.balign 4096
	.globl	vmcs
vmcs:	.skip	4096
byte_at: .byte	0
	.balign 8
one:	.quad	1

	.section .note.GNU-stack, "", @progbits
