// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * plan_capacity.c - `pamt plan --td`: what TDs cost in PAMT on one machine, or on several in a row
 * each.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/plan.h"

void plan_make_row(const struct machine_map *map, const struct plan_outcome *of_static,
		   const struct plan_outcome *of_dynamic, const struct plan_tds *tds,
		   struct plan_row *row)
{
	const struct pamt_layout *d = &of_dynamic->layout;
	struct capacity_group whole = { .count = 1, .vcpus = 1 };

	memset(row, 0, sizeof(*row));
	snprintf(row->name, sizeof(row->name), "%s", map->name);
	row->usable = map->usable_bytes;
	row->outside = map->outside_bytes;
	row->hkid_min = map->hkid_min;
	row->hkid_max = map->hkid_max;
	row->dynamic_possible = d->dynamic;
	row->machine = (struct capacity_machine){
		.usable = row->usable - row->outside,
		.static_boot = of_static->layout.pamt_bytes,
		.dynamic_boot = d->pamt_bytes,
		.table = d->table_bytes,
		.nr_nodes = map->nr_nodes,
		/* The first one is the module's own. */
		.max_tds = map->hkid_max - map->hkid_min,
	};
	capacity_of(&row->machine, tds->group, tds->nr, &row->capacity);
	row->break_even = capacity_break_even(&row->machine, tds->group, tds->nr);
	whole.bytes = (row->machine.usable & ~(TDX_2M_SIZE - 1)) + TDX_2M_SIZE;
	row->break_even_whole = capacity_break_even(&row->machine, &whole, 1);
}

static bool fits(const struct plan_row *row)
{
	return row->capacity.enough_keys && row->capacity.enough_memory;
}

static const char *why_not(const struct plan_row *row)
{
	if (!row->capacity.enough_keys)
		return "KeyIDs";
	return row->capacity.enough_memory ? "yes" : "memory";
}

/* ------------------------------------------------------------------------------------------- */
/* One machine in words                                                                         */

#define NONE UINT64_MAX

/* A number of units in a cell, or a dash. */
static void amount_cell(struct cli_table *table, uint64_t bytes, uint64_t unit, int digits)
{
	if (bytes == NONE)
		cli_table_cell(table, "-");
	else
		cli_table_cell(table, "%.*f", digits, (double)bytes / (double)unit);
}

static void cost_row(struct cli_table *table, const char *what, uint64_t nr, uint64_t with_static,
		     uint64_t with_dynamic)
{
	const uint64_t mb = UINT64_C(1) << 20;

	cli_table_cell(table, "%s", what);
	if (nr == NONE)
		cli_table_cell(table, "%s", "");
	else
		cli_table_cell(table, "%" PRIu64, nr);
	amount_cell(table, with_static, mb, 2);
	amount_cell(table, with_dynamic, mb, 2);
}

static void print_cost(const struct plan_row *row)
{
	static const struct cli_column columns[] = {
		{ "", false }, { "NUMBER", true }, { "STATIC MB", true }, { "DYNAMIC MB", true }
	};
	struct cli_table *table = cli_table_create(columns, 4);
	const struct capacity *c = &row->capacity;
	const struct capacity_machine *m = &row->machine;
	uint64_t used = 2 * c->pairs + c->control_pages + c->sept_pages + c->cached_pages;

	cost_row(table, "PAMT at boot", NONE, m->static_boot, m->dynamic_boot);
	cost_row(table, "region words (host)", NONE, NONE, m->table);
	cost_row(table, "page pairs", c->pairs, NONE, c->pairs * 2 * TDX_PAGE_SIZE);
	cost_row(table, "control pages", c->control_pages, c->control_pages * TDX_PAGE_SIZE,
		 c->control_pages * TDX_PAGE_SIZE);
	cost_row(table, "S-EPT pages", c->sept_pages, c->sept_pages * TDX_PAGE_SIZE,
		 c->sept_pages * TDX_PAGE_SIZE);
	cost_row(table, "drawn ahead by vCPUs", c->cached_pages, NONE,
		 c->cached_pages * TDX_PAGE_SIZE);
	cost_row(table, "in reserve", c->pool_pages - used, NONE,
		 (c->pool_pages - used) * TDX_PAGE_SIZE);
	cost_row(table, "together", NONE, c->static_bytes, c->dynamic_bytes);
	cli_table_print(table);
}

