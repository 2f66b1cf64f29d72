// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * replay_test.c - the replayer can fail: each recorded value that is falsified is reported, alone,
 * at its line and by its name. Recordings that pass prove something only because of that.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "recording.h"

static const char *folder; /* of the recordings */

static void read_recording(const char *name, struct vector *vector)
{
	char path[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	if (!file)
		fail_msg("%s is missing", path);
	recording_read(file, name, vector);
}

static void read_text(const char *text, struct vector *vector)
{
	recording_read(fmemopen((void *)(uintptr_t)text, strlen(text), "r"), "test", vector);
}

/* The falsified item is the only difference, and value says which register or field. */
static void reported(const struct vector *vector, const struct vector_item *item, const char *value,
		     uint64_t passed_before)
{
	struct replay_result result = recording_replay(vector);
	bool found = !value;

	if (result.failed != 1 || result.passed != passed_before - 1 || result.first.item != item)
		fail_msg("line %u: %llu failed, first at line %u", item->line,
			 (unsigned long long)result.failed,
			 result.failed ? result.first.item->line : 0);
	for (unsigned int i = 0; value && i < result.first.nr_values; i++)
		if (!strcmp(result.first.value[i].name, value) &&
		    result.first.value[i].expected != result.first.value[i].got)
			found = true;
	assert_true(found);
	assert_true(value || strcmp(result.first.expected, result.first.got));
}

/* Flips a bit, looks that it is reported, flips it back. */
static void flip(const struct vector *vector, const struct vector_item *item, const char *value,
		 uint64_t *word, uint64_t bit, uint64_t passed)
{
	*word ^= bit;
	reported(vector, item, value, passed);
	*word ^= bit;
}

static void flip_item(const struct vector *vector, struct vector_item *item, uint64_t passed)
{
	uint64_t word;

	switch (item->kind) {
	case VECTOR_CALL:
		for (unsigned int i = 0; i < VECTOR_REGS && !item->call.fatal; i++)
			if (!(item->call.any & 1u << i))
				flip(vector, item, call_line_reg_name[i],
				     call_line_reg(&item->call.after, i), UINT64_C(1) << 5 * i % 64,
				     passed);
		break;
	case VECTOR_ACCEPT:
		if (item->accept.how == SEAM_ACCEPT_STATUS)
			flip(vector, item, "rax", &item->accept.rax, 1, passed);
		item->accept.how = (item->accept.how + 1) % 3;
		reported(vector, item, NULL, passed);
		item->accept.how = (item->accept.how + 2) % 3;
		break;
	case VECTOR_PAMT:
		item->pamt.type ^= 1;
		reported(vector, item, "type", passed);
		item->pamt.type ^= 1;
		if (item->pamt.has_owner)
			flip(vector, item, "owner", &item->pamt.owner.v, 4096, passed);
		if (item->pamt.has_pair) {
			flip(vector, item, "pair[0]", &item->pamt.pair[0].v, 4096, passed);
			flip(vector, item, "pair[1]", &item->pamt.pair[1].v, 4096, passed);
		}
		if (item->pamt.has_count) {
			item->pamt.count ^= 1;
			reported(vector, item, "count", passed);
			item->pamt.count ^= 1;
		}
		break;
	case VECTOR_BITMAP:
	case VECTOR_CHLDCNT:
		word = 1;
		flip(vector, item, item->kind == VECTOR_BITMAP ? "bit" : "chldcnt",
		     &item->word.value, word, passed);
		break;
	default:
		break;
	}
}

/* Some of each kind, spread over the file. */
static void falsify(const char *name, const unsigned int budget[VECTOR_KINDS])
{
	struct vector vector;
	struct replay_result clean;
	size_t seen[VECTOR_KINDS] = { 0 }, total[VECTOR_KINDS] = { 0 };

	read_recording(name, &vector);
	clean = recording_replay(&vector);
	assert_int_equal(clean.failed, 0);
	assert_true(clean.passed > 0);
	for (size_t i = 0; i < vector.nr_items; i++)
		total[vector.items[i].kind]++;
	for (size_t i = 0; i < vector.nr_items; i++) {
		struct vector_item *item = &vector.items[i];
		size_t step = budget[item->kind] ? total[item->kind] / budget[item->kind] + 1 : 0;

		if (step && seen[item->kind]++ % step == 0)
			flip_item(&vector, item, clean.passed);
	}
	for (int kind = 0; kind < VECTOR_KINDS; kind++)
		assert_true(!budget[kind] || seen[kind]);
	assert_int_equal(recording_replay(&vector).failed, 0); /* everything was put back */
	vector_free(&vector);
}

static void a_falsified_register_is_reported(void **state)
{
	(void)state;
	falsify("04-bringup-dynamic.vec", (unsigned int[VECTOR_KINDS]){ [VECTOR_CALL] = 12 });
	falsify("02-sysconfig-dynamic.vec", (unsigned int[VECTOR_KINDS]){ [VECTOR_CALL] = 4 });
}

static void a_falsified_check_is_reported(void **state)
{
	(void)state;
	falsify("24-mixed-random-dynamic-a.vec", (unsigned int[VECTOR_KINDS]){
							 [VECTOR_ACCEPT] = 6,
							 [VECTOR_PAMT] = 12,
							 [VECTOR_BITMAP] = 6,
							 [VECTOR_CHLDCNT] = 6,
						 });
}

static void falsifying_every_status_fails_every_call(void **state)
{
	struct vector vector;
	struct replay_result clean, result;
	uint64_t calls = 0;

	(void)state;
	read_recording("04-bringup-dynamic.vec", &vector);
	clean = recording_replay(&vector);
	for (size_t i = 0; i < vector.nr_items; i++)
		if (vector.items[i].kind == VECTOR_CALL) {
			vector.items[i].call.after.rax ^= UINT64_C(1) << 40;
			calls++;
		}
	result = recording_replay(&vector);
	assert_int_equal(result.failed, calls);
	assert_int_equal(result.passed, clean.passed - calls);
	vector_free(&vector);
}

/* A stop where a return is recorded, a return where a stop is, a stop for another reason. */
static void ends_of_a_call_are_told_apart(void **state)
{
	struct vector vector;
	struct vector_item *last;
	struct replay_result clean;

	(void)state;
	read_recording("27-fatal-remove-race.vec", &vector);
	clean = recording_replay(&vector);
	assert_int_equal(clean.failed, 0);
	last = &vector.items[vector.nr_items - 1];
	assert_true(last->call.fatal);
	last->call.fatal_id = 344;
	reported(&vector, last, NULL, clean.passed);
	last->call.fatal = false;
	last->call.after.rax = TDX_SYS_SHUTDOWN;
	reported(&vector, last, NULL, clean.passed);
	vector_free(&vector);

	read_recording("04-bringup-dynamic.vec", &vector);
	clean = recording_replay(&vector);
	last = &vector.items[vector.nr_items - 1];
	while (last->kind != VECTOR_CALL)
		last--;
	last->call.fatal = true;
	reported(&vector, last, NULL, clean.passed);
	vector_free(&vector);
}

#define MACHINE                                                                       \
	"machine max_pa=46 hkid_bits=6 hkid_min=0x20 hkid_max=0x3f lps=1 packages=1 " \
	"cache_blocks=1 seamrr=0x8000000000+0x100000 cmr=0x100000+0x77f00000\n"

/* Set-up that cannot be done is a difference; it is not counted when it can. */
static void set_up_that_fails_is_a_difference(void **state)
{
	static const char *const lines[] = {
		"init-tdmr 0x40000000 calls=1",
		"force-td 0x1000 op_state=1",
		"enter 0x1000 id=1",
		"exit id=1",
		"release id=1",
		"lock tdmr 0x40000000 id=1",
		"vcpus 0x1000 1",
		"assoc 0x1000 1",
		"vcpu-state 0x1000 1",
		"td-fatal 0x1000 1",
		"half-freed 0x1000",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char text[1024];
		struct vector vector;
		struct replay_result result;

		snprintf(text, sizeof(text), MACHINE "poke64 1 2\n%s\n", lines[i]);
		read_text(text, &vector);
		result = recording_replay(&vector);
		if (result.failed != 1 || result.passed)
			fail_msg("%s: %llu failed", lines[i], (unsigned long long)result.failed);
		assert_int_equal(result.first.item->line, 3);
		vector_free(&vector);
	}
}

static void a_lock_that_is_held_is_not_had_twice(void **state)
{
	struct vector vector;
	struct replay_result result;

	(void)state;
	read_text(MACHINE "lock sys mode=exclusive id=1\nlock sys mode=shared id=2\n"
			  "release id=1\nlock sys mode=shared id=2\nrelease id=2\n",
		  &vector);
	result = recording_replay(&vector);
	assert_int_equal(result.failed, 1);
	assert_int_equal(result.first.item->line, 3);
	vector_free(&vector);
}

/* Each machine line forgets everything before it. */
static void a_machine_line_starts_afresh(void **state)
{
	struct vector vector;
	struct replay_result result;

	(void)state;
	read_text(MACHINE
		  "lock sys mode=exclusive id=1\ncall 45 -> rax=0x8000020200000000\n" MACHINE
		  "call 45 -> rax=0xc000010000000002\n",
		  &vector);
	result = recording_replay(&vector);
	assert_int_equal(result.failed, 0);
	assert_int_equal(result.passed, 2);
	vector_free(&vector);
}

/* The KeyID in an address names the same memory; an unaligned poke may cross a page. */
static void memory_is_addressed_without_keyids(void **state)
{
	struct vector vector;
	struct replay_result result;

	(void)state;
	read_text(MACHINE "poke64 0x10001000000 0x1001001\n"
			  "call 45 rcx=0x1000000 rdx=1 r8=0x20 -> rax=0xc000010000000001\n"
			  "poke64 0x1000000 0x1000e00\npoke64 0x1000ffc 0x123456789\n"
			  "call 45 rcx=0x1000000 rdx=1 r8=0x20 -> rax=0xc0000a0000000000\n",
		  &vector);
	result = recording_replay(&vector);
	if (result.failed)
		fail_msg("line %u", result.first.item->line);
	assert_int_equal(result.passed, 2);
	vector_free(&vector);
}

static void an_impossible_machine_ends_the_replay(void **state)
{
	static const struct {
		const char *field, *with, *error;
	} cases[] = {
		{ "max_pa=46", "max_pa=53", "test:1: no such machine: max_pa" },
		{ "hkid_max=0x3f", "hkid_max=0x40", "test:1: no such machine: private KeyIDs" },
		{ "packages=1", "packages=9", "test:1: no such machine: nr_packages" },
		{ "cmr=0x100000+", "cmr=0x100001+", "test:1: SYS.INIT on LP 0 answers 0xc0000a22" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *at = strstr(MACHINE, cases[i].field);
		char text[1024], error[512] = "";
		struct replay_result result;
		struct vector vector;

		snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - MACHINE), MACHINE,
			 cases[i].with, at + strlen(cases[i].field));
		read_text(text, &vector);
		assert_int_equal(replay_run(&vector, NULL, &result, error, sizeof(error)), -1);
		if (strncmp(error, cases[i].error, strlen(cases[i].error)))
			fail_msg("'%s', not '%s'", error, cases[i].error);
		vector_free(&vector);
	}
}

