// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * compare_matrix.c - the cells of `pamt compare --matrix`: loads that nobody chose because a design
 * does well on them. Every scenario that is shipped, and three loads on every kind of machine.
 *
 * The three loads fault all memory of all TDs in once and take it down again:
 *
 *   linear   from the bottom to the top
 *   random   in no order
 *   edges    every single page from a region of its own, so that each get finds its region unused
 *            and each put is the last one
 *
 * Small TDs have one vCPU and 4K pages, middle ones 8 and half of their memory in 2M pages, large
 * ones 64 and nine tenths in 2M pages; there are as many as the machine has CPUs for, 16 at most,
 * with more vCPUs if need be. Memory is
 * scaled (scenario_scale()), so that a cell takes about a second; a region for each vCPU stays.
 *
 * The machine has 256 GB: one socket with 8 or 64 CPUs, two with 256, each with half of the memory.
 *
 * Each is there twice, with CPUs' lists of single pages as Linux fills them and with fixed batches
 * (port/stage/page_lists.h), but for what is scattered, where that makes no difference.
 */
#include <stdio.h>
#include <string.h>

#include "lab/compare/compare.h"

static const struct load {
	const char *name;
	enum scenario_touch touch;
	bool scattered;
} loads[] = {
	{ "linear", SCENARIO_LINEAR, false },
	{ "edges", SCENARIO_LINEAR, true },
	{ "random", SCENARIO_RANDOM, false },
};
static const struct age {
	const char *name;
	uint32_t percent;
} ages[] = { { "unaged", 0 }, { "aged-30", 30 }, { "aged-90", 90 } };
static const uint32_t cpus[] = { 8, 64, 256 };
static const struct size {
	const char *name;
	uint64_t bytes;
	uint32_t vcpus, percent_4k;
} sizes[] = {
	{ "64M", UINT64_C(64) << 20, 1, 100 },
	{ "1G", UINT64_C(1) << 30, 8, 50 },
	{ "16G", UINT64_C(16) << 30, 64, 10 },
};

/* A socket has no more; its memory is a node. */
#define SOCKET_CPUS 128u

/* No more TDs than that: a machine has 31 KeyIDs or so. */
#define MAX_TDS 16u

#define NR(array)    ((uint32_t)(sizeof(array) / sizeof((array)[0])))
#define NR_GENERATED (NR(loads) * NR(ages) * NR(cpus) * NR(sizes))

static uint32_t nr_shipped(void)
{
	const char *name;
	uint32_t nr = 0;

	while (scenario_shipped(nr, &name))
		nr++;
	return nr;
}

uint32_t matrix_nr_cells(void) { return 2 * (nr_shipped() + NR_GENERATED); }

static void generate(uint32_t i, struct scenario *s)
{
	const struct size *size = &sizes[i % NR(sizes)];
	uint32_t nr_cpus = cpus[i / NR(sizes) % NR(cpus)];
	const struct age *age = &ages[i / NR(sizes) / NR(cpus) % NR(ages)];
	const struct load *load = &loads[i / NR(sizes) / NR(cpus) / NR(ages)];
	struct scenario_group *group = &s->group[0];

	scenario_defaults(s);
	scenario_group_defaults(group);
	snprintf(s->name, sizeof(s->name), "%s, %s, %u CPUs, %s", load->name, age->name, nr_cpus,
		 size->name);
	snprintf(s->machine, sizeof(s->machine), "256G");
	s->cpus = nr_cpus;
	s->packages = s->nodes = nr_cpus > SOCKET_CPUS ? 2 : 1;
	s->aged_percent = age->percent;
	s->scattered = load->scattered;
	s->nr_groups = 1;
	snprintf(group->name, sizeof(group->name), "guest");
	group->vcpus = size->vcpus > nr_cpus / MAX_TDS ? size->vcpus : nr_cpus / MAX_TDS;
	if (group->vcpus > nr_cpus)
		group->vcpus = nr_cpus;
	group->count = nr_cpus / group->vcpus;
	group->bytes = size->bytes;
	group->percent_4k = size->percent_4k;
	group->touch = load->touch;
}

int matrix_cell(uint32_t i, uint64_t pages, struct scenario *s, char *error, size_t error_size)
{
	const char *name, *text = scenario_shipped(i / 2, &name);

	if (!text)
		generate(i / 2 - nr_shipped(), s);
	else if (scenario_parse(text, name, s, error, error_size))
		return -1;
	else
		snprintf(s->name, sizeof(s->name), "%s", name);
	s->fixed_batches = i % 2;
	if (s->fixed_batches && s->scattered)
		return 1;
	if (s->fixed_batches)
		snprintf(s->name + strlen(s->name), sizeof(s->name) - strlen(s->name),
			 ", fixed batches");
	scenario_scale(s, pages);
	return 0;
}
