/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * map.h - what is known of a machine: usable memory by node, CMRs, KeyIDs, CPUs; read from a
 * kernel log, from this machine, or built in.
 */
#ifndef PAMT_MACHINE_MAP_H
#define PAMT_MACHINE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <pamt/tdx.h>

struct map_range {
	uint64_t base, size; /* bytes */
	uint32_t node;
};

struct machine_map {
	char name[64]; /* file name, "builtin:2t", "this machine" */
	uint32_t nr_ranges;
	struct map_range *ranges; /* usable memory, ascending, not overlapping, split by node */
	uint32_t nr_cmrs;
	struct tdx_cmr cmr[TDX_MAX_CMRS];
	bool cmrs_assumed;	     /* no CMR lines: made from the usable ranges */
	uint16_t hkid_min, hkid_max; /* private KeyIDs */
	bool hkids_assumed;
	uint32_t max_pa; /* bits, KeyID bits included */
	uint32_t hkid_bits;
	uint32_t nr_cpus, nr_packages, nr_nodes;
	uint64_t log_pamt_kb; /* what the log's kernel allocated, UINT64_MAX if unknown */
	char notes[512];      /* what was assumed, for the user; lines */
};

/* What the user overrides; 0: not given. */
struct map_options {
	uint32_t max_pa, nr_cpus, nr_packages, nr_nodes;
};

/*
 * Each returns 0, or -1 with one line in error ("file:line: what, what is allowed").
 * source: a file name, "-" for stdin, "builtin:256g", "builtin:2t", "builtin:64t", NULL for this
 * machine.
 */
int map_load(const char *source, const struct map_options *options, struct machine_map *map,
	     char *error, size_t error_size);
int map_read(FILE *file, const char *name, const struct map_options *options,
	     struct machine_map *map, char *error, size_t error_size);
void map_free(struct machine_map *map);

#endif
