/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * thread.h - which CPU a thread is, for those who use libpamt as a shared library.
 *
 * libpamt keeps a few pages per CPU, without a lock, since a kernel can hold off whatever else
 * might run on a CPU. In a process threads take the place of CPUs.
 */
#ifndef PAMT_THREAD_H
#define PAMT_THREAD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * pamt_bind_thread - the calling thread is CPU cpu (0 .. os->nr_cpus-1) of NUMA node node from now
 * on. A thread that never calls this is CPU 0 of node 0.
 *
 * At any time at most one thread of a CPU may be within a function of libpamt. In the os_services
 * table, on_each_cpu and on_each_package must run their function on a thread that is bound to the
 * CPU in question. libsoftseam's table and softseam_bind() see to that by themselves.
 *
 * Context: any.
 */
void pamt_bind_thread(uint32_t cpu, uint32_t node);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
