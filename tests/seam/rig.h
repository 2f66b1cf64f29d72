/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * rig.h - a software module on simulated memory, brought up, for the tests of src/seam.
 *
 * One TDMR at RIG_BASE with its metadata below it; pages for control structures, pairs and guests
 * are taken from the TDMR's front by rig_page() and rig_region().
 */
#ifndef TESTS_SEAM_RIG_H
#define TESTS_SEAM_RIG_H

#include <pamt/seam.h>

#include "machine/bare.h"
#include "seam/debug.h"

#define RIG_BASE   UINT64_C(0x100000000)
#define RIG_PAMT   UINT64_C(0x40000000)
#define RIG_GLOBAL 0x20 /* the global KeyID; TDs take the next ones */

struct rig_td;

struct rig {
	struct bare bare;
	struct seam_config config;
	struct memory *memory;
	struct seam *seam;
	struct seam_fatal fatal; /* as on_fatal was told */
	uint32_t nr_fatal;
	bool dynamic;
	uint64_t attributes;		  /* of TDs */
	void (*created)(struct rig *rig); /* the module is there, no call was made; or NULL */
	/* Every rig_ok() call fails first, once at each occasion for this kind of fault. */
	bool sweep;
	enum seam_fault fault;
	uint64_t nr_faults;
	uint64_t added[16]; /* regions that were given their pair */
	uint32_t nr_added;
	struct rig_td *td; /* the last one created */
	uint64_t next_page, next_region, end;
	uint16_t next_hkid;
};

/* A configuration to change before rig_start(): 46 bits, 4 LPs, 1 package, 4 GB. */
void rig_init(struct rig *rig, bool dynamic, uint64_t gigabytes);
/* Up to SYS_STATE = READY, all of the TDMR initialised. Fails the test if that fails. */
void rig_start(struct rig *rig);
void rig_stop(struct rig *rig);

/* One call on an LP, which must succeed; or any call, its status. */
void rig_ok(struct rig *rig, uint32_t lp, struct tdx_regs *regs);
uint64_t rig_call(struct rig *rig, uint32_t lp, struct tdx_regs *regs);
#define RIG_CALL(rig, lp, ...) rig_call(rig, lp, &(struct tdx_regs){ __VA_ARGS__ })
#define RIG_OK(rig, lp, ...)   rig_ok(rig, lp, &(struct tdx_regs){ __VA_ARGS__ })

/* A 4K page in a region that has a pair (dynamic); a 2M region that has none. */
uint64_t rig_page(struct rig *rig);
uint64_t rig_region(struct rig *rig);
/* Gives a region its pair. */
void rig_add(struct rig *rig, uint64_t region);

/*
 * All that a failed call must leave alone, as one number: the module's own state, PAMT, bitmap,
 * pairs, the last TD's TDR, TDCS, first vCPU and S-EPT. Not the host priority that a failed try may
 * leave in a lock.
 */
uint64_t rig_hash(struct rig *rig);
/* Occasions of a kind since the plan of faults was set. */
uint64_t rig_occasions(const struct rig *rig, enum seam_fault fault);

/* The metadata: type and page count of an entry. */
enum tdx_page_type rig_type(struct rig *rig, uint64_t pa, unsigned int level);
uint32_t rig_count(struct rig *rig, uint64_t region);

/* A TD with nr_vcpus vCPUs, RUNNABLE, its S-EPT linked down to 2M entries for the first GB. */
#define RIG_MAX_VCPUS 4
struct rig_td {
	uint64_t tdr;
	uint64_t tdvpr[RIG_MAX_VCPUS];
	uint32_t nr_pages;
	uint64_t page[64]; /* all its control pages, in the order in which they were added */
};
/* Up to and including MNG.INIT; vcpus up to VP.INIT on LP 0. */
void rig_td_create(struct rig *rig, struct rig_td *td, uint32_t nr_vcpus);
void rig_td_finalize(struct rig *rig, struct rig_td *td);
/* Links an S-EPT page for the range of that level at gpa. */
void rig_sept_add(struct rig *rig, struct rig_td *td, uint64_t gpa, uint32_t level);
/* Flush, free the KeyID, reclaim: guest pages must be gone. */
void rig_td_destroy(struct rig *rig, struct rig_td *td);

#endif