static void print_break_even(const struct plan_row *row)
{
	if (row->break_even > 1000)
		printf("dynamic costs less at any share of 4K pages");
	else
		printf("dynamic stops paying above %u.%u %% of the TDs' memory in 4K pages",
		       row->break_even / 10, row->break_even % 10);
	if (row->break_even_whole <= 1000)
		printf("; with TDs that fill the machine, above %u.%u %%",
		       row->break_even_whole / 10, row->break_even_whole % 10);
	putchar('\n');
}

/* Of all that is taken, with these TDs running. */
static uint64_t saved(const struct plan_row *row)
{
	const struct capacity *c = &row->capacity;

	return row->dynamic_possible && c->dynamic_bytes < c->static_bytes
		       ? c->static_bytes - c->dynamic_bytes
		       : 0;
}

static void print_money(const struct plan_row *row)
{
	const struct capacity *c = &row->capacity;
	char a[24], b[24], d[24];

	if (!row->dynamic_possible)
		return;
	printf("%sPAMT%s     with these TDs static %s, dynamic %s: %s %s\n", cli_bold(),
	       cli_plain(), cli_bytes(c->static_bytes, a), cli_bytes(c->dynamic_bytes, b),
	       saved(row) ? cli_bytes(saved(row), d) : "nothing", "saved");
}

static void print_machine(const struct plan_row *row, const struct plan_tds *tds)
{
	const struct capacity *c = &row->capacity;
	char bytes[24], usable[24], text[96];

	print_money(row);
	printf("%smachine%s  %s: %s usable, %u node%s\n", cli_bold(), cli_plain(), row->name,
	       cli_bytes(row->usable, usable), row->machine.nr_nodes,
	       row->machine.nr_nodes == 1 ? "" : "s");
	if (row->outside)
		printf("lost     %s of it lies outside the CMRs: TDs cannot have it\n",
		       cli_bytes(row->outside, bytes));
	for (uint32_t i = 0; i < tds->nr; i++)
		printf("%s      %s\n", i ? "   " : "TDs", plan_td_text(&tds->group[i], text));
	printf("mapped   %" PRIu64 " 4K pages, %" PRIu64 " 2M pages: %s in %" PRIu64 " TDs\n\n",
	       c->pages_4k, c->pages_2m, cli_bytes(c->td_bytes, bytes), c->tds);
	print_cost(row);
	putchar('\n');
	if (row->dynamic_possible)
		print_break_even(row);
	else
		printf("Dynamic PAMT is not possible on this machine: the static figures hold\n");
	printf("most TDs: %u, for so many KeyIDs are private (%u to %u) and not the module's own\n",
	       row->machine.max_tds, row->hkid_min, row->hkid_max);
	if (!c->enough_keys)
		printf("%" PRIu64 " TDs do not fit: there are not enough KeyIDs\n", c->tds);
	if (!c->enough_memory)
		printf("%s of TDs do not fit into %s\n", bytes, usable);
}

/* ------------------------------------------------------------------------------------------- */
/* Several machines                                                                             */

/* All machines as one: sums of what can be added up. */
static struct plan_row total_of(const struct plan_row *rows, uint32_t nr)
{
	struct plan_row total = { .name = "total", .break_even = 1001, .break_even_whole = 1001 };
	struct capacity *to = &total.capacity;

