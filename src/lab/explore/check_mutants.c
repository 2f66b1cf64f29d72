// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * check_mutants.c - `pamt check --mutants`: the suite of mutants.h with each mistake, on all cores.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/explore/check.h"
#include "lab/explore/mutants.h"
#include "lab/explore/workers.h"

struct hunt {
	const struct check_request *request;
	struct check_mutant *result; /* shared */
	uint64_t *ticks;	     /* shared */
};

/* One setup of the suite with one mistake. Return: was it found? */
static bool hunt_in(struct hunt *hunt, struct check_mutant *m, const struct mutant_setup *suite)
{
	struct explore_limits limits = { .bound = suite->bound,
					 .seed = hunt->request->seed,
					 .ticks = hunt->ticks };
	struct explore_result result;
	struct setup setup;
	char why[256];
	const char *failed;
	const char *text = suite->text;
	size_t at;

	if (!setup_parse(text, &setup, NULL, why, sizeof(why))) {
		fprintf(stderr, "pamt-lab: '%s': %s\n", text, why);
		abort();
	}
	setup.mutants = m->number ? UINT64_C(1) << m->number : 0;
	/* Should it crash, this is where. */
	setup_print(&setup, m->setup);
	failed = check_setup(&setup, &limits, 0, &result, true);
	if (failed) {
		fprintf(stderr, "pamt-lab: '%s': %s\n", text, failed);
		abort();
	}
	m->schedules += result.count.schedules;
	m->violation = result.violation;
	if (result.violation.wrong == STAGE_OK)
		return false;
	at = strlen(m->setup);
	at += (size_t)snprintf(m->setup + at, SETUP_TEXT - at, ";schedule=");
	explore_schedule_text(&result.schedule, m->setup + at, SETUP_TEXT - at);
	return true;
}

static void hunt_one(void *ctx, uint32_t i)
{
	struct hunt *hunt = ctx;
	struct check_mutant *m = &hunt->result[i];
	const struct mutant_setup *suite;

	for (unsigned int s = 0; !m->found && (suite = mutant_setup(s)); s++)
		m->found = hunt_in(hunt, m, suite);
}

static void hunter_crashed(void *ctx, uint32_t i, int signal)
{
	struct hunt *hunt = ctx;
	struct check_mutant *m = &hunt->result[i];

	m->found = true;
	m->violation.wrong = STAGE_BUG;
	snprintf(m->violation.text, sizeof(m->violation.text), "it crashes (%s)",
		 signal ? strsignal(signal) : "exit");
}

static void hunt_given_up(void *ctx, uint32_t i)
{
	((struct hunt *)ctx)->result[i].given_up = true;
}

static bool hunt_tick(void *ctx, uint32_t done)
{
	struct hunt *hunt = ctx;
	const struct check_request *r = hunt->request;

	if (r->progress)
		r->progress(r->ctx, *hunt->ticks, done, mutants_nr());
	return true;
}

int check_mutants(const struct check_request *request, struct check_mutant *results, char *error,
		  size_t size)
{
	struct hunt hunt = { .request = request };
	struct workers workers = { .nr_workers = request->workers,
				   .nr_units = mutants_nr(),
				   .unit = hunt_one,
				   .crashed = hunter_crashed,
				   .tick = hunt_tick,
				   .stop = request->stop,
				   .given_up = hunt_given_up,
				   .ctx = &hunt };
	size_t bytes = mutants_nr() * sizeof(*results);
	int code = 0;

	hunt.result = workers_share(bytes);
	hunt.ticks = workers_share(sizeof(*hunt.ticks));
	if (!hunt.result || !hunt.ticks) {
		snprintf(error, size, "no memory");
		code = -1;
	}
	for (unsigned int i = 0; !code && i < mutants_nr(); i++)
		hunt.result[i].number = i;
	if (!code && workers_run(&workers)) {
		snprintf(error, size, "%s", workers_why());
		code = -1;
	}
	if (!code)
		memcpy(results, hunt.result, bytes);
	workers_unshare(hunt.result, bytes);
	workers_unshare(hunt.ticks, sizeof(*hunt.ticks));
	return code;
}
