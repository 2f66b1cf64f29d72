// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * compare_plan.c - what a comparison runs: the default scenario, how a scenario is made small
 * enough, and the one of the curve.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/compare.h"

/* scenarios/compare.pamt */
static const char default_scenario[] =
#include "lab/compare_text.h"
	;

const char *compare_default_scenario(void) { return default_scenario; }

/* Mappings of all TDs of a group. */
static uint64_t mappings(const struct scenario_group *group)
{
	uint64_t regions = group->bytes >> TDX_2M_SHIFT;
	uint64_t in_4k = regions * group->percent_4k / 100;

	return group->count * (in_4k * TDX_PAGES_PER_2M + (regions - in_4k));
}

static uint64_t all_mappings(const struct scenario *s)
{
	uint64_t pages = 0;

	for (uint32_t g = 0; g < s->nr_groups; g++)
		pages += mappings(&s->group[g]);
	return pages;
}

/* Rounded up: something is left of whatever there was. */
static void halve(uint32_t *number) { *number = (*number + 1) / 2; }

uint32_t compare_scale(struct scenario *s, uint64_t pages)
{
	uint32_t by = 1;

	while (all_mappings(s) > pages) {
		bool smaller = false;

		for (uint32_t g = 0; g < s->nr_groups; g++) {
			struct scenario_group *group = &s->group[g];
			uint64_t half = group->bytes / 2 & ~(TDX_2M_SIZE - 1);

			/* A region for each vCPU, or some would have nothing to do. */
			if (half < group->vcpus * TDX_2M_SIZE)
				continue;
			group->bytes = half;
			halve(&group->flips);
			halve(&group->partial);
			smaller = true;
		}
		if (!smaller)
			break;
		by *= 2;
	}
	return by;
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
