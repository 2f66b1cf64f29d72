// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lab_check_merge.c - `pamt check --merge`: what the shards of a hunt printed with --json, as if
 * one had done it all. Every shard has to be there, once, and all of the same hunt and build.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/lab_check.h"

#define MAX_UNITS  (1u << 22)
#define MAX_SHARDS MAX_UNITS

/* What is added up, and what has to be the same in all. */
static const char *const sums[] = { "programs", "schedules", "merged",
				    "states",	"steps",     "units_done" };
static const char *const same_texts[] = { "version", "build", "what" };
static const char *const same_numbers[] = { "shards", "units" };
#define NR(array) (sizeof(array) / sizeof((array)[0]))

struct merge {
	char *const *files;
	int nr;
	json_t *const *object; /* of each file */
	int *shard;	       /* of each shard, the file and 1; 0: missing */
	uint64_t nr_shards;
};

static bool refuse(const char *file, const char *what)
{
	cli_usage_error("check: --merge: %s: %s", file, what);
	return false;
}

/* ------------------------------------------------------------------------------------------- */
/* One file                                                                                     */

static bool found_is_sound(const json_t *found)
{
	static const char *const texts[] = { "kind", "text", "replay" };
	const char *text;
	uint64_t unit;

	for (size_t i = 0; i < NR(texts); i++)
		if (!check_text_member(found, texts[i], &text))
			return false;
	return check_member(found, "unit", MAX_UNITS - 1, &unit);
}

/* The name of a member that is not what it should be; NULL: all are. */
static const char *unsound_member(const json_t *o)
{
	static const char *const texts[] = { "version", "build", "what", "design", "module" };
	uint64_t number, shards;
	const char *text;
	struct check_range range;

	for (size_t i = 0; i < NR(texts); i++)
		if (!check_text_member(o, texts[i], &text))
			return texts[i];
	for (size_t i = 0; i < NR(sums); i++)
		if (!check_member(o, sums[i], INT64_MAX, &number))
			return sums[i];
	if (!check_member(o, "shards", MAX_SHARDS, &shards) || !shards)
		return "shards";
	if (!check_member(o, "shard", shards, &number) || !number)
		return "shard";
	if (!check_member(o, "units", MAX_UNITS, &number))
		return "units";
	if (!check_member(o, "longest", UINT32_MAX, &number))
		return "longest";
	if (!json_is_boolean(json_object_get(o, "complete")))
		return "complete";
	if (!json_is_number(json_object_get(o, "seconds")))
		return "seconds";
	if (json_object_get(o, "hash") && !check_hex_member(o, "hash", &number))
		return "hash";
	if (!json_is_array(json_object_get(o, "wrong")))
		return "wrong";
	for (size_t i = 0; i < json_array_size(json_object_get(o, "wrong")); i++)
		if (!check_range(json_object_get(o, "wrong"), i, MAX_UNITS, &range))
			return "wrong";
	if (!json_is_array(json_object_get(o, "found")))
		return "found";
	for (size_t i = 0; i < json_array_size(json_object_get(o, "found")); i++)
		if (!found_is_sound(json_array_get(json_object_get(o, "found"), i)))
			return "found";
	return NULL;
}

static bool is_sound(const struct merge *m, int i)
{
	const char *schema = "", *member;
	char text[160];

	if (!check_text_member(m->object[i], "schema", &schema) || strcmp(schema, CHECK_SCHEMA)) {
		snprintf(
			text, sizeof(text),
			"its schema is '%.64s', and not that of `pamt check --json`, " CHECK_SCHEMA,
			schema);
		return refuse(m->files[i], text);
	}
	member = unsound_member(m->object[i]);
	if (!member)
		return true;
	cli_usage_error("check: --merge: %s: '%s' is missing or not what it should be", m->files[i],
			member);
	return false;
}

/* ------------------------------------------------------------------------------------------- */
/* All of them                                                                                  */

static bool is_same_hunt(const struct merge *m, int i)
{
	const json_t *first = m->object[0], *o = m->object[i];
	char differ[CHECK_DIFFER];

	for (size_t t = 0; t < NR(same_texts); t++) {
		const char *a = json_string_value(json_object_get(first, same_texts[t]));
		const char *b = json_string_value(json_object_get(o, same_texts[t]));

		if (!strcmp(a, b))
			continue;
		if (strcmp(same_texts[t], "what")) {
			cli_usage_error("check: --merge: %s is of another %s of pamt than %s",
					m->files[i], same_texts[t], m->files[0]);
			return false;
		}
		check_differ(b, a, differ);
		cli_usage_error("check: --merge: %s is of another hunt: %s has %s", m->files[i],
				m->files[0], differ);
		return false;
	}
	for (size_t n = 0; n < NR(same_numbers); n++)
		if (!json_equal(json_object_get(first, same_numbers[n]),
				json_object_get(o, same_numbers[n]))) {
			cli_usage_error("check: --merge: %s has other %s than %s", m->files[i],
					same_numbers[n], m->files[0]);
			return false;
		}
	return true;
}

static bool take_shard(struct merge *m, int i)
{
	uint64_t shard = 0;

	check_member(m->object[i], "shard", m->nr_shards, &shard);
	if (m->shard[shard - 1]) {
		cli_usage_error("check: --merge: shard %llu of %llu is there twice: %s and %s",
				(unsigned long long)shard, (unsigned long long)m->nr_shards,
				m->files[m->shard[shard - 1] - 1], m->files[i]);
		return false;
	}
	m->shard[shard - 1] = i + 1;
	return true;
}

