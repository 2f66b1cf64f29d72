// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * run_show.c - what `pamt run` found, as text, as JSON, and over time as CSV.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/run.h"
#include "lab/workload/use_map.h"

static const char *plural(uint32_t nr, const char *one, const char *many)
{
	return nr == 1 ? one : many;
}

/* vCPUs of each TD; 0: they differ. */
static uint32_t vcpus_of_each(const struct scenario *scenario)
{
	for (uint32_t g = 1; g < scenario->nr_groups; g++) {
		if (scenario->group[g].vcpus != scenario->group[0].vcpus)
			return 0;
	}
	return scenario->group[0].vcpus;
}

/* The run without a scenario is one that has options for all that its TDs have in common. */
static void print_tds(const struct run *run)
{
	const struct scenario *scenario = &run->scenario;
	const struct workload_result *result = &run->result;
	const char *threads = result->is_virtual ? "CPUs in virtual time" : "threads";
	uint32_t vcpus = vcpus_of_each(scenario);
	char td[24];

	cli_bytes(result->td_bytes, td);
	printf("%u %s of together %s, ", result->nr_tds, plural(result->nr_tds, "TD", "TDs"), td);
	if (vcpus)
		printf("%u %s each on %u %s, ", vcpus, plural(vcpus, "vCPU", "vCPUs"),
		       result->threads, threads);
	else
		printf("%u vCPUs on %u %s, ", result->nr_vcpus, result->threads, threads);
	if (!run->path)
		printf("%u %% in 4K pages, ", scenario->group[0].percent_4k);
	printf("seed %" PRIu64 "\n", scenario->seed);
}

static void print_setting(const struct run *run)
{
	const struct workload_result *result = &run->result;
	const struct scenario *scenario = &run->scenario;
	char wanted[24];

	if (run->path)
		printf("%s%s%s%s%s\n", cli_bold(), scenario->name, cli_plain(),
		       *scenario->title ? ": " : "", scenario->title);
	printf("%s%s%s: %u %s, %u %s; ", cli_bold(), run->map.name, cli_plain(), run->map.nr_cpus,
	       plural(run->map.nr_cpus, "CPU", "CPUs"), run->map.nr_nodes,
	       plural(run->map.nr_nodes, "node", "nodes"));
	print_tds(run);
	if (!cli_quiet() && *run->map.notes)
		printf("%s", run->map.notes);
	if (run->map.outside_bytes)
		printf("%s of its memory lies outside the CMRs: TDs cannot have it\n",
		       cli_bytes(run->map.outside_bytes, wanted));
	if (result->wanted_bytes > result->td_bytes + TDX_2M_SIZE)
		printf("smaller TDs: three quarters of this machine would be %s; --memory sets "
		       "it\n",
		       cli_bytes(result->wanted_bytes, wanted));
	if (run->scaled > 1)
		printf("memory divided by %u\n", run->scaled);
	if (*workload_sanitizer())
		printf("built with a sanitizer (%s): smaller TDs and fewer flips by default\n",
		       workload_sanitizer());
	if (scenario->dynamic && !result->dynamic)
		printf("static PAMT is used: %s\n", result->why_static);
}

static void bytes_row(struct cli_table *table, const char *what, uint64_t with_static,
		      uint64_t with_dynamic)
{
	char buffer[24];

	cli_table_cell(table, "%s", what);
	cli_table_cell(table, "%s", cli_bytes(with_static, buffer));
	cli_table_cell(table, "%s", cli_bytes(with_dynamic, buffer));
}

static void print_memory(const struct workload_result *result)
{
	static const struct cli_column columns[] = { { "PAMT", false },
						     { "static", true },
						     { "dynamic", true } };
	struct cli_table *table = cli_table_create(columns, 3);

	bytes_row(table, "at boot", result->static_bytes, result->dynamic_bytes);
	if (result->dynamic) {
		bytes_row(table, "at run time, peak", 0, result->stats.os_bytes_peak);
		bytes_row(table, "together", result->static_bytes,
			  result->dynamic_bytes + result->stats.os_bytes_peak);
		cli_table_cell(table, "page pairs, peak");
		cli_table_cell(table, "0");
		cli_table_cell(table, "%" PRIu64, result->stats.pairs_installed_peak);
	}
	cli_table_print(table);
}

