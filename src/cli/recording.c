// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * recording.c - a recording that a user named, read for a command.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/recording.h"
#include "lab/recordings/live.h"

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
