// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * memory_map.c - the memory that TDs may use: RAM as the kernel's resource tree has it, cut at the
 * borders of NUMA nodes.
 */
#include "linux.h"

#include "pamt_kernel.h"

struct map {
	struct pamt_memory *memory; /* NULL: count only */
	u32 nr;
};

static void add_part(struct map *map, u64 base, u64 end, u32 node)
{
	struct pamt_memory *last = map->memory && map->nr ? &map->memory[map->nr - 1] : NULL;

	if (last && last->node == node && last->base.v + last->bytes == base) {
		last->bytes += end - base;
		return;
	}
	if (map->memory)
		map->memory[map->nr] = (struct pamt_memory){ hpa(base), end - base, node };
	map->nr++;
}

/* How far from here on all of a node's own span is nobody else's; at least one page. */
static u64 unshared_until(u64 at, int node)
{
	u64 until = U64_MAX;
	int other;

	for_each_online_node(other) {
		u64 first = PFN_PHYS(node_start_pfn(other)), past = PFN_PHYS(node_end_pfn(other));

		if (other == node || past <= at)
			continue;
		if (first <= at)
			return at + PAGE_SIZE;
		until = min(until, first);
	}
	return until;
}

/*
 * The node of a page frame, and where the part of the range that is all of it ends. Spans of nodes
 * may overlap, as where memory is interleaved: there each page is asked.
 */
static u64 node_part(u64 base, u64 end, u32 *node)
{
	int nid = page_to_nid(pfn_to_page(PHYS_PFN(base)));
	u64 at = base;

	*node = nid;
	while (at < end && page_to_nid(pfn_to_page(PHYS_PFN(at))) == nid) {
		at = min(end, unshared_until(at, nid));
		cond_resched();
	}
	return at;
}

/* end is inclusive; ranges come in ascending order. */
static int add_ram(struct resource *res, void *arg)
{
	u64 base = PAGE_ALIGN(res->start), end = PAGE_ALIGN_DOWN(res->end + 1);

	while (base < end) {
		u32 node;
		u64 part = node_part(base, end, &node);

		add_part(arg, base, part, node);
		base = part;
	}
	return 0;
}

static void walk(struct map *map)
{
	walk_iomem_res_desc(IORES_DESC_NONE, IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY, 0, -1, map,
			    add_ram);
}

int pamt_memory_map(struct pamt_memory **memory, u32 *nr)
{
	struct map map = { 0 };

	/* Counted without joining what touches: room for that many is enough. */
	walk(&map);
	map.memory = kvcalloc(map.nr, sizeof(*map.memory), GFP_KERNEL);
	if (!map.memory)
		return -ENOMEM;
	map.nr = 0;
	walk(&map);
	*memory = map.memory;
	*nr = map.nr;
	return 0;
}
