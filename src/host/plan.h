/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * plan.h - from a memory map to what SYS.CONFIG is given: TDMRs, PAMT chunks, reserved areas.
 *
 * A plan is made in four steps, each of which may fail and none of which talks to the module:
 *
 *   plan_memory     which memory is TDX memory: usable, above 1 MiB, inside a CMR
 *   plan_tdmrs      that memory rounded out to 1 GiB blocks
 *   plan_pamt       one contiguous chunk of PAMT for each TDMR, taken from the OS
 *   plan_reserved   what of each TDMR TDs cannot have: holes and PAMT chunks
 *
 * The unit between the steps is the blocked list: spans of the whole address space, ascending,
 * not touching, in which no TD page may lie. A TDMR's reserved areas are the blocked list clipped
 * to the TDMR, so adjacent areas are merged by construction. After bring-up the list stays: it is
 * what an address is looked up in when its region is not TDX memory throughout.
 */
#ifndef PAMT_HOST_PLAN_H
#define PAMT_HOST_PLAN_H

#include <pamt/host.h>

/* Firmware and real-mode code keep using the first MiB, whatever the memory map says of it. */
#define LOW_MEMORY (UINT64_C(1) << 20)

/* Bytes, end exclusive. */
struct span {
	uint64_t base, end;
};

struct memory_range {
	uint64_t base, end;
	uint32_t node;
};

/* What the module says of itself and of the platform, as far as PAMT is concerned. */
struct module_info {
	uint64_t features0;
	uint32_t max_tdmrs, max_reserved;
	uint32_t entry_4k, entry_2m, entry_1g; /* bytes of one PAMT entry */
	uint32_t bitmap_bits;		       /* per 4K page; 0 without Dynamic PAMT */
	uint32_t nr_cmrs;		       /* touching CMRs joined, empty ones dropped */
	struct span cmr[TDX_MAX_CMRS];
};

struct plan {
	const struct os_services *os;
	const struct pamt_host_config *config;
	const struct module_info *module;
	struct pamt_error *error;
	struct pamt_layout *layout;

	struct memory_range *memory; /* TDX memory, ascending */
	uint32_t nr_memory;
	struct span *blocked;
	uint32_t nr_blocked, max_blocked;
	struct span *given_up; /* usable fragments that became part of a reserved area */
	uint32_t nr_given_up;
	uint32_t node[TDX_MAX_TDMRS]; /* of each TDMR */
	bool configured;	      /* the module may have written the PAMT chunks */
};

/* The limits of the module this library was written for; what pamt_plan() assumes. */
void module_info_defaults(struct module_info *module);
/* CMRs as the platform lists them. Return: 0, -OS_EINVAL if not ascending or out of range. */
PAMT_MUST_CHECK int module_info_set_cmrs(struct module_info *module, const struct tdx_cmr *cmrs,
					 uint32_t nr);

PAMT_MUST_CHECK int plan_memory(struct plan *p);
PAMT_MUST_CHECK int plan_tdmrs(struct plan *p);
PAMT_MUST_CHECK int plan_pamt(struct plan *p);
PAMT_MUST_CHECK int plan_reserved(struct plan *p);
/*
 * Do the region words of holes between TDMRs cost next to nothing (a sixteenth at most)? Then the
 * table has them as well, and finding a word is one comparison.
 */
#define REGION_WORD_BYTES 2u
/* A block of the table (state.h), and the address space that it stands for. */
#define REGION_BLOCK_BYTES (UINT64_C(128) << 10)
#define REGION_BLOCK_SPAN  (REGION_BLOCK_BYTES / REGION_WORD_BYTES * TDX_2M_SIZE)
bool plan_table_is_whole(const struct pamt_layout *l);
/* Gives the PAMT chunks back to the OS, scrubbed if the module may have had them. */
void plan_free_pamt(struct plan *p);
/* Frees the lists. Both leave the layout as it is and may be called at any time. */
void plan_free_lists(struct plan *p);

/* Records what went wrong and returns error. */
static inline int plan_fail(struct plan *p, enum pamt_step step, int error, struct span at,
			    const char *reason)
{
	*p->error = (struct pamt_error){ .step = step,
					 .error = error,
					 .base = at.end ? hpa(at.base) : HPA_NONE,
					 .bytes = at.end - at.base,
					 .reason = reason };
	return error;
}

/* The blocked list: reserved.c. */
uint32_t span_find(const struct span *spans, uint32_t nr, uint64_t at);
bool span_overlaps(const struct span *spans, uint32_t nr, struct span with);
PAMT_MUST_CHECK int blocked_create(struct plan *p);
void blocked_insert(struct plan *p, struct span added);
uint32_t blocked_count(const struct plan *p, struct span within);

static inline uint64_t align_down(uint64_t v, uint64_t to) { return v & ~(to - 1); }
static inline uint64_t align_up(uint64_t v, uint64_t to) { return (v + to - 1) & ~(to - 1); }
static inline uint64_t min64(uint64_t a, uint64_t b) { return a < b ? a : b; }
static inline uint64_t max64(uint64_t a, uint64_t b) { return a > b ? a : b; }

static inline struct span tdmr_span(const struct pamt_tdmr *t)
{
	return (struct span){ t->base.v, t->base.v + t->bytes };
}

static inline uint64_t tdmr_pamt_bytes(const struct pamt_tdmr *t)
{
	return t->pamt_4k_bytes + t->pamt_2m_bytes + t->pamt_1g_bytes;
}

#endif
