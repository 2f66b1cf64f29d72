/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * mutant.h - mistakes that a module can make, each a switch that breaks this one in that way.
 *
 * As those of the host library (src/host/mutant.h), which this floor does not know: they show that
 * the race exploration would find them, and are the constant false in every build but the one that
 * defines PAMT_MUTANTS.
 */
#ifndef PAMT_SEAM_MUTANT_H
#define PAMT_SEAM_MUTANT_H

#include <stdbool.h>

/* Name, and what is done wrong. */
#define SEAM_MUTANT_LIST(X)                                                                    \
	X(FREE_BEFORE_COUNT, "softseam: a page can be had again before its region counts one " \
			     "less")                                                           \
	X(UNWATCHED_LOOK, "softseam: guard mode looks into a pair that goes meanwhile")

#define SEAM_MUTANT_ENUM(name, what) SEAM_MUTANT_##name,
enum seam_mutant { SEAM_MUTANT_LIST(SEAM_MUTANT_ENUM) NR_SEAM_MUTANTS };
#undef SEAM_MUTANT_ENUM

#ifdef PAMT_MUTANTS
/* Provided by the program that explores: is this the mistake to make now? */
bool seam_mutant(enum seam_mutant mutant);
#define SEAM_MUTANT(name) seam_mutant(SEAM_MUTANT_##name)
#else
#define SEAM_MUTANT(name) false
#endif

#endif
