// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cmd_lkvs.c - `pamt lkvs`: the Dynamic PAMT cases of the public test suite, with exact amounts.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "machine/size.h"
#include "lab/lkvs/lkvs.h"

#define MACHINE "builtin:2t"

struct suite {
	struct cli_args args;
	struct lkvs_config config;
	bool wanted[LKVS_ALL_CASES];
	struct lkvs_result result[LKVS_ALL_CASES];
	uint64_t jobs;
	bool more;

	pthread_mutex_t lock; /* protects all that follows */
	bool begun[LKVS_ALL_CASES];
	struct cli_progress progress;
	uint64_t gb_done;
};

static const struct cli_option options[] = {
	{ 0, "more", NULL,
	  "the variants too: several vCPUs, all TDs at once, flips, failed allocations",
	  CLI_INTO(struct suite, more) },
	{ 'j', "jobs", "N", "cases at a time (default: one for each CPU)",
	  CLI_NUMBER(struct suite, jobs, 1, 64) },
	{ 0 },
};

/* ------------------------------------------------------------------------------------------- */
/* Arguments                                                                                    */

static bool parse_case(struct suite *suite, const char *word)
{
	uint64_t nr;

	if (!size_parse(word, &nr) || nr >= LKVS_ALL_CASES) {
		cli_usage_error("lkvs: '%s' is not a case; allowed: 0 to %u, and %u to %u for the "
				"variants",
				word, LKVS_CASES - 1, LKVS_CASES, LKVS_ALL_CASES - 1);
		return false;
	}
	suite->wanted[nr] = true;
	return true;
}

/* -1: go on; else the exit code. */
static int parse_arguments(struct suite *suite, int argc, char **argv)
{
	char **words;
	int nr;

	suite->args =
		(struct cli_args){ .options = options, .argc = argc, .argv = argv, .into = suite };
	if (!cli_read_options(&suite->args))
		return suite->args.exit;
	words = cli_operands(&suite->args, &nr);
	for (int i = 0; i < nr; i++)
		if (!parse_case(suite, words[i]))
			return CLI_USAGE;
	for (uint32_t i = 0; i < LKVS_CASES && !nr; i++)
		suite->wanted[i] = true;
	for (uint32_t i = LKVS_CASES; i < LKVS_ALL_CASES && suite->more; i++)
		suite->wanted[i] = true;
	return -1;
}

/* ------------------------------------------------------------------------------------------- */
/* Running                                                                                      */

/* GB of TDs that a round starts; a round without a TD counts for one. */
static uint64_t round_gb(const struct lkvs_case *c)
{
	uint64_t gb = 0;

	for (uint32_t t = 0; t < c->nr_tds; t++)
		gb += c->gb[t];
	return gb ? gb : 1;
}

static void show_progress(void *arg, uint32_t nr, uint32_t rounds)
{
	struct suite *suite = arg;

	pthread_mutex_lock(&suite->lock);
	suite->gb_done += round_gb(lkvs_case(nr));
	cli_progress(&suite->progress, suite->gb_done);
	pthread_mutex_unlock(&suite->lock);
}

/* The longest case that nobody has begun, so that the last one to end is not a long one. */
static const struct lkvs_case *next_case(struct suite *suite)
{
	const struct lkvs_case *next = NULL;

	pthread_mutex_lock(&suite->lock);
	for (uint32_t i = 0; i < LKVS_ALL_CASES; i++) {
		const struct lkvs_case *c = lkvs_case(i);

		if (suite->wanted[i] && !suite->begun[i] &&
		    (!next || c->rounds * round_gb(c) > next->rounds * round_gb(next)))
			next = c;
	}
	if (next)
		suite->begun[next->nr] = true;
	pthread_mutex_unlock(&suite->lock);
	return next;
}

static void *work(void *arg)
{
	struct suite *suite = arg;
	const struct lkvs_case *c;

	while ((c = next_case(suite)) && !cli_stop)
		lkvs_run(&suite->config, c, &suite->result[c->nr]);
	return NULL;
}

static void run_all(struct suite *suite)
{
	pthread_t threads[64];
	uint64_t total = 0, started = 0;

	for (uint32_t i = 0; i < LKVS_ALL_CASES; i++)
		if (suite->wanted[i])
			total += lkvs_case(i)->rounds * round_gb(lkvs_case(i));
	cli_stop_expect();
	cli_progress_begin(&suite->progress, "lkvs, GB of TDs", total);
	/* This thread is one of them: with no other to be had it does all by itself. */
	while (started + 1 < suite->jobs && !pthread_create(&threads[started], NULL, work, suite))
		started++;
	work(suite);
	while (started)
		pthread_join(threads[--started], NULL);
	cli_progress_end(&suite->progress);
}

