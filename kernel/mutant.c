// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * mutant.c - the one mistake that a build with PAMT_MUTANT= makes on purpose: the self-tests have
 * to notice. No other build has this file.
 */
#include "mutants/host.h"

bool pamt_tiny_chunks(void) { return false; }
bool pamt_mutant(enum pamt_mutant mutant) { return mutant == PAMT_KERNEL_MUTANT; }
