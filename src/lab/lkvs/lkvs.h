/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * lkvs.h - the Dynamic PAMT cases of the public test suite intel/lkvs, on a simulated machine.
 *
 * A case is rounds of: start TDs of given sizes, one after the other, and maybe an ordinary VM;
 * stop them in the same order, the VM last. The suite looks at one field, the bytes of dynamic PAMT
 * in use: it must be more than 0 while a TD is up and 0 when none is. Here each TD touches all its
 * memory, the first 64 MB in 4K pages and the rest in 2M, and the host splits every 64th region;
 * and after each start and each stop the amounts must be exact (lkvs_account.c says how).
 *
 * Every case has a machine of its own, freshly brought up.
 */
#ifndef PAMT_LAB_LKVS_LKVS_H
#define PAMT_LAB_LKVS_LKVS_H

#include <signal.h>

#include <pamt/os.h>

#include "machine/map.h"

#define LKVS_CASES     14u /* the suite's own, 0 to 13 */
#define LKVS_ALL_CASES 18u /* with the variants */
#define LKVS_MAX_TDS   5u

enum lkvs_kind {
	LKVS_MODULE, /* no TD: the module is up */
	LKVS_FIELD,  /* no TD: Dynamic PAMT is on, and the field 0 */
	LKVS_TDS,    /* as above */
	/* The variants. */
	LKVS_TOGETHER,	/* the TDs are booted and torn down at once, on threads of their own */
	LKVS_FLIPS,	/* guests make their memory shared and private again all the while */
	LKVS_NO_MEMORY, /* a TD, again and again, and each time another allocation fails */
};

struct lkvs_case {
	uint32_t nr;
	const char *what;
	enum lkvs_kind kind;
	uint32_t rounds;
	uint32_t nr_tds;
	uint32_t gb[LKVS_MAX_TDS];
	uint32_t vcpus; /* of each TD */
	bool vm;	/* an ordinary VM beside the TDs */
};

struct lkvs_result {
	bool passed;
	bool stopped;	/* on request, before it was through */
	uint64_t steps; /* TDs and VMs started and stopped, checks made */
	double seconds;
	uint64_t field_peak; /* bytes of page pairs in use */
	uint64_t os_peak;    /* bytes that libpamt took from the system, control pages included */
	char error[256];     /* why it did not pass: where, and what was found */
};

struct lkvs_config {
	const struct machine_map *map;
	const volatile sig_atomic_t *stop; /* becomes not 0: end early */
	/* Called by each case as it goes, in its thread: rounds done. May be NULL. */
	void (*progress)(void *arg, uint32_t nr, uint32_t rounds);
	void *arg;
};

/* NULL: there is no such case. */
const struct lkvs_case *lkvs_case(uint32_t nr);
/* One case, in the calling thread (and, for some variants, in others that it starts). */
void lkvs_run(const struct lkvs_config *config, const struct lkvs_case *c,
	      struct lkvs_result *result);

#endif
