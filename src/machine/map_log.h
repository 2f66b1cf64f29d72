/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * map_log.h - what a whole log, or another source, says about a machine, before it is put
 * together: every range with the line that it came from.
 */
#ifndef PAMT_MACHINE_MAP_LOG_H
#define PAMT_MACHINE_MAP_LOG_H

#include <stdarg.h>

#include "machine/map.h"
#include "machine/map_line.h"

struct log_range {
	uint64_t base, end; /* bytes */
	uint64_t line;	    /* of the source, from 1; 0: the source has no lines */
	uint32_t node;
	uint32_t boot;
};

/* An entry of /sys/firmware/memmap, whose words come in any order. */
struct log_entry {
	uint64_t first, last;
	bool usable;
	uint32_t words; /* bits from MAP_FIELD_START on: which were there */
};

/* One form's ranges. */
struct log_ranges {
	struct log_range *range; /* usable ones */
	uint32_t nr, room;
	/* Of the boot that spoke of them last: lines of the form, those of an unknown type. */
	uint32_t boot, lines, unknown;
	uint64_t lowest;       /* address in any of these lines */
	uint64_t unknown_line; /* the first of them */
	char unknown_type[32];
};

struct map_log {
	const char *name;
	struct log_ranges of_form[MAP_NR_RANGES];
	uint32_t boot; /* boots begun so far, less one */
	/* The first and the last boot with a line about memory. */
	uint32_t first_boot, last_boot;
	bool memory_known;
	bool known; /* a line of a known form was there */
	/* Lines that look like a piece of a table, cut off by the beginning or end of the file;
	   0: none. */
	uint64_t cut_head, cut_tail;
	struct {
		uint64_t base, end; /* end 0: not said */
		uint32_t boot;
	} hkids;
	struct {
		uint64_t kb;
		uint32_t boot;
		bool said;
	} pamt;
	bool dynamic;		 /* Dynamic PAMT was switched on */
	bool limited;		 /* by the command line */
	struct map_line pending; /* a range of lsmem -J that waits for its state */
	uint64_t lsmem_node;	 /* lsmem's column of nodes, as in MAP_LSMEM_HEAD */
	struct log_entry *entry; /* of /sys/firmware/memmap */
	uint32_t nr_entries;
	/* Bytes of all memory, and of each node; 0: not said. */
	uint64_t size, node_size[MAP_MAX_NODES];
	uint32_t cpus_of_node[MAP_MAX_NODES];
	/* 0: not known */
	uint32_t nr_cpus, nr_packages, nr_nodes;
	char *error;
	size_t error_size;
};

/* "name:line: ..." (line 0: "name: ...") into log->error; always -1. */
int log_fail(const struct map_log *log, uint64_t line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* 0 or -1: too many, or no memory. */
PAMT_MUST_CHECK int log_add(struct map_log *log, enum map_form form, const struct log_range *range);
/* Takes what a line says. 0 or -1. */
PAMT_MUST_CHECK int log_take(struct map_log *log, struct map_line *line, uint64_t nr);
/* Reads to the end of the file. 0 or -1. */
PAMT_MUST_CHECK int log_read(struct map_log *log, FILE *file);
void log_free(struct map_log *log);

/*
 * Lays bytes of memory out as firmware does, around the hole for devices: up to 2 GB below it, the
 * rest from 4 GB on; from *next on if that is not 0. 0 or -1.
 */
PAMT_MUST_CHECK int log_lay_out(struct map_log *log, uint64_t bytes, uint32_t node, uint64_t *next);

/*
 * Puts a map together out of a log. notes that map has already are kept. 0 or -1; on success
 * map->ranges is the caller's to free.
 */
PAMT_MUST_CHECK int map_build(struct map_log *log, const struct map_options *options,
			      struct machine_map *map);

/* Adds a line to map->notes, as far as there is room. */
void map_note(struct machine_map *map, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* map_builtin.c: what is behind "builtin:". 0 or -1, reported. */
PAMT_MUST_CHECK int map_build_builtin(struct map_log *log, const char *word);
/* A machine of which the size is all that is said; 1 if the word is no size. */
PAMT_MUST_CHECK int map_build_size(struct map_log *log, const char *word);

/* The steps of map_build() in files of their own. 0 or -1, reported; map_size.c: */
PAMT_MUST_CHECK int map_guess_from_sizes(struct map_log *log, struct machine_map *map);
/* map_cmrs.c; usable memory that no CMR has is of no use to TDs. */
PAMT_MUST_CHECK int map_build_cmrs(struct map_log *log, struct machine_map *map);
PAMT_MUST_CHECK int map_count_outside(const struct map_log *log, struct machine_map *map);
/* map_none.c: always -1; there are no ranges, or none of these, of a form of that name, is usable.
 */
int map_none(const struct map_log *log);
int map_none_usable(const struct map_log *log, const struct log_ranges *ranges, const char *name);
/* map_cpus.c */
PAMT_MUST_CHECK int map_build_keys(struct map_log *log, const struct map_options *options,
				   struct machine_map *map);
void map_build_cpus(const struct map_log *log, const struct map_options *options,
		    struct machine_map *map);
PAMT_MUST_CHECK int map_check_options(const struct map_log *log, const struct map_options *options);

#endif