/* ------------------------------------------------------------------------------------------- */
/* Results                                                                                      */

static const char *verdict(const struct lkvs_result *result)
{
	if (result->passed)
		return "passed";
	return result->error[0] ? "FAILED" : "stopped";
}

static json_t *case_json(uint32_t nr, const struct lkvs_result *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "case", cli_json_number(nr));
	json_object_set_new(o, "what", json_string(lkvs_case(nr)->what));
	json_object_set_new(o, "rounds", cli_json_number(lkvs_case(nr)->rounds));
	json_object_set_new(o, "steps", cli_json_number(r->steps));
	json_object_set_new(o, "seconds", json_real(r->seconds));
	json_object_set_new(o, "pairs_bytes_peak", cli_json_number(r->field_peak));
	json_object_set_new(o, "os_bytes_peak", cli_json_number(r->os_peak));
	json_object_set_new(o, "result", json_string(verdict(r)));
	json_object_set_new(o, "error", r->error[0] ? cli_json_text(r->error) : json_null());
	return o;
}

static json_t *cases_json(const struct suite *suite)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < LKVS_ALL_CASES; i++)
		if (suite->wanted[i])
			json_array_append_new(list, case_json(i, &suite->result[i]));
	return list;
}

static void print_text(const struct suite *suite, json_t *cases)
{
	static const struct cli_shown columns[] = {
		{ "CASE", "case", 1, 0 },
		{ "WHAT", "what", CLI_TEXT, 0 },
		{ "STEPS", "steps", 1, 0 },
		{ "SECONDS", "seconds", 1, 2 },
		{ "PAIRS", "pairs_bytes_peak", CLI_BYTES, 0 },
		{ "TAKEN", "os_bytes_peak", CLI_BYTES, 0 },
		{ "RESULT", "result", CLI_TEXT, 0 },
	};

	if (!cli_quiet())
		cli_table_json(cases, columns, sizeof(columns) / sizeof(*columns));
	json_decref(cases);
	for (uint32_t i = 0; i < LKVS_ALL_CASES; i++)
		if (suite->wanted[i] && suite->result[i].error[0])
			printf("case %u: %s\n", i, suite->result[i].error);
}

static void print_json(json_t *cases, uint32_t passed, uint32_t failed)
{
	json_t *root = cli_json("pamt.lkvs/1");

	json_object_set_new(root, "machine", json_string(MACHINE));
	json_object_set_new(root, "cases", cases);
	json_object_set_new(root, "passed", cli_json_number(passed));
	json_object_set_new(root, "failed", cli_json_number(failed));
	json_object_set_new(root, "stopped", json_boolean(cli_stop));
	cli_json_print(root);
}

static int report(const struct suite *suite)
{
	uint32_t passed = 0, failed = 0;

	for (uint32_t i = 0; i < LKVS_ALL_CASES; i++) {
		passed += suite->wanted[i] && suite->result[i].passed;
		failed += suite->wanted[i] && suite->result[i].error[0];
	}
	if (suite->args.json) {
		print_json(cases_json(suite), passed, failed);
	} else {
		print_text(suite, cases_json(suite));
		printf("%u passed, %u failed\n", passed, failed);
	}
	if (failed)
		return CLI_FAILED;
	return cli_stop ? cli_stop_end() : CLI_OK;
}

int cmd_lkvs(int argc, char **argv)
{
	static struct suite suite = { .lock = PTHREAD_MUTEX_INITIALIZER };
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct machine_map map;
	char error[512];
	int exit;

	suite.jobs = cpus > 1 ? (uint64_t)cpus : 1;
	if (suite.jobs > 64)
		suite.jobs = 64;
	exit = parse_arguments(&suite, argc, argv);
	if (exit >= 0)
		return exit;
	if (map_load(MACHINE, NULL, &map, error, sizeof(error)))
		return cli_error(CLI_FAILED, "lkvs: %s", error);
	suite.config = (struct lkvs_config){
		.map = &map, .stop = &cli_stop, .progress = show_progress, .arg = &suite
	};
	run_all(&suite);
	map_free(&map);
	return report(&suite);
}
