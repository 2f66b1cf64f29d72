// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * scenario_file.c - reads scenario files: a key and its value on each line, checked one by one
 * against a table; docs/scenarios.md describes the format for people.
 *
 * A key that is not known, a value that is not of its kind or out of its range, a key twice and a
 * group that lacks what it needs are errors. The table is the whole grammar: what may stand where,
 * of which kind, in which range.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/workload/scenario_reader.h"
#include "machine/size.h"

enum kind {
	KIND_NUMBER, /* uint32_t */
	KIND_SEED,   /* uint64_t */
	KIND_BYTES,  /* uint64_t, bytes, rounded up to 2M */
	KIND_YES,    /* bool */
	KIND_TEXT,   /* char[max + 1] */
	KIND_PERCENT,
	KIND_PAGES,
	KIND_TOUCH,
	KIND_NODE,
	KIND_BALLOON, /* struct scenario_balloon */
};

struct key {
	const char *name;
	enum kind kind;
	size_t offset;
	uint64_t min, max;
};

#define IN_SCENARIO(name, kind, field, min, max)                       \
	{                                                              \
		name, kind, offsetof(struct scenario, field), min, max \
	}
static const struct key scenario_keys[] = {
	IN_SCENARIO("title", KIND_TEXT, title, 1, 127),
	IN_SCENARIO("machine", KIND_TEXT, machine, 1, 255),
	IN_SCENARIO("cpus", KIND_NUMBER, cpus, 1, 1024),
	IN_SCENARIO("packages", KIND_NUMBER, packages, 1, 8),
	IN_SCENARIO("nodes", KIND_NUMBER, nodes, 1, 64),
	IN_SCENARIO("dynamic", KIND_YES, dynamic, 0, 1),
	IN_SCENARIO("seed", KIND_SEED, seed, 0, UINT32_MAX),
	IN_SCENARIO("fill", KIND_PERCENT, fill_percent, 1, 100),
	IN_SCENARIO("aged", KIND_PERCENT, aged_percent, 0, 95),
	IN_SCENARIO("background", KIND_BYTES, background_bytes, TDX_2M_SIZE, SCENARIO_MAX_BYTES),
	IN_SCENARIO("idle", KIND_NUMBER, idle_limit, 0, 1u << 30),
	IN_SCENARIO("rounds", KIND_NUMBER, rounds, 0, SCENARIO_MAX_ROUNDS),
	IN_SCENARIO("overcommit", KIND_YES, overcommit, 0, 1),
	IN_SCENARIO("scattered", KIND_YES, scattered, 0, 1),
	IN_SCENARIO("fixed-batches", KIND_YES, fixed_batches, 0, 1),
};

#define IN_GROUP(name, kind, field, min, max)                                \
	{                                                                    \
		name, kind, offsetof(struct scenario_group, field), min, max \
	}
static const struct key group_keys[] = {
	IN_GROUP("count", KIND_NUMBER, count, 1, SCENARIO_MAX_TDS),
	IN_GROUP("vcpus", KIND_NUMBER, vcpus, 1, SCENARIO_MAX_VCPUS),
	IN_GROUP("memory", KIND_BYTES, bytes, TDX_2M_SIZE, SCENARIO_MAX_BYTES),
	IN_GROUP("share", KIND_NUMBER, share, 1, 1u << 20),
	IN_GROUP("pages", KIND_PAGES, percent_4k, 0, 0),
	IN_GROUP("touch", KIND_TOUCH, touch, 0, 0),
	IN_GROUP("flip-rate", KIND_NUMBER, flip_rate, 0, 1000),
	IN_GROUP("flips", KIND_NUMBER, flips, 0, 1000000),
	IN_GROUP("partial", KIND_NUMBER, partial, 0, 1000000),
	IN_GROUP("balloon", KIND_BALLOON, balloon, 1, 99),
	IN_GROUP("node", KIND_NODE, node, 0, 63),
	IN_GROUP("arrive", KIND_NUMBER, arrive, 0, SCENARIO_MAX_ROUNDS),
	IN_GROUP("every", KIND_NUMBER, every, 0, SCENARIO_MAX_ROUNDS),
	IN_GROUP("stay", KIND_NUMBER, stay, 1, SCENARIO_MAX_ROUNDS),
	IN_GROUP("restarts", KIND_NUMBER, restarts, 0, SCENARIO_MAX_ROUNDS / 2),
};

#define NR(array) (sizeof(array) / sizeof((array)[0]))
_Static_assert(NR(scenario_keys) <= SCENARIO_MAX_KEYS && NR(group_keys) <= SCENARIO_MAX_KEYS,
	       "lines of both kinds of keys are noted in one array");

/* ------------------------------------------------------------------------------------------- */
/* Values                                                                                       */

