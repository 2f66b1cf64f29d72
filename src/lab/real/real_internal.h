/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * real_internal.h - the parts of the hunt in real time: the frame (real.c), a round
 * (real_round.c), operations (real_ops.c, real_td.c), and who judges (real_judge.c).
 */
#ifndef PAMT_LAB_REAL_REAL_INTERNAL_H
#define PAMT_LAB_REAL_REAL_INTERNAL_H

#include <pthread.h>

#include "lab/real/real.h"
#include "lab/workload/stand.h"
#include "machine/random.h"

#define REAL_NODES	  3u /* at most; the last of several is without memory */
#define REAL_NODE_BYTES	  (UINT64_C(128) << 20)
#define REAL_NODE_BASE(n) (TDX_1G_SIZE * (1 + 2 * (n)))
#define REAL_MEMORY_END	  REAL_NODE_BASE(REAL_NODES)

/* What the process that hunts tells the one that waits. */
struct real_board {
	os_a32_t stop;	/* something was found, or time is up */
	os_a32_t found; /* text is being written by whoever set this, or was */
	os_a32_t told;	/* text is complete */
	os_a64_t seed;	/* of the round */
	os_a64_t rounds;
	os_a64_t ops[REAL_OPS];
	os_a64_t adds, removes;
	char text[320];
};

/* So many consecutive 4K pages that a thread has got, and owns. */
struct real_run {
	tdx_pfn_t first;
	uint32_t nr;
	bool crowd; /* of what keeps memory aged: to be some thread's when the round begins */
};
#define REAL_MAX_RUNS	 4096u
#define REAL_MAX_CONTROL 48u
#define REAL_MAX_OWN	 16u

/* A TD that a thread has, or that lies between threads. */
struct real_td {
	struct td *td;
	struct vcpu *vcpu[2];
	uint64_t salt; /* which regions are in 4K pages */
	/* The guest's orders. */
	uint64_t random, at;
	uint32_t left, level, busy;
};

struct real_thread {
	struct real_hunt *hunt;
	pthread_t thread;
	uint32_t weight[REAL_OPS];
	uint32_t cpu;
	uint64_t random;
	struct real_run run[REAL_MAX_RUNS];
	uint32_t nr_runs, most_runs; /* it means to have no more */
	uint64_t pages;		     /* in runs */
	struct pamt_cache cache;
	uint32_t most_cached; /* pages that it fills its cache with, at most */
	tdx_hpa_t control[REAL_MAX_CONTROL];
	uint32_t nr_control;
	tdx_hpa_t own[REAL_MAX_OWN]; /* of the OS's memory, with nobody else */
	uint32_t nr_own;
	struct real_td *td;
};

/* The account of pages between the OS and libpamt: a bit for each page. */
struct real_judge {
	struct os_services host_os; /* libpamt's */
	struct os_services os;	    /* the vmm's */
	const struct os_services *under;
	os_a64_t taken[REAL_MEMORY_END / TDX_PAGE_SIZE / 64]; /* by libpamt from the OS */
	os_a64_t out[REAL_MEMORY_END / TDX_PAGE_SIZE / 64];   /* handed out as control pages */
	os_a64_t given[REAL_MEMORY_END / TDX_PAGE_SIZE / 64]; /* in pairs, to the module */
	os_a64_t held;					      /* pages taken */
	struct vmm_backing backing;
	os_a32_t away;	  /* threads that libpamt waits for in a service of the OS */
	os_a32_t growing; /* of these, in one that has found memory for it */
	os_a32_t ready;	  /* threads that wait for that */
};

#define REAL_SLOTS 8u

struct real_hunt {
	struct real_board *board;
	uint64_t seed;
	uint64_t deadline_ns; /* of the round */
	uint32_t nr_threads, nr_nodes;
	uint32_t still_ns; /* between two threads that are made to stand still, at most; 0: none */
	uint64_t most_pages;	       /* that a thread means to have */
	uint32_t free_part, aged_part; /* tenths of memory; the rest is wholly in use */
	uint32_t singles;	       /* 0..3: so many thirds of aged regions have single pages */
	uint32_t hole_order;	       /* of what is free between pages in use, at most */
	struct stand stand;
	struct real_judge judge;
	struct real_thread *thread;
	os_a64_t slot[REAL_SLOTS]; /* struct real_td *: to be taken over */
	/* Pages that keep memory aged: runs that nobody got. */
	struct real_run *aged;
	uint32_t nr_aged;
};

/* 0 .. n-1. */
static inline uint32_t real_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)((random_next(state) >> 32) % n);
}

/* real_board.c */
/* Something is wrong; the first one counts, and the round ends. */
void real_found(struct real_hunt *hunt, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Answers that are right where memory may be short. False: a finding, which is told. */
bool real_allowed(struct real_thread *thread, const char *what, int error);
static inline bool real_stopped(const struct real_hunt *hunt)
{
	/* Relaxed: soon is enough. */
	return os_load32(&hunt->board->stop, OS_RELAXED);
}

/* real_round.c: false: found something. */
bool real_round(struct real_board *board, uint64_t seed, uint32_t threads, uint64_t until_ns);

/* real_shape.c: hunt->thread has room for so many, ranges for REAL_NODES. */
void real_shape(struct real_hunt *hunt, uint32_t threads, uint64_t *random, struct machine_map *map,
		struct map_range *ranges);

/* real_still.c: once in a process; then a thread that makes others stand still. arg: the hunt. */
void real_still_init(struct real_board *board);
void *real_still(void *arg);
/* The thread does nothing until others have ended so many operations, or for some ms. */
void real_stand_still(uint32_t ops);
/* It does nothing until libpamt waits for the OS in another one, or for some ms. */
void real_await_service(struct real_hunt *hunt);
/* The same until it waits for memory, for longer; and until somebody waits for this. */
void real_await_growth(struct real_hunt *hunt);
void real_await_ready(struct real_hunt *hunt);

/* real_judge.c */
void real_judge_init(struct real_hunt *hunt);
/* A control page came out of libpamt, or goes back. */
void real_judge_out(tdx_hpa_t page, bool out);
void real_judge_cache(const struct pamt_cache *cache);
/* How often libpamt has got memory from the OS on this thread. */
uint32_t real_judge_chunks(void);

/* real_ops.c: operations by kind, and what gives back all that a thread has. */
typedef void real_op_fn(struct real_thread *thread);
extern real_op_fn *const real_ops[REAL_OPS];
void real_give_back(struct real_thread *thread);
/* Frees pages of a run, whatever blocks they came in. */
void real_free_pages(struct real_hunt *hunt, tdx_pfn_t first, uint32_t nr);

/* real_td.c */
real_op_fn real_td_life, real_td_fault, real_td_change, real_td_run;
void real_td_end(struct real_hunt *hunt, struct real_td *td);
enum seam_exit real_guest(void *ctx, struct seam_vcpu *vcpu);

#endif
