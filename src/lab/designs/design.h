/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * design.h - one interface for every way to keep regions backed, so that each can run the same TDs
 * in the same vmm, and be explored by the same lab.
 *
 * What a design does is its struct vmm_backing, the table that the vmm calls (vmm/backing.h); the
 * rest is how it is made, and how the lab looks at it. A design allocates through os only; its
 * failures are its own: the lab judges by what the module says.
 */
#ifndef PAMT_LAB_DESIGN_H
#define PAMT_LAB_DESIGN_H

#include "lab/designs/module.h"
#include "vmm/backing.h"

/* What a design is made on. */
struct design_env {
	const struct os_services *os;
	struct pamt_host *host; /* brought up; for ours */
	tdx_hpa_t ram;
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

struct design_state {
	const struct design *design;
	const struct design_env *env;
	const struct os_services *os;
};

struct design {
	const char *name;
	const char *summary; /* one line */
	const char *follows; /* which mail it re-creates; NULL: ours */
	bool is_static;	     /* the module is to be brought up without Dynamic PAMT */
	/*
	 * It finds out from the module's answers what is to be done, so that an answer other than
	 * success to PAMT.ADD, PAMT.REMOVE or a call of its own is no mistake yet.
	 */
	bool asks_module;

	/* Its state begins with struct design_state; the rest is zero at first. */
	size_t state_bytes;
	/* Return: 0 or -errno. Optional, both. */
	int (*begin)(void *state);
	void (*end)(void *state);
	const struct vmm_backing *backing;

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

/* Return: 0 or -errno. *state, if there is one, is to be destroyed in any case. Not in a run. */
int design_create(const struct design *design, const struct design_env *env, void **state);
/* Everything back to the OS. */
void design_destroy(void *state);

/* What the functions of its backing are given: libpamt's the host, others the design's state. */
static inline void *design_backing_state(const struct design *design, const struct design_env *env,
					 void *state)
{
	return design->backing == &vmm_libpamt ? env->host : state;
}

/* All of them, in the order in which they are listed and compared. */
#define DESIGN_LIST(X)              \
	X(ours)                     \
	X(merged)                   \
	X(merged_demote_locked)     \
	X(merged_demote_optimistic) \
	X(v6)                       \
	X(per_region)               \
	X(static)                   \
	X(lazy)                     \
	X(rfc)                      \
	X(ctor)                     \
	X(hook)
#define DESIGN_DECLARED(name) extern const struct design design_##name;
DESIGN_LIST(DESIGN_DECLARED)
#undef DESIGN_DECLARED

/* NULL-terminated; ours first. */
extern const struct design *const designs[];
/* NULL if there is none of that name. */
const struct design *design_find(const char *name);
/* "ours, merged, ...": all names. */
const char *design_names(char *text, size_t size);
/* In the order of designs; NULL at the end. */
const char *design_name_at(unsigned int i);

#endif
