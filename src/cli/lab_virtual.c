// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lab_virtual.c - `pamt bench virtual`: designs on many CPUs, in virtual time.
 *
 * Without a design, the ones that the library is measured against, on 64 CPUs, and the library on
 * 256 as well; with one, that run alone and what was waited for in it. Runs are spread over the
 * machine's real CPUs, one process each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/lab.h"
#include "lab/virtual_run.h"
#include "lab/workers.h"

enum {
	OPTION_DESIGN = 'd',
	OPTION_WORKLOAD = 'w',
	OPTION_SEED = 's',
	OPTION_CPUS = 1,
	OPTION_TDS,
	OPTION_MEMORY,
	OPTION_OPS,
	OPTION_IDLE,
	OPTION_COSTS,
};

static const struct cli_option options[] = {
	{ OPTION_DESIGN, "design", "NAME",
	  "this one, of those that `pamt check` knows but static" },
	{ OPTION_WORKLOAD, "workload", "linear|edges",
	  "TDs' memory faulted in page by page, or every get and put at an edge" },
	{ OPTION_CPUS, "cpus", "N", "CPUs, 1 to 1024; default 64" },
	{ OPTION_TDS, "tds", "N", "TDs that share them; default 8" },
	{ OPTION_MEMORY, "memory", "BYTES", "of each TD; default: 128M for each CPU in all" },
	{ OPTION_OPS, "ops", "N", "edges: times that each CPU gets and puts; default 1000" },
	{ OPTION_IDLE, "idle", "N", "regions that ours keeps backed for later; default 0" },
	{ OPTION_SEED, "seed", "N", "of what is random; default 1" },
	{ OPTION_COSTS, "costs", NULL, "the prices of virtual time and where they are from" },
	{ 0 },
};

struct options {
	struct virtual_config config;
	bool has_workload, costs;
};

/* All runs of one call, in memory that the processes share. */
struct runs {
	uint32_t nr;
	struct virtual_config config[8];
	struct run {
		struct virtual_result result;
		char error[256]; /* empty: it went well */
	} run[8];
};

/* ------------------------------------------------------------------------------------------- */
/* Running                                                                                      */

static void run_one(void *ctx, uint32_t i)
{
	struct runs *runs = ctx;
	struct run *run = &runs->run[i];

	snprintf(run->error, sizeof(run->error), "it crashes");
	if (!virtual_run(&runs->config[i], &run->result, run->error, sizeof(run->error)))
		run->error[0] = 0;
}

static void crashed(void *ctx, uint32_t i, int signal)
{
	struct runs *runs = ctx;

	snprintf(runs->run[i].error, sizeof(runs->run[i].error), "it crashes (%s)",
		 signal ? strsignal(signal) : "exit");
}

/* Memory and operations that were not said, for that many CPUs. */
static void fill_in(struct virtual_config *c)
{
	if (!c->td_bytes)
		c->td_bytes = c->nr_cpus * (UINT64_C(128) << 20) / c->nr_tds;
	c->td_bytes = (c->td_bytes + TDX_2M_SIZE - 1) & ~(TDX_2M_SIZE - 1);
	if (!c->ops_per_cpu)
		c->ops_per_cpu = 1000;
}

static void add_run(struct runs *runs, const struct options *o, const struct design *design,
		    enum virtual_workload workload, uint32_t cpus)
{
	struct virtual_config *c = &runs->config[runs->nr++];

	*c = o->config;
	c->design = design;
	c->workload = workload;
	c->nr_cpus = cpus;
	fill_in(c);
}

/* The comparison: everybody on the first number of CPUs, the library on four times that as well. */
static void plan_runs(struct runs *runs, const struct options *o)
{
	uint32_t cpus = o->config.nr_cpus;

	if (o->config.design) {
		add_run(runs, o, o->config.design, o->config.workload, cpus);
		return;
	}
	for (enum virtual_workload w = VIRTUAL_LINEAR; w <= VIRTUAL_EDGES; w++) {
		if (o->has_workload && w != o->config.workload)
			continue;
		add_run(runs, o, &design_ours, w, cpus);
		add_run(runs, o, &design_v6, w, cpus);
		/* At edges merged is v6: each takes the lock every time. */
		if (w == VIRTUAL_LINEAR)
			add_run(runs, o, &design_merged, w, cpus);
		if (4 * cpus <= STAGE_MAX_CPUS)
			add_run(runs, o, &design_ours, w, 4 * cpus);
	}
}

static const struct run *find_run(const struct runs *runs, const struct design *design,
				  enum virtual_workload workload, uint32_t cpus)
{
	for (uint32_t i = 0; i < runs->nr; i++)
		if (runs->config[i].design == design && runs->config[i].workload == workload &&
		    runs->config[i].nr_cpus == cpus)
			return &runs->run[i];
	return NULL;
}

