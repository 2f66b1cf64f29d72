// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * map_log.c - reads a log into the ranges that its lines speak of.
 */
#include <errno.h>
#include <string.h>

#include "machine/log_text.h"
#include "machine/map_log.h"

/* ------------------------------------------------------------------------------------------- */
/* Lines                                                                                        */

/* The rest of a table's line whose beginning is not there. */
static bool is_rest(const char *text)
{
	static const char *const rests[] = { "] usable", "] System RAM", "]  System RAM",
					     ": System RAM" };

	for (unsigned int i = 0; i < sizeof(rests) / sizeof(*rests); i++)
		if (strstr(text, rests[i]))
			return true;
	map_spaces(&text);
	return !strcmp(text, "usable") || !strcmp(text, "System RAM");
}

/* After a line of a table one that is no whole line of anything ends the file. */
static void look_for_cuts(struct map_log *log, const struct log_reader *reader, const char *text,
			  enum map_form form, bool after_range)
{
	if (form != MAP_NONE)
		return;
	if (reader->number == 1 && is_rest(text))
		log->cut_head = 1;
	if (reader->open_end && after_range && *text)
		log->cut_tail = reader->number;
}

static int read_lines(struct map_log *log, struct log_reader *reader)
{
	bool after_range = false;
	const char *text;

	while ((text = log_reader_next(reader))) {
		struct map_line line;
		const char *wrong = map_parse_line(text, &line);

		if (wrong && reader->zero)
			return log_fail(log, 0, "no line about memory found: it is no text");
		if (wrong)
			return log_fail(log, reader->number, "%s", wrong);
		look_for_cuts(log, reader, text, line.form, after_range);
		after_range = line.form < MAP_NR_RANGES;
		if (log_take(log, &line, reader->number))
			return -1;
	}
	return 0;
}

int log_read(struct map_log *log, FILE *file)
{
	struct log_reader reader;
	int result;

	if (log_reader_open(&reader, file))
		return log_fail(log, 0, "no memory");
	errno = 0;
	result = read_lines(log, &reader);
	log_reader_close(&reader);
	if (result)
		return result;
	if (reader.bytes > LOG_MAX_BYTES)
		return log_fail(log, 0, "not a kernel log; allowed: up to 1 GB");
	if (ferror(file))
		return log_fail(log, 0, "%s", errno ? strerror(errno) : "cannot be read");
	if (!log->known)
		return log_fail(log, 0,
				"no line about memory found; allowed: a kernel log, /proc/iomem, "
				"lsmem, numactl -H, /proc/meminfo");
	return 0;
}
