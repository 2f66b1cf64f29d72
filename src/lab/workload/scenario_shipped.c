// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * scenario_shipped.c - the files of scenarios/ as they were when this was built, by name.
 */
#include "lab/workload/scenario.h"

static const struct shipped {
	const char *name, *text;
} shipped[] = {
#include "lab/scenarios_text.h"
};
#define NR_SHIPPED (sizeof(shipped) / sizeof(shipped[0]))

const char *scenario_shipped(uint32_t i, const char **name)
{
	if (i >= NR_SHIPPED)
		return NULL;
	*name = shipped[i].name;
	return shipped[i].text;
}
