// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * why.c - one line that says why something cannot be done.
 */
#include <stdarg.h>
#include <stdio.h>

#include "live/why.h"

int why_not(struct why *why, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why->text, sizeof(why->text), format, args);
	va_end(args);
	return -1;
}