static int read_number(struct scenario_reader *r, const struct key *key, const char *text,
		       uint64_t *to)
{
	const char *rest;

	if (scenario_digits(text, to, &rest) && !*rest && *to >= key->min && *to <= key->max)
		return 0;
	return scenario_wrong(r, "%s '%s': a number from %" PRIu64 " to %" PRIu64 " is allowed",
			      key->name, text, key->min, key->max);
}

static int read_percent(struct scenario_reader *r, const struct key *key, const char *text,
			uint64_t *to)
{
	const char *rest;

	if (scenario_digits(text, to, &rest) && !strcmp(rest, "%") && *to >= key->min &&
	    *to <= key->max)
		return 0;
	return scenario_wrong(r, "%s '%s': %" PRIu64 "%% to %" PRIu64 "%% are allowed", key->name,
			      text, key->min, key->max);
}

/* Regions are mapped whole: a size goes up to the next 2M. */
static int read_bytes(struct scenario_reader *r, const struct key *key, const char *text,
		      uint64_t *to)
{
	uint64_t bytes;

	if (size_parse(text, &bytes) && strpbrk(text, "KMGTPkmgtp") && bytes <= key->max &&
	    bytes >= key->min) {
		*to = (bytes + TDX_2M_SIZE - 1) & ~(TDX_2M_SIZE - 1);
		return 0;
	}
	return scenario_wrong(r,
			      "%s '%s': a size like 512M, 16G or 2.5T is allowed, from 2M to 4096T",
			      key->name, text);
}

static int read_yes(struct scenario_reader *r, const struct key *key, const char *text, bool *to)
{
	*to = !strcmp(text, "yes");
	if (*to || !strcmp(text, "no"))
		return 0;
	return scenario_wrong(r, "%s '%s': yes and no are allowed", key->name, text);
}

static int read_text(struct scenario_reader *r, const struct key *key, const char *text, char *to)
{
	if (strlen(text) > key->max)
		return scenario_wrong(r, "%s: at most %" PRIu64 " characters are allowed",
				      key->name, key->max);
	strcpy(to, text);
	return 0;
}

/* The rate of thp, 0 to 1 with at most two digits behind the point, as percent. */
static bool parse_rate(const char *text, uint32_t *percent)
{
	uint32_t tenth = 0, hundredth = 0;
	size_t digits;

	if (*text != '0' && *text != '1')
		return false;
	if (text[1] && text[1] != '.')
		return false;
	digits = text[1] ? strlen(text + 2) : 0;
	if (text[1] && (!digits || digits > 2 || strspn(text + 2, "0123456789") != digits))
		return false;
	if (digits)
		tenth = (uint32_t)(text[2] - '0');
	if (digits > 1)
		hundredth = (uint32_t)(text[3] - '0');
	*percent = (uint32_t)(*text - '0') * 100 + tenth * 10 + hundredth;
	return *percent <= 100;
}

bool scenario_parse_pages(const char *text, uint32_t *percent_4k)
{
	uint32_t percent_2m;

	if (!strcmp(text, "4k"))
		percent_2m = 0;
	else if (!strcmp(text, "2m"))
		percent_2m = 100;
	else if (strncmp(text, "thp:", 4) || !parse_rate(text + 4, &percent_2m))
		return false;
	*percent_4k = 100 - percent_2m;
	return true;
}

static int read_pages(struct scenario_reader *r, const char *text, uint32_t *percent_4k)
{
	if (scenario_parse_pages(text, percent_4k))
		return 0;
	return scenario_wrong(r, "pages '%s': 4k, 2m and thp:RATE, such as thp:0.9, are allowed",
			      text);
}

static int read_touch(struct scenario_reader *r, const char *text, enum scenario_touch *to)
{
	for (enum scenario_touch touch = 0; touch < SCENARIO_TOUCHES; touch++) {
		if (!strcmp(text, scenario_touch_name(touch))) {
			*to = touch;
			return 0;
		}
	}
	return scenario_wrong(r, "touch '%s': linear, random and zipf are allowed", text);
}

static int read_node(struct scenario_reader *r, const struct key *key, const char *text,
		     uint32_t *to)
{
	const char *rest;
	uint64_t node;

	if (!strcmp(text, "any"))
		*to = SCENARIO_NODE_ANY;
	else if (!strcmp(text, "spread"))
		*to = SCENARIO_NODE_SPREAD;
	else if (scenario_digits(text, &node, &rest) && !*rest && node <= key->max)
		*to = (uint32_t)node;
	else
		return scenario_wrong(r, "node '%s': any, spread and 0 to %" PRIu64 " are allowed",
				      text, key->max);
	return 0;
}

/* "PERCENT% from ROUND". */
static int read_balloon(struct scenario_reader *r, const struct key *key, const char *text,
			struct scenario_balloon *to)
{
	uint64_t percent, from;
	const char *rest;

