// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lab_check_state.c - how far a hunt is, as text: what `pamt check --state` keeps.
 *
 * One JSON object, schema pamt.check.state/1: which hunt it is of (build, and all that is
 * explored), sums over the units that are done, which ones these are, which of them found
 * something, and of units that were in the middle where they were. "sum" is a hash of all the rest:
 * what a broken disk or an editor made of it is not believed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/lab_check.h"
#include "cli/version.h"

#define STATE_SCHEMA "pamt.check.state/1"
#define MAX_UNITS    (1u << 22)
#define DIGITS	     5u /* of a decision: the actor, and a mask of four digits */

/* Numbers of a unit in the middle, and of the sums: by name. */
struct field {
	const char *name;
	size_t offset, size; /* 8 bytes, or the low 4 */
};
#define FIELD(type, name)                                                            \
	{                                                                            \
#name, offsetof(struct type, name), sizeof(((struct type *)0)->name) \
	}

static const struct field sum_fields[] = {
	FIELD(check_sums, programs), FIELD(check_sums, schedules), FIELD(check_sums, merged),
	FIELD(check_sums, steps),    FIELD(check_sums, states),	   FIELD(check_sums, incomplete),
	FIELD(check_sums, longest),
};
static const struct field count_fields[] = {
	FIELD(explore_counts, schedules), FIELD(explore_counts, merged),
	FIELD(explore_counts, steps),	  FIELD(explore_counts, states),
	FIELD(explore_counts, ends),	  FIELD(explore_counts, longest),
	FIELD(explore_counts, restarts),
};
#define NR(array) (sizeof(array) / sizeof((array)[0]))

/* ------------------------------------------------------------------------------------------- */
/* Writing                                                                                      */

static void put_fields(json_t *object, const void *from, const struct field *field, size_t nr)
{
	for (; nr--; field++) {
		uint64_t value = 0;

		memcpy(&value, (const char *)from + field->offset, field->size);
		json_object_set_new(object, field->name, cli_json_number(value));
	}
}

static json_t *decisions_json(const struct explore_progress *p)
{
	char *text = cli_alloc(DIGITS * p->nr_decisions + 1, 1);
	json_t *string;

	for (uint32_t i = 0; i < p->nr_decisions; i++)
		snprintf(text + DIGITS * i, DIGITS + 1, "%x%04x", p->decision[i].chosen & 15,
			 p->decision[i].left);
	string = json_string(text);
	free(text);
	return string;
}

static json_t *place_json(const struct check_place *place)
{
	json_t *object = json_object(), *late = json_array();
	const struct explore_progress *p = &place->progress;

	json_object_set_new(object, "unit", json_integer(place->unit));
	put_fields(object, &p->count, count_fields, NR(count_fields));
	json_object_set_new(object, "prefix", json_integer(p->prefix));
	json_object_set_new(object, "hash", cli_json_hex(p->count.hash));
	json_object_set_new(object, "whole", json_boolean(p->whole));
	for (uint32_t i = 0; i < p->nr_late; i++)
		json_array_append_new(late, cli_json_number(p->late[i]));
	json_object_set_new(object, "late", late);
	json_object_set_new(object, "decisions", decisions_json(p));
	return object;
}

static void put_marks(json_t *object, const struct check_state *state)
{
	json_t *done = json_array(), *wrong = json_array(), *crashed = json_array();

	for (uint32_t i = 0; i < state->nr_units; i++) {
		uint8_t mark = state->mark[i];

		if (mark)
			check_ranges_add(done, i);
		if (mark == CHECK_WRONG)
			check_ranges_add(wrong, i);
		if (mark >= CHECK_CRASHED)
			json_array_append_new(crashed,
					      json_pack("[i,i]", (int)i, mark - CHECK_CRASHED));
	}
	json_object_set_new(object, "done", done);
	json_object_set_new(object, "wrong", wrong);
	json_object_set_new(object, "crashed", crashed);
}

