// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * check_real.c - `pamt check --real`: the hunt on real threads; without --real the stage's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "lab/real/real.h"

#define DEFAULT_SECONDS 60u
#define DEFAULT_THREADS 8u

static const struct cli_option options[] = {
	{ 0, "real", NULL, "random operations on real threads, whole TDs among them", CLI_OWN },
	{ 0, "seconds", "N", "for so long; default 60",
	  CLI_NUMBER(struct real_config, seconds, 1, 1000000) },
	{ 's', "seed", "N", "of the first round; the next ones count up; default 1",
	  CLI_NUMBER(struct real_config, seed, 0, INT64_MAX / 2) },
	{ 0, "threads", "N", "each of them a CPU of the machine, 2 to 64; default 8",
	  CLI_NUMBER(struct real_config, threads, REAL_MIN_THREADS, REAL_MAX_THREADS) },
	{ 0 },
};

static uint64_t sum_of(const uint64_t ops[REAL_OPS])
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < REAL_OPS; i++)
		sum += ops[i];
	return sum;
}

static void show_progress(void *arg, uint64_t rounds, const uint64_t ops[REAL_OPS])
{
	struct cli_progress *progress = arg;

	if (cli_progress_due(progress))
		cli_progress_line(progress, "round %" PRIu64 ", %" PRIu64 " operations", rounds,
				  sum_of(ops));
}

/* The round first, and for long enough that others follow if it goes well this time. */
static void print_command(const struct real_config *config, const struct real_result *result)
{
	printf("again with: pamt check --real --seed %" PRIu64 " --threads %u --seconds %" PRIu64
	       "\n",
	       result->seed, config->threads, config->seconds);
}

static void show_text(const struct real_config *config, const struct real_result *result)
{
	if (!cli_quiet()) {
		printf("%" PRIu64 " rounds on %u threads, seeds from %" PRIu64 ", %.1f s\n",
		       result->rounds, config->threads, config->seed, result->seconds);
		for (uint32_t i = 0; i < REAL_OPS; i++)
			printf("%s%s %" PRIu64,
			       i ? ", " : "operations: ", real_op_name((enum real_op)i),
			       result->ops[i]);
		printf("\n%" PRIu64 " PAMT.ADD, %" PRIu64 " PAMT.REMOVE\n", result->adds,
		       result->removes);
	}
	if (!result->found) {
		printf("nothing is wrong\n");
		return;
	}
	printf("%sfound%s after %.1f s, seed %" PRIu64 ": %s\n", cli_bold(), cli_plain(),
	       result->seconds, result->seed, result->text);
	print_command(config, result);
}

static void show_json(const struct real_config *config, const struct real_result *result)
{
	json_t *object = cli_json("pamt.check-real/1"), *ops = json_object();

	json_object_set_new(object, "threads", json_integer(config->threads));
	json_object_set_new(object, "first_seed", cli_json_number(config->seed));
	json_object_set_new(object, "rounds", cli_json_number(result->rounds));
	json_object_set_new(object, "seconds", json_real(result->seconds));
	for (uint32_t i = 0; i < REAL_OPS; i++)
		json_object_set_new(ops, real_op_name((enum real_op)i),
				    cli_json_number(result->ops[i]));
	json_object_set_new(object, "operations", ops);
	json_object_set_new(object, "adds", cli_json_number(result->adds));
	json_object_set_new(object, "removes", cli_json_number(result->removes));
	json_object_set_new(object, "found",
			    result->found ? cli_json_text(result->text) : json_null());
	json_object_set_new(object, "seed",
			    result->found ? cli_json_number(result->seed) : json_null());
	cli_json_print(object);
}

static int check_real(int argc, char **argv)
{
	struct real_config config = { .seed = 1,
				      .seconds = DEFAULT_SECONDS,
				      .threads = DEFAULT_THREADS };
	struct cli_args args = { .options = options, .argc = argc, .argv = argv, .into = &config };
	struct cli_progress progress;
	struct real_result result;
	int nr, failed;

	if (!cli_read_options(&args))
		return args.exit;
	cli_operands(&args, &nr);
	if (nr)
		return cli_usage_error("check: takes options only, not '%s'",
				       cli_operands(&args, &nr)[0]);
	config.progress = show_progress;
	config.arg = &progress;
	config.stop = &cli_stop;
	cli_stop_expect();
	cli_progress_begin(&progress, "check", 0);
	failed = real_run(&config, &result);
	cli_progress_end(&progress);
	if (failed)
		return cli_error(CLI_FAILED, "check: %s", result.text);
	if (args.json)
		show_json(&config, &result);
	else
		show_text(&config, &result);
	if (!cli_stop)
		return result.found ? CLI_FAILED : CLI_OK;
	cli_error(CLI_FAILED, "check: ended by signal %d; --seed %" PRIu64 " goes on from here",
		  cli_stop, result.seed);
	return cli_stop_end();
}

int cmd_check(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--real"))
			return check_real(argc, argv);
	return cli_exec_lab(argc, argv);
}
