// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * instructions.c - how many instructions the machine executes.
 */
#include <stdio.h>
#include <stdlib.h>

#include <pamt/os.h>

#include "abi/abi.h"
#include "port/qemu/instructions.h"

#define NR_LEAVES 128u
#define LONGEST	  65535u /* and what is longer */

/* Of a vCPU; QEMU adds to the first two. */
struct counted {
	uint64_t kernel, program;
	uint64_t before; /* what both were at the last call */
	uint64_t leaf;	 /* of that call, and 1; 0: there was none */
};

static struct plugin_scoreboard *board;
static os_a32_t (*lengths)[LONGEST + 1]; /* [leaf]: how often */

bool instructions_begin(void)
{
	board = qemu_plugin_scoreboard_new(sizeof(struct counted));
	lengths = calloc(NR_LEAVES, sizeof(*lengths));
	return board && lengths;
}

void instructions_translate(struct plugin_insn *insn, uint64_t at)
{
	const size_t kernel = offsetof(struct counted, kernel),
		     program = offsetof(struct counted, program);
	/* The upper half of all addresses is the kernel's. */
	const struct plugin_u64 which = { board, at >> 63 ? kernel : program };

	qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(insn, PLUGIN_ADD, which, 1);
}

void instructions_call(unsigned int cpu, uint32_t leaf)
{
	struct counted *counted = qemu_plugin_scoreboard_find(board, cpu);
	uint64_t now = counted->kernel + counted->program, length = now - counted->before;

	/* Relaxed: a number, read when all is over. */
	if (counted->leaf == leaf + UINT64_C(1) && leaf < NR_LEAVES)
		os_fetch_add32(&lengths[leaf][length < LONGEST ? length : LONGEST], 1, OS_RELAXED);
	counted->before = now;
	counted->leaf = leaf + UINT64_C(1);
}

static void print_lengths(uint32_t leaf)
{
	uint64_t all = 0, seen = 0;
	uint32_t least = LONGEST, middle = 0;
	const struct abi_leaf *name = abi_leaf(leaf, false);

	for (uint32_t i = 0; i <= LONGEST; i++)
		all += lengths[leaf][i].v;
	if (!all)
		return;
	for (; 2 * seen < all; middle++) {
		seen += lengths[leaf][middle].v;
		if (lengths[leaf][middle].v && middle < least)
			least = middle;
	}
	fprintf(stderr, "%10llu %s to the next: %u instructions, %u at least\n",
		(unsigned long long)all, name ? name->name : "no leaf", middle - 1, least);
}

void instructions_print(void)
{
	const struct plugin_u64 kernel = { board, offsetof(struct counted, kernel) },
				program = { board, offsetof(struct counted, program) };

	if (!board)
		return;
	for (uint32_t leaf = 0; leaf < NR_LEAVES; leaf++)
		print_lengths(leaf);
	fprintf(stderr, "instructions: %llu of the kernel, %llu of programs\n",
		(unsigned long long)qemu_plugin_u64_sum(kernel),
		(unsigned long long)qemu_plugin_u64_sum(program));
}
