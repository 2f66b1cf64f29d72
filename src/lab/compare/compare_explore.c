// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * compare_explore.c - what a run of a scenario may not meet once: a few small programs on a design,
 * in every order within a bound. The programs are those that the arguments in the mails were about.
 */
#include <stdio.h>
#include <string.h>

#include "lab/compare/compare.h"

static const struct {
	const char *pages;
	const char *program;
	uint32_t regions, bound;
} programs[] = {
	/* Somebody's last page goes while another's first one comes. */
	{ "crossed", "gA aA/gA aA rA pA", 2, 1 },
	{ "crossed", "gA pA/gA pA", 2, 1 },
	/* The pair of each region lies in the other. */
	{ "crossed", "gA/gB", 2, 1 },
	/* A page changes its size. */
	{ "apart", "MA SA", 2, 0 },
	/* The same, its pair in a region that somebody backs. */
	{ "crossed", "MA SA/gB", 3, 1 },
};

static void explore(const char *text, uint32_t bound, struct compare_explored *explored)
{
	struct explore_limits limits = { .bound = bound };
	static struct explore_result result;
	struct explore_system system;
	struct explorer *explorer;
	struct setup setup;
	struct trial *trial;
	const char *why = "it cannot be set up";
	char wrong[256];

	if (!setup_parse(text, &setup, NULL, wrong, sizeof(wrong)))
		why = wrong;
	else if ((trial = trial_create(&setup, &why))) {
		trial_system(trial, &system);
		explorer = explorer_create(&system);
		limits.max_steps = trial_max_steps(&setup);
		memset(&result, 0, sizeof(result));
		if (explorer)
			explore_all(explorer, &limits, &result);
		explored->schedules += result.count.schedules;
		why = !explorer		       ? "no memory"
		      : result.violation.wrong ? result.violation.text
					       : NULL;
		if (why)
			snprintf(explored->text, sizeof(explored->text), "%s", why);
		if (explorer)
			explorer_destroy(explorer);
		trial_destroy(trial);
		return;
	}
	snprintf(explored->text, sizeof(explored->text), "%s", why);
}

void compare_explore(const struct design *design, struct compare_explored *explored)
{
	char text[256];

	memset(explored, 0, sizeof(*explored));
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]) && !*explored->text; i++) {
		snprintf(text, sizeof(text), "design=%s;pages=%s;regions=%u;program=%s",
			 design->name, programs[i].pages, programs[i].regions, programs[i].program);
		explore(text, programs[i].bound, explored);
		if (*explored->text)
			snprintf(explored->command, sizeof(explored->command),
				 "pamt check --design %s%s --regions %u --program '%s' --bound %u",
				 design->name,
				 strcmp(programs[i].pages, "apart") ? "" : " --pages apart",
				 programs[i].regions, programs[i].program, programs[i].bound);
	}
}
