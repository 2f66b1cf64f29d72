// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * recording.c - a recording that a user named, read for a command.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/recording.h"
#include "lab/recordings/live.h"

/* Bytes that count for RLIMIT_DATA: under a sanitizer these are many from the start. */
static uint64_t data_now(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	uint64_t pages = 0;

	/* Of all, resident, shared, text, 0, data. */
	if (file && fscanf(file, "%*u %*u %*u %*u %*u %" SCNu64, &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

void recording_limit(uint64_t bytes)
{
	struct rlimit limit;

	if (!bytes)
		bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 4 * 3;
	bytes += data_now();
	if (getrlimit(RLIMIT_DATA, &limit) || bytes >= limit.rlim_cur)
		return;
	limit.rlim_cur = bytes;
	setrlimit(RLIMIT_DATA, &limit);
}

/* The first line that means something is that of a machine. */
bool recording_begins(const char *text)
{
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		text += strspn(text, " \t\r");
		if (*text && *text != '#' && *text != '\n')
			return !strncmp(text, "machine ", 8);
	}
	return false;
}

int recording_read(FILE *file, const char *name, struct vector *vector)
{
	const struct vector_machine *machine;
	char error[1024];

	recording_limit(0);
	if (vector_read(file, name, vector, error, sizeof(error))) {
		if (ferror(file) && errno == EBADMSG)
			return cli_usage_error("%s: compressed, and broken or cut short", name);
		return cli_usage_error("%s", error);
	}
	machine = vector->items[0].machine;
	if (live_is(vector) && !machine->ended)
		cli_note("%s was not brought to its end: what is missing is not known", name);
	else if (live_is(vector) && machine->missed)
		cli_note("%s may not replay: %" PRIu64 " events were missed", name,
			 machine->missed);
	return CLI_OK;
}
