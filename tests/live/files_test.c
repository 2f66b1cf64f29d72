// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * files_test.c - the files that `pamt record` and `pamt watch --prometheus` write, as root, perhaps
 * into folders into which others may write too: whatever these put there, nothing but the file that
 * was named is written to, and only where it is the caller's own.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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

/* " cmr=..." of the first line of a file that is over. */
static void assert_cmrs(const char *path, const char *expected)
{
	static char line[4096];
	gzFile gz = gzopen(path, "r");
	char *at;

	assert_non_null(gz);
	assert_non_null(gzgets(gz, line, sizeof(line)));
	gzclose(gz);
	at = strstr(line, " cmr=");
	assert_non_null(at);
	at[1 + strcspn(at + 1, " ")] = '\0';
	assert_string_equal(at, expected);
}

/* A module has 32 ranges, TDMRs may be 64: the line was cut in the middle of a number. */
static void no_recording_has_more_ranges_than_a_module(void **state)
{
	static struct facts facts;
	char expected[2048] = " cmr=";
	struct record_file file;
	struct why why = { "" };
	size_t n = strlen(expected);

	facts = *host();
	facts.nr_tdmrs = TDX_MAX_TDMRS;
	for (uint64_t i = 0; i < TDX_MAX_TDMRS; i++) {
		facts.tdmr[i].base = 2 * i * TDX_1G_SIZE;
		facts.tdmr[i].size = TDX_1G_SIZE;
		if (i < TDX_MAX_CMRS - 1)
			n += (size_t)sprintf(expected + n, "0x%llx+0x40000000,",
					     (unsigned long long)facts.tdmr[i].base);
	}
	/* From the 32nd to the end of the 64th. */
	sprintf(expected + n, "0x%llx+0x%llx", 62ull << 30, 65ull << 30);
	assert_int_equal(record_file_open(&file, "own.gz", &why), 0);
	assert_int_equal(record_file_begin(&file, &facts, false, &why), 0);
	assert_int_equal(record_file_end(&file, &facts, 0, 0, &why), 0);
	assert_cmrs("own.gz", expected);
}

static void what_the_module_says_of_ranges_is_taken(void **state)
{
	const struct {
		uint64_t field, value;
	} read[] = {
		{ TDX_MD_NUM_CMRS, 2 },
		{ TDX_MD_CMR_BASE(0), 0x100000 },
		{ TDX_MD_CMR_SIZE(0), 0x7ff00000 },
		{ TDX_MD_CMR_BASE(1), 0x100000000 },
		{ TDX_MD_CMR_SIZE(1), 0x40000000 },
	};
	struct record_file file;
	struct why why = { "" };

	assert_int_equal(record_file_open(&file, "own.gz", &why), 0);
	assert_int_equal(record_file_begin(&file, host(), true, &why), 0);
	for (size_t i = 0; i < sizeof(read) / sizeof(*read); i++) {
		const struct live_call call = {
			.in = { .rax = TDX_RAX(TDH_SYS_RD, 0), .rdx = read[i].field },
			.out = { .r8 = read[i].value },
		};

		record_file_call(&file, &call, 0);
	}
	assert_int_equal(record_file_end(&file, host(), 0, 0, &why), 0);
	assert_cmrs("own.gz", " cmr=0x100000+0x7ff00000,0x100000000+0x40000000");
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

/* Where the disk is full it is said that it is. */
static void why_it_cannot_be_written_is_said(void **state)
{
	struct rlimit limit, before;
	struct record_file file;
	struct why why = { "" };

	assert_int_equal(record_file_open(&file, "own.gz", &why), 0);
	assert_int_equal(record_file_begin(&file, host(), false, &why), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	limit = before;
	limit.rlim_cur = 1;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(record_file_end(&file, host(), 0, 0, &why), -1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_string_equal(why.text, "own.gz: File too large");
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
		cmocka_unit_test(no_recording_has_more_ranges_than_a_module),
		cmocka_unit_test(what_the_module_says_of_ranges_is_taken),
		cmocka_unit_test(what_is_not_recorded_leaves_no_trace),
		cmocka_unit_test(why_it_cannot_be_written_is_said),
		cmocka_unit_test(metrics_follow_no_link),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