/* What is counted, for table and JSON alike. */
struct figure {
	const char *key, *title;
	uint64_t value;
};

#define MAX_FIGURES 32

static uint64_t count_of(const os_a64_t *counter) { return os_load64(counter, OS_RELAXED); }

static unsigned int list_figures(const struct workload_result *r, struct figure *to)
{
	const struct figure figures[] = {
		{ "gets", "gets", r->stats.gets_fast + r->stats.gets_slow },
		{ "gets_slow", "  of these, past the fast path", r->stats.gets_slow },
		{ "puts", "puts", r->stats.puts },
		{ "adds", "PAMT.ADD", r->stats.adds },
		{ "removes", "PAMT.REMOVE", r->stats.removes },
		{ "waits", "waits for a region", r->stats.waits },
		{ "busy", "PAMT operands found busy", r->pamt_busy },
		{ "retries", "ordinary contention, tried again", r->retries },
		{ "faults", "faults", count_of(&r->counts.faults) },
		{ "lost_races", "  of these, lost to another vCPU",
		  count_of(&r->counts.lost_races) },
		{ "starved", "  of these, without memory", r->starved },
		{ "maps_4k", "4K pages mapped", count_of(&r->counts.maps_4k) },
		{ "maps_2m", "2M pages mapped", count_of(&r->counts.maps_2m) },
		{ "fallbacks", "  wanted as 2M, mapped as 4K", count_of(&r->counts.fallbacks) },
		{ "sept_pages", "S-EPT pages added", count_of(&r->counts.sept_pages) },
		{ "conversions", "conversions", count_of(&r->counts.conversions) },
		{ "zaps_4k", "4K pages zapped", count_of(&r->counts.zaps_4k) },
		{ "zaps_2m", "2M pages zapped", count_of(&r->counts.zaps_2m) },
		{ "splits", "2M pages split", count_of(&r->counts.splits) },
		{ "tracks", "TLB flushes", count_of(&r->counts.tracks) },
		{ "exits", "TD exits", count_of(&r->counts.exits) },
		{ "seamcalls", "SEAMCALLs", r->seamcalls },
	};
	unsigned int nr = sizeof(figures) / sizeof(figures[0]);

	_Static_assert(sizeof(figures) / sizeof(figures[0]) <= MAX_FIGURES, "room for all");
	memcpy(to, figures, sizeof(figures));
	return nr;
}

static void print_figures(const struct workload_result *result)
{
	static const struct cli_column columns[] = { { "what", false }, { "times", true } };
	struct cli_table *table = cli_table_create(columns, 2);
	struct figure figures[MAX_FIGURES];
	unsigned int nr = list_figures(result, figures);

	for (unsigned int i = 0; i < nr; i++) {
		cli_table_cell(table, "%s", figures[i].title);
		cli_table_cell(table, "%" PRIu64, figures[i].value);
	}
	cli_table_print(table);
}

static void print_times(const struct workload_result *result)
{
	const char *before = "";
	char memory[24];

	for (enum workload_round round = 0; round < WORKLOAD_ROUNDS; round++) {
		if (result->seconds[round] <= 0)
			continue;
		printf("%s%s %.*f s", before, workload_round_name(round),
		       result->is_virtual ? 6 : 2, result->seconds[round]);
		before = ", ";
	}
	printf("; all %.*f %s, %s of real memory for simulated\n", result->is_virtual ? 6 : 2,
	       result->total_seconds, result->is_virtual ? "s of virtual time" : "s",
	       cli_bytes(result->real_memory, memory));
}

