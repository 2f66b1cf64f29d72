// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * designs.c - the table of designs.
 */
#include <string.h>

#include "lab/designs/design.h"

const struct design *const designs[] = {
	&design_ours, &design_merged, &design_v6, &design_per_region, NULL,
};

const struct design *design_find(const char *name)
{
	for (unsigned int i = 0; designs[i]; i++)
		if (!strcmp(designs[i]->name, name))
			return designs[i];
	return NULL;
}
