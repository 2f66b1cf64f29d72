// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cpu.c - registers and memory of a vCPU, through QEMU's functions for plugins.
 */
#include <stdio.h>
#include <string.h>

#include "port/qemu/cpu.h"

static const char *const names[CPU_NR_REGISTERS] = {
	"rax", "rcx", "rdx", "rbx", "rsp", "rbp",    "rsi", "rdi",     "r8",	  "r9",	 "r10",
	"r11", "r12", "r13", "r14", "r15", "eflags", "cs",  "fs_base", "gs_base", "cr4",
};

bool cpu_init(struct cpu *cpu)
{
	struct glib_array *all = qemu_plugin_get_registers();
	const struct plugin_register *found = (const struct plugin_register *)(void *)all->data;
	bool complete = true;

	cpu->bytes = g_byte_array_new();
	for (unsigned int i = 0; i < all->len; i++)
		for (unsigned int r = 0; r < CPU_NR_REGISTERS; r++)
			if (!strcmp(found[i].name, names[r]))
				cpu->reg[r] = found[i].handle;
	g_array_free(all, true);
	for (unsigned int r = 0; r < CPU_NR_REGISTERS; r++) {
		if (cpu->reg[r])
			continue;
		fprintf(stderr, "pamt-qemu: this QEMU shows no register %s\n", names[r]);
		complete = false;
	}
	return complete;
}

uint64_t cpu_get(struct cpu *cpu, enum cpu_register reg)
{
	uint64_t value = 0;

	g_byte_array_set_size(cpu->bytes, 0);
	qemu_plugin_read_register(cpu->reg[reg], cpu->bytes);
	memcpy(&value, cpu->bytes->data, cpu->bytes->len < 8 ? cpu->bytes->len : 8);
	return value;
}

void cpu_set(struct cpu *cpu, enum cpu_register reg, uint64_t value)
{
	/* QEMU takes as many bytes as it has given. */
	g_byte_array_set_size(cpu->bytes, 0);
	qemu_plugin_read_register(cpu->reg[reg], cpu->bytes);
	memcpy(cpu->bytes->data, &value, cpu->bytes->len < 8 ? cpu->bytes->len : 8);
	qemu_plugin_write_register(cpu->reg[reg], cpu->bytes);
}

bool cpu_is_kernel(struct cpu *cpu) { return (cpu_get(cpu, CPU_CS) & 3) == 0; }

/* QEMU shows nothing of a code segment; in other code R8 is 0 to it, whatever is written there. */
bool cpu_is_64bit(struct cpu *cpu)
{
	bool kept;

	if (cpu_get(cpu, CPU_R8))
		return true;
	cpu_set(cpu, CPU_R8, 1);
	kept = cpu_get(cpu, CPU_R8) == 1;
	cpu_set(cpu, CPU_R8, 0);
	return kept;
}

bool cpu_read(struct cpu *cpu, uint64_t at, void *to, size_t bytes)
{
	g_byte_array_set_size(cpu->bytes, 0);
	if (!qemu_plugin_read_memory_vaddr(at, cpu->bytes, bytes) || cpu->bytes->len < bytes)
		return false;
	memcpy(to, cpu->bytes->data, bytes);
	return true;
}

bool cpu_write(struct cpu *cpu, uint64_t at, const void *from, size_t bytes)
{
	g_byte_array_set_size(cpu->bytes, 0);
	g_byte_array_append(cpu->bytes, from, (unsigned int)bytes);
	return qemu_plugin_write_memory_vaddr(at, cpu->bytes);
}
