/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * mutants.h - the mistakes of src/mutants/host.h and seam.h, and the setups in which each
 * must be found.
 */
#ifndef PAMT_LAB_EXPLORE_MUTANTS_H
#define PAMT_LAB_EXPLORE_MUTANTS_H

#include "lab/explore/trial.h"

/* Numbers are those of enum pamt_mutant, then those of enum seam_mutant; 0 is none. */
unsigned int mutants_nr(void);
/* "T5", the number of the trap that it falls into, or words with dashes. */
#define MUTANT_NAME_BYTES 32
const char *mutant_name(unsigned int number, char text[MUTANT_NAME_BYTES]);
/* What is done wrong, one line. */
const char *mutant_what(unsigned int number);
/* The mistakes that are made from now on, one bit each; none at first. */
void mutants_set(uint64_t bits);
/* The pool of the host library is tiny from now on, or as usual. */
void mutants_tiny_chunks(bool tiny);
/* By name, any case. */
bool mutant_find(const char *name, unsigned int *number);

/*
 * The suite in which all mutants must be found, and in which the library without any must not
 * fail: setups as setup_parse() takes them, each with its preemption bound. The i-th; NULL
 * at the end.
 */
struct mutant_setup {
	uint32_t bound;
	const char *text;
};
const struct mutant_setup *mutant_setup(unsigned int i);

#endif
