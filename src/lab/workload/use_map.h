/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * use_map.h - what the 2 MiB regions of a machine are used for at one moment, as the module has
 * them, to be drawn: a machine's memory in some thousand cells of as many regions each.
 *
 * A region is one of
 *
 *   free   no pair and no page of a TD's
 *   2M     one 2M page of a TD's
 *   pool   backed, and pages of libpamt's lie in it, as pairs or as control pages; maybe beside a
 *          TD's 4K pages
 *   4K     backed, and all that lies in it are 4K pages of TDs
 *   idle   backed, and nobody uses it
 */
#ifndef PAMT_LAB_WORKLOAD_USE_MAP_H
#define PAMT_LAB_WORKLOAD_USE_MAP_H

#include "lab/workload/stand.h"

enum region_kind { REGION_FREE, REGION_2M, REGION_POOL, REGION_4K, REGION_IDLE, REGION_KINDS };

#define USE_MAP_CELLS 2048u
/* Machines with more memory than this are not looked at: it would take seconds. */
#define USE_MAP_MAX (UINT64_C(8) << 40)

/* Regions by kind. Cells are alike as a rule: a run of cells that are. */
struct region_run {
	uint32_t cells;
	uint32_t of[REGION_KINDS];
};

struct use_map {
	uint64_t regions;  /* of all TDMRs together */
	uint32_t per_cell; /* regions; the last cell may have fewer */
	uint64_t total[REGION_KINDS];
	uint32_t nr_runs;
	struct region_run run[USE_MAP_CELLS];
};

/*
 * use_map_read - nothing may run meanwhile. False: there is no map, since PAMT is static (the
 * module then has no such entries), the machine is too large, or memory is short.
 */
bool use_map_read(const struct stand *stand, struct use_map *map);
const char *region_kind_name(enum region_kind kind);

#endif
