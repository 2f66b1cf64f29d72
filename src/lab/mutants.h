/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * mutants.h - the mistakes of src/host/mutant.h, and the scenarios in which each must be found.
 */
#ifndef PAMT_LAB_MUTANTS_H
#define PAMT_LAB_MUTANTS_H

#include "lab/trial.h"

/* Numbers are those of enum pamt_mutant; 0 is none. */
unsigned int mutants_nr(void);
const char *mutant_name(unsigned int number);
/* What is done wrong, one line. */
const char *mutant_what(unsigned int number);
/* The mistakes that the host library makes from now on, one bit each; none at first. */
void mutants_set(uint64_t bits);
/* By name, any case. */
bool mutant_find(const char *name, unsigned int *number);

/*
 * The i-th scenario of the suite in which all mutants must be found, and in which the library
 * without any must not fail; NULL at the end. Text as scenario_parse() takes it.
 */
const char *mutant_scenario(unsigned int i);

#endif
