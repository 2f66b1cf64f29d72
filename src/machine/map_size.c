// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * map_size.c - memory of which only the size is known, laid out as firmware does.
 */
#include "machine/map_log.h"

/* The hole for devices, as firmware lays memory out around it. */
#define LOW_END	  (2 * TDX_1G_SIZE)
#define HIGH_BASE (4 * TDX_1G_SIZE)

#define TOP	  (UINT64_C(1) << TDX_PA_BITS)
#define PAGE_MASK (TDX_PAGE_SIZE - 1)

static int lay_out(struct map_log *log, uint64_t base, uint64_t end, uint32_t node)
{
	const struct log_range range = { .base = base, .end = end, .node = node };

	return base < end && (log_add(log, MAP_E820, &range) || log_add(log, MAP_NODE, &range)) ? -1
												: 0;
}

int log_lay_out(struct map_log *log, uint64_t bytes, uint32_t node, uint64_t *next)
{
	uint64_t low = bytes < LOW_END ? bytes : LOW_END;

	if (*next) {
		*next += bytes;
		return lay_out(log, *next - bytes, *next, node);
	}
	*next = HIGH_BASE + bytes - low;
	return lay_out(log, MAP_LOW_LIMIT, low, node) || lay_out(log, HIGH_BASE, *next, node) ? -1
											      : 0;
}

int map_guess_from_sizes(struct map_log *log, struct machine_map *map)
{
	uint64_t next = 0;
	bool any = false;

	for (uint32_t node = 0; node < MAP_MAX_NODES; node++) {
		uint64_t bytes = log->node_size[node] & ~PAGE_MASK;

		if (!bytes)
			continue;
		any = true;
		if (bytes > TOP || next > TOP)
			return log_fail(log, 0, "memory above 52 bits");
		if (log_lay_out(log, bytes, node, &next))
			return -1;
	}
	if (!any && log->size > TOP)
		return log_fail(log, 0, "memory above 52 bits");
	if (!any && log->size && log_lay_out(log, log->size & ~PAGE_MASK, 0, &next))
		return -1;
	if (!any)
		log->of_form[MAP_NODE].nr = 0; /* of nodes nothing is known */
	if (next)
		map_note(map, "guessed from sizes alone, as firmware usually lays memory out; "
			      "they leave out what the kernel keeps for itself");
	return 0;
}
