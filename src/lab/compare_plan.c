// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * compare_plan.c - what a comparison runs: the default scenario, and the one of the curve.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/compare.h"

/* scenarios/, by name. */
static const struct shipped {
	const char *name, *text;
} shipped[] = {
#include "lab/scenarios_text.h"
};

const char *compare_shipped(uint32_t i, const char **name)
{
	if (i >= sizeof(shipped) / sizeof(shipped[0]))
		return NULL;
	*name = shipped[i].name;
	return shipped[i].text;
}

const char *compare_default_scenario(void)
{
	const char *name, *text;

	for (uint32_t i = 0; (text = compare_shipped(i, &name)); i++)
		if (!strcmp(name, "compare"))
			return text;
	return NULL;
}

/* TDs of the curve have so many vCPUs. */
#define CURVE_VCPUS 16u

void compare_curve_scenario(struct scenario *s, uint32_t cpus, uint64_t seed)
{
	struct scenario_group *group = &s->group[0];

	scenario_defaults(s);
	scenario_group_defaults(group);
	snprintf(s->title, sizeof(s->title), "%u CPUs", cpus);
	s->seed = seed;
	s->cpus = cpus;
	s->nodes = 2;
	s->packages = cpus > 1 ? 2 : 1;
	s->nr_groups = 1;
	snprintf(group->name, sizeof(group->name), "curve");
	group->vcpus = cpus < CURVE_VCPUS ? cpus : CURVE_VCPUS;
	group->count = cpus / group->vcpus;
	group->bytes = group->vcpus * TDX_2M_SIZE;
	group->percent_4k = 100;
	group->flips = 16;
	s->aged_percent = 30;
}
