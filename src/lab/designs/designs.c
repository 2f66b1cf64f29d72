// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * designs.c - the table of designs.
 */
#include <stdio.h>
#include <string.h>

#include "lab/designs/design.h"

#define DESIGN(name) &design_##name,
const struct design *const designs[] = { DESIGN_LIST(DESIGN) NULL };

const struct design *design_find(const char *name)
{
	for (unsigned int i = 0; designs[i]; i++)
		if (!strcmp(designs[i]->name, name))
			return designs[i];
	return NULL;
}

const char *design_names(char *text, size_t size)
{
	size_t at = 0;

	text[0] = 0;
	for (unsigned int i = 0; designs[i] && at < size; i++)
		at += (size_t)snprintf(text + at, size - at, "%s%s", i ? ", " : "",
				       designs[i]->name);
	return text;
}

const char *design_name_at(unsigned int i) { return designs[i] ? designs[i]->name : NULL; }