static void count_report(void *ctx, const struct replay_difference *difference)
{
	uint32_t *line = ctx;

	assert_true(difference->item->line > *line);
	*line = difference->item->line;
}

static void every_difference_is_reported_in_order(void **state)
{
	struct vector vector;
	struct replay_result result;
	uint32_t line = 0;
	const struct replay_watcher watcher = { .ctx = &line, .difference = count_report };
	char error[512];

	(void)state;
	read_text(MACHINE "call 45 -> rax=1\ncall 45 -> rax=2\ncall 45 -> rax=* rcx=1\n", &vector);
	assert_int_equal(replay_run(&vector, &watcher, &result, error, sizeof(error)), 0);
	assert_int_equal(result.failed, 3);
	assert_int_equal(result.first.item->line, 2);
	assert_int_equal(line, 4);
	vector_free(&vector);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_falsified_register_is_reported),
		cmocka_unit_test(a_falsified_check_is_reported),
		cmocka_unit_test(falsifying_every_status_fails_every_call),
		cmocka_unit_test(ends_of_a_call_are_told_apart),
		cmocka_unit_test(set_up_that_fails_is_a_difference),
		cmocka_unit_test(a_lock_that_is_held_is_not_had_twice),
		cmocka_unit_test(a_machine_line_starts_afresh),
		cmocka_unit_test(memory_is_addressed_without_keyids),
		cmocka_unit_test(an_impossible_machine_ends_the_replay),
		cmocka_unit_test(every_difference_is_reported_in_order),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: replay_test FOLDER\n");
		return 2;
	}
	folder = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
