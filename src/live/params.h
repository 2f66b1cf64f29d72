/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * params.h - TD_PARAMS, which MNG.INIT reads out of a page that its caller frees behind it.
 *
 * Registers have its physical address only, and a probe of tracefs cannot read there. A program of
 * some thirty BPF instructions on the probe at the CALL can: it copies what lies at the direct
 * map's place of that address into one of PARAMS_SLOTS slots.
 */
#ifndef PAMT_LIVE_PARAMS_H
#define PAMT_LIVE_PARAMS_H

#include <stdbool.h>
#include <stdint.h>
#include <pamt/tdx.h>

#include "live/tracefs.h"

#define PARAMS_SLOTS 256u
#define PARAMS_WORDS (sizeof(struct tdx_td_params) / sizeof(uint64_t))

struct params {
	int count_map, slot_map, program, event; /* -1: none */
};

struct params_slot {
	uint64_t at, ns; /* physical address; when it was read */
	uint64_t word[PARAMS_WORDS];
};

/* On the event pamt_TOOL_params. direct_map: of the kernel. -1: why it cannot be had. */
int params_begin(struct params *params, const struct tracefs *fs, uint64_t direct_map,
		 struct why *why);
void params_end(struct params *params);
/* What lay at a physical address between two moments; false: nothing was taken there then. */
bool params_find(const struct params *params, uint64_t at, uint64_t from_ns, uint64_t to_ns,
		 struct params_slot *slot);

#endif
