/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * plugin_abi.h - what a plugin and QEMU's process agree on, declared by us: the few functions that
 * QEMU exports to plugins and that are used here, two of GLib's containers, three constants.
 *
 * The program that loads the plugin is under the GNU GPL, version 2: in that process the
 * GPL-2.0-only side of this project's licence applies.
 */
#ifndef PAMT_PORT_QEMU_PLUGIN_ABI_H
#define PAMT_PORT_QEMU_PLUGIN_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

/* The public parts of GByteArray and GArray. */
struct glib_bytes {
	uint8_t *data;
	unsigned int len;
};
struct glib_array {
	char *data;
	unsigned int len;
};
struct glib_bytes *g_byte_array_new(void);
struct glib_bytes *g_byte_array_set_size(struct glib_bytes *bytes, unsigned int size);
struct glib_bytes *g_byte_array_append(struct glib_bytes *bytes, const uint8_t *from,
				       unsigned int size);
uint8_t *g_byte_array_free(struct glib_bytes *bytes, int with_data);
char *g_array_free(struct glib_array *array, int with_data);

struct plugin_tb;
struct plugin_insn;
struct plugin_reg;
struct plugin_hwaddr;
struct plugin_scoreboard;

struct plugin_register {
	struct plugin_reg *handle;
	const char *name;
	const char *feature;
	bool read_only;
};

struct plugin_info {
	const char *target; /* "x86_64" */
	struct {
		int min, current;
	} version;
	bool system; /* a whole machine, not one program */
	struct {
		int cpus, max_cpus;
	} machine;
};

/* What a callback does with registers: QEMU puts them in order around the call. */
enum plugin_registers {
	PLUGIN_NO_REGISTERS,
	PLUGIN_READS,
	PLUGIN_WRITES,
	PLUGIN_WRITES_PC,
};

typedef void plugin_cpu_fn(unsigned int cpu, void *ctx);
typedef void plugin_access_fn(unsigned int cpu, uint32_t access, uint64_t address, void *ctx);
typedef void plugin_translate_fn(struct plugin_tb *tb, void *ctx);
typedef void plugin_exit_fn(void *ctx);

void qemu_plugin_register_vcpu_init_cb(uint64_t id, plugin_cpu_fn *fn, void *ctx);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, plugin_translate_fn *fn, void *ctx);
void qemu_plugin_register_atexit_cb(uint64_t id, plugin_exit_fn *fn, void *ctx);
void qemu_plugin_register_vcpu_insn_exec_cb(struct plugin_insn *insn, plugin_cpu_fn *fn,
					    enum plugin_registers registers, void *ctx);

/* One element for each vCPU, zeros at first. It may move when a vCPU is added. */
struct plugin_scoreboard *qemu_plugin_scoreboard_new(size_t bytes);
void *qemu_plugin_scoreboard_find(struct plugin_scoreboard *board, unsigned int cpu);
/* A number in each of the elements, by its offset. */
struct plugin_u64 {
	struct plugin_scoreboard *board;
	size_t offset;
};
uint64_t qemu_plugin_u64_sum(struct plugin_u64 number);
enum plugin_operation { PLUGIN_ADD, PLUGIN_STORE };
/* Without a callback, before each execution. */
void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(struct plugin_insn *insn,
							 enum plugin_operation operation,
							 struct plugin_u64 number, uint64_t value);

#define PLUGIN_LOADS_AND_STORES 3
void qemu_plugin_register_vcpu_mem_cb(struct plugin_insn *insn, plugin_access_fn *fn,
				      enum plugin_registers registers, int accesses, void *ctx);
bool qemu_plugin_mem_is_store(uint32_t access);
/* Where a virtual address leads, until the callback returns; NULL: nowhere. */
struct plugin_hwaddr *qemu_plugin_get_hwaddr(uint32_t access, uint64_t address);
bool qemu_plugin_hwaddr_is_io(const struct plugin_hwaddr *at);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct plugin_hwaddr *at);

size_t qemu_plugin_tb_n_insns(const struct plugin_tb *tb);
struct plugin_insn *qemu_plugin_tb_get_insn(const struct plugin_tb *tb, size_t i);
size_t qemu_plugin_insn_data(const struct plugin_insn *insn, void *to, size_t bytes);
uint64_t qemu_plugin_insn_vaddr(const struct plugin_insn *insn);

/* An array of struct plugin_register of the vCPU whose thread asks. */
struct glib_array *qemu_plugin_get_registers(void);
bool qemu_plugin_read_register(struct plugin_reg *handle, struct glib_bytes *value);
bool qemu_plugin_write_register(struct plugin_reg *handle, struct glib_bytes *value);
/* Only from a callback with PLUGIN_WRITES_PC; does not return. */
void qemu_plugin_set_pc(uint64_t address) __attribute__((noreturn));
bool qemu_plugin_read_memory_vaddr(uint64_t address, struct glib_bytes *to, size_t bytes);
bool qemu_plugin_write_memory_vaddr(uint64_t address, struct glib_bytes *from);

/* What QEMU looks up in the plugin. */
extern int qemu_plugin_version;
int qemu_plugin_install(uint64_t id, const struct plugin_info *info, int argc, char **argv);

#pragma GCC visibility pop

#endif
