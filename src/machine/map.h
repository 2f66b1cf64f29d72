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

#define MAP_MAX_NODES  64u
#define MAP_MAX_CPUS   4096u
#define MAP_MIN_PA     46u		   /* the smallest max_pa of a part with TDX */
#define MAP_LOW_LIMIT  (UINT64_C(1) << 20) /* memory below is left out everywhere */
#define MAP_NO_PAMT_KB UINT64_MAX

struct map_range {
	uint64_t base, size; /* bytes, 4K multiples */
	uint32_t node;
};

struct machine_map {
	char name[64]; /* file name, "builtin:2t", "this machine" */
	uint32_t nr_ranges;
	struct map_range *ranges; /* usable memory, ascending, not overlapping, split by node */
	uint32_t nr_cmrs;
	struct tdx_cmr cmr[TDX_MAX_CMRS]; /* ascending, not overlapping */
	bool cmrs_assumed;		  /* no CMR lines: made from the usable ranges */
	uint16_t hkid_min, hkid_max;	  /* private KeyIDs */
	bool hkids_assumed;
	uint32_t max_pa;    /* bits, KeyID bits included */
	uint32_t hkid_bits; /* no memory has an address bit at or above max_pa - hkid_bits */
	uint32_t nr_cpus, nr_packages, nr_nodes;
	uint64_t log_pamt_kb;	/* what the log's kernel allocated, MAP_NO_PAMT_KB if unknown */
	uint64_t usable_bytes;	/* of all ranges */
	uint64_t outside_bytes; /* of these, above 1 MB and in no CMR: nothing for TDs */
	bool log_dynamic;	/* that kernel switched Dynamic PAMT on */
	char notes[2048];	/* what was assumed, for the user; each line ends with a newline */
};

/*
 * What the user overrides; 0: not given. Defaults: max_pa 52; nodes as the log has them, else 1;
 * as many packages as nodes, but 8 at most; 8 CPUs per package, on this machine those it has.
 */
struct map_options {
	uint32_t max_pa, nr_cpus, nr_packages, nr_nodes;
};

/*
 * map_load - source: a file name, "-" for stdin, "builtin:256g", "builtin:2t", "builtin:64t" or
 * builtin: with any other size, a size alone ("768G"; one node, laid out as firmware does), a
 * folder such as /sys/firmware/memmap, NULL for this machine. options may be NULL.
 *
 * map_read - the same from an open file; name is used in messages.
 *
 * Both understand kernel logs, with time stamps or any other decoration (log_text.h), and what
 * other programs say of memory; docs/machine.md has the table. Lines of no known form are passed
 * over, map lines of an unknown type are noted.
 *
 * A line that repeats an earlier one is harmless. Of a log of several boots ("Linux version", or
 * journalctl's "-- Boot") the last one that has memory is used.
 *
 * Return: 0, or -1 with one line in error ("file:line: what, what is allowed").
 */
PAMT_MUST_CHECK int map_load(const char *source, const struct map_options *options,
			     struct machine_map *map, char *error, size_t error_size);
struct map_source {
	FILE *file;
	const char *name;
};
PAMT_MUST_CHECK int map_read(struct map_source source, const struct map_options *options,
			     struct machine_map *map, char *error, size_t error_size);
/*
 * A machine that is made up: these ranges, which the map keeps and which are its CMRs as well, one
 * CPU, package and node, 52 bits of address, KeyIDs 32 to 63 for TDX.
 */
void map_of_ranges(struct machine_map *map, const char *name, struct map_range *ranges,
		   uint32_t nr);
/*
 * The parts of usable memory that CMRs have, into `to` (room for nr_ranges + TDX_MAX_CMRS; NULL:
 * not wanted), and how many. Returns their bytes. This is all the memory that a machine has for
 * TDs.
 */
uint64_t map_in_cmrs(const struct machine_map *map, struct map_range *to, uint32_t *nr);
/* Frees what a map holds; harmless after a failure and on a zeroed map. */
void map_free(struct machine_map *map);

#endif
