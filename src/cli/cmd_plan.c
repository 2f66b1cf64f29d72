// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cmd_plan.c - `pamt plan`: what a machine's PAMT costs with and without Dynamic PAMT, and how its
 * memory becomes TDMRs.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pamt/host.h>

#include "cli/plan.h"
#include "lab/workload/stand.h"
#include "machine/machine.h"
#include "port/threads/threads.h"

#define MAX_SOURCES 256

struct request {
	const char *source[MAX_SOURCES]; /* NULL: this machine */
	int nr_sources;
	struct plan_tds tds;
	bool csv;
	struct map_options map;
	enum pamt_holes holes;
	bool is_static, dynamic; /* which is shown; neither: dynamic if possible */
	bool json;
};

enum { OPTION_HOLES = 1, OPTION_TD };

static const struct cli_option options[] = {
	{ OPTION_HOLES, "holes", "cmr|linux",
	  "reserved areas from holes between CMRs (default), or as Linux makes them", CLI_OWN },
	{ 0, "static", NULL, "show the TDMRs of static PAMT", CLI_INTO(struct request, is_static) },
	{ 0, "dynamic", NULL, "show the TDMRs of Dynamic PAMT (default if possible)",
	  CLI_INTO(struct request, dynamic) },
	{ 0, "max-pa", "BITS", "physical address width, 46 to 52",
	  CLI_NUMBER(struct request, map.max_pa, MAP_MIN_PA, TDX_PA_BITS) },
	{ 0, "cpus", "N", "logical CPUs",
	  CLI_NUMBER(struct request, map.nr_cpus, 1, MAP_MAX_CPUS) },
	{ 0, "packages", "N", "CPU packages, 1 to 8",
	  CLI_NUMBER(struct request, map.nr_packages, 1, TDX_MAX_PACKAGES) },
	{ 0, "nodes", "N", "NUMA nodes",
	  CLI_NUMBER(struct request, map.nr_nodes, 1, MAP_MAX_NODES) },
	{ OPTION_TD, "td", "COUNTxSIZE[,vcpus=N][,pages=4k|2m|thp:RATE]",
	  "what such TDs cost; may be given several times", CLI_OWN },
	{ 0, "csv", NULL, "with --td or several logs: a line for each machine",
	  CLI_INTO(struct request, csv) },
	{ 0 },
};

struct report {
	const struct request *request;
	const struct machine_map *map;
	struct plan_outcome of_static, of_dynamic;
	const struct plan_outcome *shown;
};

/* ------------------------------------------------------------------------------------------- */
/* Arguments                                                                                    */

static bool parse_holes(const char *text, enum pamt_holes *holes)
{
	if (!strcmp(text, "cmr"))
		*holes = PAMT_HOLES_CMR;
	else if (!strcmp(text, "linux"))
		*holes = PAMT_HOLES_USABLE;
	else
		return cli_usage_error("--holes: '%s' is not known; cmr or linux is allowed", text),
		       false;
	return true;
}

/* True: go on; false: return *exit. */
static bool parse_arguments(int argc, char **argv, struct request *r, int *exit)
{
	struct cli_args args = { .options = options, .argc = argc, .argv = argv, .into = r };
	char **words;
	int option, nr;

	*exit = CLI_USAGE;
	while ((option = cli_next_option(&args)) > 0)
		if ((option == OPTION_HOLES && !parse_holes(args.value, &r->holes)) ||
		    (option == OPTION_TD && !plan_parse_td(args.value, &r->tds)))
			return false;
	if (option < 0) {
		*exit = args.exit;
		return false;
	}
	words = cli_operands(&args, &nr);
	if (nr > MAX_SOURCES) {
		cli_usage_error("plan: %d logs; at most %d are allowed", nr, MAX_SOURCES);
		return false;
	}
	for (int i = 0; i < nr; i++)
		r->source[i] = words[i];
	if (!nr && cli_stdin_is_input())
		r->source[0] = "-";
	r->nr_sources = nr ? nr : 1;
	r->json = args.json;
	if (r->is_static && r->dynamic) {
		cli_usage_error("plan: --static or --dynamic is allowed, not both");
		return false;
	}
	if (r->csv && r->json) {
		cli_usage_error("plan: --csv or --json is allowed, not both");
		return false;
	}
	return true;
}

