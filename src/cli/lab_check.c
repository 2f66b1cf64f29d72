// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lab_check.c - `pamt check`: options, and what to do with them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/lab.h"
#include "cli/lab_check.h"
#include "machine/clock.h"
#include "lab/designs/design.h"
#include "lab/explore/mutants.h"

struct options {
	struct check_request request;
	bool mutants, merge;
	bool others; /* options besides merge */
	bool regions_given, ops_given;
	const char *state;
	bool what_given; /* an option that says what is explored */
	const char *replay;
	uint64_t seconds;
	uint32_t state_every;
	bool every_given;
};

/* FIELD: a member of the setup, under the same name; WHAT: one that says what is explored. */
enum {
	OPTION_DESIGN = 'd',
	OPTION_FIELD = 1,
	OPTION_WHAT,
	OPTION_REGIONS,
	OPTION_OPS,
	OPTION_KINDS,
	OPTION_SHARD,
	OPTION_STATE_EVERY,
	OPTION_MERGE,
	OPTION_REAL,
};

static const struct cli_option options[] = {
	{ OPTION_DESIGN, "design", "NAME", "ours (default), or another: see pamt(1)", CLI_OWN },
	{ OPTION_FIELD, "module", "softseam|model",
	  "the software module (default), or the model of its PAMT rules: faster", CLI_OWN },
	{ 0, "cpus", "N", "CPUs, 1 to 8; default 2",
	  CLI_NUMBER(struct options, request.nr_cpus, 1, PROGRAM_MAX_CPUS) },
	{ OPTION_REGIONS, "regions", "N", "2 MiB regions, 1 to 8; default 2, with splits 3",
	  CLI_NUMBER(struct options, request.setup.nr_regions, 1, PROGRAM_MAX_REGIONS) },
	{ OPTION_OPS, "ops", "N", "operations of each CPU, 1 to 16; default 3",
	  CLI_NUMBER(struct options, request.nr_ops, 1, PROGRAM_MAX_OPS) },
	{ 0, "ops-in-all", "N", "or of all CPUs together, 1 to 16",
	  CLI_NUMBER(struct options, request.ops_in_all, 1, PROGRAM_MAX_OPS) },
	{ OPTION_KINDS, "kinds", "LETTERS",
	  "which: garp get AUG REMOVE put (default), q put in softirq, MU map and unmap 2M, SJ "
	  "split and merge, cf control page, te a cache filled and given back, k shrink, v "
	  "verify",
	  CLI_OWN },
	{ OPTION_WHAT, "program", "TEXT", "this one instead of all: \"gA aA rA / gB pB\"",
	  CLI_OWN },
	{ OPTION_FIELD, "pages", "crossed|apart",
	  "where the system's pages lie: in the run's own regions (default), or elsewhere",
	  CLI_OWN },
	{ 0, "cached", NULL, "CPUs draw from caches filled before",
	  CLI_INTO(struct options, request.setup.cached) },
	{ OPTION_FIELD, "chunks", "usual|tiny",
	  "how the pool of ours grows; tiny: few operations fill and empty it", CLI_OWN },
	{ 0, "idle", "N", "regions that ours keeps backed for later; default 0",
	  CLI_NUMBER(struct options, request.setup.idle_limit, 0, 512) },
	{ OPTION_WHAT, "fault", "WHAT", "alloc:N, or LEAF:N:STATUS: the N-th one fails", CLI_OWN },
	{ 0, "bound", "N", "preemptions in a schedule; default 3",
	  CLI_NUMBER(struct options, request.bound, 0, 100) },
	{ 0, "pct-depth", "N", "random schedules instead, with N-1 changes, 1 to 17",
	  CLI_NUMBER(struct options, request.pct_depth, 1, EXPLORE_MAX_CHANGES + 1) },
	/* What JSON can say, too. */
	{ 's', "seed", "N", "of random schedules and programs; default 1",
	  CLI_NUMBER(struct options, request.seed, 0, INT64_MAX) },
	{ 0, "schedules", "N", "no more than these",
	  CLI_NUMBER(struct options, request.schedules, 1, UINT64_MAX / 2) },
	{ 0, "time", "SECONDS", "no longer than this",
	  CLI_NUMBER(struct options, seconds, 1, 1000000) },
	{ 0, "first", NULL, "end with the first violation; small programs first",
	  CLI_INTO(struct options, request.first) },
	{ 0, "mutants", NULL, "break the library in every known way; find it each time",
	  CLI_INTO(struct options, mutants) },
	{ 0, "replay", "TEXT", "one schedule again, line by line",
	  CLI_INTO(struct options, replay) },
	{ OPTION_SHARD, "shard", "I/N", "only the I-th of N shares of the work", CLI_OWN },
	{ 0, "state", "FILE", "keep there how far it is; the same command again goes on from it",
	  CLI_INTO(struct options, state) },
	{ OPTION_STATE_EVERY, "state-every", "SECONDS", "how often, 0 to 60; default 20",
	  CLI_NUMBER(struct options, state_every, 0, 60) },
	{ OPTION_MERGE, "merge", NULL, "put together what all shards printed with --json: FILE...",
	  CLI_INTO(struct options, merge) },
	{ 'j', "jobs", "N", "processes; default: one for each CPU",
	  CLI_NUMBER(struct options, request.workers, 1, 256) },
	/* Seen by pamt itself, which does not come here then. */
	{ OPTION_REAL, "real", NULL, "on real threads: another hunt, `pamt check --real --help`",
	  CLI_OWN },
	{ 0 },
};

