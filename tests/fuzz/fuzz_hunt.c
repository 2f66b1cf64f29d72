// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * fuzz_hunt.c - what shards of a hunt leave in files, made by anybody.
 *
 * An object is a state: it is refused, or read and then written as it was read; and a search that
 * is told to go on from a place of it says that there is no such place, or goes on. An array is
 * what shards printed: it is refused, or put together.
 *
 * The sum of a state, version and build are made right first: no fuzzer guesses them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/lab_check.h"
#include "cli/version.h"

#define MAX_FILES 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *what)
{
	fprintf(stderr, "fuzz_hunt: %s\n", what);
	abort();
}

static void make_right(json_t *object, struct state_hunt *hunt)
{
	const char *what = json_string_value(json_object_get(object, "what"));

	snprintf(hunt->what, sizeof(hunt->what), "%s", what ? what : "");
	snprintf(hunt->build, sizeof(hunt->build), "%016x", 1);
	json_object_set_new(object, "version", json_string(PAMT_VERSION));
	json_object_set_new(object, "build", json_string(hunt->build));
	json_object_del(object, "sum");
	json_object_set_new(object, "sum", state_sum(object));
}

/* Two texts of one state are the same. */
static char *read_again(const struct state_hunt *hunt, const char *text)
{
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	struct check_state state = { 0 };
	char why[STATE_WHY], *again;

	if (!object || !state_read(hunt, object, &state, why))
		fail("a state that was written cannot be read");
	again = state_text(hunt, &state);
	json_decref(object);
	check_state_free(&state);
	return again;
}

/* One get on each of two CPUs, the model of the module: some dozens of schedules. */
static void go_on(const struct explore_progress *from)
{
	struct explore_limits limits = { .bound = 2,
					 .schedules = from->count.schedules + 10,
					 .from = from };
	static struct explore_result result;
	struct setup setup;
	char why[256];

	if (from->count.schedules > INT64_MAX)
		return;
	setup_init(&setup);
	if (!setup_set(&setup, "module", "model", why, sizeof(why)) ||
	    !setup_set(&setup, "program", "gA/gA", why, sizeof(why)) ||
	    check_setup(&setup, &limits, 0, &result, false))
		fail("the search does not begin");
	if (result.violation.wrong != STAGE_OK)
		fail("a search that goes on elsewhere finds a mistake");
}

static void take_state(json_t *object)
{
	struct check_state state = { 0 };
	struct state_hunt hunt;
	char why[STATE_WHY] = "", *text, *again;

	make_right(object, &hunt);
	if (!state_read(&hunt, object, &state, why)) {
		if (!*why)
			fail("it is refused without a reason");
		check_state_free(&state);
		return;
	}
	text = state_text(&hunt, &state);
	again = read_again(&hunt, text);
	if (strcmp(text, again))
		fail("a state that was written reads as another one");
	for (uint32_t i = 0; i < state.nr_places && i < 4; i++)
		go_on(&state.place[i].progress);
	free(text);
	free(again);
	check_state_free(&state);
}

static void take_shards(const json_t *array)
{
	static char *const names[MAX_FILES] = { "a", "b", "c", "d", "e", "f", "g", "h" };
	json_t *object[MAX_FILES], *whole;
	int nr = 0;

	for (size_t i = 0; i < json_array_size(array) && nr < MAX_FILES; i++)
		object[nr++] = json_array_get(array, i);
	if (!nr)
		return;
	whole = check_merge_objects(object, names, nr);
	if (whole && json_integer_value(json_object_get(whole, "schedules")) < 0)
		fail("a sum is negative");
	json_decref(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *root = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(root))
		take_state(root);
	else if (json_is_array(root))
		take_shards(root);
	json_decref(root);
	return 0;
}
