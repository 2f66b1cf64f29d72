// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bind.c - libpamt's own idea, as a shared library, of which CPU a thread is.
 */
#include <pamt/os.h>
#include <pamt/thread.h>

void pamt_bind_thread(uint32_t cpu, uint32_t node)
{
	threads_cpu = cpu;
	threads_node = node;
}