/* Options that are fields of a setup, under the same names. */
static bool read_field(const char *field, const char *value, struct options *o)
{
	char why[256];

	if (setup_set(&o->request.setup, field, value, why, sizeof(why)))
		return true;
	cli_usage_error("check: --%s: %s", field, why);
	return false;
}

/* Shares of so many at most: there are no more units. */
#define MAX_SHARDS (1u << 22)

static bool read_shard(const char *value, struct options *o)
{
	unsigned long shard, shards;
	char end;

	if (*value >= '0' && *value <= '9' && strlen(value) < 20 &&
	    sscanf(value, "%lu/%lu%c", &shard, &shards, &end) == 2 && shard && shard <= shards &&
	    shards <= MAX_SHARDS) {
		o->request.shard = (uint32_t)shard;
		o->request.shards = (uint32_t)shards;
		return true;
	}
	cli_usage_error("check: --shard '%s'; allowed is I/N, as in 2/7, with I from 1 to N",
			value);
	return false;
}

static bool read_kinds(const char *value, struct options *o)
{
	if (program_kinds(value, &o->request.kinds))
		return true;
	cli_usage_error(
		"check: --kinds '%s'; allowed are the letters g a r p q M U S J c f t e k v",
		value);
	return false;
}

static bool read_option(int id, const struct cli_args *args, struct options *o)
{
	o->regions_given |= id == OPTION_REGIONS;
	o->ops_given |= id == OPTION_OPS;
	o->every_given |= id == OPTION_STATE_EVERY;
	o->others |= id != OPTION_MERGE;
	o->what_given |= id == OPTION_DESIGN || id == OPTION_WHAT || id == OPTION_KINDS;
	o->request.has_program |= !strcmp(args->name, "program");
	if (id == OPTION_REAL)
		return cli_usage_error("check: --real is to be written out"), false;
	if (id == OPTION_KINDS)
		return read_kinds(args->value, o);
	if (id == OPTION_SHARD)
		return read_shard(args->value, o);
	if (id == OPTION_DESIGN || id == OPTION_WHAT || id == OPTION_FIELD)
		return read_field(args->name, args->value, o);
	return true;
}

static bool splits(const struct check_request *r)
{
	const struct program *p = &r->setup.program;
	bool found = !r->has_program && r->kinds >> OP_SPLIT & 1;

	for (uint32_t cpu = 0; r->has_program && cpu < p->nr_cpus; cpu++)
		for (uint32_t i = 0; i < p->nr_ops[cpu]; i++)
			found |= p->op[cpu][i].kind == OP_SPLIT;
	return found;
}

