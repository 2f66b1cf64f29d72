// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * hist.c - what a histogram of an event has counted: lines like
 * "{ fn:         3a, rax:          0 } hitcount:         30", and behind them "Dropped: 0".
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "live/hist.h"

/* "NAME: NUMBER" at text; returns what is behind it, NULL: it is none. */
static const char *key(const char *text, char *name, uint64_t *value)
{
	int length = 0;

	if (sscanf(text, " %15[a-z0-9_]: %" SCNx64 "%n", name, value, &length) != 2)
		return NULL;
	return text + length;
}

static int read_entry(const char *line, struct hist_entry *entry, struct why *why)
{
	const char *at = line + 1;

	*entry = (struct hist_entry){ 0 };
	for (unsigned int i = 0; at && i < HIST_KEYS; i++) {
		at = key(at, entry->name[i], &entry->key[i]);
		if (at && *at != ',')
			break;
		if (at)
			at++;
	}
	if (at && sscanf(at, " } hitcount: %" SCNu64, &entry->hits) == 1)
		return 0;
	return why_not(why, "a line of a histogram that cannot be read: %.80s", line);
}

int hist_read(const char *text, void (*entry)(void *ctx, const struct hist_entry *entry), void *ctx,
	      uint64_t *dropped, struct why *why)
{
	for (const char *end; *text; text = end + (*end == '\n')) {
		struct hist_entry one;
		char line[256];
		uint64_t n;

		end = text + strcspn(text, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)(end - text), text);
		if (sscanf(line, " Dropped: %" SCNu64, &n) == 1)
			*dropped += n;
		if (*line != '{')
			continue;
		if (read_entry(line, &one, why))
			return -1;
		entry(ctx, &one);
	}
	return 0;
}
