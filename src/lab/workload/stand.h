/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * stand.h - a simulated machine with its module and a host on it, brought up and ready for TDs.
 */
#ifndef PAMT_LAB_WORKLOAD_STAND_H
#define PAMT_LAB_WORKLOAD_STAND_H

#include "machine/allocator.h"
#include "lab/workload/runner.h"
#include "machine/machine.h"
#include "port/threads/threads.h"
#include "vmm/td.h"

struct stand {
	struct machine *machine;
	struct runner *runner;
	struct threads_port *port; /* the runner's; NULL in virtual time */
	const struct os_services *os;
	/* What libpamt is given: os, or what the caller put here before stand_bring_up(). */
	const struct os_services *host_os;
	struct pamt_host_config config;
	struct pamt_memory *memory;
	struct pamt_host *host; /* NULL before stand_bring_up() */
	bool boot_reserve;	/* take the PAMT before anything else, as at boot */
	struct vmm vmm;
};

struct stand_config {
	const struct machine_map *map;
	bool dynamic;
	bool guard; /* the module watches its pages */
	enum seam_exit (*guest)(void *guest_ctx, struct seam_vcpu *vcpu);
	void *guest_ctx;
	enum os_log_level log_level;
};

/*
 * stand_host_config - what libpamt is told of a machine: static, holes as in the CMRs. Return: the
 * memory in it, for the caller to free; NULL: there is none.
 */
struct pamt_memory *stand_host_config(struct pamt_host_config *config,
				      const struct machine_map *map);
/*
 * stand_create - machine, port and module, no host yet. Return: 0, or -1 with one line in error
 * and nothing left.
 */
int stand_create(struct stand *stand, const struct stand_config *config, char *error,
		 size_t error_size);
/* Creates a host and brings it up. Return: 0, or -1 with one line in error. */
int stand_bring_up(struct stand *stand, char *error, size_t error_size);
/* Ends the host: what it took from the system is back, or lost. */
void stand_end_host(struct stand *stand);
/*
 * The run was broken off in the middle of whatever CPUs did, locks held: forgets the host, so that
 * the rest can be destroyed.
 */
void stand_abandon_host(struct stand *stand);
void stand_destroy(struct stand *stand);

/* Bytes that the machine's allocator could hand out. */
uint64_t stand_free_bytes(const struct stand *stand);
/* What bring-up on this machine would take with, or without, Dynamic PAMT. -1: error says why. */
int stand_plan(struct stand *stand, bool dynamic, struct pamt_layout *layout, char *error,
	       size_t error_size);

#endif