json_t *state_sum(const json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
	uint64_t hash = text ? check_hash(CHECK_HASH, text, strlen(text)) : 0;

	free(text);
	return cli_json_hex(hash);
}

static json_t *state_json(const struct state_hunt *hunt, const struct check_state *state)
{
	json_t *object = cli_json(STATE_SCHEMA), *sums = json_object(), *places = json_array();

	json_object_set_new(object, "version", json_string(PAMT_VERSION));
	json_object_set_new(object, "build", json_string(hunt->build));
	json_object_set_new(object, "what", cli_json_text(hunt->what));
	json_object_set_new(object, "units", json_integer(state->nr_units));
	put_fields(sums, &state->sums, sum_fields, NR(sum_fields));
	json_object_set_new(sums, "hash", cli_json_hex(state->sums.hash));
	json_object_set_new(object, "sums", sums);
	put_marks(object, state);
	for (uint32_t i = 0; i < state->nr_places; i++)
		json_array_append_new(places, place_json(&state->place[i]));
	json_object_set_new(object, "places", places);
	json_object_set_new(object, "sum", state_sum(object));
	return object;
}

char *state_text(const struct state_hunt *hunt, const struct check_state *state)
{
	json_t *object = state_json(hunt, state);
	char *text = json_dumps(object, JSON_INDENT(1));

	json_decref(object);
	return text;
}

/* ------------------------------------------------------------------------------------------- */
/* Reading                                                                                      */

static bool get_fields(const json_t *object, void *to, const struct field *field, size_t nr)
{
	for (; nr--; field++) {
		uint64_t max = field->size == 8 ? INT64_MAX : UINT32_MAX, value;

		if (!check_member(object, field->name, max, &value))
			return false;
		memcpy((char *)to + field->offset, &value, field->size);
	}
	return true;
}

static bool get_decisions(const json_t *object, struct explore_progress *p)
{
	const char *text;
	size_t length;

	if (!check_text_member(object, "decisions", &text))
		return false;
	length = strlen(text);
	if (length % DIGITS || length / DIGITS > EXPLORE_MAX_DECISIONS ||
	    strspn(text, "0123456789abcdef") != length)
		return false;
	for (; *text; text += DIGITS) {
		unsigned int chosen, left;

		if (sscanf(text, "%1x%4x", &chosen, &left) != 2)
			return false;
		p->decision[p->nr_decisions++] =
			(struct explore_decision){ (uint16_t)chosen, (uint16_t)left };
	}
	return true;
}

static bool get_place(const json_t *object, const struct check_state *state,
		      struct check_place *place)
{
	const json_t *late = json_object_get(object, "late");
	struct explore_progress *p = &place->progress;
	uint64_t unit, prefix;

	if (!state->nr_units || !check_member(object, "unit", state->nr_units - 1, &unit) ||
	    state->mark[unit])
		return false;
	place->unit = (uint32_t)unit;
	if (!get_fields(object, &p->count, count_fields, NR(count_fields)) ||
	    !check_member(object, "prefix", UINT32_MAX, &prefix) ||
	    !check_hex_member(object, "hash", &p->count.hash) ||
	    !json_is_boolean(json_object_get(object, "whole")) || !json_is_array(late) ||
	    json_array_size(late) > EXPLORE_MAX_LATE)
		return false;
	p->prefix = (uint32_t)prefix;
	p->whole = json_is_true(json_object_get(object, "whole"));
	for (; p->nr_late < json_array_size(late); p->nr_late++)
		p->late[p->nr_late] =
			(uint64_t)json_integer_value(json_array_get(late, p->nr_late));
	return get_decisions(object, p);
}

static bool get_places(const json_t *object, struct check_state *state)
{
	const json_t *places = json_object_get(object, "places");

	if (!json_is_array(places) || json_array_size(places) > CHECK_MAX_PLACES)
		return false;
	for (; state->nr_places < json_array_size(places); state->nr_places++)
		if (!get_place(json_array_get(places, state->nr_places), state,
			       &state->place[state->nr_places]))
			return false;
	return true;
}

