/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * plan.h - between the parts of `pamt plan`: a machine's layouts (cmd_plan.c), and what TDs cost on
 * one machine or on several (plan_capacity.c, with --td of plan_td.c).
 */
#ifndef PAMT_CLI_PLAN_H
#define PAMT_CLI_PLAN_H

#include <pamt/host.h>

#include "cli/cli.h"
#include "lab/workload/capacity.h"
#include "machine/map.h"

/* One way of doing it: the layout, or why there is none. */
struct plan_outcome {
	struct pamt_layout layout;
	struct pamt_error error;
	int ret;
};

/* Both ways of doing it on a machine; 0, or an exit code, reported. */
int plan_map_both(const struct machine_map *map, enum pamt_holes holes,
		  struct plan_outcome *of_static, struct plan_outcome *of_dynamic);
/* "TDMR [0x0, 0x80000000): reserved areas exhausted" */
void plan_error_text(const struct pamt_error *error, char *text, size_t size);

/* --td, as often as it was given. */
struct plan_tds {
	struct capacity_group group[CAPACITY_MAX_GROUPS];
	uint32_t nr;
};

/* plan_td.c: false: said what is wrong and what is allowed. */
bool plan_parse_td(const char *text, struct plan_tds *tds);
/* "8x64 GB, 16 vCPUs, 10 % in 4K pages" into a buffer of at least 96 bytes. */
const char *plan_td_text(const struct capacity_group *group, char *buffer);

/* One machine with these TDs. */
struct plan_row {
	char name[64];
	uint64_t usable, outside; /* bytes of memory, of these outside the CMRs */
	uint32_t hkid_min, hkid_max;
	bool dynamic_possible;
	struct capacity_machine machine;
	struct capacity capacity;
	/* Tenths of a percent, more than 1000: none. For these TDs, and for one as large as all. */
	uint32_t break_even, break_even_whole;
};

void plan_make_row(const struct machine_map *map, const struct plan_outcome *of_static,
		   const struct plan_outcome *of_dynamic, const struct plan_tds *tds,
		   struct plan_row *row);

/* The boot figures of one machine, under the names that rows have. */
void plan_json_boot(json_t *root, const struct machine_map *map,
		    const struct plan_outcome *of_static, const struct plan_outcome *of_dynamic);

enum plan_form { PLAN_TEXT, PLAN_CSV, PLAN_JSON };
/* All of them; return: CLI_OK, or CLI_FAILED where TDs do not fit. */
int plan_print_rows(const struct plan_row *rows, uint32_t nr, const struct plan_tds *tds,
		    enum plan_form form);

#endif
