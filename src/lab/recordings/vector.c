// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vector.c - reads a recording file into an array of items.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lab/recordings/vector.h"
#include "lab/recordings/vector_line.h"

#define LINE_BYTES 8192 /* a machine line with 32 CMRs is about 1 KB */

static void free_item(struct vector_item *item)
{
	if (item->kind == VECTOR_MACHINE)
		free(item->machine);
	if (item->kind == VECTOR_GUEST)
		free(item->guest);
	free(item->text);
}

void vector_free(struct vector *vector)
{
	for (size_t i = 0; i < vector->nr_items; i++)
		free_item(&vector->items[i]);
	free(vector->items);
	free(vector->name);
	*vector = (struct vector){ 0 };
}

/* A place for one more item, all zero; NULL: no memory. Item arrays grow by doubling. */
static struct vector_item *new_item(struct vector *vector)
{
	size_t n = vector->nr_items;

	if (!(n & (n - 1))) {
		struct vector_item *items =
			realloc(vector->items, (n ? 2 * n : 1) * sizeof(*items));

		if (!items)
			return NULL;
		vector->items = items;
	}
	vector->items[n] = (struct vector_item){ .kind = VECTOR_KINDS };
	vector->nr_items++;
	return &vector->items[n];
}

/* A CR belongs to the end of its line: behind one in the middle the rest would be lost unseen. */
static bool is_text(const char *text, size_t i, size_t bytes)
{
	if (text[i] == '\r')
		return i + 1 == bytes || text[i + 1] == '\n';
	return text[i] == '\t' || text[i] == '\n' || (text[i] >= ' ' && text[i] <= '~');
}

/* Refuses what is no line of text: NUL, control characters, bytes above ASCII, overlong lines. */
static int check_text(struct vector_line *line, const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (!is_text(text, i, bytes))
			return vector_line_fail(
				line, "byte 0x%02x at column %zu: not a text of ASCII lines",
				(unsigned char)text[i], i + 1);
	if (bytes == LINE_BYTES - 1 && text[bytes - 1] != '\n')
		return vector_line_fail(line, "longer than %d characters: not a recording",
					LINE_BYTES - 2);
	return 0;
}

/* A recording of a running host is of one machine, and its calls are put in order by their times.
 */
static int check_live(const struct vector *vector, struct vector_line *line,
		      const struct vector_item *item)
{
	const struct vector_machine *first = vector->items[0].machine;

	if (item->kind == VECTOR_MACHINE && vector->nr_items > 1 &&
	    (first->live || item->machine->live))
		return vector_line_fail(
			line, "a second machine; in a recording with live=1 there is one");
	if (item->kind == VECTOR_CALL && first->live && !item->out_ns)
		return vector_line_fail(line,
					"a call without at=BEGIN+DURATION, which live=1 asks for");
	return 0;
}

static int add_line(struct vector *vector, struct vector_line *line, char *text)
{
	struct vector_item *item;

	text += strspn(text, " \t");
	text[strcspn(text, "\r\n")] = '\0';
	if (!*text || *text == '#')
		return 0;
	item = new_item(vector);
	if (!item)
		return vector_line_fail(line, "out of memory");
	item->line = line->number;
	item->text = strdup(text);
	if (!item->text)
		return vector_line_fail(line, "out of memory");
	if (vector_line_read(line, text, item))
		return -1;
	if (vector->items[0].kind != VECTOR_MACHINE)
		return vector_line_fail(
			line, "'%.40s' before any machine; the first line must be a machine line",
			line->field[0]);
	return check_live(vector, line, item);
}

/* fgets() that also says how many bytes it read: a NUL byte does not end the line unseen. */
static size_t read_line(FILE *file, char *text)
{
	size_t n = 0;
	int c;

	while (n < LINE_BYTES - 1 && (c = getc_unlocked(file)) != EOF) {
		text[n++] = (char)c;
		if (c == '\n')
			break;
	}
	text[n] = '\0';
	return n;
}

static int read_lines(FILE *file, struct vector *vector, char *error, size_t error_size)
{
	char text[LINE_BYTES];
	uint32_t number = 0;
	size_t bytes;

	while ((bytes = read_line(file, text)) && !ferror(file)) {
		struct vector_line line = {
			.file = vector->name,
			.number = ++number,
			.error = error,
			.error_size = error_size,
		};

		if (check_text(&line, text, bytes) || add_line(vector, &line, text))
			return -1;
	}
	if (ferror(file)) {
		snprintf(error, error_size, "%s: cannot read: %s", vector->name, strerror(errno));
		return -1;
	}
	if (!vector->nr_items) {
		snprintf(error, error_size,
			 "%s: no recording: it is empty; the first line must be a machine line",
			 vector->name);
		return -1;
	}
	return 0;
}

int vector_read(FILE *file, const char *name, struct vector *vector, char *error, size_t error_size)
{
	*vector = (struct vector){ .name = strdup(name) };
	if (!vector->name) {
		snprintf(error, error_size, "%s: out of memory", name);
		return -1;
	}
	if (!read_lines(file, vector, error, error_size))
		return 0;
	vector_free(vector);
	return -1;
}
