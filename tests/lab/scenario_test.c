// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * scenario_test.c - scenario files: what they say is what is read, every kind of mistake is told
 * with its line and what is allowed, and who does what in which round.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lab/workload/scenario.h"

static struct scenario scenario;
static char error[512];
static const char *folder;

static void parses(const char *text)
{
	if (scenario_parse(text, "some/where.pamt", &scenario, error, sizeof(error)))
		fail_msg("%s", error);
}

static void a_file_that_says_all_is_read(void **state)
{
	const struct scenario_group *group = scenario.group;

	(void)state;
	parses("# comment\n"
	       "title  a title # with a comment\n"
	       "machine builtin:2t\r\n"
	       "cpus 64\npackages 2\nnodes 2\ndynamic no\nseed 7\nfill 50%\naged 10%\n"
	       "offline 3 from 2 to 4\noffline 3 from 4\noffline 1 from 0 to 100\n"
	       "background 2G\nidle 5\nrounds 9\novercommit yes\n"
	       "\n"
	       "td a-1\n"
	       "\tcount 3\n\tvcpus 2\n\tmemory 6M\n\tpages thp:0.95\n\ttouch zipf\n"
	       "\tflip-rate 20\n\tflips 4\n\tpartial 5\n\tnode 1\n\tarrive 6\n\tevery 7\n"
	       "\tstay 8\n\trestarts 2\n"
	       "td b\n share 3\n pages 4k\n node any");
	assert_string_equal(scenario.name, "where");
	assert_string_equal(scenario.title, "a title");
	assert_string_equal(scenario.machine, "builtin:2t");
	assert_int_equal(scenario.cpus, 64);
	assert_int_equal(scenario.packages, 2);
	assert_int_equal(scenario.nodes, 2);
	assert_false(scenario.dynamic);
	assert_int_equal(scenario.seed, 7);
	assert_int_equal(scenario.fill_percent, 50);
	assert_int_equal(scenario.aged_percent, 10);
	assert_int_equal(scenario.background_bytes, UINT64_C(2) << 30);
	assert_int_equal(scenario.idle_limit, 5);
	assert_int_equal(scenario.rounds, 9);
	assert_true(scenario.overcommit);
	assert_int_equal(scenario.nr_offline, 3);
	assert_int_equal(scenario.offline[0].cpu, 3);
	assert_int_equal(scenario.offline[0].from, 2);
	assert_int_equal(scenario.offline[0].to, 4);
	assert_int_equal(scenario.offline[1].to, UINT32_MAX);
	assert_int_equal(scenario.nr_groups, 2);
	assert_string_equal(group->name, "a-1");
	assert_int_equal(group->count, 3);
	assert_int_equal(group->vcpus, 2);
	assert_int_equal(group->bytes, 6 << 20);
	assert_int_equal(group->percent_4k, 5);
	assert_int_equal(group->touch, SCENARIO_ZIPF);
	assert_int_equal(group->flip_rate, 20);
	assert_int_equal(group->flips, 4);
	assert_int_equal(group->partial, 5);
	assert_int_equal(group->node, 1);
	assert_int_equal(group->arrive, 6);
	assert_int_equal(group->every, 7);
	assert_int_equal(group->stay, 8);
	assert_int_equal(group->restarts, 2);
	assert_int_equal(group[1].share, 3);
	assert_int_equal(group[1].percent_4k, 100);
	assert_int_equal(group[1].node, SCENARIO_NODE_ANY);
}

static void what_is_not_said_has_its_default(void **state)
{
	(void)state;
	parses("td a\nmemory 2M\n");
	assert_true(scenario.dynamic);
	assert_int_equal(scenario.seed, 1);
	assert_string_equal(scenario.machine, "");
	assert_int_equal(scenario.group[0].count, 1);
	assert_int_equal(scenario.group[0].vcpus, 1);
	assert_int_equal(scenario.group[0].percent_4k, 0);
	assert_int_equal(scenario.group[0].touch, SCENARIO_LINEAR);
	assert_int_equal(scenario.group[0].node, SCENARIO_NODE_SPREAD);
}

