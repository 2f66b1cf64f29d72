/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * program.h - what each CPU of an explored system does: a few operations, written as text.
 *
 *     gA aA rA pA / gB q     CPU 0: get, AUG, REMOVE, put in region A; CPU 1: get in B, ...
 *
 * One letter for the operation, one for the region. A CPU works on pages of its own: get takes
 * its next page of the region, AUG, REMOVE and put the last that is there to take.
 */
#ifndef PAMT_LAB_EXPLORE_PROGRAM_H
#define PAMT_LAB_EXPLORE_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#define PROGRAM_MAX_CPUS    8
#define PROGRAM_MAX_OPS	    16
#define PROGRAM_MAX_REGIONS 8
#define PROGRAM_TEXT	    512 /* bytes that are enough for any */

enum op_kind {
	OP_GET,	    /* g: the region is to be backed */
	OP_AUG,	    /* a: MEM.PAGE.AUG of the page got last */
	OP_REMOVE,  /* r: MEM.PAGE.REMOVE of it */
	OP_PUT,	    /* p: it is no TD's any more */
	OP_SOFTPUT, /* q: the same, from a softirq */
	OP_MAP_2M,  /* M: the region as one guest page */
	OP_UNMAP,   /* U: and no longer */
	OP_SPLIT,   /* S: DEMOTE */
	OP_MERGE,   /* J: PROMOTE */
	OP_TAKE,    /* c: a control page, given to the module */
	OP_GIVE,    /* f: reclaimed and given back */
	OP_TOPUP,   /* t: the CPU's cache is filled */
	OP_EMPTY,   /* e: and given back */
	OP_SHRINK,  /* k: the host gives memory back */
	OP_VERIFY,  /* v: the host compares itself with the module */
	OP_REMAP,   /* w: a 4K page of the split region removed and mapped again */
	OP_STEAL,   /* z: AUG of that page, which is another's */
	OP_STRAY,   /* x: a put that nothing answers to */
	OP_TOUCH,   /* h: the host writes into a page of its own, under softseam's guard mode */
	OP_KINDS,
};

struct op {
	enum op_kind kind;
	uint32_t region;
};

struct program {
	uint32_t nr_cpus;
	uint32_t nr_ops[PROGRAM_MAX_CPUS];
	struct op op[PROGRAM_MAX_CPUS][PROGRAM_MAX_OPS];
};

/* The operation's name, as it is printed: "get". */
const char *op_name(enum op_kind kind);
/* Does the operation name a region? */
bool op_has_region(enum op_kind kind);

/* False: not a program; *why says what is wrong, one line. */
bool program_parse(const char *text, struct program *program, const char **why);
const char *program_print(const struct program *program, char text[PROGRAM_TEXT]);

/* A set of kinds, by their letters ("garp"). False: one of them is not a kind. */
bool program_kinds(const char *letters, uint32_t *kinds);

/*
 * All programs of nr_cpus with nr_ops operations each, or with in_all of them together and at least
 * one each, out of a set of kinds, in which every operation has something to work on, without those
 * that differ only in the names of CPUs and regions, and without those that give memory to two (a
 * region is mapped as 2M by one CPU and another gets a page of it: program.c). Calls each for one
 * after the other, in an order that never changes; stops when it returns false. Returns how many
 * there were.
 */
struct program_size {
	uint32_t nr_cpus, nr_regions;
	uint32_t nr_ops; /* of each CPU; 0: in_all says how many */
	uint32_t in_all;
	uint32_t kinds;
};
uint64_t program_enumerate(const struct program_size *size,
			   bool (*each)(void *ctx, const struct program *program), void *ctx);

/* The i-th random program of that size, nr_ops given; depends on nothing but the arguments. */
void program_random(uint64_t seed, uint64_t i, const struct program_size *size,
		    struct program *program);

#endif