/* ------------------------------------------------------------------------------------------- */
/* Figures                                                                                      */

/* Time in get, put and top-up for each get, ns. */
static double per_get(const struct run *run)
{
	return (double)virtual_cost(&run->result) / (double)run->result.op[VIRTUAL_GET].count;
}

/* Of two runs; 0 if one of them was not made. */
static double over(const struct run *one, const struct run *two)
{
	return one && two ? per_get(one) / per_get(two) : 0;
}

struct figures {
	double merged_over_ours, v6_over_ours; /* linear */
	double edges_v6_over_ours;
	double more_cpus; /* the worse of both workloads: four times the CPUs over that many */
};

static struct figures compare(const struct runs *runs, uint32_t cpus)
{
	const struct run *linear = find_run(runs, &design_ours, VIRTUAL_LINEAR, cpus);
	const struct run *edges = find_run(runs, &design_ours, VIRTUAL_EDGES, cpus);
	struct figures f = {
		.merged_over_ours =
			over(find_run(runs, &design_merged, VIRTUAL_LINEAR, cpus), linear),
		.v6_over_ours = over(find_run(runs, &design_v6, VIRTUAL_LINEAR, cpus), linear),
		.edges_v6_over_ours = over(find_run(runs, &design_v6, VIRTUAL_EDGES, cpus), edges),
		.more_cpus = over(find_run(runs, &design_ours, VIRTUAL_LINEAR, 4 * cpus), linear),
	};
	double more = over(find_run(runs, &design_ours, VIRTUAL_EDGES, 4 * cpus), edges);

	if (more > f.more_cpus)
		f.more_cpus = more;
	return f;
}

/* ------------------------------------------------------------------------------------------- */
/* Text                                                                                         */

static void op_row(struct cli_table *table, const struct virtual_config *c, const struct run *run,
		   enum virtual_op op)
{
	const struct histogram *h = &run->result.op[op];

	cli_table_cell(table, "%s", op ? "" : virtual_workload_name(c->workload));
	cli_table_cell(table, "%s", op ? "" : c->design->name);
	if (op)
		cli_table_cell(table, "%s", "");
	else
		cli_table_cell(table, "%u", c->nr_cpus);
	cli_table_cell(table, "%s", virtual_op_name(op));
	cli_table_cell(table, "%llu", (unsigned long long)h->count);
	cli_table_cell(table, "%.1f", histogram_mean(h));
	cli_table_cell(table, "%llu", (unsigned long long)histogram_percentile(h, 0.5));
	cli_table_cell(table, "%llu", (unsigned long long)histogram_percentile(h, 0.99));
	cli_table_cell(table, "%llu", (unsigned long long)histogram_percentile(h, 0.999));
	cli_table_cell(table, "%llu", (unsigned long long)h->longest);
}

static void print_ops(const struct runs *runs)
{
	static const struct cli_column columns[] = {
		{ "workload", false },	{ "design", false }, { "CPUs", true },
		{ "operation", false }, { "count", true },   { "mean ns", true },
		{ "p50", true },	{ "p99", true },     { "p99.9", true },
		{ "longest", true },
	};
	struct cli_table *table = cli_table_create(columns, sizeof(columns) / sizeof(columns[0]));

	for (uint32_t i = 0; i < runs->nr; i++)
		for (enum virtual_op op = 0; op < VIRTUAL_NR_OPS; op++)
			op_row(table, &runs->config[i], &runs->run[i], op);
	cli_table_print(table);
}

/* What was waited for in one run. */
static void print_waits(const struct virtual_result *r)
{
	static const struct cli_column columns[] = {
		{ "waited for", false }, { "waits", true },	{ "total us", true },
		{ "longest ns", true },	 { "as a lock", true }, { "total us", true },
		{ "longest ns", true },
	};
	struct cli_table *table = cli_table_create(columns, sizeof(columns) / sizeof(columns[0]));

	for (uint32_t i = 0; i < r->nr_worst; i++) {
		const struct virtual_line *l = &r->worst[i].line;

		cli_table_cell(table, "%s", r->worst[i].name);
		cli_table_cell(table, "%llu", (unsigned long long)l->waits);
		cli_table_cell(table, "%.1f", (double)l->wait_total / 1e3);
		cli_table_cell(table, "%llu", (unsigned long long)l->wait_longest);
		cli_table_cell(table, "%llu", (unsigned long long)l->lock_waits);
		cli_table_cell(table, "%.1f", (double)l->lock_total / 1e3);
		cli_table_cell(table, "%llu", (unsigned long long)l->lock_longest);
	}
	cli_table_print(table);
}