/* ------------------------------------------------------------------------------------------- */
/* Planning                                                                                     */

static void plan_one(const struct os_services *os, const struct machine_map *map,
		     const struct pamt_host_config *config, struct plan_outcome *out)
{
	out->ret = pamt_plan(os, config, map->cmr, map->nr_cmrs, &out->layout, &out->error);
}

int plan_map_both(const struct machine_map *map, enum pamt_holes holes,
		  struct plan_outcome *of_static, struct plan_outcome *of_dynamic)
{
	struct machine *machine = machine_create(map);
	struct pamt_host_config config;
	struct pamt_memory *memory = stand_host_config(&config, map);
	struct threads_port *port = NULL;
	char error[256] = "out of memory";
	int code = CLI_FAILED;

	if (machine && memory && !threads_port_create(machine, NULL, &port, error, sizeof(error))) {
		/* What goes wrong is said by the caller, once. */
		threads_log_level(port, cli_verbose() ? OS_LOG_WARN : OS_LOG_ERROR);
		config.holes = holes;
		plan_one(threads_services(port), map, &config, of_static);
		config.dynamic = true;
		plan_one(threads_services(port), map, &config, of_dynamic);
		threads_port_destroy(port);
		code = CLI_OK;
	}
	free(memory);
	machine_destroy(machine);
	return code ? cli_error(CLI_FAILED, "plan: %s", error) : CLI_OK;
}

static bool dynamic_possible(const struct report *report)
{
	return report->of_dynamic.layout.dynamic;
}

static const struct plan_outcome *choose(const struct report *report)
{
	const struct request *r = report->request;

	return r->dynamic || (!r->is_static && dynamic_possible(report)) ? &report->of_dynamic
									 : &report->of_static;
}

void plan_error_text(const struct pamt_error *error, char *text, size_t size)
{
	if (hpa_is_none(error->base))
		snprintf(text, size, "%s: %s", pamt_step_name(error->step), error->reason);
	else
		snprintf(text, size, "%s [0x%" PRIx64 ", 0x%" PRIx64 "): %s",
			 error->step == PAMT_STEP_MEMORY ? "memory" : "TDMR", error->base.v,
			 error->base.v + error->bytes, error->reason);
}

/* ------------------------------------------------------------------------------------------- */
/* Text                                                                                         */

/* The TD whose cost stands for all in the first lines: with 2M pages, and with 4K pages. */
#define SAMPLE_BYTES (UINT64_C(16) << 30)
#define SAMPLE_VCPUS 4u

/* What one more TD takes beyond the pages that static PAMT would give it as well. */
static uint64_t td_cost(const struct report *report, uint32_t percent_4k)
{
	const struct pamt_layout *d = &report->of_dynamic.layout;
	const struct capacity_group td = { 1, SAMPLE_VCPUS, SAMPLE_BYTES, percent_4k };
	const struct capacity_machine machine = {
		.table = d->table_bytes, .dynamic_boot = d->pamt_bytes, .nr_nodes = 1, .max_tds = 1
	};
	struct capacity c;

	capacity_of(&machine, &td, 1, &c);
	return c.dynamic_bytes - d->pamt_bytes - d->table_bytes - c.static_bytes;
}

