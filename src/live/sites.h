/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * sites.h - where a kernel executes SEAMCALL: the CALL instructions of its assembler routines.
 *
 * The routines themselves cannot be probed (they are notrace, or noinstr); the instructions that
 * call them can, and the ones behind those, where the results are still in registers.
 */
#ifndef PAMT_LIVE_SITES_H
#define PAMT_LIVE_SITES_H

#include <stddef.h>
#include <stdint.h>

#include "live/kallsyms.h"
#include "live/kcore.h"

#define SITES_MAX 256u
#define SITE_CALL 5u /* bytes of the instruction */

struct site {
	const char *module; /* NULL: the kernel itself */
	const char *symbol; /* of the kallsyms that it was found with */
	uint64_t offset;    /* of the CALL */
};

struct sites {
	unsigned int nr;
	struct site list[SITES_MAX];
};

/* Text of a kernel, the routines that are looked for, and its symbols. */
struct sites_search {
	const uint8_t *text;
	size_t bytes;
	uint64_t at; /* where it begins */
	uint64_t routine[2];
	const struct kallsyms *symbols;
};

/* The places that call one of the routines. Return: -1: more than there is room for. */
int sites_in(const struct sites_search *search, struct sites *sites, struct why *why);
/*
 * sites_find - the places of the running kernel, or of a module, that call one of two of its own
 * routines; added to what is there.
 * Return: -1: there are none, or more than there is room for, or the text cannot be read.
 */
int sites_find(const struct kallsyms *symbols, const char *const routine[2],
	       const struct kcore *kcore, struct sites *sites, struct why *why);

#endif