	if (!scenario_digits(text, &percent, &rest) || strncmp(rest, "% from ", 7) ||
	    !scenario_digits(rest + 7, &from, &rest) || *rest || percent < key->min ||
	    percent > key->max || from > SCENARIO_MAX_ROUNDS)
		return scenario_wrong(r,
				      "balloon '%s': %" PRIu64 "%% to %" PRIu64
				      "%% and a round, such as "
				      "'50%% from 3', are allowed",
				      text, key->min, key->max);
	*to = (struct scenario_balloon){ r->line, (uint32_t)percent, (uint32_t)from };
	return 0;
}

static int read_value(struct scenario_reader *r, const struct key *key, const char *text, void *to)
{
	uint64_t value;
	int failed;

	switch (key->kind) {
	case KIND_NUMBER:
	case KIND_PERCENT:
		failed = key->kind == KIND_NUMBER ? read_number(r, key, text, &value)
						  : read_percent(r, key, text, &value);
		if (!failed)
			*(uint32_t *)to = (uint32_t)value;
		return failed;
	case KIND_SEED:
		return read_number(r, key, text, to);
	case KIND_BYTES:
		return read_bytes(r, key, text, to);
	case KIND_YES:
		return read_yes(r, key, text, to);
	case KIND_TEXT:
		return read_text(r, key, text, to);
	case KIND_PAGES:
		return read_pages(r, text, to);
	case KIND_TOUCH:
		return read_touch(r, text, to);
	case KIND_NODE:
		return read_node(r, key, text, to);
	case KIND_BALLOON:
		return read_balloon(r, key, text, to);
	}
	return -1;
}

/* ------------------------------------------------------------------------------------------- */
/* Lines                                                                                        */

/* "count, vcpus, memory, ..." into a buffer. */
static const char *list_keys(const struct key *keys, size_t nr, char *buffer, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < nr && used < size; i++)
		used += (size_t)snprintf(buffer + used, size - used, "%s%s", i ? ", " : "",
					 keys[i].name);
	return buffer;
}

static int read_key(struct scenario_reader *r, const char *name, const char *value)
{
	const struct key *keys = r->group ? group_keys : scenario_keys;
	size_t nr = r->group ? NR(group_keys) : NR(scenario_keys), i;
	char *to = r->group ? (char *)r->group : (char *)r->scenario;
	char list[256];

	for (i = 0; i < nr && strcmp(keys[i].name, name); i++)
		;
	if (i == nr)
		return scenario_wrong(r, "'%s' is no key%s: %s%s are allowed", name,
				      r->group ? " of a TD" : "",
				      r->group ? "" : "td, offline, offline-memory, ",
				      list_keys(keys, nr, list, sizeof(list)));
	if (r->seen[i])
		return scenario_wrong(r, "%s stands twice, first in line %u; once is allowed", name,
				      r->seen[i]);
	if (!*value)
		return scenario_wrong(r, "%s has no value", name);
	r->seen[i] = r->line;
	if (to == (char *)r->scenario && keys[i].kind == KIND_PERCENT &&
	    keys[i].offset == offsetof(struct scenario, fill_percent))
		r->fill_line = r->line;
	return read_value(r, &keys[i], value, to + keys[i].offset);
}

static int begin_group(struct scenario_reader *r, const char *name)
{
	struct scenario *s = r->scenario;

	if (!*name || strlen(name) >= sizeof(s->group[0].name) ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(name))
		return scenario_wrong(
			r,
			"td '%s': a name of 1 to %zu small letters, digits and dashes is "
			"allowed",
			name, sizeof(s->group[0].name) - 1);
	for (uint32_t g = 0; g < s->nr_groups; g++) {
		if (!strcmp(s->group[g].name, name))
			return scenario_wrong(
				r, "td %s stands twice, first in line %u; once is allowed", name,
				s->group[g].line);
	}
	if (s->nr_groups == SCENARIO_MAX_GROUPS)
		return scenario_wrong(r, "too many kinds of TDs: %u are allowed",
				      SCENARIO_MAX_GROUPS);
	r->group = &s->group[s->nr_groups++];
	scenario_group_defaults(r->group);
	strcpy(r->group->name, name);
	r->group->line = r->line;
	memset(r->seen, 0, sizeof(r->seen));
	return 0;
}

