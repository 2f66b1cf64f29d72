// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lab_check_show.c - results of `pamt check`: a few lines, the schedule of a violation step by
 * step with the command that repeats it, or JSON.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/lab_check.h"
#include "cli/version.h"
#include "lab/explore/mutants.h"

/* What is wrong, and the text that --replay takes. */
static json_t *found_json(const struct check_found *found)
{
	char setup[SETUP_TEXT], schedule[4096], text[SETUP_TEXT + 4200];
	json_t *object = json_object();

	setup_print(&found->setup, setup);
	explore_schedule_text(&found->schedule, schedule, sizeof(schedule));
	snprintf(text, sizeof(text), "%s;schedule=%s", setup, schedule);
	json_object_set_new(object, "unit", json_integer(found->unit));
	json_object_set_new(
		object, "kind",
		json_string(found->crashed ? "crash" : stage_wrong_name(found->violation.wrong)));
	if (found->crashed)
		json_object_set_new(
			object, "text",
			json_string(found->signal ? strsignal(found->signal) : "it exits"));
	else
		json_object_set_new(object, "text", cli_json_text(found->violation.text));
	json_object_set_new(object, "replay", cli_json_text(text));
	return object;
}

static void add_request(json_t *object, const struct check_request *r, const char *build)
{
	char what[CHECK_WHAT];

	json_object_set_new(object, "version", json_string(PAMT_VERSION));
	json_object_set_new(object, "build", json_string(build));
	json_object_set_new(object, "what", cli_json_text(check_what(r, what)));
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
	json_object_set_new(object, "seed", cli_json_number(r->seed));
	json_object_set_new(object, "shard", json_integer(r->shards ? r->shard : 1));
	json_object_set_new(object, "shards", json_integer(r->shards ? r->shards : 1));
}

static void add_sums(json_t *object, const struct check_sums *sums)
{
	json_object_set_new(object, "programs", cli_json_number(sums->programs));
	json_object_set_new(object, "schedules", cli_json_number(sums->schedules));
	json_object_set_new(object, "merged", cli_json_number(sums->merged));
	json_object_set_new(object, "states", cli_json_number(sums->states));
	json_object_set_new(object, "steps", cli_json_number(sums->steps));
	json_object_set_new(object, "longest", json_integer(sums->longest));
}

json_t *check_object(const struct check_request *r, const struct check_result *result)
{
	json_t *object, *wrong = json_array(), *found = json_array();
	char build[CHECK_BUILD];

	if (!check_build(build)) {
		cli_error(CLI_FAILED, "check: /proc/self/exe: %s", strerror(errno));
		return NULL;
	}
	object = cli_json(CHECK_SCHEMA);
	add_request(object, r, build);
	json_object_set_new(object, "units", json_integer(result->nr_units));
	json_object_set_new(object, "units_done", json_integer(result->units_done));
	add_sums(object, &result->sums);
	json_object_set_new(object, "complete", json_boolean(result->complete));
	if (!result->late)
		json_object_set_new(object, "hash", cli_json_hex(result->sums.hash));
	json_object_set_new(object, "seconds", json_real(result->seconds));
	json_object_set_new(object, "violations", json_integer(result->nr_wrong));
	for (uint32_t i = 0; i < result->nr_wrong; i++)
		check_ranges_add(wrong, result->wrong[i]);
	for (uint32_t i = 0; i < result->nr_found; i++)
		json_array_append_new(found, found_json(&result->found[i]));
	json_object_set_new(object, "wrong", wrong);
	json_object_set_new(object, "found", found);
	return object;
}

/* ------------------------------------------------------------------------------------------- */

/* Step by step, if the schedule can be taken once more here. */
static void show_violation(const json_t *found)
{
	const char *kind = json_string_value(json_object_get(found, "kind"));
	const char *replay = json_string_value(json_object_get(found, "replay"));
	struct explore_schedule schedule;
	struct setup setup;
	char error[256];

	printf("\n%sviolation%s", cli_bold(), cli_plain());
	if (!strcmp(kind, "crash")) {
		printf(": the code under test crashes (%s)\n",
		       json_string_value(json_object_get(found, "text")));
	} else {
		printf("\n");
		if (!setup_parse(replay, &setup, &schedule, error, sizeof(error)) ||
		    check_replay(&setup, &schedule, stdout, error, sizeof(error)) < 0)
			printf("%s\n", error);
	}
	printf("again with: pamt check --replay '%s'\n", replay);
}