void run_show_text(const struct run *run)
{
	const struct workload_result *result = &run->result;

	print_setting(run);
	if (!cli_quiet()) {
		printf("\n");
		print_memory(result);
		printf("\n");
		print_figures(result);
		printf("\n");
		print_times(result);
	}
	if (result->stopped)
		printf("stopped early, on request\n");
	if (result->findings)
		printf("%" PRIu64 " regions were not as the module has them\n", result->findings);
	if (result->pamt_busy)
		printf("%" PRIu64 " times a PAMT operand was busy, which must not be\n",
		       result->pamt_busy);
	if (result->over_bound)
		printf("libpamt held %" PRIu64 " bytes more than twice what was in use\n",
		       result->over_bound);
	if (result->leaked_pages)
		printf("%" PRIu64 " pages could not be reclaimed\n", result->leaked_pages);
	if (result->leaked_regions)
		printf("%" PRIu64 " regions are still in use\n", result->leaked_regions);
	printf("left with zero TDs: %" PRIu64 " bytes\n", result->left_bytes);
}

static json_t *json_memory(const struct workload_result *r)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "static_boot",
			 cli_json_number(r->static_bytes), "dynamic_boot",
			 cli_json_number(r->dynamic_bytes), "table",
			 cli_json_number(r->layout.table_bytes), "os_peak",
			 cli_json_number(r->stats.os_bytes_peak), "pairs_peak",
			 cli_json_number(r->stats.pairs_installed_peak), "left",
			 cli_json_number(r->left_bytes), "given_up",
			 cli_json_number(r->layout.given_up_bytes));
}

static json_t *json_seconds(const struct workload_result *result)
{
	json_t *seconds = json_object();

	for (enum workload_round round = 0; round < WORKLOAD_ROUNDS; round++)
		json_object_set_new(seconds, workload_round_name(round),
				    json_real(result->seconds[round]));
	json_object_set_new(seconds, "all", json_real(result->total_seconds));
	return seconds;
}

static json_t *json_groups(const struct scenario *scenario)
{
	json_t *groups = json_array();

	for (uint32_t g = 0; g < scenario->nr_groups; g++) {
		const struct scenario_group *group = &scenario->group[g];

		json_array_append_new(groups,
				      json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:s}", "name",
						group->name, "count", cli_json_number(group->count),
						"vcpus", cli_json_number(group->vcpus), "bytes",
						cli_json_number(group->bytes), "share",
						cli_json_number(group->share), "percent_4k",
						cli_json_number(group->percent_4k), "touch",
						scenario_touch_name(group->touch)));
	}
	return groups;
}

static json_t *json_timeline(const struct workload_result *result)
{
	json_t *timeline = json_array();

	for (uint32_t i = 0; i < result->nr_samples; i++) {
		const struct workload_sample *s = &result->sample[i];

		json_array_append_new(
			timeline,
			json_pack("{s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "seconds",
				  (double)s->ns / 1e9, "round", cli_json_number(s->round), "tds",
				  cli_json_number(s->tds), "td_bytes", cli_json_number(s->td_bytes),
				  "pairs", cli_json_number(s->pairs), "pamt_bytes",
				  cli_json_number(s->pamt_bytes), "gets", cli_json_number(s->gets),
				  "adds", cli_json_number(s->adds)));
	}
	return timeline;
}

/* [cells, then regions of each kind in one of these cells] */
static json_t *json_cells(const struct use_map *map)
{
	json_t *cells = json_array();

	for (uint32_t i = 0; i < map->nr_runs; i++) {
		json_t *run = json_array();

		json_array_append_new(run, cli_json_number(map->run[i].cells));
		for (enum region_kind kind = 0; kind < REGION_KINDS; kind++)
			json_array_append_new(run, cli_json_number(map->run[i].of[kind]));
		json_array_append_new(cells, run);
	}
	return cells;
}

