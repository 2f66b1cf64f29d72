/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * death.h - does a call stop the program, as it should?
 */
#ifndef PAMT_TESTS_DEATH_H
#define PAMT_TESTS_DEATH_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs fn(arg) in a child. True if the child was stopped before fn returned. */
static inline bool dies(void (*fn)(void *arg), void *arg)
{
	const struct rlimit no_core = { 0, 0 };
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (!child) {
		/* cmocka catches these and would go on with the next test. */
		signal(SIGSEGV, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		setrlimit(RLIMIT_CORE, &no_core);
		if (!freopen("/dev/null", "w", stderr))
			_exit(0);
		fn(arg);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return false;
	return !WIFEXITED(status) || WEXITSTATUS(status) != 0;
}

#endif
