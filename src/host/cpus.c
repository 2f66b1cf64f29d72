// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cpus.c - memory for per-CPU state.
 */
#include "host/stats.h"

void *alloc_aligned(struct pamt_host *host, size_t bytes, void **memory)
{
	uintptr_t at;

	*memory = host->os->alloc(host->os->ctx, bytes + CPU_STRIDE);
	if (!*memory)
		return NULL;
	at = ((uintptr_t)*memory + CPU_STRIDE - 1) & ~(uintptr_t)(CPU_STRIDE - 1);
	return (void *)at;
}

int cpus_create(struct pamt_host *host)
{
	host->cpu = alloc_aligned(host, sizeof(*host->cpu) * host->os->nr_cpus, &host->cpu_memory);
	if (!host->cpu)
		return -OS_ENOMEM;
	for (uint32_t i = 0; i < host->os->nr_cpus; i++)
		os_spin_init(&host->cpu[i].magazine.lock);
	return 0;
}

void cpus_destroy(struct pamt_host *host)
{
	if (host->cpu_memory)
		host->os->free(host->os->ctx, host->cpu_memory);
	host->cpu_memory = NULL;
	host->cpu = NULL;
}