static void thp_takes_rates_from_none_to_all(void **state)
{
	static const struct {
		const char *text;
		uint32_t percent_4k;
	} rates[] = { { "0", 100 },  { "0.0", 100 }, { "0.05", 95 }, { "0.5", 50 },
		      { "0.98", 2 }, { "1", 0 },     { "1.0", 0 },   { "0.9", 10 } };
	char text[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		snprintf(text, sizeof(text), "td a\nmemory 2M\npages thp:%s\n", rates[i].text);
		parses(text);
		assert_int_equal(scenario.group[0].percent_4k, rates[i].percent_4k);
	}
}

/* A text, the line of its mistake, and words that must be in what is said. */
static const struct {
	const char *text;
	unsigned int line;
	const char *what, *allowed;
} mistakes[] = {
	{ "", 0, "no td", "td small" },
	{ "seed 1\n", 1, "no td", "at least one" },
	{ "sede 1\n", 1, "'sede' is no key", "td, offline, offline-memory, title, machine" },
	{ "td a\nmemory 2M\nmachine x\n", 3, "'machine' is no key of a TD", "count, vcpus" },
	{ "memory 2M\n", 1, "'memory' is no key", "overcommit" },
	{ "seed\n", 1, "seed has no value", "" },
	{ "seed 1\n\nseed 2\n", 3, "seed stands twice, first in line 1", "once" },
	{ "td a\nmemory 2M\nmemory 2M\n", 3, "memory stands twice, first in line 2", "once" },
	{ "td a\nmemory 2M\ntd a\nmemory 2M\n", 3, "td a stands twice, first in line 1", "once" },
	{ "seed x\n", 1, "seed 'x'", "0 to 4294967295" },
	{ "seed 1x\n", 1, "seed '1x'", "0 to" },
	{ "seed -1\n", 1, "seed '-1'", "0 to" },
	{ "seed 4294967296\n", 1, "seed '4294967296'", "0 to" },
	{ "seed 99999999999999999999999\n", 1, "seed '99", "0 to" },
	{ "cpus 0\n", 1, "cpus '0'", "1 to 1024" },
	{ "cpus 1025\n", 1, "cpus '1025'", "1 to 1024" },
	{ "aged 10\n", 1, "aged '10'", "0% to 95%" },
	{ "aged 96%\n", 1, "aged '96%'", "0% to 95%" },
	{ "fill 0%\n", 1, "fill '0%'", "1% to 100%" },
	{ "dynamic maybe\n", 1, "dynamic 'maybe'", "yes and no" },
	{ "background 1M\n", 1, "background '1M'", "from 2M" },
	{ "background 2097152\n", 1, "background '2097152'", "512M" },
	{ "background 2MX\n", 1, "background '2MX'", "512M" },
	{ "background 99999T\n", 1, "background '99999T'", "4096T" },
	{ "background 0M\n", 1, "background '0M'", "from 2M" },
	{ "offline 3\n", 1, "offline '3'", "3 from 2 to 4" },
	{ "offline 3 from 4 to 4\n", 1, "offline '3 from 4 to 4'", "3 from 2" },
	{ "offline 1024 from 0\n", 1, "offline '1024 from 0'", "a CPU" },
	{ "offline 3 from 2 to 4 to 5\n", 1, "offline '3", "a CPU" },
	{ "offline 3 from 2\noffline 3 from 4 to 5\n", 2, "CPU 3 is offline already", "line 1" },
	{ "td a\noffline 3 from 2\n", 2, "offline is no key of a TD", "before the first" },
	{ "offline-memory 1G\n", 1, "offline-memory '1G'", "1G at 64G from 2" },
	{ "offline-memory 1G at 64G\n", 1, "offline-memory '1G at", "rounds" },
	{ "offline-memory 1M at 64G from 2\n", 1, "offline-memory '1M at", "multiples of 2M" },
	{ "offline-memory 2M at 0x1000 from 2\n", 1, "offline-memory '2M at", "multiples of 2M" },
	{ "offline-memory 0M at 64G from 2\n", 1, "offline-memory '0M at", "a size" },
	{ "offline-memory 2M at 4096T from 2\n", 1, "offline-memory '2M at", "an address" },
	{ "offline-memory 2M at 4G from 2 to 2\n", 1, "offline-memory '2M at", "rounds" },
	{ "offline-memory 8M at 4G from 2\noffline-memory 2M at 0x100600000 from 3 to 4\n", 2,
	  "offline already", "line 1" },
	{ "td a\noffline-memory 2M at 4G from 2\n", 2, "offline-memory is no key of a TD",
	  "before the first" },
	{ "td a\nballoon 50%\n", 2, "balloon '50%'", "50% from 3" },
	{ "td a\nballoon 50 from 3\n", 2, "balloon '50 from 3'", "1% to 99%" },
	{ "td a\nballoon 100% from 3\n", 2, "balloon '100% from 3'", "1% to 99%" },
	{ "td a\nballoon 0% from 3\n", 2, "balloon '0% from 3'", "1% to 99%" },
	{ "td a\nballoon 5% from 3 to 4\n", 2, "balloon '5%", "1% to 99%" },
	{ "td a\nballoon 5% from 100001\n", 2, "balloon '5%", "a round" },
	{ "rounds 3\ntd a\nmemory 2M\nballoon 5% from 5\ntd b\nmemory 2M\n", 4,
	  "balloon from 5: no td a", "boots or works" },
	{ "td a\npages 1g\n", 2, "pages '1g'", "4k, 2m and thp:RATE" },
	{ "td a\npages thp:1.1\n", 2, "pages 'thp:1.1'", "thp:0.9" },
	{ "td a\npages thp:0.999\n", 2, "pages 'thp:0.999'", "thp:0.9" },
	{ "td a\npages thp:.9\n", 2, "pages 'thp:.9'", "thp:0.9" },
	{ "td a\npages thp:\n", 2, "pages 'thp:'", "thp:0.9" },
	{ "td a\ntouch sometimes\n", 2, "touch 'sometimes'", "linear, random and zipf" },
	{ "td a\nnode here\n", 2, "node 'here'", "any, spread and 0 to 63" },
	{ "td a\nnode 64\n", 2, "node '64'", "0 to 63" },
	{ "td a\nvcpus 577\n", 2, "vcpus '577'", "1 to 576" },
	{ "td a\nstay 0\n", 2, "stay '0'", "1 to" },
	{ "td\n", 1, "td ''", "small letters" },
	{ "td A\n", 1, "td 'A'", "small letters" },
	{ "td a b\n", 1, "td 'a b'", "small letters" },
	{ "td aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n", 1, "td 'aaa", "1 to 31" },
	{ "td a\nvcpus 1\n", 1, "td a needs memory", "memory 1G" },
	{ "fill 10%\ntd a\nmemory 2M\nshare 1\n", 2, "td a needs memory, or a share", "one" },
	{ "\ntd a\nshare 1\n", 2, "share of nothing", "fill 75%" },
	{ "\nfill 10%\ntd a\nmemory 2M\n", 2, "no td has a share", "share 1" },
	{ "td a\nmemory 2M\nstay 3\nrestarts 2\n", 1, "stays for 3 rounds", "need 4" },
	{ "td a\nmemory 2M\ncount 1024\nevery 100\n", 1, "lasts 102300 rounds", "100000" },
	{ "td a\nmemory 2M\ncount 1024\ntd b\nmemory 2M\n", 4, "1025 TDs", "1024" },
	{ "td a\nmemory\0012M\n", 2, "control character (1)", "text" },
};

