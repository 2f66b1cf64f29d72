// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lab_check.c - `pamt check`: options, and what to do with them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/lab.h"
#include "machine/clock.h"
#include "lab/explore/mutants.h"

enum {
	OPTION_DESIGN = 'd',
	OPTION_SEED = 's',
	OPTION_JOBS = 'j',
	OPTION_MODULE = 1,
	OPTION_PAGES,
	OPTION_CPUS,
	OPTION_REGIONS,
	OPTION_OPS,
	OPTION_OPS_IN_ALL,
	OPTION_KINDS,
	OPTION_PROGRAM,
	OPTION_CACHED,
	OPTION_CHUNKS,
	OPTION_IDLE,
	OPTION_FAULT,
	OPTION_BOUND,
	OPTION_PCT_DEPTH,
	OPTION_SCHEDULES,
	OPTION_TIME,
	OPTION_MUTANTS,
	OPTION_REPLAY,
};

static const struct cli_option options[] = {
	{ OPTION_DESIGN, "design", "NAME", "ours (default), or another: see pamt(1)" },
	{ OPTION_MODULE, "module", "softseam|model",
	  "the software module (default), or the model of its PAMT rules: faster" },
	{ OPTION_CPUS, "cpus", "N", "CPUs, 1 to 8; default 2" },
	{ OPTION_REGIONS, "regions", "N", "2 MiB regions, 1 to 8; default 2, with splits 3" },
	{ OPTION_OPS, "ops", "N", "operations of each CPU, 1 to 16; default 3" },
	{ OPTION_OPS_IN_ALL, "ops-in-all", "N", "or of all CPUs together, 1 to 16" },
	{ OPTION_KINDS, "kinds", "LETTERS",
	  "which: garp get AUG REMOVE put (default), q put in softirq, MU map and unmap 2M, SJ "
	  "split "
	  "and merge, cf control page, te a cache filled and given back, k shrink, v verify" },
	{ OPTION_PROGRAM, "program", "TEXT", "this one instead of all: \"gA aA rA / gB pB\"" },
	{ OPTION_PAGES, "pages", "crossed|apart",
	  "where the system's pages lie: in the run's own regions (default), or elsewhere" },
	{ OPTION_CACHED, "cached", NULL, "CPUs draw from caches filled before" },
	{ OPTION_CHUNKS, "chunks", "usual|tiny",
	  "how the pool of ours grows; tiny: few operations fill and empty it" },
	{ OPTION_IDLE, "idle", "N", "regions that ours keeps backed for later; default 0" },
	{ OPTION_FAULT, "fault", "WHAT", "alloc:N, or LEAF:N:STATUS: the N-th one fails" },
	{ OPTION_BOUND, "bound", "N", "preemptions in a schedule; default 3" },
	{ OPTION_PCT_DEPTH, "pct-depth", "N",
	  "random schedules instead, with N-1 changes, 1 to 17" },
	{ OPTION_SEED, "seed", "N", "of random schedules and programs; default 1" },
	{ OPTION_SCHEDULES, "schedules", "N", "no more than these" },
	{ OPTION_TIME, "time", "SECONDS", "no longer than this" },
	{ OPTION_MUTANTS, "mutants", NULL,
	  "break the library in every known way; find it each time" },
	{ OPTION_REPLAY, "replay", "TEXT", "one schedule again, line by line" },
	{ OPTION_JOBS, "jobs", "N", "processes; default: one for each CPU" },
	{ 0 },
};

struct options {
	struct check_request request;
	bool mutants;
	bool regions_given;
	bool what_given; /* an option that says what is explored */
	const char *program, *replay;
	uint64_t seconds;
};

/* Which numbers an option takes, and where they go. */
static const struct number {
	int id;
	const char *name;
	uint64_t min, max;
	size_t offset; /* in struct options */
	bool wide;     /* 64 bits */
} numbers[] = {
	{ OPTION_CPUS, "cpus", 1, PROGRAM_MAX_CPUS, offsetof(struct options, request.nr_cpus),
	  false },
	{ OPTION_REGIONS, "regions", 1, PROGRAM_MAX_REGIONS,
	  offsetof(struct options, request.setup.nr_regions), false },
	{ OPTION_OPS, "ops", 1, PROGRAM_MAX_OPS, offsetof(struct options, request.nr_ops), false },
	{ OPTION_OPS_IN_ALL, "ops-in-all", 1, PROGRAM_MAX_OPS,
	  offsetof(struct options, request.ops_in_all), false },
	{ OPTION_IDLE, "idle", 0, 512, offsetof(struct options, request.setup.idle_limit), false },
	{ OPTION_BOUND, "bound", 0, 100, offsetof(struct options, request.bound), false },
	{ OPTION_PCT_DEPTH, "pct-depth", 1, EXPLORE_MAX_CHANGES + 1,
	  offsetof(struct options, request.pct_depth), false },
	{ OPTION_JOBS, "jobs", 1, 256, offsetof(struct options, request.workers), false },
	/* What JSON can say, too. */
	{ OPTION_SEED, "seed", 0, INT64_MAX, offsetof(struct options, request.seed), true },
	{ OPTION_SCHEDULES, "schedules", 1, UINT64_MAX / 2,
	  offsetof(struct options, request.schedules), true },
	{ OPTION_TIME, "time", 1, 1000000, offsetof(struct options, seconds), true },
};

