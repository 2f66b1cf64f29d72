// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bug.c - stops the program with one line that says what was done wrong.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "machine/bug.h"

void machine_bug(const char *format, ...)
{
	va_list args;

	fputs("pamt: bug: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}
