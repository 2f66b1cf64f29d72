// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lab_check_show.c - results of `pamt check`: a few lines, the schedule of a violation step by
 * step with the command that repeats it, or JSON.
 */
#include <stdio.h>
#include <string.h>

#include "cli/lab.h"
#include "lab/explore/mutants.h"

/* The text that --replay takes. */
static void replay_text(const struct check_result *result, char *text, size_t size)
{
	char setup[SETUP_TEXT], schedule[4096];

	setup_print(&result->setup, setup);
	explore_schedule_text(&result->schedule, schedule, sizeof(schedule));
	snprintf(text, size, "%s;schedule=%s", setup, schedule);
}

static void show_violation(const struct check_result *result)
{
	char text[SETUP_TEXT + 4200], error[256];

	replay_text(result, text, sizeof(text));
	printf("\n%sviolation%s", cli_bold(), cli_plain());
	if (result->signal) {
		printf(": the code under test crashes (%s)\n", strsignal(result->signal));
		setup_print(&result->setup, text);
	} else {
		printf("\n");
		check_replay(&result->setup, &result->schedule, stdout, error, sizeof(error));
	}
	printf("again with: pamt check --replay '%s'\n", text);
}

static json_t *violation_json(const struct check_result *result)
{
	json_t *object = json_object();
	char text[SETUP_TEXT + 4200];

	replay_text(result, text, sizeof(text));
	json_object_set_new(
		object, "kind",
		json_string(result->signal ? "crash" : stage_wrong_name(result->violation.wrong)));
	json_object_set_new(object, "text", cli_json_text(result->violation.text));
	json_object_set_new(object, "replay", cli_json_text(text));
	return object;
}

static void check_json(const struct check_request *r, const struct check_result *result)
{
	json_t *object = cli_json("pamt.check/1");

	json_object_set_new(object, "design", json_string(r->setup.design->name));
	json_object_set_new(object, "module",
			    json_string(r->setup.module == TRIAL_MODEL ? "model" : "softseam"));
	if (!r->has_program) {
		json_object_set_new(object, "cpus", json_integer(r->nr_cpus));
		json_object_set_new(object, "ops", json_integer(r->nr_ops));
	}
	json_object_set_new(object, "regions", json_integer(r->setup.nr_regions));
	if (r->pct_depth)
		json_object_set_new(object, "pct_depth", json_integer(r->pct_depth));
	else
		json_object_set_new(object, "bound", json_integer(r->bound));
	json_object_set_new(object, "seed", json_integer((json_int_t)r->seed));
	json_object_set_new(object, "programs", json_integer((json_int_t)result->programs));
	json_object_set_new(object, "schedules", json_integer((json_int_t)result->schedules));
	json_object_set_new(object, "merged", json_integer((json_int_t)result->merged));
	json_object_set_new(object, "states", json_integer((json_int_t)result->states));
	json_object_set_new(object, "steps", json_integer((json_int_t)result->steps));
	json_object_set_new(object, "complete", json_boolean(result->complete));
	if (!(r->seconds > 0))
		json_object_set_new(object, "hash", cli_json_hex(result->hash));
	json_object_set_new(object, "seconds", json_real(result->seconds));
	json_object_set_new(object, "violations", json_integer((json_int_t)result->violations));
	if (result->violations)
		json_object_set_new(object, "first", violation_json(result));
	cli_json_print(object);
}

