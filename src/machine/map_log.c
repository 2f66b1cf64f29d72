// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * map_log.c - reads a log into the ranges that its lines speak of.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine/map_log.h"

/* Longer lines are none of ours: what is cut off is passed over. */
#define LINE_SIZE 1024
/* No log is larger; a device that never ends is. */
#define MAX_BYTES (UINT64_C(1) << 30)
/* No machine has more; a file that is made to fill memory has. */
#define MAX_RANGES 65536u

int log_fail(const struct map_log *log, uint64_t line, const char *format, ...)
{
	va_list args;
	int used;

	if (line)
		used = snprintf(log->error, log->error_size, "%s:%llu: ", log->name,
				(unsigned long long)line);
	else
		used = snprintf(log->error, log->error_size, "%s: ", log->name);
	if (used < 0 || (size_t)used >= log->error_size)
		return -1;
	va_start(args, format);
	vsnprintf(log->error + used, log->error_size - (size_t)used, format, args);
	va_end(args);
	return -1;
}

int log_add(struct map_log *log, enum map_form form, const struct log_range *range)
{
	struct log_ranges *ranges = &log->of_form[form];

	if (ranges->nr == MAX_RANGES)
		return log_fail(log, range->line, "too many ranges; allowed: %u of a kind",
				MAX_RANGES);
	if (ranges->nr == ranges->room) {
		uint32_t room = ranges->room ? 2 * ranges->room : 64;
		struct log_range *larger = realloc(ranges->range, room * sizeof(*larger));

		if (!larger)
			return log_fail(log, 0, "no memory");
		ranges->range = larger;
		ranges->room = room;
	}
	ranges->range[ranges->nr++] = *range;
	return 0;
}

void log_free(struct map_log *log)
{
	for (unsigned int form = 0; form <= MAP_CMR; form++)
		free(log->of_form[form].range);
}

/* One line without its end, cut to size, zero bytes as '?'. False: the file has ended. */
static bool read_line(FILE *file, char *text, uint64_t *bytes)
{
	size_t length = 0;
	int c;

	while ((c = getc_unlocked(file)) != EOF && c != '\n') {
		++*bytes;
		if (length < LINE_SIZE - 1)
			text[length++] = c ? (char)c : '?';
		if (*bytes > MAX_BYTES)
			break;
	}
	++*bytes;
	while (length && (text[length - 1] == '\r' || text[length - 1] == ' '))
		length--;
	text[length] = '\0';
	return c != EOF || length;
}

static int take_line(struct map_log *log, const struct map_line *line, uint64_t nr)
{
	struct log_range range = {
		.base = line->base,
		.end = line->end,
		.line = nr,
		.node = line->node,
		.boot = log->boot,
	};

	switch (line->form) {
	case MAP_NONE:
		return 0;
	case MAP_BOOT:
		log->boot++;
		return 0;
	case MAP_HKIDS:
		log->hkids.base = line->base;
		log->hkids.end = line->end;
		log->hkids.boot = log->boot;
		break;
	case MAP_PAMT_KB:
		log->pamt.kb = line->base;
		log->pamt.boot = log->boot;
		log->pamt.said = true;
		break;
	case MAP_E820:
		log->known = true;
		return line->usable ? log_add(log, line->form, &range) : 0;
	default:
		log->known = true;
		return log_add(log, line->form, &range);
	}
	log->known = true;
	return 0;
}

int log_read(struct map_log *log, FILE *file)
{
	char text[LINE_SIZE];
	uint64_t bytes = 0;

	errno = 0;
	for (uint64_t nr = 1; read_line(file, text, &bytes); nr++) {
		struct map_line line;
		const char *wrong = map_parse_line(text, &line);

		if (wrong)
			return log_fail(log, nr, "%s", wrong);
		if (take_line(log, &line, nr))
			return -1;
		if (bytes > MAX_BYTES)
			return log_fail(log, 0, "not a kernel log; allowed: up to 1 GB");
	}
	if (ferror(file))
		return log_fail(log, 0, "%s", errno ? strerror(errno) : "cannot be read");
	if (!log->known)
		return log_fail(log, 0,
				"no line about memory found; allowed: a kernel log with BIOS-e820 "
				"or virt/tdx CMR lines, or /proc/iomem");
	return 0;
}
