// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * preload.c - what `pamt trap` puts in front of a program: before main() there is a machine with a
 * module, and the program's SEAMCALL instructions reach it.
 *
 * What it should be comes in environment variables, and goes on to the programs that the program
 * starts; each process has a machine of its own.
 *
 *	PAMT_TRAP_MACHINE   as softseam_create() takes it; empty or not set: this machine
 *	PAMT_TRAP_LPS       logical processors; not set: the processors that it may run on
 *	PAMT_TRAP_GUARD     set and not empty: guard mode
 *	PAMT_TRAP_NEXT      set and not empty: the module that comes after 1.5.25
 *	PAMT_TRAP_RECORD    set and not empty: record to the end of this file
 *	PAMT_TRAP_TRACE     "-": trace to stderr; else to the end of this file
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <pamt/softseam.h>

#include "port/trap/interpose.h"
#include "port/trap/trace.h"

/* Before the program's own main() nobody can take an error but the user. */
static __attribute__((noreturn)) void give_up(const char *what, const char *why)
{
	fprintf(stderr, "pamt: trap: %s: %s\n", what, why);
	_exit(2);
}

static int open_output(const char *name)
{
	int fd;

	if (!name || !*name)
		return 0;
	if (!strcmp(name, "-"))
		return STDERR_FILENO;
	/* High, so that the program's own descriptors are numbered as without us. */
	fd = open(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	if (fd >= 0) {
		int high = fcntl(fd, F_DUPFD_CLOEXEC, 500);

		if (high >= 0) {
			close(fd);
			fd = high;
		}
	}
	if (fd < 0)
		give_up(name, strerror(errno));
	return fd;
}

static uint32_t processors(void)
{
	const char *lps = getenv("PAMT_TRAP_LPS");
	cpu_set_t allowed;

	if (lps && *lps) {
		char *end;
		unsigned long n = strtoul(lps, &end, 10);

		if (*end || !n || n > 16383)
			give_up("PAMT_TRAP_LPS", "not a number from 1 to 16383");
		return (uint32_t)n;
	}
	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return 1;
	return (uint32_t)CPU_COUNT(&allowed);
}

/* A trace or a recording that is not whole is a failure, unless the program has one of its own. */
static void at_exit(int status, void *arg)
{
	if (status || !trace_lost())
		return;
	fflush(NULL);
	_exit(1);
}

__attribute__((constructor)) static void begin(void)
{
	const char *machine = getenv("PAMT_TRAP_MACHINE"), *guard = getenv("PAMT_TRAP_GUARD");
	const char *next = getenv("PAMT_TRAP_NEXT");
	struct softseam_options options = {
		.machine = machine && *machine ? machine : NULL,
		.nr_lps = processors(),
		.guard = guard && *guard,
		.next = next && *next,
		.trace_fd = open_output(getenv("PAMT_TRAP_TRACE")),
		.record_fd = open_output(getenv("PAMT_TRAP_RECORD")),
	};
	struct softseam *softseam;
	char error[512];
	int result;

	if (softseam_create(&options, &softseam, error, sizeof(error)))
		give_up("cannot make the machine", error);
	/* Counts: softseam_trap() finds the trap installed, with the functions that it needs. */
	result = trap_install(interpose_displaced());
	if (!result)
		result = softseam_trap(softseam);
	if (result)
		give_up("cannot catch SEAMCALLs", strerror(-result));
	/* The first that is asked for is the last that is called: behind the program's own. */
	if (on_exit(at_exit, NULL))
		give_up("cannot look on to the end", "no memory");
}
