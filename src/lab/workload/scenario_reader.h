/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * scenario_reader.h - a scenario file that is being read, line by line.
 */
#ifndef PAMT_LAB_SCENARIO_READER_H
#define PAMT_LAB_SCENARIO_READER_H

#include <pamt/tdx.h>

#include "lab/workload/scenario.h"

#define SCENARIO_MAX_KEYS  15
#define SCENARIO_MAX_BYTES (UINT64_C(1) << TDX_PA_BITS)

struct scenario_reader {
	const char *file;
	uint32_t line;
	struct scenario *scenario;
	struct scenario_group *group;	  /* NULL: before the first */
	uint32_t seen[SCENARIO_MAX_KEYS]; /* in this part: the line where; 0: not yet */
	uint32_t fill_line;
	char *error;
	size_t error_size;
};

/* What is wrong, with file and line, into r->error; always -1. */
int scenario_wrong_at(const struct scenario_reader *r, uint32_t line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
#define scenario_wrong(r, ...) scenario_wrong_at(r, (r)->line, __VA_ARGS__)

/* Digits, and what follows them. False: no digits, or too large a number. */
bool scenario_digits(const char *text, uint64_t *value, const char **rest);

/* scenario_offline.c: values of `offline` and `offline-memory`. 0 or -1, reported. */
PAMT_MUST_CHECK int scenario_read_offline(struct scenario_reader *r, const char *text);
PAMT_MUST_CHECK int scenario_read_memory(struct scenario_reader *r, const char *text);

#endif
