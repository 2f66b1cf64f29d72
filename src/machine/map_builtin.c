// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * map_builtin.c - machines that are made up: three by name, and any size.
 */
#include <string.h>

#include "machine/map_log.h"
#include "machine/size.h"

#define MB (UINT64_C(1) << 20)
#define GB (UINT64_C(1) << 30)
#define TB (UINT64_C(1) << 40)

/* The hole for devices, as firmware lays memory out around it. */
#define LOW_END	  (2 * GB)
#define HIGH_BASE (4 * GB)

static int add(struct map_log *log, enum map_form form, uint64_t base, uint64_t end, uint32_t node)
{
	struct log_range range = { .base = base, .end = end, .node = node };

	return log_add(log, form, &range);
}

/* Node n has [n * each + shift, (n + 1) * each + shift), less what must be kept free of it. */
struct layout {
	uint32_t nr_nodes;
	uint64_t each, shift;
};

static void node_span(const struct layout *layout, uint32_t node, uint64_t *base, uint64_t *end)
{
	*base = node ? node * layout->each + layout->shift : HIGH_BASE;
	*end = (node + 1) * layout->each + layout->shift;
}

/* A CMR, and memory, for each node above 4 GB, and one for node 0 below. */
static int add_nodes(struct map_log *log, const struct layout *layout)
{
	int result = add(log, MAP_CMR, MB, LOW_END, 0) || add(log, MAP_NODE, MB, LOW_END, 0) ||
		     add(log, MAP_E820, MB, LOW_END, 0);

	for (uint32_t node = 0; node < layout->nr_nodes && !result; node++) {
		uint64_t base, end;

		node_span(layout, node, &base, &end);
		result = add(log, MAP_CMR, base, end, 0) || add(log, MAP_NODE, base, end, node);
	}
	return result;
}

static int build_256g(struct map_log *log)
{
	const struct layout layout = { 1, 256 * GB, LOW_END };

	return add_nodes(log, &layout) || add(log, MAP_E820, HIGH_BASE, 256 * GB + LOW_END, 0);
}

static int build_2t(struct map_log *log)
{
	const struct layout layout = { 2, TB, LOW_END };

	return add_nodes(log, &layout) || add(log, MAP_E820, HIGH_BASE, 2 * TB + LOW_END, 0);
}

/*
 * The largest machine: 64 TB of addresses, 8 nodes, 2000 usable ranges. Between them lie holes of
 * 64 KB to 2 MB, as firmware leaves for its tables.
 */
static int build_64t(struct map_log *log)
{
	const struct layout layout = { 8, 8 * TB, 0 };
	int result = add_nodes(log, &layout);

	for (uint32_t node = 0; node < layout.nr_nodes && !result; node++) {
		uint32_t nr = node ? 250 : 249;
		uint64_t base, end, step;

		node_span(&layout, node, &base, &end);
		step = (end - base) / nr & ~(2 * MB - 1);
		for (uint32_t i = 0; i < nr && !result; i++) {
			uint64_t stop = i + 1 == nr ? end : base + step;

			result = add(log, MAP_E820, base, stop - (1 + i % 32) * MB / 16, 0);
			base = stop;
		}
	}
	return result;
}

static const struct {
	const char *name;
	int (*build)(struct map_log *log);
} builtins[] = {
	{ "256g", build_256g },
	{ "2t", build_2t },
	{ "64t", build_64t },
};

int map_build_size(struct map_log *log, const char *word)
{
	uint64_t bytes, next = 0;
	int result;

	if (!size_parse(word, &bytes) || !strpbrk(word, "KMGTPkmgtp"))
		return 1;
	if (bytes < 16 * MB || bytes > UINT64_C(1) << (TDX_PA_BITS - 2))
		return log_fail(log, 0, "a machine of this size; allowed: 16M to 1024T");
	result = log_lay_out(log, bytes & ~(TDX_PAGE_SIZE - 1), 0, &next);
	log->of_form[MAP_NODE].nr = 0;
	return result;
}

int map_build_builtin(struct map_log *log, const char *word)
{
	int result;

	for (unsigned int i = 0; i < sizeof(builtins) / sizeof(*builtins); i++)
		if (!strcmp(word, builtins[i].name))
			return builtins[i].build(log);
	result = map_build_size(log, word);
	if (result > 0)
		return log_fail(log, 0,
				"no such map; allowed: builtin:256g, builtin:2t, builtin:64t, "
				"or any size");
	return result;
}
