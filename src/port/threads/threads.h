/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * threads.h - the threads port: os_services out of a simulated machine and a software module,
 * with POSIX threads as logical CPUs.
 */
#ifndef PAMT_PORT_THREADS_H
#define PAMT_PORT_THREADS_H

#include <pamt/os.h>
#include <pamt/seam.h>

#include "machine/machine.h"

struct threads_port;

/*
 * threads_port_create - a port over this machine, with a module of its own. seam_config: NULL for
 * what threads_seam_config() gives; its interrupt_pending is replaced by the port's, its on_fatal
 * is called with its ctx after the port has logged. The machine must outlive the port.
 * Return: 0; -1 with one line in error.
 */
int threads_port_create(struct machine *machine, const struct seam_config *seam_config,
			struct threads_port **port, char *error, size_t error_size);
void threads_port_destroy(struct threads_port *port);

const struct os_services *threads_services(const struct threads_port *port);
struct seam *threads_seam(struct threads_port *port);
/* seam_config for a machine as its map describes it. */
void threads_seam_config(const struct machine_map *map, struct seam_config *config);

/* This thread is logical CPU cpu from now on (one thread per CPU at a time). */
void threads_bind(struct threads_port *port, uint32_t cpu);

/*
 * The CPU goes offline, or comes back: leaves(), or returns(), is called on it, and what that
 * refuses does not happen. A CPU that is offline is visited by no on_each_cpu(), and a SEAMCALL on
 * it is a bug: its thread stays out of the host and the vmm, or is another CPU meanwhile. Return:
 * 0; -OS_EBUSY: the last one of its package stays; -OS_EINVAL: there is no such CPU, or it is as
 * wanted already; or what the function returned. One caller at a time goes on, and none while an
 * on_each_cpu() is under way. May sleep.
 */
int threads_offline(struct threads_port *port, uint32_t cpu, int (*leaves)(void *arg), void *arg);
int threads_online(struct threads_port *port, uint32_t cpu, int (*returns)(void *arg), void *arg);

/*
 * Fault injection. Allocations of every kind (pages, ranges, objects, sparse arrays and their
 * population) are counted together, SEAMCALLs by themselves, both from 1 since the last
 * threads_faults(); the n-th fails once. 0: none. Call it while nothing else runs.
 */
struct threads_faults {
	uint64_t alloc_at;
	uint64_t seamcall_at;
	uint64_t seamcall_status; /* what that SEAMCALL answers; it has no effect */
};
void threads_faults(struct threads_port *port, const struct threads_faults *faults);
/* Allocations and SEAMCALLs since the last threads_faults(), or since the port was created. */
void threads_counts(const struct threads_port *port, uint64_t *allocs, uint64_t *seamcalls);

/*
 * Called after every SEAMCALL with the registers before and after it, by the thread that made it,
 * maybe from a signal handler. NULL: nobody. Set it while nothing else runs.
 */
typedef void threads_trace_fn(void *ctx, uint32_t lp, const struct tdx_regs *in,
			      const struct tdx_regs *out);
void threads_trace(struct threads_port *port, threads_trace_fn *trace, void *ctx);

/* Log lines at or above this level go to stderr; the default is OS_LOG_WARN. */
void threads_log_level(struct threads_port *port, enum os_log_level level);

#endif