/* What everybody asks first. */
static void print_money(const struct report *report)
{
	const struct plan_outcome *s = &report->of_static, *d = &report->of_dynamic;
	uint64_t dynamic = d->layout.pamt_bytes + d->layout.table_bytes;
	char a[24], b[24], c[24];

	if (s->ret || d->ret)
		return;
	printf("%sPAMT%s     static %s", cli_bold(), cli_plain(),
	       cli_bytes(s->layout.pamt_bytes, a));
	if (!dynamic_possible(report)) {
		printf("; Dynamic PAMT is not possible: KeyIDs begin at address bit %u, above %u\n",
		       report->map->max_pa - report->map->hkid_bits, TDX_DPAMT_MAX_PA_BITS);
		return;
	}
	printf(", dynamic %s at boot: %s saved\n", cli_bytes(dynamic, a),
	       cli_bytes(s->layout.pamt_bytes - dynamic, b));
	printf("         and for each TD of %s %s with 2M pages, %s with 4K pages\n",
	       cli_bytes(SAMPLE_BYTES, a), cli_bytes(td_cost(report, 0), b),
	       cli_bytes(td_cost(report, 100), c));
}

static void print_machine(const struct machine_map *map)
{
	char bytes[24];

	printf("%smachine%s  %s: %s usable in %u ranges, %u node%s, %u CPUs in %u package%s\n",
	       cli_bold(), cli_plain(), map->name, cli_bytes(map->usable_bytes, bytes),
	       map->nr_ranges, map->nr_nodes, map->nr_nodes == 1 ? "" : "s", map->nr_cpus,
	       map->nr_packages, map->nr_packages == 1 ? "" : "s");
	printf("         %u-bit addresses, private KeyIDs %u to %u%s, %u CMR%s%s\n", map->max_pa,
	       map->hkid_min, map->hkid_max, map->hkids_assumed ? " (assumed)" : "", map->nr_cmrs,
	       map->nr_cmrs == 1 ? "" : "s",
	       map->cmrs_assumed ? ", assumed from the usable ranges" : "");
	if (map->outside_bytes)
		printf("lost     %s of it lies outside the CMRs: TDs cannot have it\n",
		       cli_bytes(map->outside_bytes, bytes));
	for (const char *line = map->notes; *line; line += strspn(line, "\n")) {
		int length = (int)strcspn(line, "\n");

		if (length && !cli_quiet())
			printf("note     %.*s\n", length, line);
		line += length;
	}
}

static void print_cmrs(const struct machine_map *map)
{
	static const struct cli_column columns[] = {
		{ "CMR", true }, { "BASE", true }, { "END", true }, { "KB", true }
	};
	struct cli_table *table = cli_table_create(columns, 4);

	for (uint32_t i = 0; i < map->nr_cmrs; i++) {
		cli_table_cell(table, "%u", i);
		cli_table_cell(table, "0x%" PRIx64, map->cmr[i].base);
		cli_table_cell(table, "0x%" PRIx64, map->cmr[i].base + map->cmr[i].size);
		cli_table_cell(table, "%" PRIu64, map->cmr[i].size / 1024);
	}
	cli_table_print(table);
	putchar('\n');
}

static uint64_t pamt_bytes(const struct pamt_tdmr *t)
{
	return t->pamt_4k_bytes + t->pamt_2m_bytes + t->pamt_1g_bytes;
}

static void print_tdmrs(const struct pamt_layout *layout)
{
	static const struct cli_column columns[] = {
		{ "TDMR", true },    { "BASE", true },	  { "END", true },	{ "GB", true },
		{ "PAMT KB", true }, { "PAMT AT", true }, { "RESERVED", true },
	};
	struct cli_table *table = cli_table_create(columns, 7);

	for (uint32_t i = 0; i < layout->nr_tdmrs; i++) {
		const struct pamt_tdmr *t = &layout->tdmr[i];

		cli_table_cell(table, "%u", i);
		cli_table_cell(table, "0x%" PRIx64, t->base.v);
		cli_table_cell(table, "0x%" PRIx64, t->base.v + t->bytes);
		cli_table_cell(table, "%" PRIu64, t->bytes / TDX_1G_SIZE);
		cli_table_cell(table, "%" PRIu64, pamt_bytes(t) / 1024);
		cli_table_cell(table, "0x%" PRIx64, t->pamt_base.v);
		cli_table_cell(table, "%u", t->nr_reserved);
	}
	cli_table_print(table);
}

