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

struct log_ranges {
	struct log_range *range;
	uint32_t nr, room;
};

struct map_log {
	const char *name;
	struct log_ranges of_form[MAP_CMR + 1]; /* MAP_E820 .. MAP_CMR; E820: usable ones only */
	uint32_t boot;				/* boots begun so far, less one */
	bool known;				/* a line of a known form was there */
	struct {
		uint64_t base, end; /* end 0: not said */
		uint32_t boot;
	} hkids;
	struct {
		uint64_t kb;
		uint32_t boot;
		bool said;
	} pamt;
	uint32_t nr_cpus; /* 0: not known */
	char *error;
	size_t error_size;
};

/* "name:line: ..." (line 0: "name: ...") into log->error; always -1. */
int log_fail(const struct map_log *log, uint64_t line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* 0 or -1: too many, or no memory. */
int log_add(struct map_log *log, enum map_form form, const struct log_range *range);
/* Reads to the end of the file. 0 or -1. */
int log_read(struct map_log *log, FILE *file);
void log_free(struct map_log *log);

/*
 * Puts a map together out of a log. notes that map has already are kept. 0 or -1; on success
 * map->ranges is the caller's to free.
 */
int map_build(struct map_log *log, const struct map_options *options, struct machine_map *map);

/* Adds a line to map->notes, as far as there is room. */
void map_note(struct machine_map *map, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
