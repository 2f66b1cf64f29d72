/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * host_port.h - the services of os.h for libpamt and the vmm in this kernel, with an account of
 * every page taken.
 */
#ifndef PAMT_KERNEL_HOST_PORT_H
#define PAMT_KERNEL_HOST_PORT_H

#include <pamt/os.h>

/* The table. One per kernel, since there is one machine. */
extern const struct os_services *const host_services;
/* The same, for the vmm: memory is charged to the control group that the caller acts for. */
extern const struct os_services *const tenant_services;

/* Return: 0; -EINVAL with the reason logged. */
int host_port_init(void);
/* Frees what was excluded. Everything else must have come back. */
void host_port_exit(void);

/*
 * The service of this name, which is a macro in some kernels: no caller can name the member.
 * May sleep.
 */
tdx_hpa_t host_port_alloc_pages(unsigned int order, uint32_t node);

/*
 * Does a TDX module answer at all? 0; -ENODEV with *why a line for people. Any context.
 */
int host_port_probe(const char **why);

/* What libpamt and the vmm hold at this moment. */
struct host_port_account {
	u64 pages;	    /* from alloc_pages and alloc_range */
	u64 objects;	    /* small ones, and sparse arrays */
	u64 excluded_pages; /* taken out of the allocator for good */
};
u64 host_port_seamcalls(void); /* made so far */

/* As the parameter has it, or the machine. Any context. */
unsigned int host_port_package(unsigned int cpu);

void host_port_account(struct host_port_account *account);

#endif
