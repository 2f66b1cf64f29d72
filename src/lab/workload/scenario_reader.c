// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * scenario_reader.c - what all readers of lines of a scenario file need: to complain, and numbers.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lab/workload/scenario_reader.h"

int scenario_wrong_at(const struct scenario_reader *r, uint32_t line, const char *format, ...)
{
	va_list args;
	int n = snprintf(r->error, r->error_size, "%s:%u: ", r->file, line);

	va_start(args, format);
	if (n > 0 && (size_t)n < r->error_size)
		vsnprintf(r->error + n, r->error_size - (size_t)n, format, args);
	va_end(args);
	return -1;
}

bool scenario_digits(const char *text, uint64_t *value, const char **rest)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &end, 10);
	*rest = end;
	return !errno;
}
