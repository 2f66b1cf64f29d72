// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * scenario.c - which TD does what in which round.
 */
#include <string.h>

#include <pamt/tdx.h>

#include "lab/workload/scenario.h"

void scenario_defaults(struct scenario *scenario)
{
	memset(scenario, 0, sizeof(*scenario));
	scenario->dynamic = true;
	scenario->seed = 1;
}

void scenario_group_defaults(struct scenario_group *group)
{
	memset(group, 0, sizeof(*group));
	group->count = 1;
	group->vcpus = 1;
	group->node = SCENARIO_NODE_SPREAD;
}

uint32_t scenario_nr_tds(const struct scenario *scenario)
{
	uint32_t nr = 0;

	for (uint32_t g = 0; g < scenario->nr_groups; g++)
		nr += scenario->group[g].count;
	return nr;
}

static uint32_t arrival(const struct scenario_group *group, uint32_t index)
{
	return group->arrive + index * group->every;
}

/* Rounds from the first after the first boot until it may end. */
static uint32_t least_work(const struct scenario_group *group)
{
	uint32_t restarts = 2 * group->restarts;

	return group->stay > restarts ? group->stay : restarts;
}

uint32_t scenario_nr_rounds(const struct scenario *scenario)
{
	uint32_t last = scenario->rounds + 2;

	for (uint32_t g = 0; g < scenario->nr_groups; g++) {
		const struct scenario_group *group = &scenario->group[g];
		uint32_t end = arrival(group, group->count - 1) + 2 + least_work(group);

		if (end > last)
			last = end;
	}
	return last + 1;
}

enum scenario_action scenario_action(const struct scenario *scenario,
				     const struct scenario_group *group, uint32_t index,
				     uint32_t round)
{
	uint32_t begin = arrival(group, index), worked;
	uint32_t end =
		group->stay ? begin + 2 + least_work(group) : scenario_nr_rounds(scenario) - 1;

	if (round < begin || round > end)
		return SCENARIO_ABSENT;
	if (round == end)
		return SCENARIO_END;
	if (round == begin)
		return SCENARIO_BUILD;
	if (round == begin + 1)
		return SCENARIO_BOOT;
	worked = round - begin - 2;
	if (worked < 2 * group->restarts)
		return worked % 2 ? SCENARIO_BOOT : SCENARIO_RESTART;
	return SCENARIO_WORK;
}

const char *scenario_touch_name(enum scenario_touch touch)
{
	static const char *const names[SCENARIO_TOUCHES] = { "linear", "random", "zipf" };

	return touch < SCENARIO_TOUCHES ? names[touch] : "";
}

/* ------------------------------------------------------------------------------------------- */
/* Size                                                                                         */

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

uint32_t scenario_scale(struct scenario *s, uint64_t pages)
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
