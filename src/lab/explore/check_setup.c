// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * check_setup.c - one setup, explored or repeated in this process.
 */
#include <stdio.h>

#include "lab/explore/check.h"

const char *check_setup(const struct setup *setup, const struct explore_limits *limits,
			uint64_t first, struct explore_result *result, bool shorten)
{
	struct explore_limits all = *limits;
	struct explore_system system;
	struct explorer *explorer;
	const char *why;
	struct trial *trial = trial_create(setup, &why);

	if (!trial)
		return why;
	all.max_steps = trial_max_steps(setup);
	trial_system(trial, &system);
	explorer = explorer_create(&system);
	if (!explorer) {
		trial_destroy(trial);
		return "no memory, or more than 8 CPUs";
	}
	if (all.pct_depth)
		explore_random(explorer, &all, first, result);
	else
		explore_all(explorer, &all, result);
	if (shorten && result->violation.wrong != STAGE_OK)
		explore_minimise(explorer, result);
	explorer_destroy(explorer);
	trial_destroy(trial);
	return NULL;
}

int check_replay(const struct setup *setup, const struct explore_schedule *schedule, FILE *to,
		 char *error, size_t size)
{
	struct explore_system system;
	struct explore_result result;
	struct explorer *explorer;
	const char *why;
	struct trial *trial = trial_create(setup, &why);

	if (!trial) {
		snprintf(error, size, "%s", why);
		return -1;
	}
	trial_system(trial, &system);
	explorer = explorer_create(&system);
	if (!explorer) {
		trial_destroy(trial);
		snprintf(error, size, "no memory, or more than 8 CPUs");
		return -1;
	}
	trial_tell(trial, to);
	explore_watch(explorer, trial_watch, trial);
	explore_one(explorer, schedule, trial_max_steps(setup), &result);
	if (result.violation.wrong != STAGE_OK)
		fprintf(to, "%s: %s\n", stage_wrong_name(result.violation.wrong),
			result.violation.text);
	explorer_destroy(explorer);
	trial_destroy(trial);
	/* Otherwise what was found once looks mended, where it was only not done again. */
	if (result.violation.wrong == STAGE_OK && result.lost) {
		snprintf(error, size,
			 "the schedule does not fit: %llu of its turns could not be taken to their "
			 "end",
			 (unsigned long long)result.lost);
		return -1;
	}
	return result.violation.wrong != STAGE_OK;
}
