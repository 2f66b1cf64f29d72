// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * mutants.c - the mistakes by name, and the setups that must show each of them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lab/explore/mutants.h"

#include "mutants/host.h"
#include "mutants/seam.h"

#define MUTANT_NAME(name, what) { #name, what },
static const struct {
	const char *name, *what;
} mutants[] = { { "NONE", "nothing is done wrong" },
		PAMT_MUTANT_LIST(MUTANT_NAME) SEAM_MUTANT_LIST(MUTANT_NAME) };
#undef MUTANT_NAME

/* Host library and module ask without an argument to find this by. */
static uint64_t now;
static bool tiny_chunks;

void mutants_set(uint64_t bits) { now = bits; }
bool pamt_mutant(enum pamt_mutant mutant) { return now >> mutant & 1; }
bool seam_mutant(enum seam_mutant mutant) { return now >> (NR_MUTANTS + mutant) & 1; }
void mutants_tiny_chunks(bool tiny) { tiny_chunks = tiny; }
bool pamt_tiny_chunks(void) { return tiny_chunks; }

unsigned int mutants_nr(void) { return NR_MUTANTS + NR_SEAM_MUTANTS; }

const char *mutant_name(unsigned int number, char text[MUTANT_NAME_BYTES])
{
	const char *what = mutants[number].what, *colon = strchr(what, ':');
	size_t at = 0;

	/* "T5: ...": known by the number of the trap. */
	if (what[0] == 'T' && colon && colon - what < 4) {
		snprintf(text, MUTANT_NAME_BYTES, "%.*s", (int)(colon - what), what);
		return text;
	}
	for (const char *c = mutants[number].name; *c && at < MUTANT_NAME_BYTES - 1; c++)
		text[at++] = *c == '_' ? '-' : (char)(*c | 0x20);
	text[at] = 0;
	return text;
}

const char *mutant_what(unsigned int number) { return mutants[number].what; }

bool mutant_find(const char *name, unsigned int *number)
{
	char text[MUTANT_NAME_BYTES];

	for (unsigned int i = 1; i < mutants_nr(); i++)
		if (!strcasecmp(mutant_name(i, text), name)) {
			*number = i;
			return true;
		}
	return false;
}

/*
 * Small ones, on the model, that together use every path a mistake can hide in. Calls made to fail
 * are numbered from the first of their leaf: where pages are crossed, the first PAMT.ADD backs the
 * pool's own chunk, the second the region that was asked for.
 */
#define SUITE "module=model;"
#define TINY  SUITE "chunks=tiny;"
static const struct mutant_setup setups[] = {
	/* Edges of one region, and of two whose pairs lie in each other. */
	{ 2, SUITE "program=gA aA rA pA/gA aA rA pA" },
	{ 2, SUITE "program=gA pA gA/gB pB gB" },
	{ 2, SUITE "program=gA aA gB/gB aB gA" },
	/* A user more, and one who was never there. */
	{ 1, SUITE "program=xA gA aA/gB pB" },
	{ 1, SUITE "program=gA aA xA k" },
	/* Calls that fail. */
	{ 1, SUITE "fault=PHYMEM.PAMT.ADD:2:HPA_RANGE_NOT_FREE;program=gA aA/gA aA" },
	{ 1, SUITE "fault=PHYMEM.PAMT.ADD:2:OPERAND_BUSY;program=gA aA/gA aA" },
	{ 1, SUITE "fault=PHYMEM.PAMT.REMOVE:1:SYS_NOT_READY;program=gA pA gA/gB" },
	{ 1, SUITE "fault=PHYMEM.PAMT.REMOVE:1:OPERAND_BUSY;program=gA pA gA/gB" },
	{ 1, SUITE "fault=PHYMEM.PAMT.REMOVE:1:NO_PAMT_PAGE_PAIR:done;program=gA pA gA/gB" },
	{ 0, SUITE "fault=MEM.PAGE.AUG:1:OPERAND_BUSY;program=gA aA pA" },
	/* Allocations that fail. */
	{ 1, SUITE "fault=alloc:1;program=gA aA/gB aB" },
	{ 1, SUITE "fault=alloc:2;program=gA aA/gB aB" },
	{ 1, SUITE "fault=alloc:3;program=gA aA/gB aB" },
	{ 1, SUITE "fault=alloc:4;program=gA aA/gB aB" },
	/* The first chunk has 14 pages to give: the pair's second page is one too many. */
	{ 0, SUITE "fault=alloc:3;program=c c c c c c c c c c c c c gA" },
	/* 2M pages, whole and in pieces. */
	{ 2, SUITE "pages=apart;program=MA UA/gA aA" },
	{ 2, SUITE "pages=apart;program=MA SA JA/gA aA rA pA" },
	/* The host looks at itself. */
	{ 1, SUITE "pages=apart;program=v/gA pA" },
	/* The pool: a chunk leaves while its memory is used again, or finds its region backed. */
	{ 1, TINY "program=gA t pA e/MA" },
	{ 1, TINY "regions=3;cached=yes;program=t e/gA" },
	{ 0, SUITE "pages=apart;idle=1;program=gA pA MA" },
	/* A page of a full region goes while somebody else tries to have it. */
	{ 1, "module=softseam;pages=apart;program=MA SA wA/zA" },
	/* The host writes into a page of its own while the region's pair goes. */
	{ 2, "module=softseam;pages=apart;program=gA pA/hA" },
	/* Puts from softirqs. */
	{ 2, SUITE "program=gA gA qA/gA pA" },
	/* A chunk is stripped as it comes. The longest, so the last: what else is wrong is found
	   before. */
	{ 2, TINY "regions=1;program=t e/c c" },
};

const struct mutant_setup *mutant_setup(unsigned int i)
{
	return i < sizeof(setups) / sizeof(setups[0]) ? &setups[i] : NULL;
}
