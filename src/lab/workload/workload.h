/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * workload.h - a scenario's TDs on a simulated machine: built, booted, flipped, restarted, ended;
 * and what that cost in PAMT. On threads or in virtual time (runner.h), the same source.
 *
 * Each logical CPU of the machine that is used runs the vCPUs that are its own; where there are
 * fewer CPUs than vCPUs, one after the other. A vCPU's CPU is on the node where its TD's memory is.
 * Rounds (scenario.h) are joined: within one all CPUs work at once, between two nothing runs.
 *
 * In the round after which most TDs have booted every region is verified against the module. At
 * the end, whatever happened, all TDs are ended and nothing may be left.
 */
#ifndef PAMT_LAB_WORKLOAD_WORKLOAD_H
#define PAMT_LAB_WORKLOAD_WORKLOAD_H

#include "lab/workload/scenario.h"
#include "lab/workload/stand.h"

/* What a round is called, by what its TDs do. */
enum workload_round {
	WORKLOAD_BUILD,	  /* nothing but building */
	WORKLOAD_BOOT,	  /* nothing but booting */
	WORKLOAD_VERIFY,  /* regions against the module; no round of the scenario's */
	WORKLOAD_RESTART, /* some TDs are restarted, the others work */
	WORKLOAD_AGAIN,	  /* some boot, the others work */
	WORKLOAD_WORK,	  /* all work */
	WORKLOAD_CHURN,	  /* some arrive or end while others do something else */
	WORKLOAD_END,	  /* nothing but the end */
	WORKLOAD_ROUNDS,  /* how many */
};

/* The state at one moment. */
struct workload_sample {
	uint64_t ns;		    /* since the machine was switched on */
	uint32_t round;		    /* of the scenario, from 0 */
	uint32_t tds;		    /* alive */
	uint64_t td_bytes;	    /* accepted by guests */
	uint64_t pairs, pamt_bytes; /* installed; taken from the system, control pages included */
	uint64_t gets, adds;	    /* so far */
};
#define WORKLOAD_SAMPLES 1024u

struct workload_progress {
	enum workload_round round;
	double seconds;
	uint64_t total_bytes; /* of guest memory, of TDs alive */
	struct workload_sample now;
	struct pamt_stats stats;
};

struct workload_config {
	const struct machine_map *map;
	const struct scenario *scenario;
	uint64_t bytes; /* of all TDs with a share; 0: as the scenario fills the machine */
	enum os_log_level log_level;
	const os_a32_t *stop; /* becomes not 0: end early */
	uint64_t stop_at;     /* end early at the n-th step of any TD's, from 1; 0: never */
	/* Called now and then while TDs run. May be NULL. */
	void (*progress)(void *arg, const struct workload_progress *progress);
	void *arg;
	/* Called at the verification, when nothing runs and most memory is in use. May be NULL. */
	void (*at_peak)(void *arg, struct stand *stand);
	/* Called for every region found wrong or left in use. May be NULL. */
	void (*finding)(void *arg, const struct pamt_finding *finding);
	/*
	 * Somebody else's way to keep regions backed: attach is called before bring-up and again
	 * after it, to put other services and another backing into the stand; detach when the last
	 * TD is gone, or lost. libpamt knows nothing of it, so that nothing is verified. NULL:
	 * libpamt.
	 */
	int (*attach)(void *arg, struct stand *stand, bool is_up);
	void (*detach)(void *arg, struct stand *stand);
	void *attach_arg;
	/* What fails is counted, and the others go on. */
	bool count_failures;
};

struct workload_result {
	bool stopped; /* early, on request */
	bool refused; /* what the scenario asks for the machine cannot have; nothing was built */
	bool dynamic; /* in force */
	const char *why_static;
	struct pamt_layout layout;
	uint64_t static_bytes, dynamic_bytes; /* PAMT at boot, as it is or would be */
	uint64_t td_bytes;		      /* all TDs together */
	uint64_t wanted_bytes;		      /* what it would have been without a limit */
	uint32_t nr_tds, nr_vcpus, nr_rounds;
	uint32_t threads; /* CPUs used */
	bool is_virtual;  /* seconds are virtual */
	double seconds[WORKLOAD_ROUNDS], total_seconds;
	double boot_longest;	 /* of one TD, from the beginning of its round; s */
	struct pamt_stats peak;	 /* at the verification */
	struct pamt_stats stats; /* with zero TDs */
	struct td_counts counts; /* all TDs ever */
	uint64_t starved;	 /* vCPUs that had to wait for memory; with overcommit */
	uint64_t failures;	 /* TDs not built, vCPUs that failed; with count_failures */
	char failure[256];	 /* the first of these in words */
	uint64_t retries;	 /* ordinary contention */
	uint64_t pamt_busy;	 /* BUSY on a PAMT operand, here or in libpamt */
	uint64_t seamcalls;
	uint64_t findings;	 /* regions found wrong at the peak */
	uint64_t leaked_regions; /* with zero TDs */
	uint64_t leaked_pages;	 /* that td_destroy() had to give up */
	uint64_t over_bound;	 /* bytes held too many, at the worst moment between two rounds */
	uint64_t left_bytes;	 /* with zero TDs: in the pool, or missing in the allocator */
	uint64_t real_memory;	 /* peak of the backing of simulated memory */
	uint64_t steps;		 /* for stop_at */
	uint64_t hash;		 /* in virtual time: over every turn of every CPU */
	uint32_t nr_samples;
	struct workload_sample sample[WORKLOAD_SAMPLES]; /* in order of time */
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
