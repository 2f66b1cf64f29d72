// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * use_map.c - asks the module (RDMD) about every region, and sums up in cells.
 */
#include <stdlib.h>
#include <string.h>

#include "lab/workload/use_map.h"

const char *region_kind_name(enum region_kind kind)
{
	static const char *const names[REGION_KINDS] = { "free", "2m", "pool", "4k", "idle" };

	return kind < REGION_KINDS ? names[kind] : "";
}

/* Where a region of the n-th TDMR is in the list of them all. */
struct list {
	const struct stand *stand;
	const struct pamt_layout *layout;
	uint64_t regions;
	uint8_t *kind;
};

static uint64_t base_of(const struct list *list, uint64_t index)
{
	uint32_t t = 0;

	while (index >= list->layout->tdmr[t].bytes >> TDX_2M_SHIFT)
		index -= list->layout->tdmr[t++].bytes >> TDX_2M_SHIFT;
	return list->layout->tdmr[t].base.v + (index << TDX_2M_SHIFT);
}

/* UINT64_MAX: in no TDMR. */
static uint64_t index_of(const struct list *list, uint64_t at)
{
	uint64_t before = 0;

	for (uint32_t t = 0; t < list->layout->nr_tdmrs; t++) {
		const struct pamt_tdmr *tdmr = &list->layout->tdmr[t];

		if (at >= tdmr->base.v && at < tdmr->base.v + tdmr->bytes)
			return before + ((at - tdmr->base.v) >> TDX_2M_SHIFT);
		before += tdmr->bytes >> TDX_2M_SHIFT;
	}
	return UINT64_MAX;
}

static bool ask(const struct list *list, uint64_t at, enum tdx_size size, struct tdx_regs *regs)
{
	const struct os_services *os = list->stand->os;

	*regs = (struct tdx_regs){ .rax = TDX_RAX(TDH_PHYMEM_PAGE_RDMD, 0),
				   .rcx = tdx_hpa_size(hpa(at), size) };
	return tdx_status_ok(os->seamcall(os->ctx, regs));
}

static void mark_pool(struct list *list, uint64_t page)
{
	uint64_t index = index_of(list, page);

	if (index < list->regions)
		list->kind[index] = REGION_POOL;
}

/* By the 2M entry alone: a pair tells where it lies, and that is a region of the pool's. */
static void look_at_2m(struct list *list)
{
	struct tdx_regs regs;

	for (uint64_t i = 0; i < list->regions; i++) {
		if (!ask(list, base_of(list, i), TDX_2M, &regs))
			continue;
		if (regs.rcx & TDX_RDMD_NODE) {
			if (list->kind[i] == REGION_FREE)
				list->kind[i] = REGION_4K;
			mark_pool(list, regs.r10);
			mark_pool(list, regs.r11);
		} else if ((regs.rcx & 0xf) == TDX_PT_REG) {
			list->kind[i] = REGION_2M;
		}
	}
}

/* What a backed region without pairs in it is for: its first page that is somebody's tells. */
static void look_at_4k(struct list *list)
{
	struct tdx_regs regs;

	for (uint64_t i = 0; i < list->regions; i++) {
		uint64_t base, page;

		if (list->kind[i] != REGION_4K)
			continue;
		list->kind[i] = REGION_IDLE;
		base = base_of(list, i);
		for (page = 0; page < TDX_2M_SIZE && list->kind[i] == REGION_IDLE;
		     page += TDX_PAGE_SIZE) {
			if (!ask(list, base + page, TDX_4K, &regs) ||
			    (regs.rcx & 0xf) == TDX_PT_NDA)
				continue;
			list->kind[i] = (regs.rcx & 0xf) == TDX_PT_REG ? REGION_4K : REGION_POOL;
		}
	}
}

static void sum_up(const struct list *list, struct use_map *map)
{
	map->regions = list->regions;
	map->per_cell = 1;
	while (list->regions > (uint64_t)map->per_cell * USE_MAP_CELLS)
		map->per_cell *= 2;
	for (uint64_t from = 0; from < list->regions; from += map->per_cell) {
		uint64_t to =
			from + map->per_cell < list->regions ? from + map->per_cell : list->regions;
		struct region_run cell = { .cells = 1 };
		struct region_run *last = map->nr_runs ? &map->run[map->nr_runs - 1] : NULL;

		for (uint64_t i = from; i < to; i++) {
			cell.of[list->kind[i]]++;
			map->total[list->kind[i]]++;
		}
		if (last && !memcmp(last->of, cell.of, sizeof(cell.of)))
			last->cells++;
		else
			map->run[map->nr_runs++] = cell;
	}
}

bool use_map_read(const struct stand *stand, struct use_map *map)
{
	struct list list = { .stand = stand, .layout = pamt_layout(stand->host) };

	memset(map, 0, sizeof(*map));
	for (uint32_t t = 0; t < list.layout->nr_tdmrs; t++)
		list.regions += list.layout->tdmr[t].bytes >> TDX_2M_SHIFT;
	if (!list.layout->dynamic || list.regions << TDX_2M_SHIFT > USE_MAP_MAX)
		return false;
	list.kind = calloc(list.regions, sizeof(*list.kind));
	if (!list.kind)
		return false;
	look_at_2m(&list);
	look_at_4k(&list);
	sum_up(&list, map);
	free(list.kind);
	return true;
}
