/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * design.h - one interface for every way to keep regions backed, so that each can run the same
 * workloads and be explored by the same lab.
 *
 * Contracts are those of pamt/host.h under the same names. A design allocates through os only;
 * its failures are its own: the lab judges by what the module says.
 */
#ifndef PAMT_LAB_DESIGN_H
#define PAMT_LAB_DESIGN_H

#include <pamt/host.h>

#include "lab/module.h"

/* What a design is made on. */
struct design_env {
	const struct os_services *os;
	struct pamt_host *host; /* brought up; for ours */
	hpa_t ram;
	uint64_t ram_bytes;
	/* A look at the module's 2M entries, for check(). */
	const struct lab_module *module;
	/* The regions that the run is about; check() looks at these. */
	uint32_t nr_regions;
	region_t region[8];
	/* Ours: pairs kept installed although nobody uses them. */
	uint32_t idle_limit;
	/* What the run does on purpose: puts that nothing answers to, calls that are made to fail.
	 */
	uint32_t strays;
	bool may_lose;
};

/* Pages drawn ahead, for contexts that may not sleep. The owner knows what they are good for. */
struct design_cache {
	struct pamt_cache pages;
};

struct design {
	const char *name;
	const char *summary; /* one line */
	const char *follows; /* which mail it re-creates; NULL: ours */
	/* Return: 0 or -errno; *state is the design's. Not in a run. */
	int (*create)(const struct design_env *env, void **state);
	/* Everything back to the OS. */
	void (*destroy)(void *state);

	int (*topup)(void *state, struct design_cache *cache, uint32_t control, uint32_t pairs);
	void (*cache_free)(void *state, struct design_cache *cache);
	int (*get)(void *state, pfn_t page, struct design_cache *cache);
	void (*put)(void *state, pfn_t page);
	int (*alloc_page)(void *state, struct design_cache *cache, hpa_t *page);
	void (*free_page)(void *state, hpa_t page);

	/* As pamt_map_2m(), pamt_remove_2m() and so on; the SEAMCALL is made by them. */
	int (*map_2m)(void *state, pfn_t first, struct tdx_regs *call);
	int (*remove_2m)(void *state, pfn_t first, struct tdx_regs *call);
	void (*release_2m)(void *state, pfn_t first);
	int (*split)(void *state, pfn_t first, struct tdx_regs *call, struct design_cache *cache);
	int (*merge)(void *state, pfn_t first, struct tdx_regs *call);
	/* Optional: pamt_shrink(); pamt_verify() over env->region. */
	void (*shrink)(void *state, uint64_t pages);
	int64_t (*verify)(void *state);

	/*
	 * Between two steps: the invariant of the design, over env->region. NULL, or what is
	 * broken. Must not use atomics of os.h: it is no step.
	 */
	const char *(*check)(void *state);
	/* With nobody using anything: NULL, or what is left over. */
	const char *(*check_end)(void *state);
	/* Before a SEAMCALL on the current CPU: NULL, or the rule that it breaks. May be NULL. */
	const char *(*check_call)(void *state, const struct tdx_regs *regs);
	/* What the design keeps at an address, in words; false: nothing. May be NULL. */
	bool (*name_of)(void *state, const void *addr, char text[64]);
};

extern const struct design design_ours, design_merged, design_v6, design_per_region;

/* NULL-terminated. */
extern const struct design *const designs[];
/* NULL if there is none of that name. */
const struct design *design_find(const char *name);

#endif