int show_check(const struct check_request *r, const struct check_result *result, bool json)
{
	int code = result->violations ? CLI_FAILED : CLI_OK;

	if (json) {
		check_json(r, result);
		return code;
	}
	printf("%s on %s: %llu programs, %llu schedules", r->setup.design->name,
	       r->setup.module == TRIAL_MODEL ? "the model" : "softseam",
	       (unsigned long long)result->programs, (unsigned long long)result->schedules);
	if (r->pct_depth)
		printf(", random, %u changes, seed %llu", r->pct_depth - 1,
		       (unsigned long long)r->seed);
	else
		printf(", %llu of them cut where known states were met; bound %u, %s",
		       (unsigned long long)result->merged, r->bound,
		       result->complete ? "complete" : "not complete");
	printf("\n%llu states, %llu steps, at most %u in one run; %.1f s, %.0f schedules per "
	       "second\n",
	       (unsigned long long)result->states, (unsigned long long)result->steps,
	       result->longest, result->seconds,
	       result->seconds > 0 ? (double)result->schedules / result->seconds : 0);
	if (!(r->seconds > 0))
		printf("hash %016llx\n", (unsigned long long)result->hash);
	printf("%llu violations\n", (unsigned long long)result->violations);
	if (result->violations)
		show_violation(result);
	return code;
}

/* ------------------------------------------------------------------------------------------- */

/* Found where there was a mistake, and nothing where there was none. */
static bool as_it_should(const struct check_mutant *m) { return m->found == (m->number != 0); }

static void mutants_json(const struct check_mutant *mutants, double seconds)
{
	json_t *object = cli_json("pamt.check.mutants/1"), *list = json_array();
	char name[MUTANT_NAME_BYTES];

	for (unsigned int i = 1; i < mutants_nr(); i++) {
		const struct check_mutant *m = &mutants[i];
		json_t *one = json_object();

		json_object_set_new(one, "name", json_string(mutant_name(i, name)));
		json_object_set_new(one, "mistake", json_string(mutant_what(i)));
		json_object_set_new(one, "found", json_boolean(m->found));
		json_object_set_new(one, "schedules", json_integer((json_int_t)m->schedules));
		if (m->found) {
			json_object_set_new(one, "kind",
					    json_string(stage_wrong_name(m->violation.wrong)));
			json_object_set_new(one, "text", cli_json_text(m->violation.text));
			json_object_set_new(one, "replay", cli_json_text(m->setup));
		}
		json_array_append_new(list, one);
	}
	json_object_set_new(object, "mutants", list);
	json_object_set_new(object, "violations", json_integer(mutants[0].found));
	json_object_set_new(object, "schedules", json_integer((json_int_t)mutants[0].schedules));
	json_object_set_new(object, "seconds", json_real(seconds));
	cli_json_print(object);
}

int show_mutants(const struct check_mutant *mutants, double seconds, bool json)
{
	static const struct cli_column columns[] = {
		{ "mutant", false }, { "found", false }, { "schedules", true }, { "by", false }
	};
	char name[MUTANT_NAME_BYTES];
	unsigned int missed = 0;
	struct cli_table *table;

	for (unsigned int i = 0; i < mutants_nr(); i++)
		missed += !as_it_should(&mutants[i]);
	if (json) {
		mutants_json(mutants, seconds);
		return missed ? CLI_FAILED : CLI_OK;
	}
	table = cli_table_create(columns, 4);
	for (unsigned int i = 0; i < mutants_nr(); i++) {
		const struct check_mutant *m = &mutants[i];

		cli_table_cell(table, "%s", i ? mutant_name(i, name) : "none");
		cli_table_cell(table, "%s", m->found ? "yes" : "no");
		cli_table_cell(table, "%llu", (unsigned long long)m->schedules);
		cli_table_cell(table, "%s", m->found ? m->violation.text : "");
	}
	cli_table_print(table);
	for (unsigned int i = 1; cli_verbose() && i < mutants_nr(); i++)
		if (mutants[i].found)
			printf("%s: %s\n  pamt check --replay '%s'\n", mutant_name(i, name),
			       mutant_what(i), mutants[i].setup);
	printf("%u mutants, %u missed; %.1f s\n", mutants_nr() - 1, missed, seconds);
	if (mutants[0].found)
		printf("the library itself: pamt check --replay '%s'\n", mutants[0].setup);
	return missed ? CLI_FAILED : CLI_OK;
}
