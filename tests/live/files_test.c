// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * files_test.c - the files that `pamt record` and `pamt watch --prometheus` write, as root, perhaps
 * into folders into which others may write too: whatever these put there, nothing but the file that
 * was named is written to, and only where it is the caller's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "cli/cli.h"
#include "cli/watch_show.h"
#include "live/record_file.h"

/* In a folder of the test's own, which is where it runs. */
static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void assert_text(const char *path, const char *expected)
{
	char text[256] = "";
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(text, expected);
}

static const struct facts *host(void)
{
	static struct facts facts;

	facts = (struct facts){ .nr_lps = 1, .nr_packages = 1, .nr_tdmrs = 1 };
	facts.tdmr[0].size = TDX_1G_SIZE;
	return &facts;
}

static void assert_refused(const char *path, const char *part)
{
	struct record_file file;
	struct why why = { "" };

	assert_int_equal(record_file_open(&file, path, &why), -1);
	if (!strstr(why.text, path) || !strstr(why.text, part))
		fail_msg("'%s' does not say '%s'", why.text, part);
}

static void a_recording_follows_no_link(void **state)
{
	write_text("secret", "kept");
	assert_int_equal(symlink("secret", "link.gz"), 0);
	assert_refused("link.gz", "a link");
	assert_text("secret", "kept");
}

static void a_recording_waits_for_no_pipe(void **state)
{
	assert_int_equal(mkfifo("pipe.gz", 0600), 0);
	assert_refused("pipe.gz", "No such device or address");
	assert_refused("/dev/null", "not a file");
}

static void a_recording_takes_no_file_of_another_user(void **state)
{
	if (geteuid())
		skip(); /* only root can make one */
	write_text("theirs.gz", "kept");
	assert_int_equal(chown("theirs.gz", 65534, 65534), 0);
	assert_refused("theirs.gz", "another user's");
	assert_text("theirs.gz", "kept");
}

static void a_recording_replaces_what_was_there(void **state)
{
	struct record_file file;
	struct why why = { "" };
	char line[64] = "";
	gzFile gz;

	write_text("own.gz", "old");
	assert_int_equal(record_file_open(&file, "own.gz", &why), 0);
	assert_text("own.gz", "old");
	assert_int_equal(record_file_begin(&file, host(), false, &why), 0);
	assert_int_equal(record_file_end(&file, host(), 3, 4, &why), 0);
	gz = gzopen("own.gz", "r");
	assert_non_null(gz);
	assert_non_null(gzgets(gz, line, sizeof(line)));
	gzclose(gz);
	assert_memory_equal(line, "machine ", 8);
}

/*
 * Whether it can be written to was looked at when the probes were in. Now it is opened first, and
 * where nothing is recorded after all, it is as it was.
 */
static void what_is_not_recorded_leaves_no_trace(void **state)
{
	struct record_file file;
	struct why why = { "" };

	assert_refused("no-folder/x.gz", "No such file or directory");
	assert_refused(".", "directory");
	assert_int_equal(record_file_open(&file, "made.gz", &why), 0);
	assert_int_equal(access("made.gz", F_OK), 0);
	record_file_forget(&file);
	assert_int_equal(access("made.gz", F_OK), -1);

	write_text("own.gz", "kept");
	assert_int_equal(record_file_open(&file, "own.gz", &why), 0);
	record_file_forget(&file);
	assert_text("own.gz", "kept");

	/* Somebody has put something else in its place. */
	assert_int_equal(record_file_open(&file, "made.gz", &why), 0);
	assert_int_equal(rename("own.gz", "made.gz"), 0);
	record_file_forget(&file);
	assert_text("made.gz", "kept");
}

/* What is beside the file for a moment was opened to be cut, wherever a link there led. */
static void metrics_follow_no_link(void **state)
{
	static const struct watch watch;
	const struct watch_reading none = { 0 };
	struct stat stat;

	write_text("secret", "kept");
	assert_int_equal(symlink("secret", "pamt.prom.new"), 0);
	assert_int_equal(watch_show_metrics(&watch, &none, "pamt.prom"), CLI_OK);
	assert_text("secret", "kept");
	assert_int_equal(lstat("pamt.prom", &stat), 0);
	assert_true(S_ISREG(stat.st_mode) && stat.st_size > 0);
	assert_int_equal(lstat("pamt.prom.new", &stat), -1);
}

static int enter_folder(void **state)
{
	static char folder[] = "/tmp/pamt-files-XXXXXX";

	*state = mkdtemp(folder);
	return *state ? chdir(*state) : -1;
}

static int leave_folder(void **state)
{
	static const char *const names[] = { "secret", "link.gz", "pipe.gz",  "theirs.gz",
					     "own.gz", "made.gz", "pamt.prom" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlink(names[i]);
	return chdir("/") || rmdir(*state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_recording_follows_no_link),
		cmocka_unit_test(a_recording_waits_for_no_pipe),
		cmocka_unit_test(a_recording_takes_no_file_of_another_user),
		cmocka_unit_test(a_recording_replaces_what_was_there),
		cmocka_unit_test(what_is_not_recorded_leaves_no_trace),
		cmocka_unit_test(metrics_follow_no_link),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
