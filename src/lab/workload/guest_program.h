/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * guest_program.h - the program that a workload's vCPUs run: accept a share of the TD's memory,
 * touch it, leave marks in some of it, then turn pieces of it shared and private again.
 *
 * The program is a state machine, since every exit leaves it: it is entered from the top at each
 * VP.ENTER and goes on where it stood. What it sees is checked: a mark must be there until the
 * piece is converted, and must be gone afterwards.
 */
#ifndef PAMT_LAB_WORKLOAD_GUEST_PROGRAM_H
#define PAMT_LAB_WORKLOAD_GUEST_PROGRAM_H

#include "lab/workload/runner.h"
#include "lab/workload/scenario.h"

enum guest_phase {
	GUEST_ACCEPT, /* the share, piece by piece; in between pieces are flipped */
	GUEST_FLIP,   /* pieces at random */
	GUEST_DONE,   /* halt at every entry */
};

struct guest {
	/* Set by guest_start(). */
	struct runner *runner;
	tdx_hpa_t tdr;
	uint64_t shared_bit;
	uint64_t low, high;  /* the share, GPA, multiples of 2M */
	uint64_t keep;	     /* from here on it is given up one day; high: none of it is */
	uint32_t percent_4k; /* of the regions are mapped in 4K pages */
	uint64_t low_4k;     /* and all of what is below this GPA */
	enum scenario_touch touch;
	uint32_t flip_rate; /* of a thousand pieces touched first */
	uint32_t flips;	    /* whole mappings */
	uint32_t partial;   /* 4K pages out of 2M mappings */
	uint64_t random;
	const os_a32_t *stop; /* not 0: halt soon */

	/* Where it stands. */
	enum guest_phase phase;
	bool given;	    /* what is above keep is not the guest's any more */
	bool booted;	    /* all of the share has been gone through */
	uint64_t step;	    /* of the way through the share; what it counts depends on touch */
	uint64_t at, bytes; /* the piece in work; bytes 0: none */
	bool fresh;	    /* some of it was not accepted before */
	uint32_t flip_due;  /* thousandths of a flip */
	bool flip_back;	    /* this flip is one of booting: go on with that */
	uint64_t flip_at, flip_bytes; /* under conversion; bytes 0: none */
	uint64_t flip_done;	      /* of these, as far as the host came with this MapGPA */
	unsigned int flip_step;
	bool asked;	       /* a MapGPA, answered at the next entry */
	uint64_t converted_4k; /* last 4K page taken out of a 2M mapping, for the check of marks */

	/* What it did: written by the vCPU, read by whoever shows progress. */
	os_a64_t accepted_bytes; /* of memory touched for the first time */
	os_a64_t flipped;
	uint64_t above_bytes; /* of accepted_bytes, what lies above keep */
	const char *error;    /* NULL, or what the guest saw and must not see */
	uint64_t error_at, error_value;
};

/* Is this region (GPA >> 21) to be mapped in 4K pages? Host and guest agree on it. */
static inline bool guest_region_is_4k(uint32_t percent_4k, uint64_t region)
{
	return region * percent_4k % 100 < percent_4k;
}

/* Where the memory that it has ends. */
static inline uint64_t guest_end(const struct guest *guest)
{
	return guest->given ? guest->keep : guest->high;
}

/* The program; returns the reason to leave. */
enum seam_exit guest_run(struct guest *guest, struct seam_vcpu *vcpu);
/* A TD that was built: from the first page on. */
void guest_boot(struct guest *guest);
/* Flips, after what is left of booting, if anything. */
void guest_work(struct guest *guest);
/* What is above keep is not touched any more; the host may take it. Not while it runs. */
void guest_give_up(struct guest *guest);
/* Nothing is accepted any more: the TD has ended. */
void guest_forget(struct guest *guest);

#endif
