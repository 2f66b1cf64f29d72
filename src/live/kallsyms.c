// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * kallsyms.c - symbols of the kernel, or of a module.
 *
 * A line is "ffffffff81000000 T _text", and behind a tab "[kvm]" for what belongs to a module. Who
 * may not see addresses reads zeros.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "live/kallsyms.h"

void kallsyms_free(struct kallsyms *all)
{
	for (size_t i = 0; i < all->nr; i++)
		free(all->list[i].name);
	free(all->list);
	*all = (struct kallsyms){ 0 };
}

static int add(struct kallsyms *all, uint64_t at, const char *name)
{
	size_t n = all->nr;

	if (!(n & (n - 1))) {
		struct symbol *list = realloc(all->list, (n ? 2 * n : 1) * sizeof(*list));

		if (!list)
			return -1;
		all->list = list;
	}
	all->list[n] = (struct symbol){ at, strdup(name) };
	if (!all->list[n].name)
		return -1;
	all->nr++;
	return 0;
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = ((const struct symbol *)a)->at, y = ((const struct symbol *)b)->at;

	return x < y ? -1 : x > y;
}

/* Behind its name a line of a module's has that module's. */
static bool is_of(const char *line, const char *module)
{
	const char *at = strchr(line, '[');
	size_t length = module ? strlen(module) : 0;

	if (!at || !module)
		return !at == !module;
	return !strncmp(at + 1, module, length) && at[1 + length] == ']';
}

static int read_lines(FILE *file, struct kallsyms *all, struct why *why)
{
	unsigned int number = 0;
	char line[1024], name[512];
	uint64_t at, any = 0;

	while (fgets(line, sizeof(line), file)) {
		char type;

		number++;
		if (!is_of(line, all->module))
			continue;
		if (sscanf(line, "%16" SCNx64 " %c %511s", &at, &type, name) != 3)
			return why_not(why, "kallsyms:%u: no line of symbols", number);
		any |= at;
		if (all->module && type != 't' && type != 'T')
			continue;
		/* Symbols of a CPU's own data are offsets: never what is looked for. */
		if (at >> 63 && add(all, at, name))
			return why_not(why, "out of memory");
	}
	if (!any && !all->module)
		return why_not(why, number ? "kallsyms hides its addresses (kernel.kptr_restrict, "
					     "or not root)"
					   : "kallsyms is empty");
	return 0;
}

int kallsyms_read(FILE *file, const char *module, struct kallsyms *all, struct why *why)
{
	*all = (struct kallsyms){ .module = module };
	if (read_lines(file, all, why)) {
		kallsyms_free(all);
		return -1;
	}
	if (all->nr)
		qsort(all->list, all->nr, sizeof(*all->list), by_address);
	return 0;
}

uint64_t kallsyms_find(const struct kallsyms *all, const char *name)
{
	for (size_t i = 0; i < all->nr; i++)
		if (!strcmp(all->list[i].name, name))
			return all->list[i].at;
	return 0;
}

const struct symbol *kallsyms_at(const struct kallsyms *all, uint64_t address)
{
	size_t low = 0, high = all->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (all->list[middle].at <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &all->list[low - 1] : NULL;
}
