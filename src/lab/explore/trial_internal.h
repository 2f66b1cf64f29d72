/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * trial_internal.h - the trial's state, shared by its set-up, its operations and its judge.
 */
#ifndef PAMT_LAB_EXPLORE_TRIAL_INTERNAL_H
#define PAMT_LAB_EXPLORE_TRIAL_INTERNAL_H

#include "lab/explore/trial.h"

#define TRIAL_RAM	  TDX_1G_SIZE
#define TRIAL_RAM_BYTES	  TDX_1G_SIZE
#define TRIAL_HKID_START  46u
#define TRIAL_GLOBAL_HKID 32u
/* The CPUs' own 4K pages lie in the upper half of a region; the allocator has the lower. */
#define TRIAL_FIRST_PAGE 256u
#define TRIAL_NR_HKIDS	 16u

/* A page that a CPU has, and what it did with it last. */
enum held_state { PAGE_REFUSED, PAGE_GOT, PAGE_MAPPED, PAGE_FREED };
struct held_page {
	uint8_t number; /* among the CPU's pages of the region */
	uint8_t state;	/* enum held_state */
	bool last;	/* of its region, as the module hinted when it was freed */
};
struct held {
	uint32_t nr, next; /* pages, and the number that the next one gets */
	struct held_page page[PROGRAM_MAX_OPS];
};

enum held_2m { NOT_2M, WHOLE, IS_SPLIT };

struct trial_cpu {
	struct trial *trial;
	uint32_t cpu;
	struct pamt_cache cache;
	bool in_cache; /* it fills or empties it now: what is in there may be somebody else's */
	struct held held[PROGRAM_MAX_REGIONS];
	enum held_2m big[PROGRAM_MAX_REGIONS];
	tdx_hpa_t sept[PROGRAM_MAX_REGIONS]; /* of a region that is split: its S-EPT page */
	uint32_t nr_control;
	tdx_hpa_t control[PROGRAM_MAX_OPS];
	/* Puts that the softirq is to make. */
	uint32_t nr_soft;
	struct soft_put {
		tdx_pfn_t page;
		bool last;
	} soft[PROGRAM_MAX_OPS];
	tdx_hpa_t tdr; /* softseam: the CPU's own TD */
};

struct trial {
	struct setup setup;
	struct box *box;
	struct lab_module module;
	struct seam *seam;   /* softseam only, as the next */
	const char *entries; /* the TDMR's 2M entries */
	uint64_t entries_bytes;
	struct pamt_memory memory;
	struct pamt_host *host;
	struct design_env env;
	void *design, *backing; /* their states */
	uint64_t pages_at_start;
	bool cleaning;	  /* the schedule is over */
	uint32_t uses_2m; /* regions that somebody may map as a whole */
	bool touches;	  /* somebody touches pages of his own */
	os_a16_t *split;  /* NULL, or where those who steal see which regions are split */
	FILE *tell;
	/* The same call again and again, as verify makes them, is told once. */
	uint32_t told_cpu, told_leaf;
	uint64_t told_again;

	struct trial_cpu cpu[PROGRAM_MAX_CPUS], cpu_at_start[PROGRAM_MAX_CPUS];
	/* Of each CPU, the SEAMCALL that it is in, as it was made. */
	struct tdx_regs call[PROGRAM_MAX_CPUS];
	bool not_empty[PROGRAM_MAX_REGIONS]; /* PAMT.REMOVE has answered so */
	/* Leaves in flight that free a page of the region without a walk to it. */
	uint32_t removing[PROGRAM_MAX_REGIONS];
	/* CPUs' pages of the region, from before get until after put; and how often that changed.
	 */
	uint32_t users[PROGRAM_MAX_REGIONS], moves[PROGRAM_MAX_REGIONS];
};

/* trial_module.c: NULL, or why not. */
const char *trial_make_module(struct trial *trial);
const char *trial_make_tds(struct trial *trial);

/* trial_ops.c */
void trial_run_cpu(void *cpu);
/* Outside a run: everything that any CPU still has is given back. */
void trial_clean_up(struct trial *trial);

/* trial_judge.c */
/* Region of the run that an address lies in, or UINT32_MAX. */
uint32_t trial_region_of(const struct trial *trial, tdx_hpa_t at);
/* NULL, or what is broken now. */
const char *trial_check(struct trial *trial);
/* One line of what happens, if anybody listens. */
void trial_say(struct trial *trial, const char *format, ...) __attribute__((format(printf, 2, 3)));
void trial_observe(void *ctx, const struct tdx_regs *regs, bool after);
/* The guest address at which a CPU maps a page, or a whole region. */
uint64_t trial_map(const struct trial *trial, tdx_hpa_t page, enum tdx_size size);

#endif