static void print_text(const struct runs *runs, const struct options *o)
{
	const struct virtual_result *first = &runs->run[0].result;
	struct figures f = compare(runs, o->config.nr_cpus);

	print_ops(runs);
	if (runs->nr == 1) {
		printf("\n");
		print_waits(first);
		printf("\n%.6f s of virtual time in %.1f s, %llu turns, hash %016llx\n",
		       (double)first->end / 1e9, first->seconds, (unsigned long long)first->turns,
		       (unsigned long long)first->hash);
		return;
	}
	printf("\ntime in top-up, get and put, on %u CPUs:\n", o->config.nr_cpus);
	if (f.merged_over_ours > 0)
		printf("  linear: merged %.1f times ours, v6 %.2f times ours\n", f.merged_over_ours,
		       f.v6_over_ours);
	if (f.edges_v6_over_ours > 0)
		printf("  edges: v6 %.1f times ours\n", f.edges_v6_over_ours);
	if (f.more_cpus > 0)
		printf("  ours on %u CPUs: %.2f times as long for each\n", 4 * o->config.nr_cpus,
		       f.more_cpus);
}

/* ------------------------------------------------------------------------------------------- */
/* JSON                                                                                         */

static json_t *number(uint64_t value) { return json_integer((json_int_t)value); }

static json_t *op_json(const struct histogram *h)
{
	json_t *object = json_object();

	json_object_set_new(object, "count", number(h->count));
	json_object_set_new(object, "total_ns", number(h->total));
	json_object_set_new(object, "mean_ns", json_real(histogram_mean(h)));
	json_object_set_new(object, "p50_ns", number(histogram_percentile(h, 0.5)));
	json_object_set_new(object, "p99_ns", number(histogram_percentile(h, 0.99)));
	json_object_set_new(object, "p999_ns", number(histogram_percentile(h, 0.999)));
	json_object_set_new(object, "longest_ns", number(h->longest));
	return object;
}

static json_t *waits_json(const struct virtual_result *r)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < r->nr_worst; i++) {
		const struct virtual_line *l = &r->worst[i].line;
		json_t *one = json_object();

		json_object_set_new(one, "name", json_string(r->worst[i].name));
		json_object_set_new(one, "transfers", number(l->transfers));
		json_object_set_new(one, "waits", number(l->waits));
		json_object_set_new(one, "wait_ns", number(l->wait_total));
		json_object_set_new(one, "wait_longest_ns", number(l->wait_longest));
		json_object_set_new(one, "lock_waits", number(l->lock_waits));
		json_object_set_new(one, "lock_ns", number(l->lock_total));
		json_object_set_new(one, "lock_longest_ns", number(l->lock_longest));
		json_array_append_new(list, one);
	}
	return list;
}

static json_t *run_json(const struct virtual_config *c, const struct virtual_result *r)
{
	json_t *object = json_object(), *ops = json_object();

	json_object_set_new(object, "design", json_string(c->design->name));
	json_object_set_new(object, "workload", json_string(virtual_workload_name(c->workload)));
	json_object_set_new(object, "cpus", json_integer(c->nr_cpus));
	json_object_set_new(object, "tds", json_integer(c->nr_tds));
	json_object_set_new(object, "td_bytes", number(c->td_bytes));
	json_object_set_new(object, "seed", number(c->seed));
	for (enum virtual_op op = 0; op < VIRTUAL_NR_OPS; op++)
		json_object_set_new(ops, virtual_op_name(op), op_json(&r->op[op]));
	json_object_set_new(object, "ops", ops);
	json_object_set_new(object, "waits", waits_json(r));
	json_object_set_new(object, "cost_ns", number(virtual_cost(r)));
	json_object_set_new(object, "end_ns", number(r->end));
	json_object_set_new(object, "turns", number(r->turns));
	json_object_set_new(object, "hash", cli_json_hex(r->hash));
	json_object_set_new(object, "seconds", json_real(r->seconds));
	return object;
}

static void print_json(const struct runs *runs, const struct options *o)
{
	json_t *object = cli_json("pamt.bench.virtual/1"), *list = json_array();
	struct figures f = compare(runs, o->config.nr_cpus);
	char name[32];

	for (uint32_t i = 0; i < runs->nr; i++)
		json_array_append_new(list, run_json(&runs->config[i], &runs->run[i].result));
	json_object_set_new(object, "runs", list);
	snprintf(name, sizeof(name), "virtual%u", o->config.nr_cpus);
	if (runs->nr > 1)
		json_object_set_new(object, name,
				    json_pack("{s:{s:f,s:f},s:{s:f}}", "linear", "merged_over_ours",
					      f.merged_over_ours, "v6_over_ours", f.v6_over_ours,
					      "edges", "v6_over_ours", f.edges_v6_over_ours));
	snprintf(name, sizeof(name), "virtual%u_over_%u", 4 * o->config.nr_cpus, o->config.nr_cpus);
	if (f.more_cpus > 0)
		json_object_set_new(object, name, json_real(f.more_cpus));
	cli_json_print(object);
}

