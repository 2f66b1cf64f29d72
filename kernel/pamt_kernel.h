/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * pamt_kernel.h - between the parts of pamt.ko.
 */
#ifndef PAMT_KERNEL_H
#define PAMT_KERNEL_H

#include <pamt/host.h>

#include "vmm/vmm.h"

/* The machine's only host, from load to unload. */
struct pamt_kernel {
	struct pamt_host *host;
	struct vmm vmm;
	struct pamt_memory *memory; /* as bring-up was given it */
	u32 nr_memory;
	u64 memory_bytes; /* the sum */
	atomic64_t tds;	  /* alive */
};

extern struct pamt_kernel pamt_kernel;

/* Values of enum region_state as people call them are in debugfs.c; all of these: 0 or -errno. */
int pamt_memory_map(struct pamt_memory **memory, u32 *nr);

/* Before bring-up; settle: it is over, and CPUs may go and come. */
int pamt_cpus_init(void);
void pamt_cpus_settle(void);
void pamt_cpus_exit(void);
/* -ENODEV: a package has no CPU online. Before a TD is created, and when it is counted in tds
 * already, so that none of them goes after this. */
int pamt_cpus_of_each_package(void);

int pamt_debugfs_init(void);
void pamt_debugfs_exit(void);

int pamt_reclaim_init(void);
void pamt_reclaim_exit(void);

int pamt_hotplug_init(void);
void pamt_hotplug_exit(void);

int pamt_device_init(void);
void pamt_device_exit(void);

#endif
