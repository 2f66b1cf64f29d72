/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * bench_td.h - a machine and TDs for measurements of softseam: brought up by libpamt, then driven
 * leaf by leaf, with nothing between the stopwatch and the module.
 *
 * A TD lives in a block of physical memory of its own, at a 1 GiB boundary. Its first regions hold
 * its control pages, each region behind a pair of its own first two pages where Dynamic PAMT is on;
 * the rest is for guest pages, without pairs.
 *
 * The first call that fails is kept in machine->error; after that results mean nothing.
 */
#ifndef PAMT_LAB_BENCH_BENCH_TD_H
#define PAMT_LAB_BENCH_BENCH_TD_H

#include "lab/workload/stand.h"

struct bench_machine {
	struct stand stand;
	const struct os_services *os;
	struct seam *seam;
	char error[256]; /* empty: all is well */
};

/* A machine with one range of usable memory, its module ready. False: machine->error says why. */
bool bench_machine_create(struct bench_machine *machine, uint64_t bytes, uint32_t cpus,
			  bool dynamic);
void bench_machine_destroy(struct bench_machine *machine);
/* Keeps the first error. Returns whether it was success. */
bool bench_expect(struct bench_machine *machine, const char *what, tdx_status_t status);

struct bench_td {
	struct bench_machine *machine;
	uint32_t lp;
	uint16_t hkid;
	uint64_t base, bytes; /* the block */
	uint32_t nr_control;  /* regions with control pages */
	uint64_t tdr, tdvpr;
	uint32_t nr_pages, nr_free; /* control pages in all, and on the stack */
	uint64_t *free_page;	    /* the stack */
	bool *used;		    /* by index in the control regions */
};

struct bench_td_config {
	uint32_t lp;
	uint16_t hkid;
	uint64_t bytes;	     /* of guest memory, a multiple of 1 GiB */
	uint32_t nr_control; /* regions for control pages */
};
/*
 * A TD, RUNNABLE, with one vCPU that is not running. False: machine->error says why; destroy it all
 * the same.
 */
bool bench_td_create(struct bench_td *td, struct bench_machine *machine,
		     const struct bench_td_config *config);
/*
 * Ends the TD: its keys, then its control pages. Guest pages must have been removed or reclaimed;
 * bench_td_end_keys() is for those who want to reclaim them in between.
 */
bool bench_td_end_keys(struct bench_td *td);
void bench_td_destroy(struct bench_td *td); /* nothing where all is zero */

/* A control page of the TD's regions, and back. There must be one. */
uint64_t bench_td_page(struct bench_td *td);
void bench_td_put_page(struct bench_td *td, uint64_t page);
/* A pair of control pages for the region at that address, and back. */
bool bench_td_add_pair(struct bench_td *td, uint64_t at);
bool bench_td_remove_pair(struct bench_td *td, uint64_t at);
/* Where guest memory begins. */
uint64_t bench_td_guest(const struct bench_td *td);

/* One SEAMCALL, with the operands that the leaves here take. */
static inline tdx_status_t bench_call(const struct bench_td *td, uint64_t rax, uint64_t rcx,
				      uint64_t rdx, uint64_t r8)
{
	struct tdx_regs regs = { .rax = rax, .rcx = rcx, .rdx = rdx, .r8 = r8 };

	return seam_call(td->machine->seam, td->lp, &regs);
}

/* The S-EPT page below the entry of that level at gpa, out of the TD's control pages. */
bool bench_td_add_table(struct bench_td *td, uint64_t gpa, unsigned int level);

#endif
