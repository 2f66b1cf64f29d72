/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * rig.h - a small machine with a module and a host that is up, for tests of the run time.
 */
#ifndef PAMT_TESTS_RIG_H
#define PAMT_TESTS_RIG_H

#include <pamt/host.h>

#include "machine/machine.h"
#include "port/threads/threads.h"

#define RIG_CPUS    4
#define RIG_REGIONS 40

struct rig {
	struct machine_map map;
	struct map_range ranges[4];
	struct pamt_memory memory[4];
	struct machine *machine;
	struct threads_port *port;
	struct os_services services; /* the port's; a test may replace some before it goes on */
	const struct os_services *os;
	struct pamt_host *host;
	tdx_hpa_t guest[RIG_REGIONS];
	uint64_t free_bytes; /* of the machine, before the host was created */
};

/* One node: 1 GiB at 0 (from 1 MiB on) and 1 GiB at 4 GiB; with two, the second is node 1. */
void rig_create(struct rig *rig, uint32_t nodes, bool dynamic);
/* As far as the port: no host yet. */
void rig_machine(struct rig *rig, uint32_t nodes);
/* The same with the upper GiB elsewhere. */
void rig_machine_at(struct rig *rig, uint32_t nodes, uint64_t upper);
void rig_machine_sized(struct rig *rig, uint32_t nodes, uint64_t upper, uint64_t bytes);
int rig_host(struct rig *rig, bool dynamic, struct pamt_error *error);
/* Ends it; fails the test if anything was not given back, or the module found a fatal mistake. */
void rig_destroy(struct rig *rig);

/* Free memory of the machine. */
uint64_t rig_free_bytes(const struct rig *rig);
struct pamt_stats rig_stats(struct rig *rig);
/* pamt_verify() finds nothing; with zero TDs: pool empty, nothing leaked, nothing held. */
void rig_expect_sound(struct rig *rig);
void rig_expect_nothing_left(struct rig *rig);
/* held <= 2 x used + 64 KB, on each node. */
void rig_expect_bound(struct rig *rig);

/* The n-th SEAMCALL from now answers status, without effect. */
void rig_fail_call(struct rig *rig, uint64_t n, uint64_t status);
void rig_fail_alloc(struct rig *rig, uint64_t n);
void rig_fail_nothing(struct rig *rig);
/* The next `times` SEAMCALLs of this leaf answer status, without effect. */
void rig_fail_leaf(enum tdx_leaf leaf, uint64_t status, uint64_t times);

/* A page of the i-th guest region: 2M blocks taken from the OS, so that no pool chunk is there. */
tdx_pfn_t rig_page(const struct rig *rig, uint32_t region, uint32_t page);

/* TDs, as far as one is needed to use a page: a TDR made of it, and the end of that. */
tdx_status_t rig_tdr_create(struct rig *rig, tdx_hpa_t page, uint16_t hkid);
void rig_tdr_end(struct rig *rig, tdx_hpa_t page);

#endif
