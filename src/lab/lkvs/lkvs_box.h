/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * lkvs_box.h - between the parts of lkvs.h: the machine of one case, its TDs, the account.
 */
#ifndef PAMT_LAB_LKVS_LKVS_BOX_H
#define PAMT_LAB_LKVS_LKVS_BOX_H

#include "lab/workload/guest_program.h"
#include "lab/workload/ledger.h"
#include "lab/lkvs/lkvs.h"
#include "lab/workload/stand.h"

/* What a TD has mapped in 4K pages from the start, and which of its other regions are split. */
#define LKVS_LOW_4K	 (UINT64_C(64) << 20)
#define LKVS_SPLIT_EVERY 64u
#define LKVS_MAX_VCPUS	 4u

/* Guest 4K pages in one region of physical memory. */
struct lkvs_use {
	uint32_t region;
	uint16_t pages;
};

struct lkvs_td {
	struct td *td; /* NULL: not up */
	uint64_t bytes;
	uint32_t nr_vcpus;
	struct vcpu *vcpu[LKVS_MAX_VCPUS];
	struct guest guest[LKVS_MAX_VCPUS];
	uint64_t splits;    /* regions that the host has split */
	uint32_t first_cpu; /* vCPU v runs on this one and v more */

	/* What lkvs_look() found in the mirror of its S-EPT. */
	struct lkvs_use *use;
	uint32_t nr_use, max_use;
	uint64_t pages_4k, pages_2m, sept_pages;
};

struct lkvs_box {
	const struct lkvs_config *config;
	const struct lkvs_case *c;
	struct lkvs_result *result;
	struct stand stand;
	struct ledger ledger;
	struct lkvs_td td[LKVS_MAX_TDS];
	struct guest *running[LKVS_MAX_TDS * LKVS_MAX_VCPUS]; /* by logical CPU */
	tdx_hpa_t image;				      /* source of the measured pages */
	uint64_t free_at_start;				      /* bytes, with no TD */
	uint64_t vm_bytes;				      /* of the ordinary VM, 0: not up */
	tdx_hpa_t *vm_blocks;
	uint8_t *marks;	  /* by region: what lies in it */
	uint32_t *marked; /* regions that have a mark */
	uint32_t nr_marked;
	uint64_t allocs; /* of a life in which none fails */
	os_a32_t stop;	 /* of the guests */
};

/* The first failure is the one that is told. Any thread; false, so that it can be returned. */
bool lkvs_fail(struct lkvs_box *box, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * lkvs.c: the machine of a case, from config, c and result; false: lkvs_fail() has said why.
 * lkvs_clean_up() in both cases, with no TD up.
 */
bool lkvs_set_up(struct lkvs_box *box);
void lkvs_clean_up(struct lkvs_box *box);
/* TD t created, booted, split and looked at. */
bool lkvs_start_td(struct lkvs_box *box, uint32_t t);

/* lkvs_td.c. False: lkvs_fail() has said why. */
/* Creates TD t and its vCPUs, ready to run. An error of the vmm, 0 if none: nothing is left then.
 */
int lkvs_build(struct lkvs_box *box, uint32_t t);
/* Accepts all its memory, vCPU by vCPU in this thread. Return as lkvs_build(), the TD stays. */
int lkvs_boot(struct lkvs_box *box, uint32_t t);
/* One vCPU of that, in this thread; accept: from the beginning, else only what is to be flipped. */
int lkvs_run_vcpu(struct lkvs_box *box, uint32_t t, uint32_t v, bool accept);
/* Splits its every 64th region. */
int lkvs_split(struct lkvs_box *box, uint32_t t);
bool lkvs_stop_td(struct lkvs_box *box, uint32_t t);
/* Finds out where its pages are. It must not run. */
bool lkvs_look(struct lkvs_box *box, uint32_t t);
enum seam_exit lkvs_guest(void *ctx, struct seam_vcpu *vcpu);

/* lkvs_account.c: nothing runs. */
/*
 * Are all amounts exact? exact_map: the TDs are mapped as they were booted and split. whole: every
 * region of the machine is compared with the module, not only those in use.
 */
bool lkvs_check(struct lkvs_box *box, bool exact_map, bool whole, const char *when);

#endif
