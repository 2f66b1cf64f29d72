// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * params.c - TD_PARAMS, copied by a BPF program.
 *
 * The program is written out here: nothing of libbpf, of a compiler for BPF or of this kernel's
 * headers is needed. It only reads, and it goes with the file descriptors, however this process
 * ends.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "live/params.h"
#include "live/probes.h"

/* struct pt_regs of x86-64, and the structure of registers that RSI points to. */
#define REGS_RSI 104
#define ARGS_RDX 8

#define OP(c, d, s, o, i)                                                           \
	{                                                                           \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) \
	}
#define MOVE(d, s)     OP(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define SET(d, i)      OP(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define ADD(d, i)      OP(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define LOAD(d, s, o)  OP(BPF_LDX | BPF_MEM | BPF_DW, d, s, o, 0)
#define STORE(d, o, s) OP(BPF_STX | BPF_MEM | BPF_DW, d, s, o, 0)
#define CALL(f)	       OP(BPF_JMP | BPF_CALL, 0, 0, 0, f)
/* A word of 64 bits takes two. */
#define MAP(d, fd) OP(BPF_LD | BPF_IMM | BPF_DW, d, BPF_PSEUDO_MAP_FD, 0, fd), OP(0, 0, 0, 0, 0)
#define WORD(d, v)                                                      \
	OP(BPF_LD | BPF_IMM | BPF_DW, d, 0, 0, (int32_t)(uint32_t)(v)), \
		OP(0, 0, 0, 0, (int32_t)(uint32_t)((uint64_t)(v) >> 32))
#define END_IF_ZERO(s) OP(BPF_JMP | BPF_JNE | BPF_K, s, 0, 1, 0), OP(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static int bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int create_map(uint32_t value_bytes, uint32_t entries)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = sizeof(uint32_t),
		.value_size = value_bytes,
		.max_entries = entries,
	};

	return bpf(BPF_MAP_CREATE, &attr);
}

static int load_program(const struct params *params, uint64_t direct_map)
{
	const struct bpf_insn program[] = {
		/* R6: the physical address. */
		LOAD(3, 1, REGS_RSI), ADD(3, ARGS_RDX), MOVE(1, 10), ADD(1, -16), SET(2, 8),
		CALL(BPF_FUNC_probe_read_kernel), LOAD(6, 10, -16),
		/* R1: which slot; the counter counts on. */
		OP(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0), MOVE(2, 10), ADD(2, -4),
		MAP(1, params->count_map), CALL(BPF_FUNC_map_lookup_elem), END_IF_ZERO(0),
		SET(1, 1), OP(BPF_STX | BPF_ATOMIC | BPF_DW, 0, 1, 0, BPF_ADD | BPF_FETCH),
		OP(BPF_ALU64 | BPF_AND | BPF_K, 1, 0, 0, PARAMS_SLOTS - 1),
		/* R7: the slot. */
		OP(BPF_STX | BPF_MEM | BPF_W, 10, 1, -4, 0), MOVE(2, 10), ADD(2, -4),
		MAP(1, params->slot_map), CALL(BPF_FUNC_map_lookup_elem), END_IF_ZERO(0),
		MOVE(7, 0), STORE(7, 0, 6), CALL(BPF_FUNC_ktime_get_ns), STORE(7, 8, 0),
		/* The structure itself. */
		WORD(3, direct_map), OP(BPF_ALU64 | BPF_ADD | BPF_X, 3, 6, 0, 0), MOVE(1, 7),
		ADD(1, 16), SET(2, sizeof(struct tdx_td_params)), CALL(BPF_FUNC_probe_read_kernel),
		SET(0, 0), OP(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_KPROBE,
		.insns = (uint64_t)program,
		.insn_cnt = sizeof(program) / sizeof(*program),
		/* Which the helper that reads the kernel's memory asks for. */
		.license = (uint64_t) "GPL",
	};

	return bpf(BPF_PROG_LOAD, &attr);
}

/* The probe's event as perf knows it: by its number in tracefs. */
static int open_event(const struct tracefs *fs, struct why *why)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.sample_period = 1,
		.wakeup_events = 1,
	};
	char path[TRACEFS_PATH], *text;

	probes_file(fs, "params", "id", path);
	text = tracefs_read(fs, path, why);
	if (!text)
		return -1;
	attr.config = strtoull(text, NULL, 10);
	free(text);
	return (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
}

static int begin(struct params *params, const struct tracefs *fs, uint64_t direct_map,
		 struct why *why)
{
	if (!direct_map)
		return why_not(why, "kcore does not say where the direct map is");
	params->count_map = create_map(sizeof(uint64_t), 1);
	params->slot_map = create_map(sizeof(struct params_slot), PARAMS_SLOTS);
	if (params->count_map < 0 || params->slot_map < 0)
		return why_not(why, "no BPF map: %s", strerror(errno));
	params->program = load_program(params, direct_map);
	if (params->program < 0)
		return why_not(why, "no BPF program: %s", strerror(errno));
	params->event = open_event(fs, why);
	if (params->event < 0 || ioctl(params->event, PERF_EVENT_IOC_SET_BPF, params->program) ||
	    ioctl(params->event, PERF_EVENT_IOC_ENABLE, 0))
		return why_not(why, "a BPF program cannot be put on a probe: %s", strerror(errno));
	return 0;
}

int params_begin(struct params *params, const struct tracefs *fs, uint64_t direct_map,
		 struct why *why)
{
	*params = (struct params){ -1, -1, -1, -1 };
	if (!begin(params, fs, direct_map, why))
		return 0;
	params_end(params);
	return -1;
}

void params_end(struct params *params)
{
	int *const fds[] = { &params->event, &params->program, &params->slot_map,
			     &params->count_map };

	for (unsigned int i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

static bool look_up(int map, uint32_t key, void *value)
{
	union bpf_attr attr = {
		.map_fd = (uint32_t)map,
		.key = (uint64_t)&key,
		.value = (uint64_t)value,
	};

	return !bpf(BPF_MAP_LOOKUP_ELEM, &attr);
}

bool params_find(const struct params *params, uint64_t at, uint64_t from_ns, uint64_t to_ns,
		 struct params_slot *slot)
{
	uint64_t count = 0;

	if (params->event < 0 || !look_up(params->count_map, 0, &count))
		return false;
	for (uint64_t back = 1; back <= count && back <= PARAMS_SLOTS; back++)
		if (look_up(params->slot_map, (uint32_t)((count - back) % PARAMS_SLOTS), slot) &&
		    slot->at == at && slot->ns >= from_ns && slot->ns <= to_ns)
			return true;
	return false;
}
