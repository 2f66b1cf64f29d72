// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * plan_capacity.c - `pamt plan --td`: what TDs cost in PAMT on one machine, or on several in a row
 * each.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/plan.h"

static uint64_t usable_bytes(const struct machine_map *map)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < map->nr_ranges; i++)
		bytes += map->ranges[i].size;
	return bytes;
}

void plan_make_row(const struct machine_map *map, const struct plan_outcome *of_static,
		   const struct plan_outcome *of_dynamic, const struct plan_tds *tds,
		   struct plan_row *row)
{
	const struct pamt_layout *d = &of_dynamic->layout;
	struct capacity_group whole = { .count = 1, .vcpus = 1 };

	memset(row, 0, sizeof(*row));
	snprintf(row->name, sizeof(row->name), "%s", map->name);
	row->usable = usable_bytes(map);
	row->hkid_min = map->hkid_min;
	row->hkid_max = map->hkid_max;
	row->dynamic_possible = d->dynamic;
	row->machine = (struct capacity_machine){
		.usable = row->usable,
		.static_boot = of_static->layout.pamt_bytes,
		.dynamic_boot = d->pamt_bytes,
		.table = d->table_bytes,
		.nr_nodes = map->nr_nodes,
		/* The first one is the module's own. */
		.max_tds = map->hkid_max - map->hkid_min,
	};
	capacity_of(&row->machine, tds->group, tds->nr, &row->capacity);
	row->break_even = capacity_break_even(&row->machine, tds->group, tds->nr);
	whole.bytes = (row->usable & ~(TDX_2M_SIZE - 1)) + TDX_2M_SIZE;
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

static void cost_row(struct cli_table *table, const char *what, uint64_t nr, const char *one,
		     uint64_t with_static, uint64_t with_dynamic)
{
	char text[24];

	cli_table_cell(table, "%s", what);
	if (nr == UINT64_MAX)
		cli_table_cell(table, "%s", one);
	else
		cli_table_cell(table, "%" PRIu64 "%s", nr, one);
	cli_table_cell(table, "%s", with_static == UINT64_MAX ? "-" : cli_bytes(with_static, text));
	cli_table_cell(table, "%s",
		       with_dynamic == UINT64_MAX ? "-" : cli_bytes(with_dynamic, text));
}

static void print_cost(const struct plan_row *row)
{
	static const struct cli_column columns[] = {
		{ "", false }, { "NUMBER", true }, { "STATIC", true }, { "DYNAMIC", true }
	};
	struct cli_table *table = cli_table_create(columns, 4);
	const struct capacity *c = &row->capacity;
	const struct capacity_machine *m = &row->machine;
	uint64_t used = 2 * c->pairs + c->control_pages + c->sept_pages + c->cached_pages;

	cost_row(table, "PAMT at boot", UINT64_MAX, "", m->static_boot, m->dynamic_boot);
	cost_row(table, "region words (host)", UINT64_MAX, "", UINT64_MAX, m->table);
	cost_row(table, "page pairs", c->pairs, "", UINT64_MAX, c->pairs * 2 * TDX_PAGE_SIZE);
	cost_row(table, "control pages", c->control_pages, "", c->control_pages * TDX_PAGE_SIZE,
		 c->control_pages * TDX_PAGE_SIZE);
	cost_row(table, "S-EPT pages", c->sept_pages, "", c->sept_pages * TDX_PAGE_SIZE,
		 c->sept_pages * TDX_PAGE_SIZE);
	cost_row(table, "drawn ahead by vCPUs", c->cached_pages, "", UINT64_MAX,
		 c->cached_pages * TDX_PAGE_SIZE);
	cost_row(table, "in reserve", c->pool_pages - used, "", UINT64_MAX,
		 (c->pool_pages - used) * TDX_PAGE_SIZE);
	cost_row(table, "together", UINT64_MAX, "", c->static_bytes, c->dynamic_bytes);
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

static void print_machine(const struct plan_row *row, const struct plan_tds *tds)
{
	const struct capacity *c = &row->capacity;
	char bytes[24], usable[24], text[96];

	printf("%smachine%s  %s: %s usable, %u node%s\n", cli_bold(), cli_plain(), row->name,
	       cli_bytes(row->usable, usable), row->machine.nr_nodes,
	       row->machine.nr_nodes == 1 ? "" : "s");
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

static void print_table(const struct plan_row *rows, uint32_t nr)
{
	static const struct cli_column columns[] = {
		{ "MACHINE", false }, { "MEMORY", true },     { "STATIC", true },
		{ "DYNAMIC", true },  { "PAIRS", true },      { "S-EPT", true },
		{ "SAVED", true },    { "PAYS UP TO", true }, { "MOST TDS", true },
		{ "FIT", false },
	};
	struct cli_table *table = cli_table_create(columns, 10);
	char text[24];

	for (uint32_t i = 0; i < nr; i++) {
		const struct plan_row *row = &rows[i];
		const struct capacity *c = &row->capacity;

		cli_table_cell(table, "%s", row->name);
		cli_table_cell(table, "%s", cli_bytes(row->usable, text));
		cli_table_cell(table, "%s", cli_bytes(c->static_bytes, text));
		cli_table_cell(table, "%s",
			       row->dynamic_possible ? cli_bytes(c->dynamic_bytes, text) : "-");
		cli_table_cell(table, "%" PRIu64, c->pairs);
		cli_table_cell(table, "%s", cli_bytes(c->sept_pages * TDX_PAGE_SIZE, text));
		cli_table_cell(table, "%s",
			       c->dynamic_bytes < c->static_bytes && row->dynamic_possible
				       ? cli_bytes(c->static_bytes - c->dynamic_bytes, text)
				       : "-");
		if (!row->dynamic_possible)
			cli_table_cell(table, "-");
		else if (row->break_even > 1000)
			cli_table_cell(table, "any 4K");
		else
			cli_table_cell(table, "%u.%u %% 4K", row->break_even / 10,
				       row->break_even % 10);
		cli_table_cell(table, "%u", row->machine.max_tds);
		cli_table_cell(table, "%s", why_not(row));
	}
	cli_table_print(table);
}

/* The figures of a row, for CSV and JSON alike. */
struct figure {
	const char *key;
	uint64_t value;
};
#define MAX_FIGURES 24

static unsigned int list_figures(const struct plan_row *row, struct figure *to)
{
	const struct capacity *c = &row->capacity;
	const struct capacity_machine *m = &row->machine;
	const struct figure figures[] = {
		{ "usable_bytes", row->usable },
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
		{ "max_tds", m->max_tds },
	};

	_Static_assert(sizeof(figures) / sizeof(*figures) <= MAX_FIGURES, "room for all");
	memcpy(to, figures, sizeof(figures));
	return sizeof(figures) / sizeof(*figures);
}

/* A name as a field: in quotes, its quotes doubled. */
static void print_name(const char *name)
{
	putchar('"');
	for (; *name; name++) {
		if (*name == '"')
			putchar('"');
		putchar(*name);
	}
	putchar('"');
}

/* Nothing: there is no such share. */
static void print_share(const struct plan_row *row, uint32_t share)
{
	if (row->dynamic_possible && share <= 1000)
		printf("%u.%u", share / 10, share % 10);
}

static void print_csv(const struct plan_row *rows, uint32_t nr)
{
	struct figure figures[MAX_FIGURES];

	for (uint32_t i = 0; i < nr; i++) {
		unsigned int nr_figures = list_figures(&rows[i], figures);

		for (unsigned int f = 0; !i && f < nr_figures; f++)
			printf("%s%s", f ? "," : "machine,", figures[f].key);
		if (!i)
			printf(",dynamic_possible,pays_up_to_percent_4k,"
			       "whole_machine_percent_4k,fit\n");
		print_name(rows[i].name);
		for (unsigned int f = 0; f < nr_figures; f++)
			printf(",%" PRIu64, figures[f].value);
		printf(",%s,", rows[i].dynamic_possible ? "yes" : "no");
		print_share(&rows[i], rows[i].break_even);
		putchar(',');
		print_share(&rows[i], rows[i].break_even_whole);
		printf(",%s\n", why_not(&rows[i]));
	}
}

static json_t *number(uint64_t value) { return json_integer((json_int_t)value); }

static json_t *share_json(const struct plan_row *row, uint32_t share)
{
	return row->dynamic_possible && share <= 1000 ? json_real(share / 10.0) : json_null();
}

static json_t *row_json(const struct plan_row *row)
{
	struct figure figures[MAX_FIGURES];
	unsigned int nr = list_figures(row, figures);
	json_t *o = json_object();

	json_object_set_new(o, "machine", cli_json_text(row->name));
	for (unsigned int f = 0; f < nr; f++)
		json_object_set_new(o, figures[f].key, number(figures[f].value));
	json_object_set_new(o, "dynamic_possible", json_boolean(row->dynamic_possible));
	json_object_set_new(o, "pays_up_to_percent_4k", share_json(row, row->break_even));
	json_object_set_new(o, "whole_machine_percent_4k", share_json(row, row->break_even_whole));
	json_object_set_new(o, "enough_keys", json_boolean(row->capacity.enough_keys));
	json_object_set_new(o, "enough_memory", json_boolean(row->capacity.enough_memory));
	return o;
}

static json_t *tds_json(const struct plan_tds *tds)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < tds->nr; i++) {
		const struct capacity_group *g = &tds->group[i];
		json_t *o = json_object();

		json_object_set_new(o, "count", number(g->count));
		json_object_set_new(o, "bytes", number(g->bytes));
		json_object_set_new(o, "vcpus", number(g->vcpus));
		json_object_set_new(o, "percent_4k", number(g->percent_4k));
		json_array_append_new(list, o);
	}
	return list;
}

static void print_json(const struct plan_row *rows, uint32_t nr, const struct plan_tds *tds)
{
	json_t *root = cli_json("pamt.capacity/1"), *list = json_array();

	for (uint32_t i = 0; i < nr; i++)
		json_array_append_new(list, row_json(&rows[i]));
	json_object_set_new(root, "tds", tds_json(tds));
	json_object_set_new(root, "machines", list);
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