/* With -v: every reserved area. */
static void print_reserved(const struct pamt_layout *layout)
{
	static const struct cli_column columns[] = {
		{ "TDMR", true }, { "RESERVED", true }, { "END", true }, { "KB", true }
	};
	struct cli_table *table = cli_table_create(columns, 4);

	for (uint32_t i = 0; i < layout->nr_tdmrs; i++) {
		const struct pamt_tdmr *t = &layout->tdmr[i];

		for (uint32_t j = 0; j < t->nr_reserved; j++) {
			uint64_t base = t->base.v + t->reserved[j].offset;

			cli_table_cell(table, "%u", i);
			cli_table_cell(table, "0x%" PRIx64, base);
			cli_table_cell(table, "0x%" PRIx64, base + t->reserved[j].size);
			cli_table_cell(table, "%" PRIu64, t->reserved[j].size / 1024);
		}
	}
	putchar('\n');
	cli_table_print(table);
}

static void print_kb(struct cli_table *table, const struct plan_outcome *o, uint64_t bytes)
{
	if (o->ret)
		cli_table_cell(table, "-");
	else
		cli_table_cell(table, "%" PRIu64, bytes / 1024);
}

static void print_cost(const struct report *report)
{
	static const struct cli_column columns[] = { { "", false },
						     { "STATIC KB", true },
						     { "DYNAMIC KB", true } };
	const struct plan_outcome *s = &report->of_static, *d = &report->of_dynamic;
	struct cli_table *table = cli_table_create(columns, 3);

	cli_table_cell(table, "PAMT at boot");
	print_kb(table, s, s->layout.pamt_bytes);
	print_kb(table, d, d->layout.pamt_bytes);
	cli_table_cell(table, "of it the page bitmap");
	cli_table_cell(table, "-");
	print_kb(table, d, d->layout.bitmap_bytes);
	cli_table_cell(table, "region words (host)");
	cli_table_cell(table, "-");
	print_kb(table, d, d->layout.table_bytes);
	cli_table_print(table);
}

/* What the log's kernel took, against the way of doing it that is nearer. */
static void print_log(const struct report *report)
{
	const uint64_t log = report->map->log_pamt_kb;
	uint64_t s = report->of_static.layout.pamt_bytes / 1024;
	uint64_t d = report->of_dynamic.layout.pamt_bytes / 1024;
	uint64_t off_s = log > s ? log - s : s - log, off_d = log > d ? log - d : d - log;
	bool dynamic = dynamic_possible(report) && !report->of_dynamic.ret && off_d < off_s;
	uint64_t plan = dynamic ? d : s;

	if (log == MAP_NO_PAMT_KB)
		return;
	printf("\nthe log's kernel allocated %" PRIu64 " KB: ", log);
	if (log == plan)
		printf("exactly the %s plan\n", dynamic ? "dynamic" : "static");
	else
		printf("%" PRIu64 " KB %s than the %s plan\n", dynamic ? off_d : off_s,
		       log > plan ? "more" : "less", dynamic ? "dynamic" : "static");
}

static void print_text(const struct report *report)
{
	const struct pamt_layout *layout = &report->shown->layout;
	char text[256], bytes[24];

	print_money(report);
	print_machine(report->map);
	putchar('\n');
	if (cli_verbose())
		print_cmrs(report->map);
	if (report->shown->ret) {
		plan_error_text(&report->shown->error, text, sizeof(text));
		printf("no plan: %s\n", text);
		return;
	}
	print_tdmrs(layout);
	if (cli_verbose())
		print_reserved(layout);
	putchar('\n');
	print_cost(report);
	if (layout->given_up_bytes)
		printf("\ngiven up so that %u reserved areas suffice: %s of usable memory\n",
		       TDX_MAX_RESERVED, cli_bytes(layout->given_up_bytes, bytes));
	print_log(report);
}

/* ------------------------------------------------------------------------------------------- */
/* JSON                                                                                         */

static json_t *kb(const struct plan_outcome *o, uint64_t bytes)
{
	return o->ret ? json_null() : cli_json_number(bytes / 1024);
}

