// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * figures.c - the figures of a result, described once: as JSON, and as tables and CSV made of that.
 */
#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"

void cli_json_figures(json_t *object, const struct cli_figure *figures, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		json_object_set_new(object, figures[i].key, cli_json_number(figures[i].value));
}

/* "a" of the row, "a.b" of what is its a. */
static const json_t *member(const json_t *row, const char *key)
{
	char name[64];
	size_t length;

	for (; *key; key += length + (key[length] == '.')) {
		length = strcspn(key, ".");
		snprintf(name, sizeof(name), "%.*s", (int)length, key);
		row = json_object_get(row, name);
	}
	return row;
}

static void show_cell(struct cli_table *table, const json_t *value, const struct cli_shown *column)
{
	char bytes[24];

	if (json_is_string(value))
		cli_table_cell(table, "%s", json_string_value(value));
	else if (json_is_boolean(value))
		cli_table_cell(table, "%s", json_is_true(value) ? "yes" : "no");
	else if (!json_is_number(value))
		cli_table_cell(table, "%s", value || column->unit != CLI_TEXT ? "-" : "");
	else if (column->unit > 0)
		cli_table_cell(table, "%.*f", column->digits,
			       json_number_value(value) / column->unit);
	else if (json_integer_value(value))
		cli_table_cell(table, "%s", cli_bytes((uint64_t)json_integer_value(value), bytes));
	else
		cli_table_cell(table, "0");
}

void cli_table_json(const json_t *rows, const struct cli_shown *columns, unsigned int nr)
{
	struct cli_column titles[CLI_MAX_SHOWN];
	struct cli_table *table;
	json_t *row;
	size_t i;

	for (unsigned int c = 0; c < nr; c++)
		titles[c] = (struct cli_column){ columns[c].title, columns[c].unit != CLI_TEXT };
	table = cli_table_create(titles, nr);
	json_array_foreach(rows, i, row) for (unsigned int c = 0; c < nr; c++)
		show_cell(table, member(row, columns[c].key), &columns[c]);
	cli_table_print(table);
}

/* A text as a field: in quotes, its quotes doubled. */
static void write_text(FILE *file, const char *text)
{
	putc('"', file);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', file);
		putc(*text, file);
	}
	putc('"', file);
}

/* Nothing stands for null. */
static void write_value(FILE *file, const json_t *value, int digits)
{
	if (json_is_string(value))
		write_text(file, json_string_value(value));
	else if (json_is_integer(value))
		fprintf(file, "%" PRIu64, (uint64_t)json_integer_value(value));
	else if (json_is_real(value))
		fprintf(file, "%.*f", digits, json_real_value(value));
	else if (json_is_boolean(value))
		fputs(json_is_true(value) ? "true" : "false", file);
}

void cli_csv(FILE *file, const json_t *rows, int digits)
{
	const char *key, *before = "";
	json_t *row, *value;
	size_t i;

	json_object_foreach(json_array_get(rows, 0), key, value)
	{
		fprintf(file, "%s%s", before, key);
		before = ",";
	}
	json_array_foreach(rows, i, row)
	{
		before = "\n";
		json_object_foreach(row, key, value)
		{
			fputs(before, file);
			write_value(file, value, digits);
			before = ",";
		}
	}
	putc('\n', file);
}
