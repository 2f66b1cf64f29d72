/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * virtual.h - virtual time: a policy that gives each CPU a clock, each step a price, and the turn
 * to the CPU whose clock is earliest.
 *
 * WHAT IS MODELLED. Every atomic and lock of the code under test lives in a 64-byte line. An
 * access costs `cached` if this CPU has the line: it wrote it last and nobody has read it since,
 * or, to read, it has read it since the last write. A read may ask for the line as a writer does
 * (os_load_own16). Otherwise the line comes from elsewhere and costs `transfer`, and transfers of
 * one line to writers come one after the other: who comes meanwhile waits in line. Locks are fair:
 * who waits gets the lock in order of arrival, one transfer after it was released; readers that
 * wait together go together. A CPU that waits for a word wakes one transfer after the change.
 * Services and SEAMCALLs have the prices of costs.txt; the module holds its entries for as long as
 * a leaf lasts, so that BUSY is met when it would be.
 *
 * A CPU's caches are its own 2 MB, 32,768 lines, directly mapped: what it has had, and nobody has
 * taken away, is `cached` in the next run as well, since a barrier between two rounds empties
 * nothing.
 *
 * WHAT IS NOT. Plain memory is free, and so is giving pages back. A CPU's first cache is no faster
 * than its second. There is one distance between CPUs. Interrupts are not charged.
 *
 * ORDER. A step that can be noticed by others (a line that is not here, a lock, a wait, a service,
 * time that passes) is taken when its CPU's clock is the earliest; equal clocks go by number. Hits
 * in a CPU's own lines run ahead of that, up to its next such step. Everything is integers, so a
 * run is the same on every machine.
 */
#ifndef PAMT_LAB_WORKLOAD_VIRTUAL_H
#define PAMT_LAB_WORKLOAD_VIRTUAL_H

#include "lab/workload/costs.h"
#include "port/stage/stage.h"

struct virtual;

struct virtual *virtual_create(const struct costs *costs);
/* A new run: all clocks at 0. CPUs have the lines that they had. */
void virtual_begin(struct virtual *v);
void virtual_destroy(struct virtual *v);
void virtual_policy(struct virtual *v, struct stage_policy *policy);

/* The clock of the CPU that runs, ns since the start of the run. */
uint64_t virtual_now(const struct virtual *v);
/* Of the CPU that runs: ns spent waiting for locks and for words to change. */
uint64_t virtual_waited(const struct virtual *v);
/* The latest of all clocks. */
uint64_t virtual_end(const struct virtual *v);
/* A hash over every turn: who, and when. */
uint64_t virtual_hash(const struct virtual *v);
/* And how one more of them goes into it. */
static inline uint64_t virtual_mix(uint64_t hash, uint64_t next)
{
	hash = (hash + UINT64_C(0x632be59bd9b4e019)) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ (hash >> 32) ^ next;
}

#endif
