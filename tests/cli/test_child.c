// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * test_child.c - a command that runs as long as something is looked at: when it is over, and what
 * it left to say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <unistd.h>
#include <cmocka.h>

#include "cli/child.h"
#include "cli/cli.h"

/* What sh is to do, to its end. */
static struct child run(const char *what)
{
	static char shell[] = "sh", option[] = "-c";
	static char *words[4] = { shell, option }; /* named when it is asked how it ended */
	struct child child = { .words = words };

	words[2] = (char *)(uintptr_t)what;
	assert_true(child_start(&child));
	while (!child_is_over(&child))
		usleep(1000);
	return child;
}

static void a_command_that_fails_is_a_failure(void **state)
{
	struct child child = run("exit 0"), none = { 0 };

	assert_int_equal(child_code(&child), CLI_OK);
	assert_false(child_is_over(&none));
	assert_int_equal(child_code(&none), CLI_OK);
	child = run("exit 3");
	assert_int_equal(child_code(&child), CLI_FAILED);
	child = run("kill -KILL $$");
	assert_int_equal(child_code(&child), CLI_FAILED);
}

static void a_program_that_is_not_there_is_a_failure(void **state)
{
	char name[] = "/no/such/program", *words[] = { name, NULL };
	struct child child = { .words = words };

	assert_true(child_start(&child));
	while (!child_is_over(&child))
		usleep(1000);
	assert_int_equal(child_code(&child), CLI_FAILED);
}

/* It was waited for, for ever: there is nobody to wait for. */
static void a_command_ends_where_sigchld_is_ignored(void **state)
{
	struct child child;

	signal(SIGCHLD, SIG_IGN);
	child = run("exit 3");
	signal(SIGCHLD, SIG_DFL);
	assert_int_equal(child_code(&child), CLI_OK); /* with what, nobody knows */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_that_fails_is_a_failure),
		cmocka_unit_test(a_program_that_is_not_there_is_a_failure),
		cmocka_unit_test(a_command_ends_where_sigchld_is_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
