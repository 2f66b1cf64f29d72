/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * kallsyms.h - symbols of the kernel, or of a module, from the text of /proc/kallsyms.
 */
#ifndef PAMT_LIVE_KALLSYMS_H
#define PAMT_LIVE_KALLSYMS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "live/why.h"

struct symbol {
	uint64_t at; /* virtual address */
	char *name;
};

struct kallsyms {
	const char *module; /* NULL: the kernel itself */
	size_t nr;
	struct symbol *list; /* by address */
};

/*
 * Those of the kernel itself, or the functions of a module, which are none where it is not loaded.
 * Return: 0, to be freed; -1: a line that is none, addresses that are hidden, no memory.
 */
int kallsyms_read(FILE *file, const char *module, struct kallsyms *all, struct why *why);
void kallsyms_free(struct kallsyms *all);
/* 0: there is none of that name. */
uint64_t kallsyms_find(const struct kallsyms *all, const char *name);
/* The last one at or below an address; NULL: none. */
const struct symbol *kallsyms_at(const struct kallsyms *all, uint64_t address);

#endif
