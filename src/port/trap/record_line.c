// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * record_line.c - the lines of a recording in their order; some wait for one that is not known yet.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port/trap/record_internal.h"
#include "port/trap/trace.h"

/* What does not fit, a full disk's last line, ends the recording: no line may follow half a line.
 */
void record_write_line(struct recorder *r, const char *text)
{
	static const char why[] = "pamt: record: a line cannot be written; the recording ends "
				  "before it\n";

	if (r->ended || trace_write(r->fd, text, strlen(text)))
		return;
	r->troubles.unwritten++;
	r->ended = true;
	trace_write(STDERR_FILENO, why, sizeof(why) - 1);
}

struct line *record_add_line(struct recorder *r, const char *text)
{
	struct line *line = malloc(sizeof(*line));
	char *copy = text ? strdup(text) : NULL;

	if (!line || (text && !copy)) {
		free(line);
		free(copy);
		r->troubles.unwritten++;
		return NULL;
	}
	*line = (struct line){ NULL, copy };
	*r->last = line;
	r->last = &line->next;
	return line;
}

void record_drop_first(struct recorder *r)
{
	struct line *line = r->first;

	r->first = line->next;
	free(line->text);
	free(line);
}

void record_write_known(struct recorder *r)
{
	while (r->first && r->first->text) {
		record_write_line(r, r->first->text);
		record_drop_first(r);
	}
	if (!r->first)
		r->last = &r->first;
}

void record_put_line(struct recorder *r, const char *text)
{
	if (r->first)
		record_add_line(r, text);
	else
		record_write_line(r, text);
}

void record_put_id(struct recorder *r, struct words *line, const char *text, uint32_t id)
{
	words_add(line, " id=");
	words_number(line, id);
	words_add(line, "\n");
	record_put_line(r, text);
}

void record_put_event(struct recorder *r, const char *name, const uint64_t *tdr, uint32_t id)
{
	char text[LINE_BYTES];
	struct words line;

	words_begin(&line, text, sizeof(text));
	words_add(&line, name);
	if (tdr) {
		words_add(&line, " ");
		words_hex(&line, *tdr, 1);
	}
	record_put_id(r, &line, text, id);
}