static void every_mistake_is_told_with_its_line_and_what_is_allowed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
		char where[32];

		snprintf(where, sizeof(where), "f.pamt:%u: ", mistakes[i].line);
		if (!scenario_parse(mistakes[i].text, "f.pamt", &scenario, error, sizeof(error)))
			fail_msg("no mistake in '%s'", mistakes[i].text);
		if (strncmp(error, where, strlen(where)) || !strstr(error, mistakes[i].what) ||
		    !strstr(error, mistakes[i].allowed) || strchr(error, '\n'))
			fail_msg("'%s': said '%s'", mistakes[i].text, error);
	}
}

static void long_lines_and_too_many_groups_are_refused(void **state)
{
	static char text[8192];
	size_t used = 0;

	(void)state;
	memset(text, 'x', 1100);
	assert_int_equal(scenario_parse(text, "f", &scenario, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "f:1: a line of 1100 characters: 1023 are allowed"));
	for (unsigned int i = 0; i < SCENARIO_MAX_GROUPS + 1; i++)
		used += (size_t)sprintf(text + used, "td t%u\nmemory 2M\n", i);
	assert_int_equal(scenario_parse(text, "f", &scenario, error, sizeof(error)), -1);
	assert_string_equal(error, "f:65: too many kinds of TDs: 32 are allowed");
}

