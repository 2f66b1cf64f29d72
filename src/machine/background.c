// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * background.c - aged memory and background load.
 */
#include <stdlib.h>

#include "machine/allocator.h"
#include "machine/background.h"
#include "machine/pagemap.h"
#include "machine/random.h"

/* Of a broken block so many small blocks stay allocated: 1 .. MAX_KEPT, of order 0 .. MAX_ORDER. */
#define MAX_KEPT  4u
#define MAX_ORDER 3u

/* A block that is held: its address, and its order in the bits below 4K. */
typedef uint64_t held_t;

struct background {
	struct machine *machine;
	struct allocator *allocator;
	uint64_t random;
	uint64_t bytes;
	/* Blocks of the load; those that keep memory aged stand in aged[]. */
	struct holding {
		held_t *block;
		uint64_t nr, room;
	} load, aged;
};

static int hold(struct background *background, struct holding *holding, tdx_hpa_t block,
		unsigned int order)
{
	if (holding->nr == holding->room) {
		uint64_t room = holding->room ? 2 * holding->room : 256;
		held_t *larger = realloc(holding->block, room * sizeof(*larger));

		if (!larger) {
			allocator_free(background->allocator, block, order);
			return -1;
		}
		holding->block = larger;
		holding->room = room;
	}
	holding->block[holding->nr++] = block.v | order;
	background->bytes += TDX_PAGE_SIZE << order;
	return 0;
}

static void let_go(struct background *background, struct holding *holding, uint64_t index)
{
	held_t held = holding->block[index];
	unsigned int order = held & (TDX_PAGE_SIZE - 1);

	allocator_free(background->allocator, hpa(held & ~(TDX_PAGE_SIZE - 1)), order);
	background->bytes -= TDX_PAGE_SIZE << order;
	holding->block[index] = holding->block[--holding->nr];
}

struct background *background_create(struct machine *machine, uint64_t seed)
{
	struct background *background = calloc(1, sizeof(*background));

	if (!background)
		return NULL;
	background->machine = machine;
	background->allocator = machine_allocator(machine);
	background->random = seed;
	return background;
}

void background_destroy(struct background *background)
{
	if (!background)
		return;
	while (background->load.nr)
		let_go(background, &background->load, background->load.nr - 1);
	while (background->aged.nr)
		let_go(background, &background->aged, background->aged.nr - 1);
	free(background->load.block);
	free(background->aged.block);
	free(background);
}

uint64_t background_bytes(const struct background *background) { return background->bytes; }

/* A byte of the node's memory, any with the same chance. */
static tdx_hpa_t random_place(struct background *background, uint32_t node, uint64_t bytes)
{
	const struct machine_map *map = machine_map(background->machine);
	uint64_t at = random_next(&background->random) % bytes;

	for (uint32_t i = 0; i < map->nr_ranges; i++) {
		const struct map_range *range = &map->ranges[i];

		if (range->node != node)
			continue;
		if (at < range->size)
			return hpa(range->base + at);
		at -= range->size;
	}
	return hpa(0);
}

/* A 2M block of the node that was wholly free: the next one from a random place on. */
static tdx_hpa_t take_whole(struct background *background, uint32_t node, uint64_t bytes)
{
	const tdx_hpa_t end = hpa(UINT64_C(1) << TDX_PA_BITS);
	tdx_hpa_t from = random_place(background, node, bytes);
	tdx_hpa_t block = allocator_alloc_range(background->allocator,
						&(struct os_range){ .bytes = TDX_2M_SIZE,
								    .align = TDX_2M_SIZE,
								    .low = from,
								    .high = end,
								    .node = node });

	if (!hpa_is_none(block))
		return block;
	return allocator_alloc_range(background->allocator,
				     &(struct os_range){ .bytes = TDX_2M_SIZE,
							 .align = TDX_2M_SIZE,
							 .low = hpa(0),
							 .high = end,
							 .node = node });
}

/* Frees a 2M block but for a few small blocks. */
static int break_block(struct background *background, tdx_hpa_t block)
{
	uint64_t kept = 1 + random_next(&background->random) % MAX_KEPT;
	struct pagemap keep = { { 0 } };
	int result = 0;

	while (kept--) {
		unsigned int order =
			(unsigned int)(random_next(&background->random) % (MAX_ORDER + 1));
		unsigned int at = (unsigned int)(random_next(&background->random) % PAGEMAP_BITS) >>
				  order << order;

		if (result || pagemap_next(&keep, at) < at + (1u << order))
			continue;
		pagemap_set(&keep, at, 1u << order);
		/* Where this fails, hold() has freed the block by itself. */
		result = hold(background, &background->aged, hpa(block.v + at * TDX_PAGE_SIZE),
			      order);
	}
	for (unsigned int i = 0, end; i < PAGEMAP_BITS; i = pagemap_next_clear(&keep, end)) {
		end = pagemap_next(&keep, i);
		if (end > i)
			allocator_free_range(background->allocator,
					     hpa(block.v + i * TDX_PAGE_SIZE),
					     (end - i) * TDX_PAGE_SIZE);
	}
	return result;
}

static int age_node(struct background *background, uint32_t node, unsigned int percent)
{
	const struct machine_map *map = machine_map(background->machine);
	const struct allocator *allocator = background->allocator;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < map->nr_ranges; i++)
		bytes += map->ranges[i].node == node ? map->ranges[i].size : 0;
	for (;;) {
		uint64_t all = allocator_free_bytes(allocator, node);
		uint64_t whole = allocator_free_2m_bytes(allocator, node);
		tdx_hpa_t block;

		if ((all - whole) * 100 >= all * percent)
			return 0;
		block = take_whole(background, node, bytes);
		if (hpa_is_none(block))
			return 0;
		if (break_block(background, block))
			return -1;
	}
}

int background_age(struct background *background, uint32_t node, unsigned int percent)
{
	uint32_t nr_nodes = machine_map(background->machine)->nr_nodes;

	for (uint32_t i = 0; i < nr_nodes; i++)
		if ((node == OS_ANY_NODE || node == i) && age_node(background, i, percent))
			return -1;
	return 0;
}

int background_step(struct background *background, uint64_t bytes)
{
	uint64_t random = random_next(&background->random);
	/* Orders 0 .. 9, each half as often as the one before. */
	unsigned int order = (unsigned int)__builtin_ctzll(random | 1u << ALLOCATOR_MAX_ORDER);
	/* Three steps of four lead towards the goal, one away from it. */
	bool more = (background->bytes < bytes) ^ (random >> 62 == 0);
	tdx_hpa_t block;

	if (!more) {
		if (background->load.nr)
			let_go(background, &background->load,
			       random_next(&background->random) % background->load.nr);
		return 0;
	}
	block = allocator_alloc(background->allocator, order, OS_ANY_NODE);
	return hpa_is_none(block) ? 0 : hold(background, &background->load, block, order);
}