	to->enough_keys = to->enough_memory = total.dynamic_possible = true;
	for (uint32_t i = 0; i < nr; i++) {
		const struct plan_row *row = &rows[i];
		const struct capacity *c = &row->capacity;
		bool dynamic = row->dynamic_possible;

		total.usable += row->usable;
		total.outside += row->outside;
		total.machine.static_boot += row->machine.static_boot;
		/* Where it is not possible, static is what there will be. */
		total.machine.dynamic_boot +=
			dynamic ? row->machine.dynamic_boot : row->machine.static_boot;
		total.machine.table += dynamic ? row->machine.table : 0;
		total.machine.max_tds += row->machine.max_tds;
		to->tds += c->tds;
		to->td_bytes += c->td_bytes;
		to->pages_4k += c->pages_4k;
		to->pages_2m += c->pages_2m;
		to->pairs += c->pairs;
		to->control_pages += c->control_pages;
		to->sept_pages += c->sept_pages;
		to->cached_pages += c->cached_pages;
		to->pool_pages += c->pool_pages;
		to->static_bytes += c->static_bytes;
		to->dynamic_bytes += dynamic ? c->dynamic_bytes : c->static_bytes;
		to->enough_keys &= c->enough_keys;
		to->enough_memory &= c->enough_memory;
	}
	return total;
}

static void table_row(struct cli_table *table, const struct plan_row *row, bool is_total)
{
	const struct capacity *c = &row->capacity;
	const uint64_t gb = TDX_1G_SIZE;

	cli_table_cell(table, "%s", row->name);
	amount_cell(table, row->usable, gb, 0);
	amount_cell(table, c->static_bytes, gb, 2);
	amount_cell(table, row->dynamic_possible ? c->dynamic_bytes : NONE, gb, 2);
	amount_cell(table, row->dynamic_possible ? saved(row) : NONE, gb, 2);
	amount_cell(table, c->sept_pages * TDX_PAGE_SIZE, gb, 2);
	cli_table_cell(table, "%" PRIu64, c->pairs);
	if (is_total || !row->dynamic_possible)
		cli_table_cell(table, "-");
	else if (row->break_even > 1000)
		cli_table_cell(table, "any");
	else
		cli_table_cell(table, "%u.%u", row->break_even / 10, row->break_even % 10);
	cli_table_cell(table, "%u", row->machine.max_tds);
	cli_table_cell(table, "%s", why_not(row));
}

static void print_table(const struct plan_row *rows, uint32_t nr)
{
	static const struct cli_column columns[] = {
		{ "MACHINE", false },	{ "MEMORY GB", true },	     { "STATIC GB", true },
		{ "DYNAMIC GB", true }, { "SAVED GB", true },	     { "S-EPT GB", true },
		{ "PAIRS", true },	{ "PAYS UP TO % 4K", true }, { "MOST TDS", true },
		{ "FIT", false },
	};
	struct cli_table *table = cli_table_create(columns, 10);
	struct plan_row total = total_of(rows, nr);

	for (uint32_t i = 0; i < nr; i++)
		table_row(table, &rows[i], false);
	table_row(table, &total, true);
	cli_table_print(table);
}

static json_t *share_json(const struct plan_row *row, uint32_t share)
{
	return row->dynamic_possible && share <= 1000 ? json_real(share / 10.0) : json_null();
}

/* The columns of the CSV as well. */
static json_t *row_json(const struct plan_row *row)
{
	const struct capacity *c = &row->capacity;
	const struct capacity_machine *m = &row->machine;
	const struct cli_figure figures[] = {
		{ "usable_bytes", row->usable },
		{ "outside_cmr_bytes", row->outside },
		{ "tds", c->tds },
		{ "td_bytes", c->td_bytes },
		{ "pages_4k", c->pages_4k },
		{ "pages_2m", c->pages_2m },
		{ "pairs", c->pairs },
		{ "control_pages", c->control_pages },
		{ "sept_pages", c->sept_pages },
		{ "cached_pages", c->cached_pages },
		{ "pool_bytes", c->pool_pages * TDX_PAGE_SIZE },
		{ "static_boot_bytes", m->static_boot },
		{ "dynamic_boot_bytes", m->dynamic_boot },
		{ "table_bytes", m->table },
		{ "static_bytes", c->static_bytes },
		{ "dynamic_bytes", c->dynamic_bytes },
		{ "saved_bytes", saved(row) },
		{ "max_tds", m->max_tds },
	};
	json_t *o = json_object();

	json_object_set_new(o, "machine", cli_json_text(row->name));
	cli_json_figures(o, figures, sizeof(figures) / sizeof(*figures));
	json_object_set_new(o, "dynamic_possible", json_boolean(row->dynamic_possible));
	json_object_set_new(o, "pays_up_to_percent_4k", share_json(row, row->break_even));
	json_object_set_new(o, "whole_machine_percent_4k", share_json(row, row->break_even_whole));
	json_object_set_new(o, "enough_keys", json_boolean(c->enough_keys));
	json_object_set_new(o, "enough_memory", json_boolean(c->enough_memory));
	return o;
}

