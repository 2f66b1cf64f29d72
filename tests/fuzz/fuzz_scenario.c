// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * fuzz_scenario.c - whatever bytes a scenario has, reading it ends, with a scenario within bounds
 * or with one line that says where it is wrong.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/workload/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scenario scenario;
	char error[512] = "", *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (scenario_parse(text, "file", &scenario, error, sizeof(error))) {
		if (strncmp(error, "file:", 5) || strchr(error, '\n'))
			abort();
	} else if (!scenario.nr_groups || !scenario_nr_tds(&scenario)) {
		abort();
	}
	free(text);
	return 0;
}
