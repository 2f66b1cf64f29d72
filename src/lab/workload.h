/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * workload.h - TDs on a simulated machine, on real threads: built, booted, flipped, one of them
 * restarted, ended; and what that cost in PAMT.
 *
 * Each logical CPU of the machine that is used is one POSIX thread. A vCPU belongs to one of them;
 * where there are fewer CPUs than vCPUs, a thread runs its vCPUs one after the other. Rounds, all
 * threads at once within each:
 *
 *   build     TDs are created, each with a few measured pages
 *   boot      every vCPU accepts its share of its TD's memory and flips pieces of it between
 *             private and shared
 *   restart   one TD is ended and built again, while the others go on flipping
 *   again     that TD boots, the others flip
 *   end       TDs are ended
 *
 * Between boot and restart every region is verified against the module. At the end nothing may be
 * left.
 */
#ifndef PAMT_LAB_WORKLOAD_H
#define PAMT_LAB_WORKLOAD_H

#include "lab/stand.h"

#define WORKLOAD_MAX_TDS 64

enum workload_round {
	WORKLOAD_BUILD,
	WORKLOAD_BOOT,
	WORKLOAD_VERIFY,
	WORKLOAD_RESTART,
	WORKLOAD_AGAIN,
	WORKLOAD_END,
	WORKLOAD_ROUNDS, /* how many */
};

struct workload_progress {
	enum workload_round round;
	double seconds;
	uint64_t accepted_bytes, total_bytes; /* of guest memory */
	struct pamt_stats stats;
};

struct workload_config {
	const struct machine_map *map;
	bool dynamic;
	uint64_t seed;
	uint32_t nr_tds;
	uint32_t share[WORKLOAD_MAX_TDS]; /* sizes in proportion */
	uint32_t vcpus;			  /* per TD */
	uint64_t bytes;	     /* of all TDs; 0: three quarters of what is free after bring-up */
	uint64_t max_bytes;  /* with bytes 0: but not more; 0: no limit */
	uint32_t percent_4k; /* one region of so many in 4K pages, the rest in 2M; 0: none */
	uint32_t flips;	     /* per vCPU and round: whole mappings */
	uint32_t partial;    /* per vCPU and round: 4K pages out of 2M mappings */
	uint32_t restart;    /* which TD; nr_tds or more: none */
	enum os_log_level log_level;
	const os_a32_t *stop; /* becomes not 0: end early */
	/* Called now and then by the thread that called workload_run(). May be NULL. */
	void (*progress)(void *arg, const struct workload_progress *progress);
	void *arg;
	/* Called between boot and restart, when nothing runs and all memory is in use. May be NULL.
	 */
	void (*at_peak)(void *arg, struct stand *stand);
	/* Called for every region found wrong or left in use. May be NULL. */
	void (*finding)(void *arg, const struct pamt_finding *finding);
};

struct workload_result {
	bool stopped; /* early, on request */
	bool dynamic; /* in force */
	const char *why_static;
	struct pamt_layout layout;
	uint64_t static_bytes, dynamic_bytes; /* PAMT at boot, as it is or would be */
	uint64_t td_bytes;		      /* all TDs together */
	uint64_t wanted_bytes;		      /* what it would have been without max_bytes */
	uint32_t threads;
	double seconds[WORKLOAD_ROUNDS], total_seconds;
	struct pamt_stats peak;	 /* after boot */
	struct pamt_stats stats; /* with zero TDs */
	struct td_counts counts; /* all TDs ever */
	uint64_t retries;	 /* ordinary contention */
	uint64_t pamt_busy;	 /* BUSY on a PAMT operand, here or in libpamt */
	uint64_t seamcalls;
	uint64_t findings;	 /* regions found wrong at the peak */
	uint64_t leaked_regions; /* with zero TDs */
	uint64_t leaked_pages;	 /* that td_destroy() had to give up */
	uint64_t over_bound;	 /* bytes held too many, at the worst moment between two rounds */
	uint64_t left_bytes;	 /* with zero TDs: in the pool, or missing in the allocator */
	uint64_t real_memory;	 /* peak of the backing of simulated memory */
};

/*
 * workload_run - all of it. Return: 0: it ran to the end or was stopped (whether anything was left
 * is in *result); -1: it could not, one line in error; *result is valid as far as it came.
 */
int workload_run(const struct workload_config *config, struct workload_result *result, char *error,
		 size_t error_size);

/* Nothing wrong, nothing left. */
bool workload_is_clean(const struct workload_result *result);
const char *workload_round_name(enum workload_round round);
/* What this build is slowed down by: "address", "thread", ...; "" as a rule. */
const char *workload_sanitizer(void);

#endif