static json_t *machine_json(const struct machine_map *map)
{
	json_t *o = json_object(), *cmrs = json_array();

	json_object_set_new(o, "name", cli_json_text(map->name));
	json_object_set_new(o, "bytes", cli_json_number(map->usable_bytes));
	json_object_set_new(o, "outside_cmr_bytes", cli_json_number(map->outside_bytes));
	json_object_set_new(o, "ranges", cli_json_number(map->nr_ranges));
	json_object_set_new(o, "nodes", cli_json_number(map->nr_nodes));
	json_object_set_new(o, "cpus", cli_json_number(map->nr_cpus));
	json_object_set_new(o, "packages", cli_json_number(map->nr_packages));
	json_object_set_new(o, "max_pa", cli_json_number(map->max_pa));
	json_object_set_new(o, "hkid_min", cli_json_number(map->hkid_min));
	json_object_set_new(o, "hkid_max", cli_json_number(map->hkid_max));
	json_object_set_new(o, "cmrs_assumed", json_boolean(map->cmrs_assumed));
	for (uint32_t i = 0; i < map->nr_cmrs; i++) {
		json_t *cmr = json_object();

		json_object_set_new(cmr, "base", cli_json_number(map->cmr[i].base));
		json_object_set_new(cmr, "size", cli_json_number(map->cmr[i].size));
		json_array_append_new(cmrs, cmr);
	}
	json_object_set_new(o, "cmrs", cmrs);
	json_object_set_new(o, "notes", cli_json_text(map->notes));
	return o;
}

static json_t *tdmrs_json(const struct pamt_layout *layout)
{
	json_t *tdmrs = json_array();

	for (uint32_t i = 0; i < layout->nr_tdmrs; i++) {
		const struct pamt_tdmr *t = &layout->tdmr[i];
		json_t *tdmr = json_object(), *reserved = json_array();

		for (uint32_t j = 0; j < t->nr_reserved; j++) {
			json_t *area = json_object();

			json_object_set_new(area, "offset", cli_json_number(t->reserved[j].offset));
			json_object_set_new(area, "size", cli_json_number(t->reserved[j].size));
			json_array_append_new(reserved, area);
		}
		json_object_set_new(tdmr, "base", cli_json_number(t->base.v));
		json_object_set_new(tdmr, "size", cli_json_number(t->bytes));
		json_object_set_new(tdmr, "pamt_base", cli_json_number(t->pamt_base.v));
		json_object_set_new(tdmr, "pamt_size", cli_json_number(pamt_bytes(t)));
		json_object_set_new(tdmr, "reserved", reserved);
		json_array_append_new(tdmrs, tdmr);
	}
	return tdmrs;
}

static json_t *error_json(const struct plan_outcome *o)
{
	json_t *e;

	if (!o->ret)
		return json_null();
	e = json_object();
	json_object_set_new(e, "step", json_string(pamt_step_name(o->error.step)));
	json_object_set_new(e, "reason", json_string(o->error.reason));
	if (!hpa_is_none(o->error.base)) {
		json_object_set_new(e, "base", cli_json_number(o->error.base.v));
		json_object_set_new(e, "size", cli_json_number(o->error.bytes));
	}
	return e;
}