/* What cannot be said together. False: reported. */
static bool make_sense(struct options *o)
{
	struct check_request *r = &o->request;
	const struct program *p = &r->setup.program;

	r->seconds = (double)o->seconds;
	if (o->what_given && (o->mutants || o->replay)) {
		cli_usage_error(
			"check: %s has programs and a design of its own; --design, --program, "
			"--kinds and --fault do not go with it",
			o->mutants ? "--mutants" : "--replay");
		return false;
	}
	if ((o->state || r->shards) && (o->mutants || o->replay)) {
		cli_usage_error("check: --shard and --state do not go with %s",
				o->mutants ? "--mutants" : "--replay");
		return false;
	}
	/* What is kept is gone on with to the end, and merged when all of it is there. */
	if (r->first && (o->state || r->shards || o->mutants || o->replay)) {
		cli_usage_error("check: --first ends a hunt early; --shard, --state, --mutants and "
				"--replay do not go with it");
		return false;
	}
	if (o->every_given && !o->state) {
		cli_usage_error("check: --state-every says how often --state FILE is written");
		return false;
	}
	if (r->setup.design->is_static && r->setup.module == TRIAL_MODEL) {
		cli_usage_error("check: --module model knows Dynamic PAMT only, not --design %s",
				r->setup.design->name);
		return false;
	}
	/* A split's pair lies in a third one, beside the region that somebody else is about. */
	if (!o->regions_given && splits(r))
		r->setup.nr_regions = 3;
	for (uint32_t cpu = 0; r->has_program && cpu < p->nr_cpus; cpu++)
		for (uint32_t i = 0; i < p->nr_ops[cpu]; i++)
			if (p->op[cpu][i].region >= r->setup.nr_regions)
				r->setup.nr_regions = p->op[cpu][i].region + 1;
	if (o->ops_given && r->ops_in_all) {
		cli_usage_error("check: --ops of each CPU or --ops-in-all, not both");
		return false;
	}
	if (r->pct_depth && r->ops_in_all) {
		cli_usage_error("check: random programs have --ops of each CPU, not --ops-in-all");
		return false;
	}
	if (r->pct_depth && !r->schedules && !o->seconds && !o->mutants) {
		cli_usage_error(
			"check: random schedules never end; --schedules or --time says when");
		return false;
	}
	return true;
}

/* ------------------------------------------------------------------------------------------- */

struct shown {
	struct cli_progress line;
	char what[64];
	const char *unit;
	double began, seconds; /* seconds: 0, or it ends then */
};

/* How many there will be is guessed from how many of the units are done. */
static void progress(void *ctx, uint64_t schedules, uint32_t done, uint32_t units)
{
	struct shown *shown = ctx;

	snprintf(shown->what, sizeof(shown->what), "%s %u of %u, schedules", shown->unit, done,
		 units);
	shown->line.what = shown->what;
	shown->line.total = done ? (uint64_t)((double)schedules / done * units) : 0;
	if (shown->seconds > 0) {
		double part = (clock_seconds() - shown->began) / shown->seconds;
		uint64_t total = part > 0 ? (uint64_t)((double)schedules / part) : 0;

		if (!shown->line.total || total < shown->line.total)
			shown->line.total = total;
	}
	cli_progress(&shown->line, schedules);
}

/* With what was found so far on stdout. */
static int end_by_signal(const struct options *o, struct state_file *file,
			 const struct check_result *result)
{
	if (!result->units_mine)
		cli_error(CLI_FAILED, "check: ended by signal %d, before the first unit", cli_stop);
	else
		cli_error(CLI_FAILED, "check: ended by signal %d; %u of %u units are done, %s",
			  cli_stop, result->units_done, result->units_mine,
			  !o->state ? "and nothing is kept: with --state FILE the same command "
				      "goes on"
			  : file->failed ? "and could not be kept"
					 : "kept, and the same command goes on with the rest");
	state_close(file);
	return cli_stop_end();
}

/* What check_run() calls while it runs. */
struct looking_on {
	struct shown shown;
	struct state_file file;
};

static void show_progress(void *ctx, uint64_t schedules, uint32_t done, uint32_t units)
{
	struct looking_on *on = ctx;

	progress(&on->shown, schedules, done, units);
}

static void save_state(void *ctx, const struct check_state *state)
{
	struct looking_on *on = ctx;

	state_save(&on->file, state);
}