/* One line, without its newline; may be changed. */
static int read_line(struct scenario_reader *r, char *line)
{
	char *name, *value, *end;

	/* A comment begins a line, or follows a blank. */
	for (end = line; *end; end++) {
		if (*end == '#' && (end == line || end[-1] == ' ' || end[-1] == '\t')) {
			*end = 0;
			break;
		}
		if ((unsigned char)*end < ' ' && *end != '\t' && *end != '\r')
			return scenario_wrong(r, "a control character (%u): text is allowed",
					      (unsigned int)(unsigned char)*end);
	}
	name = line + strspn(line, " \t\r");
	for (end = name + strlen(name); end > name && strchr(" \t\r", end[-1]); end--)
		end[-1] = 0;
	if (!*name)
		return 0;
	value = name + strcspn(name, " \t");
	if (*value) {
		*value++ = 0;
		value += strspn(value, " \t");
	}
	if (!strcmp(name, "offline"))
		return scenario_read_offline(r, value);
	if (!strcmp(name, "offline-memory"))
		return scenario_read_memory(r, value);
	return strcmp(name, "td") ? read_key(r, name, value) : begin_group(r, value);
}

/* ------------------------------------------------------------------------------------------- */
/* What only the whole tells                                                                    */

static int check_group(struct scenario_reader *r, const struct scenario_group *group)
{
	const struct scenario *s = r->scenario;
	uint64_t last = (uint64_t)group->arrive + (uint64_t)(group->count - 1) * group->every +
			group->stay + 2 * (uint64_t)group->restarts;

	if (!group->bytes == !group->share)
		return scenario_wrong_at(r, group->line,
					 "td %s needs memory, or a share: %s is allowed",
					 group->name, group->bytes ? "one of them" : "memory 1G");
	if (group->share && !s->fill_percent)
		return scenario_wrong_at(
			r, group->line,
			"td %s has a share of nothing: fill, such as fill 75%%, is allowed "
			"before the first td",
			group->name);
	if (group->stay && group->stay < 2 * group->restarts)
		return scenario_wrong_at(
			r, group->line,
			"td %s stays for %u rounds: its %u restarts need %u, which is "
			"allowed",
			group->name, group->stay, group->restarts, 2 * group->restarts);
	if (last > SCENARIO_MAX_ROUNDS)
		return scenario_wrong_at(r, group->line,
					 "td %s lasts %" PRIu64 " rounds: %u are allowed",
					 group->name, last, SCENARIO_MAX_ROUNDS);
	return 0;
}

/* Once all groups are known: the last round is that of the TD that stays longest. */
static int check_balloon(struct scenario_reader *r, const struct scenario_group *group)
{
	uint32_t from = group->balloon.from;

	if (!group->balloon.percent)
		return 0;
	for (uint32_t i = 0; i < group->count; i++) {
		enum scenario_action action = scenario_action(r->scenario, group, i, from);

		if (action == SCENARIO_BOOT || action == SCENARIO_WORK)
			return 0;
	}
	return scenario_wrong_at(
		r, group->balloon.line,
		"balloon from %u: no td %s boots or works in that round; one in which it "
		"does is allowed",
		from, group->name);
}

static int check(struct scenario_reader *r)
{
	const struct scenario *s = r->scenario;
	bool shares = false;

	if (!s->nr_groups)
		return scenario_wrong(r, "no td: at least one, such as 'td small', is allowed");
	for (uint32_t g = 0; g < s->nr_groups; g++) {
		if (check_group(r, &s->group[g]))
			return -1;
		shares |= s->group[g].share;
		if (scenario_nr_tds(s) > SCENARIO_MAX_TDS)
			return scenario_wrong_at(r, s->group[s->nr_groups - 1].line,
						 "%u TDs in all: %u are allowed",
						 scenario_nr_tds(s), SCENARIO_MAX_TDS);
	}
	for (uint32_t g = 0; g < s->nr_groups; g++)
		if (check_balloon(r, &s->group[g]))
			return -1;
	if (s->fill_percent && !shares)
		return scenario_wrong_at(r, r->fill_line,
					 "fill, but no td has a share: it is allowed with "
					 "'share 1' in a td");
	return 0;
}

static void name_after(struct scenario *scenario, const char *file)
{
	const char *base = strrchr(file, '/');
	size_t length;

	base = base ? base + 1 : file;
	length = strcspn(base, ".");
	if (length >= sizeof(scenario->name))
		length = sizeof(scenario->name) - 1;
	memcpy(scenario->name, base, length);
	scenario->name[length] = 0;
}

int scenario_parse(const char *text, const char *name, struct scenario *scenario, char *error,
		   size_t error_size)
{
	struct scenario_reader r = {
		.file = name, .scenario = scenario, .error = error, .error_size = error_size
	};
	char line[1024];

	scenario_defaults(scenario);
	name_after(scenario, name);
	while (*text) {
		size_t length = strcspn(text, "\n");

		r.line++;
		if (length >= sizeof(line))
			return scenario_wrong(&r, "a line of %zu characters: %zu are allowed",
					      length, sizeof(line) - 1);
		memcpy(line, text, length);
		line[length] = 0;
		text += length + (text[length] == '\n');
		if (read_line(&r, line))
			return -1;
	}
	return check(&r);
}
