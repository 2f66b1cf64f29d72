// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * scenario_load.c - where the text of a scenario comes from: a file, or those that are shipped.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/workload/scenario.h"

#define MAX_FILE (UINT64_C(1) << 20)

int scenario_load_shipped(const char *name, struct scenario *scenario, char *error,
			  size_t error_size)
{
	const char *text, *known;
	size_t used;

	for (uint32_t i = 0; (text = scenario_shipped(i, &known)); i++)
		if (!strcmp(known, name))
			return scenario_parse(text, name, scenario, error, error_size);
	used = (size_t)snprintf(error, error_size,
				"no scenario '" SCENARIO_BUILTIN "%s'; allowed are", name);
	for (uint32_t i = 0; scenario_shipped(i, &known) && used < error_size; i++)
		used += (size_t)snprintf(error + used, error_size - used, "%s %s", i ? "," : "",
					 known);
	return -1;
}

/* All of a file, NUL-terminated; NULL: reported. */
static char *read_file(const char *path, char *error, size_t error_size)
{
	FILE *file = fopen(strcmp(path, "-") ? path : "/dev/stdin", "r");
	char *text = file ? malloc(MAX_FILE + 1) : NULL;
	size_t length;

	if (!text) {
		snprintf(error, error_size, "%s: %s", path, strerror(errno));
		if (file)
			fclose(file);
		return NULL;
	}
	length = fread(text, 1, MAX_FILE, file);
	text[length] = 0;
	if (ferror(file))
		snprintf(error, error_size, "%s: %s", path, strerror(errno));
	else if (!feof(file) && length == MAX_FILE)
		snprintf(error, error_size, "%s: too long: 1 MB is allowed", path);
	else if (strlen(text) < length)
		snprintf(error, error_size, "%s:1: not a text: a zero byte is not allowed", path);
	else
		*error = 0;
	fclose(file);
	if (!*error)
		return text;
	free(text);
	return NULL;
}

int scenario_load(const char *path, struct scenario *scenario, char *error, size_t error_size)
{
	char *text;
	int failed;

	if (!strncmp(path, SCENARIO_BUILTIN, strlen(SCENARIO_BUILTIN)))
		return scenario_load_shipped(path + strlen(SCENARIO_BUILTIN), scenario, error,
					     error_size);
	text = read_file(path, error, error_size);
	if (!text)
		return -1;
	failed = scenario_parse(text, path, scenario, error, error_size);
	free(text);
	return failed;
}