static bool is_whole(struct merge *m)
{
	check_member(m->object[0], "shards", MAX_SHARDS, &m->nr_shards);
	m->shard = cli_alloc(m->nr_shards, sizeof(*m->shard));
	for (int i = 0; i < m->nr; i++)
		if (!is_same_hunt(m, i) || !take_shard(m, i))
			return false;
	for (uint64_t s = 0; s < m->nr_shards; s++)
		if (!m->shard[s]) {
			cli_usage_error("check: --merge: shard %llu of %llu is missing",
					(unsigned long long)s + 1,
					(unsigned long long)m->nr_shards);
			return false;
		}
	return true;
}

/* ------------------------------------------------------------------------------------------- */
/* Putting together                                                                             */

/* False: more than JSON can say, which nobody counted. */
static bool add_counts(const struct merge *m, json_t *whole)
{
	for (size_t s = 0; s < NR(sums); s++) {
		uint64_t sum = 0, number = 0;

		for (int i = 0; i < m->nr; i++) {
			check_member(m->object[i], sums[s], INT64_MAX, &number);
			if (number > INT64_MAX - sum) {
				cli_usage_error("check: --merge: %s: '%s' is too large to be added "
						"to the others'",
						m->files[i], sums[s]);
				return false;
			}
			sum += number;
		}
		json_object_set_new(whole, sums[s], cli_json_number(sum));
	}
	return true;
}

static void add_sums(const struct merge *m, json_t *whole)
{
	uint64_t hash = 0, longest = 0, number = 0;
	bool complete = true, has_hash = true;
	double seconds = 0;

	for (int i = 0; i < m->nr; i++) {
		const json_t *o = m->object[i];

		complete &= json_is_true(json_object_get(o, "complete"));
		seconds += json_number_value(json_object_get(o, "seconds"));
		check_member(o, "longest", UINT32_MAX, &number);
		longest = number > longest ? number : longest;
		has_hash &= check_hex_member(o, "hash", &number);
		hash += number;
	}
	json_object_set_new(whole, "longest", cli_json_number(longest));
	json_object_set_new(whole, "complete", json_boolean(complete));
	json_object_set_new(whole, "seconds", json_real(seconds));
	if (has_hash)
		json_object_set_new(whole, "hash", cli_json_hex(hash));
	else
		json_object_del(whole, "hash");
}

static int by_first(const void *a, const void *b)
{
	const struct check_range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* Parts of one program may have been wrong in several shards. */
static void add_wrong(const struct merge *m, json_t *whole)
{
	json_t *wrong = json_array();
	struct check_range *list;
	uint64_t next = 0, count = 0;
	size_t nr = 0, at = 0;

	for (int i = 0; i < m->nr; i++)
		nr += json_array_size(json_object_get(m->object[i], "wrong"));
	list = cli_alloc(nr + 1, sizeof(*list));
	for (int i = 0; i < m->nr; i++) {
		const json_t *ranges = json_object_get(m->object[i], "wrong");

		for (size_t r = 0; r < json_array_size(ranges); r++)
			check_range(ranges, r, MAX_UNITS, &list[at++]);
	}
	qsort(list, nr, sizeof(*list), by_first);
	for (size_t i = 0; i < nr; i++)
		for (uint64_t p = list[i].first > next ? list[i].first : next; p <= list[i].last;
		     p++) {
			check_ranges_add(wrong, (uint32_t)p);
			count++;
			next = p + 1;
		}
	free(list);
	json_object_set_new(whole, "wrong", wrong);
	json_object_set_new(whole, "violations", cli_json_number(count));
}

/* Of all that are told, those of the first units; each shard told as many as are told here. */
static void add_found(const struct merge *m, json_t *whole)
{
	json_t *found = json_array();

	while (json_array_size(found) < CHECK_MAX_FOUND) {
		uint64_t least = UINT64_MAX, unit = 0, last = 0;
		size_t nr = json_array_size(found);
		json_t *next = NULL;

		if (nr)
			check_member(json_array_get(found, nr - 1), "unit", MAX_UNITS, &last);
		for (int i = 0; i < m->nr; i++) {
			const json_t *list = json_object_get(m->object[i], "found");

			for (size_t f = 0; f < json_array_size(list); f++) {
				check_member(json_array_get(list, f), "unit", MAX_UNITS, &unit);
				if (unit >= least || (nr && unit <= last))
					continue;
				least = unit;
				next = json_array_get(list, f);
			}
		}
		if (!next)
			break;
		json_array_append(found, next);
	}
	json_object_set_new(whole, "found", found);
}

static json_t *put_together(const struct merge *m)
{
	json_t *whole = json_copy(m->object[0]);

	if (!add_counts(m, whole)) {
		json_decref(whole);
		return NULL;
	}
	add_sums(m, whole);
	json_object_set_new(whole, "shard", json_integer(1));
	json_object_set_new(whole, "shards", json_integer(1));
	add_found(m, whole);
	add_wrong(m, whole);
	return whole;
}

json_t *check_merge_objects(json_t *const objects[], char *const files[], int nr)
{
	struct merge m = { .files = files, .object = objects, .nr = nr };
	json_t *whole = NULL;
	bool sound = true;

	for (int i = 0; i < nr && sound; i++)
		sound = is_sound(&m, i);
	if (sound && is_whole(&m))
		whole = put_together(&m);
	free(m.shard);
	return whole;
}

json_t *check_merge(char *const files[], int nr)
{
	json_t **object = cli_alloc((size_t)nr, sizeof(*object)), *whole = NULL;
	json_error_t error;
	int i;

	for (i = 0; i < nr; i++) {
		object[i] = json_load_file(files[i], JSON_REJECT_DUPLICATES, &error);
		if (!object[i])
			break;
	}
	if (i == nr)
		whole = check_merge_objects(object, files, nr);
	else
		refuse(files[i], error.text);
	while (i--)
		json_decref(object[i]);
	free(object);
	return whole;
}
