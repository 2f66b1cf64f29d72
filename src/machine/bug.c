// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bug.c - stops the program with one line that says why.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

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

static void print_limit(int resource, const char *name)
{
	struct rlimit limit;

	if (!getrlimit(resource, &limit) && limit.rlim_cur != RLIM_INFINITY)
		fprintf(stderr, "; all of the program may have %llu KB (%s)",
			(unsigned long long)limit.rlim_cur / 1024, name);
}

void machine_no_memory(const char *what, uint64_t bytes)
{
	/* For good: other threads that find no memory either say nothing more. */
	flockfile(stderr);
	fprintf(stderr, "pamt: out of memory: the system refused %llu KB more for %s",
		(unsigned long long)(bytes + 1023) / 1024, what);
	print_limit(RLIMIT_AS, "ulimit -v");
	print_limit(RLIMIT_DATA, "ulimit -d; pamt replay --memory");
	fputc('\n', stderr);
	/* No thread is waited for, and no half of a result is written. */
	_exit(1);
}