static void print_json(const struct report *report)
{
	const struct plan_outcome *s = &report->of_static, *d = &report->of_dynamic;
	const struct plan_outcome *shown = report->shown;
	json_t *root = cli_json("pamt.plan/1"), *o;

	json_object_set_new(root, "machine", machine_json(report->map));
	plan_json_boot(root, report->map, s, d);
	o = json_object();
	json_object_set_new(o, "pamt_kb", kb(s, s->layout.pamt_bytes));
	json_object_set_new(o, "error", error_json(s));
	json_object_set_new(root, "static", o);
	o = json_object();
	json_object_set_new(o, "possible", json_boolean(dynamic_possible(report)));
	json_object_set_new(o, "pamt_kb", kb(d, d->layout.pamt_bytes));
	json_object_set_new(o, "bitmap_kb", kb(d, d->layout.bitmap_bytes));
	json_object_set_new(o, "table_kb", kb(d, d->layout.table_bytes));
	json_object_set_new(o, "error", error_json(d));
	json_object_set_new(root, "dynamic", o);
	json_object_set_new(
		root, "holes",
		json_string(report->request->holes == PAMT_HOLES_CMR ? "cmr" : "linux"));
	json_object_set_new(root, "shown", json_string(shown == d ? "dynamic" : "static"));
	json_object_set_new(root, "tdmrs", shown->ret ? json_array() : tdmrs_json(&shown->layout));
	json_object_set_new(root, "reserved_max",
			    shown->ret ? json_null() : cli_json_number(shown->layout.reserved_max));
	json_object_set_new(root, "given_up_bytes",
			    shown->ret ? json_null()
				       : cli_json_number(shown->layout.given_up_bytes));
	json_object_set_new(root, "log_pamt_kb",
			    report->map->log_pamt_kb == MAP_NO_PAMT_KB
				    ? json_null()
				    : cli_json_number(report->map->log_pamt_kb));
	cli_json_print(root);
}

/* ------------------------------------------------------------------------------------------- */

/* A memory map or CMRs that cannot be planned are bad input; what does not fit is a result. */
static int verdict(const struct report *report)
{
	const struct plan_outcome *o =
		report->of_static.ret ? &report->of_static : &report->of_dynamic;
	char text[256];

	if (!o->ret)
		return CLI_OK;
	plan_error_text(&o->error, text, sizeof(text));
	return cli_error(o->ret == -OS_EINVAL ? CLI_USAGE : CLI_FAILED, "plan: %s: %s",
			 report->map->name, text);
}

static int plan_layouts(struct report *report)
{
	return plan_map_both(report->map, report->request->holes, &report->of_static,
			     &report->of_dynamic);
}

/* The layout of one machine in full. */
static int plan_map(struct report *report)
{
	int code = plan_layouts(report);

	if (code)
		return code;
	report->shown = choose(report);
	code = verdict(report);
	if (code == CLI_USAGE)
		return code;
	if (report->request->json)
		print_json(report);
	else
		print_text(report);
	return code;
}

static int load(const struct request *r, int i, struct machine_map *map)
{
	char error[512];

	if (!map_load(r->source[i], &r->map, map, error, sizeof(error)))
		return CLI_OK;
	return cli_error(r->source[i] ? CLI_USAGE : CLI_NOT_POSSIBLE, "%s", error);
}

/* Machine i as a row. */
static int make_row(const struct request *r, int i, struct plan_row *row)
{
	struct machine_map map;
	struct report report = { .request = r, .map = &map };
	int code = load(r, i, &map);

	if (code)
		return code;
	code = plan_layouts(&report);
	if (!code)
		code = verdict(&report);
	if (!code)
		plan_make_row(&map, &report.of_static, &report.of_dynamic, &r->tds, row);
	map_free(&map);
	return code;
}

static int plan_rows(const struct request *r)
{
	enum plan_form form = r->json ? PLAN_JSON : r->csv ? PLAN_CSV : PLAN_TEXT;
	struct plan_row *rows = cli_alloc((size_t)r->nr_sources, sizeof(*rows));
	int code = CLI_OK;

	for (int i = 0; i < r->nr_sources && !code; i++)
		code = make_row(r, i, &rows[i]);
	if (!code)
		code = plan_print_rows(rows, (uint32_t)r->nr_sources, &r->tds, form);
	free(rows);
	return code;
}

int cmd_plan(int argc, char **argv)
{
	static struct request request = { .holes = PAMT_HOLES_CMR };
	struct machine_map map;
	struct report report = { .request = &request, .map = &map };
	int code;

	if (!parse_arguments(argc, argv, &request, &code))
		return code;
	if (request.tds.nr || request.csv || request.nr_sources > 1)
		return plan_rows(&request);
	code = load(&request, 0, &map);
	if (code)
		return code;
	code = plan_map(&report);
	map_free(&map);
	return code;
}
