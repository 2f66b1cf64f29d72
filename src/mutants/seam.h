/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * seam.h - mistakes that a module can make, each a switch that breaks softseam in that way. As with
 * those of libpamt (host.h), seam.diff builds them into copies of its sources.
 */
#ifndef PAMT_MUTANTS_SEAM_H
#define PAMT_MUTANTS_SEAM_H

#include <stdbool.h>

/* Name, and what is done wrong. */
#define SEAM_MUTANT_LIST(X)                                                                    \
	X(FREE_BEFORE_COUNT, "softseam: a page can be had again before its region counts one " \
			     "less")                                                           \
	X(UNWATCHED_LOOK, "softseam: guard mode looks into a pair that goes meanwhile")

#define SEAM_MUTANT_ENUM(name, what) SEAM_MUTANT_##name,
enum seam_mutant { SEAM_MUTANT_LIST(SEAM_MUTANT_ENUM) NR_SEAM_MUTANTS };
#undef SEAM_MUTANT_ENUM

/* Provided by the program that explores: is this the mistake to make now? */
bool seam_mutant(enum seam_mutant mutant);
#define SEAM_MUTANT(name) seam_mutant(SEAM_MUTANT_##name)

#endif
