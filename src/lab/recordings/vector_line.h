/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * vector_line.h - one line of a recording on its way to an item; between vector.c, which reads
 * files, and vector_line.c, which knows what each kind of line is made of.
 */
#ifndef PAMT_LAB_RECORDINGS_VECTOR_LINE_H
#define PAMT_LAB_RECORDINGS_VECTOR_LINE_H

#include "lab/recordings/vector.h"

#define VECTOR_MAX_FIELDS 64
#define VECTOR_MAX_KEYS	  16
#define VECTOR_MAX_ARGS	  2

struct form;

struct vector_line {
	const char *file;
	uint32_t number;
	char *error; /* where the one line about a mistake goes */
	size_t error_size;

	const struct form *form;
	char *field[VECTOR_MAX_FIELDS];
	unsigned int nr_fields;
	uint64_t arg[VECTOR_MAX_ARGS];				   /* positional numbers */
	const char *key[VECTOR_MAX_KEYS], *value[VECTOR_MAX_KEYS]; /* key=value, as they came */
	unsigned int nr_keys;
};

/* "file:line: ..." into the error buffer; returns -1. */
int vector_line_fail(struct vector_line *line, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A line that is neither empty nor a comment. text is taken apart. Return: 0, -1 with an error. */
int vector_line_read(struct vector_line *line, char *text, struct vector_item *item);

#endif