static void files_that_cannot_be_read_are_named(void **state)
{
	(void)state;
	assert_int_equal(scenario_load("/no/such.pamt", &scenario, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "/no/such.pamt: No such file"));
	assert_int_equal(scenario_load("/proc/self", &scenario, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "/proc/self: Is a directory"));
	assert_int_equal(scenario_load("/proc/self/cmdline", &scenario, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "/proc/self/cmdline:1: not a text"));
}

static void rounds_follow_arrival_stay_and_restarts(void **state)
{
	static const enum scenario_action second[] = {
		SCENARIO_ABSENT,  SCENARIO_ABSENT, SCENARIO_ABSENT, SCENARIO_BUILD, SCENARIO_BOOT,
		SCENARIO_RESTART, SCENARIO_BOOT,   SCENARIO_WORK,   SCENARIO_END,   SCENARIO_ABSENT,
	};
	static const enum scenario_action other[] = {
		SCENARIO_BUILD, SCENARIO_BOOT, SCENARIO_WORK, SCENARIO_WORK, SCENARIO_WORK,
		SCENARIO_WORK,	SCENARIO_WORK, SCENARIO_WORK, SCENARIO_END,
	};

	(void)state;
	parses("td a\nmemory 2M\ncount 2\narrive 1\nevery 2\nstay 3\nrestarts 1\n"
	       "td b\nmemory 2M\n");
	assert_int_equal(scenario_nr_tds(&scenario), 3);
	assert_int_equal(scenario_nr_rounds(&scenario), 9);
	for (uint32_t r = 0; r < 10; r++)
		assert_int_equal(scenario_action(&scenario, &scenario.group[0], 1, r), second[r]);
	for (uint32_t r = 0; r < 9; r++)
		assert_int_equal(scenario_action(&scenario, &scenario.group[1], 0, r), other[r]);
	parses("rounds 10\ntd b\nmemory 2M\n");
	assert_int_equal(scenario_nr_rounds(&scenario), 13);
}

static void every_scenario_that_is_shipped_is_read(void **state)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	unsigned int nr = 0;
	char path[1024];

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (scenario_load(path, &scenario, error, sizeof(error)))
			fail_msg("%s", error);
		assert_true(*scenario.title);
		assert_true(*scenario.machine);
		nr++;
	}
	closedir(dir);
	assert_true(nr >= 12);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_says_all_is_read),
		cmocka_unit_test(what_is_not_said_has_its_default),
		cmocka_unit_test(thp_takes_rates_from_none_to_all),
		cmocka_unit_test(every_mistake_is_told_with_its_line_and_what_is_allowed),
		cmocka_unit_test(long_lines_and_too_many_groups_are_refused),
		cmocka_unit_test(files_that_cannot_be_read_are_named),
		cmocka_unit_test(rounds_follow_arrival_stay_and_restarts),
		cmocka_unit_test(every_scenario_that_is_shipped_is_read),
	};

	if (argc != 2)
		return EXIT_FAILURE;
	folder = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
