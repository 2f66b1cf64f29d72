// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * output.c - the output side of every subcommand: tables, JSON, byte counts, and the check that
 * stdout took what was written.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static void __attribute__((noreturn)) out_of_memory(void)
{
	fprintf(stderr, "pamt: out of memory\n");
	_exit(CLI_FAILED);
}

static void *must_malloc(size_t bytes)
{
	void *p = malloc(bytes);

	if (!p)
		out_of_memory();
	return p;
}

void *cli_alloc(size_t nr, size_t size)
{
	void *p = calloc(nr, size);

	if (!p)
		out_of_memory();
	return p;
}

/*
 * A pipe that is closed, a file that may not become longer: ignored, these are errors of the write,
 * and work in progress is unwound.
 */
static struct {
	const int number;
	void (*found)(int);
} write_signals[] = { { SIGPIPE, SIG_DFL }, { SIGXFSZ, SIG_DFL } };

#define NR_WRITE_SIGNALS (sizeof(write_signals) / sizeof(*write_signals))

void cli_signals_back(void)
{
	for (size_t i = 0; i < NR_WRITE_SIGNALS; i++)
		signal(write_signals[i].number, write_signals[i].found);
}

void cli_start(void)
{
	/*
	 * A descriptor that the caller closed would be handed to the next file that is opened, and
	 * results or errors written into it. /dev/null the wrong way round keeps the number taken
	 * and makes every use of it fail.
	 */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd ? O_RDONLY : O_WRONLY) != fd)
			_exit(CLI_FAILED);
	for (size_t i = 0; i < NR_WRITE_SIGNALS; i++)
		write_signals[i].found = signal(write_signals[i].number, SIG_IGN);
	/* Widths of characters only: numbers are written the same everywhere. */
	setlocale(LC_CTYPE, "");
	json_set_alloc_funcs(must_malloc, free);
}

/* Also where the error of the write itself is long forgotten. */
static bool nobody_reads(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

int cli_finish(int code)
{
	bool failed = ferror(stdout) != 0, closed = nobody_reads();
	int error = 0;

	if (fflush(stdout) || failed) {
		failed = true;
		error = errno;
	}
	if (close(STDOUT_FILENO) && !failed) { /* some file systems report a full disk here */
		failed = true;
		error = errno;
	}
	if (!failed)
		return code;
	/* Whoever closed the pipe knows it. */
	if (error != EPIPE && !closed)
		cli_error(CLI_FAILED, "cannot write the output: %s",
			  error ? strerror(error) : "write error");
	return code == CLI_OK ? CLI_FAILED : code;
}

/* ------------------------------------------------------------------------------------------- */
/* Text                                                                                         */

const char *cli_bytes(uint64_t bytes, char *buffer)
{
	static const char *const unit[] = { "KB", "MB", "GB", "TB", "PB", "EB" };
	unsigned int i = 0, decimals;
	double value = (double)bytes / 1024;
	char number[16];

	if (bytes < 1024) {
		snprintf(buffer, 24, "%" PRIu64 " bytes", bytes);
		return buffer;
	}
	/* 1023.5 and more would be printed as 1024 of this unit: take the next. */
	for (; value >= 1023.5 && i + 1 < sizeof(unit) / sizeof(unit[0]); i++)
		value /= 1024;
	decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
	snprintf(number, sizeof(number), "%.*f", (int)decimals, value);
	if (decimals) { /* "12.0" says no more than "12" */
		size_t end = strlen(number);

		while (number[end - 1] == '0')
			end--;
		if (number[end - 1] == '.')
			end--;
		number[end] = 0;
	}
	snprintf(buffer, 24, "%s %s", number, unit[i]);
	return buffer;
}

static bool want_color(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no_color && *no_color) && term && strcmp(term, "dumb") && isatty(STDOUT_FILENO);
}

const char *cli_bold(void) { return want_color() ? "\033[1m" : ""; }
const char *cli_plain(void) { return want_color() ? "\033[0m" : ""; }

struct cli_table {
	struct libscols_table *scols;
	struct libscols_line *line;
	unsigned int nr_columns, column;
};

struct cli_table *cli_table_create(const struct cli_column *columns, unsigned int nr)
{
	struct cli_table *table = cli_alloc(1, sizeof(*table));

	*table = (struct cli_table){ .scols = scols_new_table(), .nr_columns = nr };
	if (!table->scols)
		out_of_memory();
	scols_table_enable_colors(table->scols, want_color());
	for (unsigned int i = 0; i < nr; i++) {
		struct libscols_column *column = scols_table_new_column(
			table->scols, columns[i].title, 0, columns[i].right ? SCOLS_FL_RIGHT : 0);

		if (!column)
			out_of_memory();
		scols_cell_set_color(scols_column_get_header(column), "bold");
	}
	return table;
}

void cli_table_cell(struct cli_table *table, const char *format, ...)
{
	char *text;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		out_of_memory();
	va_end(ap);
	if (!table->column)
		table->line = scols_table_new_line(table->scols, NULL);
	if (!table->line || scols_line_refer_data(table->line, table->column, text))
		out_of_memory();
	table->column = (table->column + 1) % table->nr_columns;
}

void cli_table_print(struct cli_table *table)
{
	scols_table_set_stream(table->scols, stdout);
	if (scols_print_table(table->scols) == -ENOMEM)
		out_of_memory();
	scols_unref_table(table->scols);
	free(table);
}

/* ------------------------------------------------------------------------------------------- */
/* JSON                                                                                         */

json_t *cli_json(const char *schema)
{
	json_t *object = json_object();

	json_object_set_new(object, "schema", json_string(schema));
	return object;
}

void cli_json_print(json_t *object)
{
	/* A failing write leaves its mark on stdout, where cli_finish() finds it. */
	json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	putchar('\n');
	json_decref(object);
}

json_t *cli_json_number(uint64_t value) { return json_integer((json_int_t)value); }

json_t *cli_json_hex(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%016" PRIx64, value);
	return json_string(text);
}

json_t *cli_json_text(const char *text)
{
	json_t *string = json_string(text);
	char *copy;

	if (string) /* NULL for what is not UTF-8, and then for nothing else */
		return string;
	copy = must_malloc(strlen(text) + 1);
	strcpy(copy, text);
	for (char *c = copy; *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	string = json_string(copy);
	free(copy);
	return string;
}