/* ------------------------------------------------------------------------------------------- */

static int run_all(const struct options *o, bool json)
{
	struct runs *runs = workers_share(sizeof(*runs));
	struct workers workers = { .unit = run_one, .crashed = crashed, .ctx = runs };

	if (!runs)
		return cli_error(CLI_FAILED, "bench: no memory");
	plan_runs(runs, o);
	workers.nr_units = runs->nr;
	if (workers_run(&workers))
		return cli_error(CLI_FAILED, "bench: no process to work in");
	for (uint32_t i = 0; i < runs->nr; i++)
		if (*runs->run[i].error)
			return cli_error(CLI_FAILED, "bench: %s on %u CPUs: %s",
					 runs->config[i].design->name, runs->config[i].nr_cpus,
					 runs->run[i].error);
	if (json)
		print_json(runs, o);
	else
		print_text(runs, o);
	workers_unshare(runs, sizeof(*runs));
	return CLI_OK;
}

static bool read_words(int id, const char *value, struct options *o)
{
	char names[128];

	if (id == OPTION_DESIGN) {
		o->config.design = design_find(value);
		if (o->config.design && !o->config.design->is_static)
			return true;
		if (o->config.design) {
			cli_usage_error("bench: the model knows Dynamic PAMT only, not design '%s'",
					value);
			return false;
		}
		cli_usage_error("bench: no design '%s'; allowed are %s", value,
				design_names(names, sizeof(names)));
		return false;
	}
	o->has_workload = true;
	o->config.workload = strcmp(value, "linear") ? VIRTUAL_EDGES : VIRTUAL_LINEAR;
	if (!strcmp(value, virtual_workload_name(o->config.workload)))
		return true;
	cli_usage_error("bench: no workload '%s'; allowed are linear, edges", value);
	return false;
}

static bool read_option(int id, const char *value, struct options *o)
{
	struct virtual_config *c = &o->config;
	uint64_t number;

	switch (id) {
	case OPTION_DESIGN:
	case OPTION_WORKLOAD:
		return read_words(id, value, o);
	case OPTION_CPUS:
		if (!cli_option_number("cpus", value, 1, STAGE_MAX_CPUS, &number))
			return false;
		c->nr_cpus = (uint32_t)number;
		return true;
	case OPTION_TDS:
		if (!cli_option_number("tds", value, 1, 4096, &number))
			return false;
		c->nr_tds = (uint32_t)number;
		return true;
	case OPTION_IDLE:
		if (!cli_option_number("idle", value, 0, UINT32_MAX, &number))
			return false;
		c->idle_limit = (uint32_t)number;
		return true;
	case OPTION_MEMORY:
		return cli_option_number("memory", value, TDX_2M_SIZE, UINT64_C(1) << 42,
					 &c->td_bytes);
	case OPTION_OPS:
		return cli_option_number("ops", value, 1, UINT64_C(1) << 40, &c->ops_per_cpu);
	case OPTION_SEED:
		return cli_option_number("seed", value, 0, UINT64_MAX, &c->seed);
	default:
		o->costs = true;
		return true;
	}
}

/* Every CPU needs a region of its own. False: reported. */
static bool make_sense(const struct options *o)
{
	const struct virtual_config *c = &o->config;

	if (!c->td_bytes || c->nr_tds * c->td_bytes / c->nr_cpus >= TDX_2M_SIZE)
		return true;
	cli_usage_error("bench: %u CPUs need 2M of the TDs' memory each", c->nr_cpus);
	return false;
}

int lab_virtual(int argc, char **argv)
{
	struct options o = { .config = { .nr_cpus = 64, .nr_tds = 8, .seed = 1 } };
	struct cli_args args = { .options = options, .argc = argc, .argv = argv };
	int id, operands;

	while ((id = cli_next_option(&args)) > 0)
		if (!read_option(id, args.value, &o))
			return CLI_USAGE;
	if (id < 0)
		return args.exit;
	cli_operands(&args, &operands);
	if (operands)
		return cli_usage_error("bench: virtual takes options only, not '%s'",
				       cli_operands(&args, &operands)[0]);
	if (o.costs) {
		fputs(costs_text(), stdout);
		return CLI_OK;
	}
	return make_sense(&o) ? run_all(&o, args.json) : CLI_USAGE;
}
