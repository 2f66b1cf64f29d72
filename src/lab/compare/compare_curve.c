// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * compare_curve.c - the scenario of the curve: ns per get over numbers of CPUs.
 */
#include <stdio.h>

#include "lab/compare/compare.h"

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
