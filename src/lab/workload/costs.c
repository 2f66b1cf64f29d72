// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * costs.c - reads costs.txt: names and numbers; the rest of a line is for people.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pamt/tdx.h>

#include "lab/workload/costs.h"

static const char costs_file[] =
#include "lab/costs_text.h"
	;

#define COST(name)                                  \
	{                                           \
#name, offsetof(struct costs, name) \
	}
static const struct {
	const char *name;
	size_t offset;
} fields[] = {
	COST(cached),	COST(transfer),	   COST(page_alloc), COST(page_clear), COST(seamcall),
	COST(pamt_add), COST(pamt_remove), COST(think),	     COST(relax),
};
#define NR_FIELDS (sizeof(fields) / sizeof(fields[0]))

static void read_line(const char *line, struct costs *costs, unsigned int *found)
{
	char name[32];
	unsigned long long value;

	if (*line == '#' || *line == '\n' || sscanf(line, "%31s %llu", name, &value) != 2)
		return;
	for (size_t i = 0; i < NR_FIELDS; i++)
		if (!strcmp(fields[i].name, name)) {
			*(uint64_t *)(void *)((char *)costs + fields[i].offset) = value;
			++*found;
			return;
		}
	fprintf(stderr, "pamt-lab: costs.txt: nothing is called %s\n", name);
	abort();
}

const struct costs *costs_table(void)
{
	static struct costs costs;
	static unsigned int found;

	if (found)
		return &costs;
	for (const char *line = costs_file; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		read_line(line, &costs, &found);
	}
	if (found != NR_FIELDS) {
		fprintf(stderr, "pamt-lab: costs.txt has %u of %zu values\n", found, NR_FIELDS);
		abort();
	}
	return &costs;
}

const char *costs_text(void) { return costs_file; }

uint64_t costs_of_leaf(uint32_t leaf)
{
	const struct costs *costs = costs_table();

	switch (leaf) {
	case TDH_PHYMEM_PAMT_ADD:
		return costs->pamt_add;
	case TDH_PHYMEM_PAMT_REMOVE:
		return costs->pamt_remove;
	default:
		return costs->seamcall;
	}
}
