// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * trace.c - the line that a trace shows for a SEAMCALL:
 *
 *	lp 0 TDH.PHYMEM.PAMT.ADD rcx=0x40000001 rdx=0x5000 r8=0x6000 -> OPERAND_BUSY(RCX)
 *
 * Before the arrow the operands that the leaf takes (for a number that is no leaf: all registers
 * that are not 0), behind it the status and the registers that the call changed.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include "abi/abi.h"
#include "abi/word.h"
#include "port/trap/trace.h"

/* All but RAX, in the order of their operand ids. */
static const struct {
	uint8_t operand;
	uint8_t offset;
	const char *name;
} registers[] = {
#define REGISTER(name, operand)                                              \
	{                                                                    \
		TDX_OP_##operand, offsetof(struct tdx_regs, name), #name "=" \
	}
	REGISTER(rcx, RCX), REGISTER(rdx, RDX), REGISTER(rbx, RBX), REGISTER(rbp, RBP),
	REGISTER(rsi, RSI), REGISTER(rdi, RDI), REGISTER(r8, R8),   REGISTER(r9, R9),
	REGISTER(r10, R10), REGISTER(r11, R11), REGISTER(r12, R12), REGISTER(r13, R13),
	REGISTER(r14, R14), REGISTER(r15, R15),
};
#define NR_REGISTERS (sizeof(registers) / sizeof(registers[0]))

static uint64_t value_of(const struct tdx_regs *regs, size_t i)
{
	return *(const uint64_t *)((const char *)regs + registers[i].offset);
}

static void add_register(struct words *line, size_t i, uint64_t value)
{
	words_add(line, " ");
	words_add(line, registers[i].name);
	words_hex(line, value, 1);
}

static bool takes(const struct abi_leaf *leaf, uint8_t operand)
{
	for (size_t i = 0; i < ABI_MAX_OPERANDS && leaf->in[i].value != ABI_NO_VALUE; i++)
		if (leaf->in[i].reg == operand)
			return true;
	return false;
}

static void add_call(struct words *line, uint32_t lp, const struct tdx_regs *in)
{
	const struct abi_leaf *leaf = abi_leaf(TDX_RAX_LEAF(in->rax), false);

	words_add(line, "lp ");
	words_number(line, lp);
	words_add(line, " ");
	if (!leaf || in->rax & TDX_RAX_RESERVED) {
		words_add(line, "rax=");
		words_hex(line, in->rax, 1);
		leaf = NULL;
	} else {
		words_add(line, leaf->name);
		if (TDX_RAX_VERSION(in->rax)) {
			words_add(line, ".v");
			words_number(line, TDX_RAX_VERSION(in->rax));
		}
	}
	for (size_t i = 0; i < NR_REGISTERS; i++)
		if (leaf ? takes(leaf, registers[i].operand) : value_of(in, i) != 0)
			add_register(line, i, value_of(in, i));
}

static void add_result(struct words *line, const struct tdx_regs *in, const struct tdx_regs *out)
{
	char status[ABI_TEXT];

	words_add(line, abi_status_text((tdx_status_t){ out->rax }, status, sizeof(status)));
	for (size_t i = 0; i < NR_REGISTERS; i++)
		if (value_of(in, i) != value_of(out, i))
			add_register(line, i, value_of(out, i));
}

static atomic_bool lost;

/* Relaxed: asked by the thread that ends the process, of what it and those before it wrote. */
bool trace_lost(void) { return atomic_load_explicit(&lost, memory_order_relaxed); }

bool trace_write(int fd, const char *text, size_t bytes)
{
	while (bytes) {
		ssize_t n = write(fd, text, bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			atomic_store_explicit(&lost, true, memory_order_relaxed);
			return false;
		}
		text += n;
		bytes -= (size_t)n;
	}
	return true;
}

void trace_call(int fd, uint32_t lp, const struct tdx_regs *in, const struct tdx_regs *out,
		bool served)
{
	static const char why[] =
		"pamt: trace: a line cannot be written; others may be missing too\n";
	static atomic_flag said = ATOMIC_FLAG_INIT;
	char text[1024]; /* a name, 28 registers, a status: at most 800 */
	struct words line;

	words_begin(&line, text, sizeof(text) - 1);
	add_call(&line, lp, in);
	words_add(&line, " -> ");
	if (served)
		add_result(&line, in, out);
	else
		words_add(&line, "no module (VMfailInvalid)");
	*line.at++ = '\n';
	if (!trace_write(fd, text, (size_t)(line.at - text)) && !atomic_flag_test_and_set(&said))
		trace_write(STDERR_FILENO, why, sizeof(why) - 1);
}