static bool read_number(int id, const char *value, struct options *o)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const struct number *n = &numbers[i];
		uint64_t number;

		if (n->id != id)
			continue;
		if (!cli_option_number(n->name, value, n->min, n->max, &number))
			return false;
		if (n->wide)
			memcpy((char *)o + n->offset, &number, sizeof(number));
		else
			*(uint32_t *)(void *)((char *)o + n->offset) = (uint32_t)number;
		return true;
	}
	return false;
}

/* Options that are fields of a setup, under the same names. */
static bool read_field(const char *field, const char *value, struct options *o)
{
	char why[256];

	if (setup_set(&o->request.setup, field, value, why, sizeof(why)))
		return true;
	cli_usage_error("check: --%s: %s", field, why);
	return false;
}

static bool read_option(int id, const char *value, struct options *o)
{
	o->regions_given |= id == OPTION_REGIONS;
	o->what_given |= id == OPTION_DESIGN || id == OPTION_PROGRAM || id == OPTION_KINDS ||
			 id == OPTION_FAULT;
	switch (id) {
	case OPTION_DESIGN:
		return read_field("design", value, o);
	case OPTION_MODULE:
		return read_field("module", value, o);
	case OPTION_CHUNKS:
		return read_field("chunks", value, o);
	case OPTION_PAGES:
		return read_field("pages", value, o);
	case OPTION_FAULT:
		return read_field("fault", value, o);
	case OPTION_PROGRAM:
		o->request.has_program = true;
		return read_field("program", value, o);
	case OPTION_CACHED:
		o->request.setup.cached = true;
		return true;
	case OPTION_KINDS:
		if (program_kinds(value, &o->request.kinds))
			return true;
		cli_usage_error("check: --kinds '%s'; allowed are the letters g a r p q M U S J c "
				"f t e k v",
				value);
		return false;
	case OPTION_MUTANTS:
		o->mutants = true;
		return true;
	case OPTION_REPLAY:
		o->replay = value;
		return true;
	default:
		return read_number(id, value, o);
	}
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

static int explore(struct options *o, bool json)
{
	struct shown shown = { .unit = o->request.pct_depth ? "unit" : "program",
			       .began = clock_seconds(),
			       .seconds = o->request.seconds };
	struct check_result *result = calloc(1, sizeof(*result));
	char error[256];
	int code;

	if (!result)
		return cli_error(CLI_FAILED, "check: no memory");
	o->request.progress = progress;
	o->request.progress_ctx = &shown;
	cli_progress_begin(&shown.line, "schedules", 0);
	code = check_run(&o->request, result, error, sizeof(error));
	cli_progress_end(&shown.line);
	if (code)
		code = cli_usage_error("check: %s", error);
	else
		code = show_check(&o->request, result, json);
	free(result);
	return code;
}

static int hunt(struct options *o, bool json)
{
	struct shown shown = { .unit = "mutant" };
	struct check_mutant *results = calloc(mutants_nr(), sizeof(*results));
	double began = clock_seconds();
	char error[256];
	int code;

	if (!results)
		return cli_error(CLI_FAILED, "check: no memory");
	o->request.progress = progress;
	o->request.progress_ctx = &shown;
	cli_progress_begin(&shown.line, "schedules", 0);
	code = check_mutants(&o->request, results, error, sizeof(error));
	cli_progress_end(&shown.line);
	if (code)
		code = cli_error(CLI_FAILED, "check: %s", error);
	else
		code = show_mutants(results, clock_seconds() - began, json);
	free(results);
	return code;
}

static int replay(const char *text)
{
	struct explore_schedule *schedule = calloc(1, sizeof(*schedule));
	struct setup setup;
	char error[256];
	int wrong;

	if (!schedule)
		return cli_error(CLI_FAILED, "check: no memory");
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

int lab_check(int argc, char **argv)
{
	struct options o = { .request = { .nr_cpus = 2, .nr_ops = 3, .bound = 3, .seed = 1 } };
	struct cli_args args = { .options = options, .argc = argc, .argv = argv };
	int id, operands;

	setup_init(&o.request.setup);
	program_kinds("garp", &o.request.kinds);
	while ((id = cli_next_option(&args)) > 0)
		if (!read_option(id, args.value, &o))
			return CLI_USAGE;
	if (id < 0)
		return args.exit;
	cli_operands(&args, &operands);
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
