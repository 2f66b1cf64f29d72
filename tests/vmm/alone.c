// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * alone.c - the few primitives that the vmm's parts need when they are tested without a port.
 */
#include <stdio.h>
#include <stdlib.h>

#include <pamt/os.h>

void os_relax(void) {}

void os_bug(const char *what)
{
	fprintf(stderr, "invariant broken: %s\n", what);
	abort();
}
