// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * figures.c - the figures of a result, described once: as JSON, and as CSV made of that.
 */
#include <inttypes.h>

#include "cli/cli.h"

json_t *cli_json_number(uint64_t value) { return json_integer((json_int_t)value); }

void cli_json_figures(json_t *object, const struct cli_figure *figures, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++)
		json_object_set_new(object, figures[i].key, cli_json_number(figures[i].value));
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
