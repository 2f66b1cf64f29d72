/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * state.h - struct pamt_host: everything one host has; there are no global variables.
 */
#ifndef PAMT_HOST_STATE_H
#define PAMT_HOST_STATE_H

#include <pamt/host.h>

#include "host/plan.h"

/*
 * The region words, one per 2 MiB from address 0 to the end of the last TDMR, in a sparse array
 * of which the TDMRs' parts are populated. present has a bit per GiB, since TDMRs consist of
 * whole GiBs: a word may be read only if its bit is set. Written at bring-up, then constant.
 */
struct region_table {
	os_a16_t *word;
	uint64_t bytes; /* of the array, unpopulated parts included */
	uint64_t *present;
	uint64_t nr_gib;
};

struct pamt_host {
	const struct os_services *os;
	struct pamt_host_config config;
	struct module_info module;
	struct pamt_layout layout;
	struct plan plan; /* the lists behind the layout; the blocked list is used for good */
	struct pamt_error error;

	/* How far bring-up is (bringup.c). */
	uint32_t steps_done;
	bool sys_init_done, lp_init_done; /* happened once, cannot be undone */
	bool sys_config_done;
	const char *static_reason; /* why PAMT is static; NULL: nobody asked for dynamic */

	struct region_table table;
};

/* table.c */
int table_create(struct pamt_host *host);
void table_destroy(struct pamt_host *host);

/* The word of a region; NULL if the region lies outside every TDMR. */
static inline os_a16_t *region_word(const struct pamt_host *host, region_t region)
{
	const struct region_table *t = &host->table;
	uint64_t gib = region.v >> (TDX_1G_SHIFT - TDX_2M_SHIFT);

	if (gib >= t->nr_gib || !(t->present[gib / 64] >> gib % 64 & 1))
		return NULL;
	return &t->word[region.v];
}

/* seamcall.c: one SEAMCALL; the same with bounded retries, for bring-up. */
tdx_status_t host_call(struct pamt_host *host, struct tdx_regs *regs);
tdx_status_t host_call_retry(struct pamt_host *host, struct tdx_regs *regs);

#endif