static bool get_ranges(const json_t *object, const char *name, struct check_state *state,
		       uint8_t mark)
{
	const json_t *ranges = json_object_get(object, name);
	struct check_range range;

	if (!json_is_array(ranges))
		return false;
	for (size_t i = 0; i < json_array_size(ranges); i++) {
		if (!check_range(ranges, i, state->nr_units, &range))
			return false;
		memset(state->mark + range.first, mark, range.last - range.first + 1);
	}
	return true;
}

static bool get_crashed(const json_t *object, struct check_state *state)
{
	const json_t *crashed = json_object_get(object, "crashed");

	if (!json_is_array(crashed))
		return false;
	for (size_t i = 0; i < json_array_size(crashed); i++) {
		const json_t *pair = json_array_get(crashed, i);
		json_int_t unit = json_integer_value(json_array_get(pair, 0));
		json_int_t signal = json_integer_value(json_array_get(pair, 1));

		if (unit < 0 || unit >= state->nr_units || signal < 0 ||
		    signal > CHECK_MAX_MARK - CHECK_CRASHED)
			return false;
		state->mark[unit] = (uint8_t)(CHECK_CRASHED + signal);
	}
	return true;
}

/* All but which hunt it is of. False: somebody has been at it. */
static bool get_state(const json_t *object, struct check_state *state)
{
	const json_t *sums = json_object_get(object, "sums");
	uint64_t units;

	if (!check_member(object, "units", MAX_UNITS, &units))
		return false;
	state->nr_units = (uint32_t)units;
	state->mark = calloc(units + 1, sizeof(*state->mark));
	state->place = calloc(CHECK_MAX_PLACES, sizeof(*state->place));
	return state->mark && state->place &&
	       get_fields(sums, &state->sums, sum_fields, NR(sum_fields)) &&
	       check_hex_member(sums, "hash", &state->sums.hash) &&
	       get_ranges(object, "done", state, CHECK_DONE) &&
	       get_ranges(object, "wrong", state, CHECK_WRONG) && get_crashed(object, state) &&
	       get_places(object, state);
}

static bool refuse(char why[STATE_WHY], const char *text)
{
	snprintf(why, STATE_WHY, "%s", text);
	return false;
}

/* A file of another hunt is nothing to go on with, and nothing to overwrite. */
static bool is_same_hunt(const struct state_hunt *hunt, const json_t *object, char why[STATE_WHY])
{
	const char *version, *build, *what;
	char differ[CHECK_DIFFER];

	if (!check_text_member(object, "version", &version) ||
	    !check_text_member(object, "build", &build) ||
	    !check_text_member(object, "what", &what))
		return refuse(why, "it does not say which hunt it is of");
	if (strcmp(version, PAMT_VERSION)) {
		snprintf(why, STATE_WHY, "it is of pamt %.100s, and this is " PAMT_VERSION,
			 version);
		return false;
	}
	if (strcmp(build, hunt->build))
		return refuse(why, "it is of another build of pamt, which may explore otherwise");
	if (!strcmp(what, hunt->what))
		return true;
	check_differ(hunt->what, what, differ);
	snprintf(why, STATE_WHY, "it is of another command line: %s", differ);
	return false;
}

bool state_read(const struct state_hunt *hunt, json_t *object, struct check_state *state,
		char why[STATE_WHY])
{
	const char *schema;
	json_t *sum, *should;
	bool sound;

	if (!check_text_member(object, "schema", &schema) || strcmp(schema, STATE_SCHEMA))
		return refuse(why, "it is no file of --state, schema " STATE_SCHEMA);
	sum = json_incref(json_object_get(object, "sum"));
	json_object_del(object, "sum");
	should = state_sum(object);
	sound = json_equal(sum, should);
	json_decref(sum);
	json_decref(should);
	if (!sound)
		return refuse(why, "it is damaged: it does not add up to its sum");
	if (!is_same_hunt(hunt, object, why))
		return false;
	return get_state(object, state) || refuse(why, "it is damaged: no hunt is like that");
}
