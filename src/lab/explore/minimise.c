// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * minimise.c - runs one given schedule, and makes that of a violation shorter: fewer turns, and
 * no longer than needed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/explore/explore_internal.h"

static struct stage_actor *decide_script(struct explorer *e, struct stage_actor *self, uint32_t can,
					 uint32_t spinning)
{
	const struct explore_schedule *script = e->script;

	for (; e->script_at < script->nr; e->script_at++, e->script_taken = 0) {
		const struct explore_turn *turn = &script->turn[e->script_at];

		/* An actor that cannot go on loses the rest of its turn. */
		if (e->script_taken < turn->steps && turn->actor < e->nr_actors &&
		    (can >> turn->actor & 1)) {
			e->script_taken++;
			return stage_actor(turn->actor);
		}
		e->script_lost += e->script_taken < turn->steps;
	}
	if (explorer_at_helm(self, can))
		return self;
	return stage_actor((uint32_t)__builtin_ctz(can));
}

static void run_script(struct explorer *e, const struct explore_schedule *schedule,
		       struct explore_result *result)
{
	e->script = schedule;
	e->script_at = 0;
	e->script_taken = 0;
	e->script_lost = 0;
	e->every_step = true;
	e->goes_on = NULL;
	e->decide = decide_script;
	explorer_run(e, result);
}

void explore_one(struct explorer *e, const struct explore_schedule *schedule, uint32_t max_steps,
		 struct explore_result *result)
{
	struct explore_limits limits = { .max_steps = max_steps };
	/* The schedule may be the one in *result. */
	struct explore_schedule copy = *schedule;

	explorer_begin(e, &limits, result);
	run_script(e, &copy, result);
	/* Those that were never come to are lost as well; not the one whose last step was the
	 * run's. */
	result->lost = e->script_lost + copy.nr - e->script_at;
	if (e->script_at < copy.nr && e->script_taken == copy.turn[e->script_at].steps)
		result->lost--;
	result->complete = true;
}

/* Does the same kind of thing go wrong, in fewer turns or fewer steps? */
static bool still_wrong(struct explorer *e, const struct explore_schedule *candidate,
			struct explore_result *best)
{
	struct explore_result result;

	memset(&result, 0, sizeof(result));
	run_script(e, candidate, &result);
	if (result.violation.wrong != best->violation.wrong)
		return false;
	/* Keep what was run, not what was asked for: turns that were lost are gone from it. */
	if (result.schedule.nr > best->schedule.nr)
		return false;
	if (result.schedule.nr == best->schedule.nr && result.count.steps >= best->count.steps)
		return false;
	best->violation = result.violation;
	best->violation_cpu = result.violation_cpu;
	best->schedule = result.schedule;
	best->count.steps = result.count.steps;
	return true;
}

/* The candidate without one turn, or with that turn and the next exchanged, or cut short. */
static bool shorten_at(struct explorer *e, uint32_t at, struct explore_result *best)
{
	const struct explore_schedule *now = &best->schedule;
	struct explore_schedule candidate = *now;

	/* Not at all. */
	candidate.nr--;
	memmove(&candidate.turn[at], &candidate.turn[at + 1],
		(candidate.nr - at) * sizeof(candidate.turn[0]));
	if (still_wrong(e, &candidate, best))
		return true;
	/* Later: after the next turn of somebody else, where it joins its own actor's. */
	if (at + 1 < now->nr) {
		candidate = *now;
		candidate.turn[at] = now->turn[at + 1];
		candidate.turn[at + 1] = now->turn[at];
		if (still_wrong(e, &candidate, best))
			return true;
	}
	/* Up to here, and then whoever can. */
	candidate = *now;
	candidate.nr = at;
	return still_wrong(e, &candidate, best);
}

/* Last turns that come by themselves need not be said. */
static void leave_out_end(struct explorer *e, struct explore_result *result)
{
	struct explore_schedule candidate = result->schedule;
	struct explore_result again;

	while (candidate.nr) {
		candidate.nr--;
		memset(&again, 0, sizeof(again));
		run_script(e, &candidate, &again);
		if (again.violation.wrong != result->violation.wrong ||
		    strcmp(again.violation.text, result->violation.text))
			return;
		result->schedule = candidate;
	}
}

void explore_minimise(struct explorer *e, struct explore_result *result)
{
	struct explore_result best = *result;
	bool better = true;

	/* From what really ran: the total is the number to beat. */
	best.count.steps = UINT64_MAX;
	if (!still_wrong(e, &result->schedule, &best))
		return;
	while (better) {
		better = false;
		for (uint32_t at = 0; at < best.schedule.nr && !better; at++)
			better = shorten_at(e, at, &best);
	}
	result->violation = best.violation;
	result->violation_cpu = best.violation_cpu;
	result->schedule = best.schedule;
	leave_out_end(e, result);
}

bool explore_schedule_parse(const char *text, struct explore_schedule *schedule)
{
	schedule->nr = 0;
	while (*text) {
		unsigned long actor, steps;
		char *end;

		actor = strtoul(text, &end, 10);
		if (end == text || *end != ':' || actor >= EXPLORE_MAX_ACTORS)
			return false;
		text = end + 1;
		steps = strtoul(text, &end, 10);
		if (end == text || (*end && *end != ' ') || steps > UINT32_MAX)
			return false;
		if (schedule->nr == sizeof(schedule->turn) / sizeof(schedule->turn[0]))
			return false;
		schedule->turn[schedule->nr++] =
			(struct explore_turn){ (uint16_t)actor, (uint32_t)steps };
		for (text = end; *text == ' '; text++)
			;
	}
	return true;
}

void explore_schedule_text(const struct explore_schedule *schedule, char *text, size_t size)
{
	size_t at = 0;

	text[0] = 0;
	for (uint32_t i = 0; i < schedule->nr && at < size; i++)
		at += (size_t)snprintf(text + at, size - at, "%s%u:%u", i ? " " : "",
				       schedule->turn[i].actor, schedule->turn[i].steps);
}
