// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * real_shape.c - what a round of the hunt is like, by its seed: the machine, how many threads do
 * what how often, how much each has, and how often one stands still. Each mistake needs some shape
 * of its own: a pool that is nearly empty, a thread that gives everything back at once beside two
 * that draw, memory that is nearly full. So rounds are short, and no two are alike.
 */
#include <string.h>

#include "lab/real/real_internal.h"
#include "machine/random.h"

#define MAX_WEIGHT 8u

static uint32_t memory_nodes(const struct real_hunt *hunt)
{
	return hunt->nr_nodes > 1 ? hunt->nr_nodes - 1 : 1;
}

static void fill_map(const struct real_hunt *hunt, struct machine_map *map,
		     struct map_range *ranges, uint32_t cpus)
{
	uint32_t nodes = memory_nodes(hunt);

	for (uint32_t n = 0; n < nodes; n++)
		ranges[n] = (struct map_range){ REAL_NODE_BASE(n), REAL_NODE_BYTES, n };
	map_of_ranges(map, "hunt", ranges, nodes);
	map->nr_cpus = cpus;
	map->nr_packages = cpus < 4 ? 1 : 2;
	map->nr_nodes = hunt->nr_nodes;
}

/* In every other round one thread has most of what is out: when it puts, the pool is full at once.
 */
static void set_up_threads(struct real_hunt *hunt, uint64_t *random)
{
	uint32_t most_runs = 8u << real_below(random, 7), less = real_below(random, 2) ? 7 : 0;

	for (uint32_t i = 0; i < hunt->nr_threads; i++) {
		hunt->thread[i].hunt = hunt;
		hunt->thread[i].cpu = i;
		hunt->thread[i].most_runs = i ? (most_runs >> less) + 1 : most_runs;
		hunt->thread[i].most_cached = real_below(random, 3) ? PAMT_CACHE_PAGES : 4;
		hunt->thread[i].random = random_next(random);
	}
}

/*
 * Kinds that a round has none of make room for what the others do to each other. Never nothing but
 * ways to give back, and no round in which CPUs are mostly away.
 */
static void weigh_all(struct real_hunt *hunt, uint64_t *random)
{
	uint32_t weight[REAL_OPS];

	for (uint32_t i = 0; i < REAL_OPS; i++)
		weight[i] = real_below(random, 2) * real_below(random, MAX_WEIGHT + 1);
	weight[REAL_GET] += 4;
	weight[REAL_PUT] += 4;
	weight[REAL_CPU] /= 4;
	for (uint32_t i = 0; i < hunt->nr_threads; i++)
		memcpy(hunt->thread[i].weight, weight, sizeof(weight));
}

/* Each third thread does the same few things. */
#define OP(op) (1u << REAL_##op)
static const uint32_t casts[][3] = {
	/* One gives back much at once, the others draw: little, and much. */
	{ OP(GET) | OP(PUT), OP(CONTROL), OP(CACHE) },
	{ OP(GET) | OP(PUT), OP(CONTROL), OP(CACHE) | OP(PRESSURE) },
	/* Pairs come and go beside memory that is nobody's business. */
	{ OP(GET) | OP(PUT), OP(TOUCH), OP(GET) | OP(PUT) },
	/* TDs, and what disturbs them. */
	{ OP(TD_FAULT) | OP(TD_LIFE), OP(TD_CHANGE) | OP(TD_FAULT), OP(PRESSURE) | OP(TOUCH) },
	{ OP(TD_LIFE) | OP(TD_RUN), OP(CPU) | OP(TD_RUN), OP(GET) | OP(PUT) | OP(LOOK) },
};

static void weigh_each(struct real_hunt *hunt, const uint32_t cast[3])
{
	for (uint32_t i = 0; i < hunt->nr_threads; i++)
		for (uint32_t op = 0; op < REAL_OPS; op++)
			hunt->thread[i].weight[op] = cast[i % 3] >> op & 1;
}

/*
 * Memory of a thread. In two of three rounds none at first, or little: then the pool is small, and
 * what comes back to it at once is more than it may keep. Else from most of its share to more than
 * there is.
 */
static uint64_t choose_most(struct real_hunt *hunt, uint64_t *random)
{
	uint64_t share = memory_nodes(hunt) * REAL_NODE_BYTES / TDX_PAGE_SIZE / hunt->nr_threads;
	static const uint32_t least[] = { 0, 2, 60 }, more[] = { 1, 20, 80 };
	uint32_t kind = real_below(random, 3);
	uint32_t percent = least[kind] + real_below(random, more[kind]);

	return share * percent / 100;
}

/*
 * Floods meet growth. Nobody else, who would trim the pool in between; one pool; and free pages lie
 * one in a region, so that each has a pair of its own.
 */
static void shape_tide(struct real_hunt *hunt)
{
	static const uint32_t cast[3] = { OP(FLOOD), OP(DRAIN) };

	hunt->nr_nodes = 1;
	hunt->nr_threads = 2;
	weigh_each(hunt, cast);
	hunt->most_pages = 0;
	hunt->free_part = 2;
	hunt->aged_part = 8;
	hunt->singles = 0;
	hunt->hole_order = 0;
}

void real_shape(struct real_hunt *hunt, uint32_t threads, uint64_t *random, struct machine_map *map,
		struct map_range *ranges)
{
	/* A node without memory has a pool that is always empty: more of those than of others. */
	static const uint8_t nodes[] = { 1, 2, 2, REAL_NODES };
	bool few = real_below(random, 4);

	hunt->nr_nodes = nodes[real_below(random, sizeof(nodes))];
	hunt->nr_threads = few ? 2 + real_below(random, 5) : threads;
	if (hunt->nr_threads > threads)
		hunt->nr_threads = threads;
	set_up_threads(hunt, random);
	if (few && real_below(random, 8))
		weigh_each(hunt, casts[real_below(random, sizeof(casts) / sizeof(casts[0]))]);
	else
		weigh_all(hunt, random);
	hunt->most_pages = choose_most(hunt, random);
	hunt->free_part = real_below(random, 3);
	hunt->aged_part = 3 + real_below(random, 5);
	hunt->singles = 1 + real_below(random, 3);
	hunt->hole_order = real_below(random, 5);
	/* It makes operations fewer. */
	hunt->still_ns = real_below(random, 2) ? 20000u << real_below(random, 5) : 0;
	if (hunt->seed % 5 == 1)
		shape_tide(hunt);
	fill_map(hunt, map, ranges, threads);
}