static long long number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void show_text(const json_t *o)
{
	const char *hash = json_string_value(json_object_get(o, "hash"));
	double seconds = json_number_value(json_object_get(o, "seconds"));

	printf("%s on %s: %lld programs, %lld schedules",
	       json_string_value(json_object_get(o, "design")),
	       strcmp(json_string_value(json_object_get(o, "module")), "model") ? "softseam"
										: "the model",
	       number(o, "programs"), number(o, "schedules"));
	if (json_object_get(o, "pct_depth"))
		printf(", random, %lld changes, seed %lld", number(o, "pct_depth") - 1,
		       number(o, "seed"));
	else
		printf(", %lld of them cut where known states were met; bound %lld, %s",
		       number(o, "merged"), number(o, "bound"),
		       json_is_true(json_object_get(o, "complete")) ? "complete" : "not complete");
	printf("\n%lld states, %lld steps, at most %lld in one run; %.1f s, %.0f schedules per "
	       "second\n",
	       number(o, "states"), number(o, "steps"), number(o, "longest"), seconds,
	       seconds > 0 ? (double)number(o, "schedules") / seconds : 0);
	if (number(o, "shards") > 1)
		printf("shard %lld of %lld, %lld of %lld units\n", number(o, "shard"),
		       number(o, "shards"), number(o, "units_done"), number(o, "units"));
	if (hash)
		printf("hash %s\n", hash + 2);
	printf("%lld violations\n", number(o, "violations"));
	if (json_array_size(json_object_get(o, "found")))
		show_violation(json_array_get(json_object_get(o, "found"), 0));
}

int show_check(json_t *object, bool json)
{
	int code = number(object, "violations") ? CLI_FAILED : CLI_OK;

	if (json) {
		cli_json_print(object);
		return code;
	}
	show_text(object);
	json_decref(object);
	return code;
}

/* ------------------------------------------------------------------------------------------- */

/* Found where there was a mistake, and nothing where there was none. */
static bool as_it_should(const struct check_mutant *m)
{
	return m->given_up || m->found == (m->number != 0);
}

static json_t *mutants_json(const struct check_mutant *mutants)
{
	json_t *list = json_array();
	char name[MUTANT_NAME_BYTES];

	for (unsigned int i = 0; i < mutants_nr(); i++) {
		const struct check_mutant *m = &mutants[i];
		json_t *one = json_object();

		json_object_set_new(one, "name", json_string(mutant_name(i, name)));
		json_object_set_new(one, "mistake", json_string(mutant_what(i)));
		json_object_set_new(one, "found",
				    m->given_up ? json_null() : json_boolean(m->found));
		json_object_set_new(one, "schedules", cli_json_number(m->schedules));
		if (m->found) {
			json_object_set_new(one, "kind",
					    json_string(stage_wrong_name(m->violation.wrong)));
			json_object_set_new(one, "text", cli_json_text(m->violation.text));
			json_object_set_new(one, "replay", cli_json_text(m->setup));
		}
		json_array_append_new(list, one);
	}
	return list;
}

static void print_mutants_json(json_t *list, const struct check_mutant *library, double seconds)
{
	json_t *object = cli_json("pamt.check.mutants/1");

	/* The library as it is stands beside the list. */
	json_array_remove(list, 0);
	json_object_set_new(object, "mutants", list);
	json_object_set_new(object, "violations", json_integer(library->found));
	json_object_set_new(object, "schedules", cli_json_number(library->schedules));
	json_object_set_new(object, "seconds", json_real(seconds));
	cli_json_print(object);
}

int show_mutants(const struct check_mutant *mutants, double seconds, bool json)
{
	static const struct cli_shown columns[] = {
		{ "mutant", "name", CLI_TEXT, 0 },
		{ "found", "found", CLI_TEXT, 0 },
		{ "schedules", "schedules", 1, 0 },
		{ "by", "text", CLI_TEXT, 0 },
	};
	char name[MUTANT_NAME_BYTES];
	unsigned int missed = 0, given_up = 0;
	json_t *list = mutants_json(mutants);

	for (unsigned int i = 0; i < mutants_nr(); i++) {
		missed += !as_it_should(&mutants[i]);
		given_up += i && mutants[i].given_up;
	}
	if (json) {
		print_mutants_json(list, &mutants[0], seconds);
		return missed ? CLI_FAILED : CLI_OK;
	}
	cli_table_json(list, columns, 4);
	json_decref(list);
	for (unsigned int i = 1; cli_verbose() && i < mutants_nr(); i++)
		if (mutants[i].found)
			printf("%s: %s\n  pamt check --replay '%s'\n", mutant_name(i, name),
			       mutant_what(i), mutants[i].setup);
	printf("%u mutants, %u missed", mutants_nr() - 1, missed);
	if (given_up)
		printf(", %u not looked for", given_up);
	printf("; %.1f s\n", seconds);
	if (mutants[0].found)
		printf("the library itself: pamt check --replay '%s'\n", mutants[0].setup);
	return missed ? CLI_FAILED : CLI_OK;
}
