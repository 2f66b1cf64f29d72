// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * map_ranges.c - what is known of a machine while its log is read: ranges by form, and notes.
 */
#include <stdlib.h>
#include <string.h>

#include "machine/map_log.h"

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

void map_note(struct machine_map *map, const char *format, ...)
{
	size_t used = strlen(map->notes);
	va_list args;
	int more;

	if (used + 2 >= sizeof(map->notes))
		return;
	va_start(args, format);
	more = vsnprintf(map->notes + used, sizeof(map->notes) - used - 1, format, args);
	va_end(args);
	if (more > 0)
		strcat(map->notes, "\n");
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
	for (unsigned int form = 0; form < MAP_NR_RANGES; form++)
		free(log->of_form[form].range);
	free(log->entry);
}