static json_t *tds_json(const struct plan_tds *tds)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < tds->nr; i++) {
		const struct capacity_group *g = &tds->group[i];
		const struct cli_figure figures[] = {
			{ "count", g->count },
			{ "bytes", g->bytes },
			{ "vcpus", g->vcpus },
			{ "percent_4k", g->percent_4k },
		};
		json_t *o = json_object();

		cli_json_figures(o, figures, 4);
		json_array_append_new(list, o);
	}
	return list;
}

void plan_json_boot(json_t *root, const struct machine_map *map,
		    const struct plan_outcome *of_static, const struct plan_outcome *of_dynamic)
{
	const struct pamt_layout *s = &of_static->layout, *d = &of_dynamic->layout;
	const bool known = !of_static->ret && !of_dynamic->ret;
	const struct cli_figure sizes[] = {
		{ "usable_bytes", map->usable_bytes },
		{ "outside_cmr_bytes", map->outside_bytes },
	};
	const struct cli_figure pamt[] = {
		{ "static_boot_bytes", s->pamt_bytes },
		{ "dynamic_boot_bytes", d->pamt_bytes },
		{ "table_bytes", d->table_bytes },
		{ "saved_bytes", d->dynamic ? s->pamt_bytes - d->pamt_bytes - d->table_bytes : 0 },
	};

	cli_json_figures(root, sizes, 2);
	for (unsigned int i = 0; i < 4; i++)
		json_object_set_new(root, pamt[i].key,
				    known ? cli_json_number(pamt[i].value) : json_null());
}

/* A row each, and all of them together where there are several. */
static void print_csv(const struct plan_row *rows, uint32_t nr)
{
	struct plan_row total = total_of(rows, nr);
	json_t *list = json_array();

	for (uint32_t i = 0; i < nr; i++)
		json_array_append_new(list, row_json(&rows[i]));
	if (nr > 1)
		json_array_append_new(list, row_json(&total));
	cli_csv(stdout, list, 1);
	json_decref(list);
}

static void print_json(const struct plan_row *rows, uint32_t nr, const struct plan_tds *tds)
{
	json_t *root = cli_json("pamt.capacity/1"), *list = json_array();
	struct plan_row total = total_of(rows, nr);

	for (uint32_t i = 0; i < nr; i++)
		json_array_append_new(list, row_json(&rows[i]));
	json_object_set_new(root, "tds", tds_json(tds));
	json_object_set_new(root, "machines", list);
	json_object_set_new(root, "total", row_json(&total));
	cli_json_print(root);
}

int plan_print_rows(const struct plan_row *rows, uint32_t nr, const struct plan_tds *tds,
		    enum plan_form form)
{
	bool all_fit = true;

	for (uint32_t i = 0; i < nr; i++)
		all_fit = all_fit && fits(&rows[i]);
	if (form == PLAN_JSON)
		print_json(rows, nr, tds);
	else if (form == PLAN_CSV)
		print_csv(rows, nr);
	else if (nr == 1)
		print_machine(&rows[0], tds);
	else
		print_table(rows, nr);
	return all_fit ? CLI_OK : CLI_FAILED;
}