void run_read_regions(void *arg, struct stand *stand)
{
	struct use_map *map = cli_alloc(1, sizeof(*map));
	json_t *kinds = json_array(), *total = json_object();
	struct run *run = arg;

	for (enum region_kind kind = 0; kind < REGION_KINDS; kind++)
		json_array_append_new(kinds, json_string(region_kind_name(kind)));
	if (use_map_read(stand, map)) {
		for (enum region_kind kind = 0; kind < REGION_KINDS; kind++)
			json_object_set_new(total, region_kind_name(kind),
					    cli_json_number(map->total[kind]));
		run->regions = json_pack("{s:o, s:o, s:O, s:O, s:o}", "regions",
					 cli_json_number(map->regions), "per_cell",
					 cli_json_number(map->per_cell), "kinds", kinds, "total",
					 total, "cells", json_cells(map));
	}
	json_decref(kinds);
	json_decref(total);
	free(map);
}

static void add_setting(json_t *object, const struct run *run)
{
	const struct workload_result *result = &run->result;
	const struct scenario *scenario = &run->scenario;
	uint32_t vcpus = vcpus_of_each(scenario);

	json_object_set_new(object, "machine", cli_json_text(run->map.name));
	json_object_set_new(object, "usable_bytes", cli_json_number(run->map.usable_bytes));
	json_object_set_new(object, "outside_cmr_bytes", cli_json_number(run->map.outside_bytes));
	json_object_set_new(object, "scenario",
			    run->path ? cli_json_text(scenario->name) : json_null());
	json_object_set_new(object, "dynamic", json_boolean(result->dynamic));
	json_object_set_new(object, "virtual", json_boolean(result->is_virtual));
	json_object_set_new(object, "seed", cli_json_number(scenario->seed));
	json_object_set_new(object, "scaled", cli_json_number(run->scaled));
	json_object_set_new(object, "tds", cli_json_number(result->nr_tds));
	json_object_set_new(object, "vcpus", vcpus ? cli_json_number(vcpus) : json_null());
	json_object_set_new(object, "groups", json_groups(scenario));
	json_object_set_new(object, "rounds", cli_json_number(result->nr_rounds));
	json_object_set_new(object, "threads", cli_json_number(result->threads));
	json_object_set_new(object, "td_bytes", cli_json_number(result->td_bytes));
	json_object_set_new(object, "wanted_bytes", cli_json_number(result->wanted_bytes));
}

void run_show_json(struct run *run)
{
	const struct workload_result *result = &run->result;
	struct figure figures[MAX_FIGURES];
	unsigned int nr = list_figures(result, figures);
	json_t *object = cli_json("pamt.run/1"), *counts = json_object();

	for (unsigned int i = 0; i < nr; i++)
		json_object_set_new(counts, figures[i].key, cli_json_number(figures[i].value));
	json_object_set_new(object, "command", cli_json_text(cli_command_line()));
	add_setting(object, run);
	json_object_set_new(object, "bytes", json_memory(result));
	json_object_set_new(object, "counts", counts);
	json_object_set_new(object, "seconds", json_seconds(result));
	json_object_set_new(object, "boot_longest", json_real(result->boot_longest));
	json_object_set_new(object, "timeline", json_timeline(result));
	json_object_set_new(object, "regions",
			    run->regions ? json_incref(run->regions) : json_null());
	json_object_set_new(object, "stopped", json_boolean(result->stopped));
	json_object_set_new(object, "over_bound", cli_json_number(result->over_bound));
	json_object_set_new(object, "leaked_pages", cli_json_number(result->leaked_pages));
	json_object_set_new(object, "leaked_regions", cli_json_number(result->leaked_regions));
	json_object_set_new(object, "findings", json_incref(run->findings));
	json_object_set_new(object, "clean", json_boolean(workload_is_clean(result)));
	if (result->is_virtual)
		json_object_set_new(object, "hash", cli_json_hex(result->hash));
	cli_json_print(object);
}

bool run_write_timeline(const struct run *run, FILE *file)
{
	json_t *timeline = json_timeline(&run->result);

	cli_csv(file, timeline, 9);
	json_decref(timeline);
	return !ferror(file);
}