static int run(struct options *o, struct looking_on *on, struct check_result *result, bool json)
{
	json_t *object;
	char error[256];
	int code;

	cli_progress_begin(&on->shown.line, "schedules", 0);
	code = check_run(&o->request, result, error, sizeof(error));
	cli_progress_end(&on->shown.line);
	/* Half a JSON object of a shard would be one too many beside the whole. */
	if (cli_stop && (code || !result->units_mine || (json && o->state)))
		return end_by_signal(o, &on->file, result);
	if (code)
		return cli_usage_error("check: %s", error);
	object = check_object(&o->request, result);
	code = object ? show_check(object, json) : CLI_FAILED;
	return cli_stop ? end_by_signal(o, &on->file, result) : code;
}

static int explore(struct options *o, bool json)
{
	struct check_result *result = cli_alloc(1, sizeof(*result));
	struct check_request *r = &o->request;
	struct looking_on on = {
		.shown = { .unit = "unit", .began = clock_seconds(), .seconds = r->seconds },
		.file = { .fd = -1, .next = -1 }
	};
	int code = 0;

	r->progress = show_progress;
	r->stop = &cli_stop;
	r->ctx = &on;
	cli_stop_expect();
	if (o->state) {
		code = state_open(&on.file, o->state, r);
		r->state = &on.file.state;
		r->save = save_state;
		r->save_every = o->state_every;
	}
	if (!code)
		code = run(o, &on, result, json);
	state_close(&on.file);
	check_result_free(result);
	free(result);
	return code;
}

static int hunt(struct options *o, bool json)
{
	struct shown shown = { .unit = "mutant" };
	struct check_mutant *results = cli_alloc(mutants_nr(), sizeof(*results));
	double began = clock_seconds();
	char error[256];
	int code;

	o->request.progress = progress;
	o->request.stop = &cli_stop;
	o->request.ctx = &shown;
	cli_stop_expect();
	cli_progress_begin(&shown.line, "schedules", 0);
	code = check_mutants(&o->request, results, error, sizeof(error));
	cli_progress_end(&shown.line);
	if (code)
		code = cli_error(CLI_FAILED, "check: %s", error);
	else
		code = show_mutants(results, clock_seconds() - began, json);
	free(results);
	if (!cli_stop)
		return code;
	cli_error(CLI_FAILED,
		  "check: ended by signal %d; nothing is kept: the same command begins anew",
		  cli_stop);
	return cli_stop_end();
}

static int replay(const char *text)
{
	struct explore_schedule *schedule = cli_alloc(1, sizeof(*schedule));
	struct setup setup;
	char error[256];
	int wrong;

	if (!setup_parse(text, &setup, schedule, error, sizeof(error))) {
		free(schedule);
		return cli_usage_error("check: --replay: %s", error);
	}
	wrong = check_replay(&setup, schedule, stdout, error, sizeof(error));
	free(schedule);
	if (wrong < 0)
		return cli_usage_error("check: --replay: %s", error);
	if (!wrong)
		printf("nothing is wrong\n");
	return wrong ? CLI_FAILED : CLI_OK;
}

static int merge(const struct cli_args *args, bool others)
{
	json_t *object;
	int nr;
	char **files = cli_operands(args, &nr);

	if (!nr)
		return cli_usage_error(
			"check: --merge takes the files that the shards' --json wrote");
	if (others)
		return cli_usage_error("check: --merge takes files, and no options besides --json");
	object = check_merge(files, nr);
	return object ? show_check(object, args->json) : CLI_USAGE;
}

int lab_check(int argc, char **argv)
{
	struct options o = { .request = { .nr_cpus = 2, .nr_ops = 3, .bound = 3, .seed = 1 },
			     .state_every = 20 };
	struct cli_args args = {
		.options = options, .argc = argc, .argv = argv, .into = &o, .names = design_name_at
	};
	int id, operands;

	setup_init(&o.request.setup);
	program_kinds("garp", &o.request.kinds);
	while ((id = cli_next_option(&args)) > 0)
		if (!read_option(id, &args, &o))
			return CLI_USAGE;
	if (id < 0)
		return args.exit;
	cli_operands(&args, &operands);
	if (o.merge)
		return merge(&args, o.others);
	if (operands)
		return cli_usage_error("check: takes options only, not '%s'",
				       cli_operands(&args, &operands)[0]);
	if (!make_sense(&o))
		return CLI_USAGE;
	if (o.replay && args.json)
		return cli_usage_error(
			"check: --replay tells its story line by line, without --json");
	if (o.replay)
		return replay(o.replay);
	return o.mutants ? hunt(&o, args.json) : explore(&o, args.json);
}
