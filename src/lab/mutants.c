// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * mutants.c - the mistakes by name, and the scenarios that must show each of them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <strings.h>

#include "lab/mutants.h"

#define PAMT_MUTANTS 1
#include "host/mutant.h"

#define MUTANT_NAME(name, what) { #name, what },
static const struct {
	const char *name, *what;
} mutants[] = { { "NONE", "nothing is done wrong" }, PAMT_MUTANT_LIST(MUTANT_NAME) };
#undef MUTANT_NAME

/* The host library asks without an argument to find this by. */
static uint64_t now;

void mutants_set(uint64_t bits) { now = bits; }
bool pamt_mutant(enum pamt_mutant mutant) { return now >> mutant & 1; }

unsigned int mutants_nr(void) { return NR_MUTANTS; }
const char *mutant_name(unsigned int number) { return mutants[number].name; }
const char *mutant_what(unsigned int number) { return mutants[number].what; }

bool mutant_find(const char *name, unsigned int *number)
{
	for (unsigned int i = 1; i < NR_MUTANTS; i++)
		if (!strcasecmp(mutants[i].name, name)) {
			*number = i;
			return true;
		}
	return false;
}

static const char *const scenarios[] = {
	"pages=crossed;program=gA aA rA pA/gB aB rB pB",
	NULL,
};

const char *mutant_scenario(unsigned int i)
{
	return i < sizeof(scenarios) / sizeof(scenarios[0]) ? scenarios[i] : NULL;
}
