// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bind.c - libpamt's own idea, as a shared library, of which CPU a thread is.
 */
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include <pamt/os.h>
#include <pamt/thread.h>

static _Thread_local bool bound;

/* The first thread is CPU 0 by right; more such threads would be it at the same time. */
void threads_look_bound(void)
{
	static const char why[] = "pamt: a thread that was never bound is taken for CPU 0, beside "
				  "others that are: see pamt_bind_thread(3)\n";
	static atomic_flag said = ATOMIC_FLAG_INIT;

	if (bound)
		return;
	bound = true;
	if (gettid() == getpid() || atomic_flag_test_and_set(&said))
		return;
	/* There is nobody else who could be told. */
	if (write(STDERR_FILENO, why, strlen(why)) < 0)
		return;
}

void pamt_bind_thread(uint32_t cpu, uint32_t node)
{
	bound = true;
	threads_cpu = cpu;
	threads_node = node;
}
