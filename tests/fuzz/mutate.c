// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * mutate.c - makes recordings out of recordings: lines are repeated, moved, dropped, changed in one
 * number, or made anew from numbers that the recording has.
 *
 * Numbers are taken from other lines with the same key, mostly, so that a TDR stays a TDR and a
 * mapping a mapping; and now and then from anywhere, one page or one region further, or with a
 * bit turned. What the recording expected goes: every changed line ends with "-> *".
 *
 * The lines up to the last init-tdmr bring the module up. They are left alone: a module that is not
 * READY answers everything alike.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "mutate.h"

#define MAX_LINES   512
#define MAX_NUMBERS 4096
#define LINE_BYTES  512

struct number {
	char key[12]; /* "rcx", "id"; "" for one that stands alone */
	uint64_t value;
};

struct script {
	char line[MAX_LINES][LINE_BYTES];
	unsigned int nr, body; /* body: the first line behind the bring-up */
	struct number numbers[MAX_NUMBERS];
	unsigned int nr_numbers;
	uint64_t random;
};

/* Too large for the stack; the fuzzer mutates in one thread. */
static struct script script, other;

static uint64_t roll(struct script *s, uint64_t sides)
{
	/* xorshift64*: the upper bits are good enough for dice. */
	s->random ^= s->random >> 12;
	s->random ^= s->random << 25;
	s->random ^= s->random >> 27;
	return (s->random * UINT64_C(0x2545f4914f6cdd1d) >> 33) % sides;
}

/* ------------------------------------------------------------------------------------------- */
/* Reading.                                                                                     */

/* The numbers of a line's input, by key. */
static void note_numbers(struct script *s, const char *line)
{
	const char *end = strstr(line, "->");

	end = end ? end : line + strlen(line);
	for (const char *word = strchr(line, ' '); word && word < end; word = strchr(word, ' ')) {
		struct number *n = &s->numbers[s->nr_numbers];
		size_t key = strcspn(++word, "= ");

		if (s->nr_numbers == MAX_NUMBERS || key >= sizeof(n->key))
			continue;
		n->key[0] = '\0';
		if (word[key] == '=')
			snprintf(n->key, sizeof(n->key), "%.*s", (int)key, word);
		if (sscanf(word + (n->key[0] ? key + 1 : 0), "%" SCNi64, (int64_t *)&n->value) == 1)
			s->nr_numbers++;
	}
}

static void read_script(struct script *s, const char *text, size_t size, unsigned int seed)
{
	s->nr = s->body = s->nr_numbers = 0;
	s->random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	while (size && s->nr < MAX_LINES) {
		const char *newline = memchr(text, '\n', size);
		size_t n = newline ? (size_t)(newline - text) : size;

		if (n && n < LINE_BYTES && *text != '#') {
			memcpy(s->line[s->nr], text, n);
			s->line[s->nr++][n] = '\0';
			if (!strncmp(s->line[s->nr - 1], "init-tdmr", 9))
				s->body = s->nr;
		}
		n += newline != NULL;
		text += n;
		size -= n;
	}
	for (unsigned int i = s->body; i < s->nr; i++)
		note_numbers(s, s->line[i]);
}

static size_t write_script(const struct script *s, char *to, size_t max)
{
	size_t used = 0;

	for (unsigned int i = 0; i < s->nr; i++) {
		size_t n = strlen(s->line[i]);

		if (used + n + 1 > max)
			break;
		memcpy(to + used, s->line[i], n);
		used += n;
		to[used++] = '\n';
	}
	return used;
}

/* ------------------------------------------------------------------------------------------- */
/* Numbers.                                                                                     */

static uint64_t any_number(struct script *s)
{
	return s->nr_numbers ? s->numbers[roll(s, s->nr_numbers)].value : 0;
}

/* A number that stood behind this key; some other if there is none. */
static uint64_t number_for(struct script *s, const char *key)
{
	unsigned int first = s->nr_numbers ? (unsigned int)roll(s, s->nr_numbers) : 0;

	for (unsigned int i = 0; i < s->nr_numbers; i++) {
		const struct number *n = &s->numbers[(first + i) % s->nr_numbers];

		if (!strcmp(n->key, key))
			return n->value;
	}
	return any_number(s);
}

static uint64_t shifted(struct script *s, uint64_t value)
{
	static const uint64_t steps[] = { 0x1000, 0x2000, 0x200000, 0x40000000, 1, 0x200 };
	uint64_t step = steps[roll(s, sizeof(steps) / sizeof(steps[0]))];

	switch (roll(s, 8)) {
	case 0:
		return value ^ UINT64_C(1) << roll(s, 64);
	case 1:
		return value & ~UINT64_C(0x1fffff);
	case 2:
		return (value & ~UINT64_C(7)) | roll(s, 4); /* another level or size */
	case 3:
		return roll(s, 2) ? UINT64_MAX : 0;
	case 4:
	case 5:
		return value - step;
	default:
		return value + step;
	}
}

static uint64_t pick(struct script *s, const char *key)
{
	uint64_t value = roll(s, 8) ? number_for(s, key) : any_number(s);

	return roll(s, 3) ? value : shifted(s, value);
}

/* ------------------------------------------------------------------------------------------- */
/* Lines.                                                                                       */

/* Makes room for a line at `at`. */
static char *open_line(struct script *s, unsigned int at)
{
	if (s->nr == MAX_LINES)
		s->nr--;
	if (at > s->nr)
		at = s->nr;
	memmove(s->line[at + 1], s->line[at], (s->nr - at) * LINE_BYTES);
	s->nr++;
	return s->line[at];
}

static void drop_line(struct script *s, unsigned int at)
{
	memmove(s->line[at], s->line[at + 1], (s->nr - at - 1) * LINE_BYTES);
	s->nr--;
}

/* Leaves that change memory or say what it is, and the registers they take. */
static const struct {
	unsigned int leaf;
	const char *regs[7];
} leaves[] = {
	{ 0, { "rcx" } },
	{ 1, { "rcx", "rdx" } },
	{ 2, { "rcx", "rdx", "r8", "r9" } },
	{ 3, { "rcx", "rdx", "r8" } },
	{ 0x10003, { "rcx", "rdx", "r8", "r9", "r10", "r11" } },
	{ 4, { "rcx", "rdx" } },
	{ 5, { "rcx", "rdx", "r8" } },
	{ 6, { "rcx", "rdx", "r8" } },
	{ 7, { "rcx", "rdx" } },
	{ 8, { "rcx" } },
	{ 9, { "rcx", "rdx" } },
	{ 10, { "rcx", "rdx" } },
	{ 11, { "rcx", "rdx" } },
	{ 0x1000b, { "rcx", "rdx" } },
	{ 12, { "rcx", "rdx" } },
	{ 13, { "rcx", "rdx", "r8", "r9" } },
	{ 14, { "rcx", "rdx", "r8" } },
	{ 15, { "rcx", "rdx", "r8", "r12", "r13" } },
	{ 16, { "rcx", "rdx" } },
	{ 17, { "rcx" } },
	{ 18, { "rcx" } },
	{ 19, { "rcx" } },
	{ 20, { "rcx" } },
	{ 21, { "rcx", "rdx", "r8" } },
	{ 22, { "rcx", "rdx" } },
	{ 0x10016, { "rcx", "rdx", "r8" } },
	{ 23, { "rcx", "rdx" } },
	{ 24, { "rcx" } },
	{ 25, { "rcx", "rdx" } },
	{ 26, { "rcx", "rdx" } },
	{ 0x1001a, { "rcx", "rdx" } },
	{ 28, { "rcx" } },
	{ 29, { "rcx", "rdx" } },
	{ 30, { "rcx", "rdx" } },
	{ 0x1001e, { "rcx", "rdx" } },
	{ 34, { "rdx" } },
	{ 37, { "rdx", "r8" } },
	{ 38, { "rcx" } },
	{ 39, { "rcx", "rdx" } },
	{ 40, { "rcx" } },
	{ 41, { "rcx" } },
	{ 43, { "rcx", "rdx", "r8", "r9" } },
	{ 58, { "rcx", "rdx", "r8" } },
	{ 59, { "rcx" } },
};
#define NR_LEAVES (sizeof(leaves) / sizeof(leaves[0]))

static void make_call(struct script *s, char *line)
{
	unsigned int i = (unsigned int)roll(s, NR_LEAVES);
	int used = snprintf(line, LINE_BYTES, "call 0x%x", leaves[i].leaf);

	if (!roll(s, 3))
		used += snprintf(line + used, LINE_BYTES - (size_t)used, " lp=%" PRIu64,
				 roll(s, 4));
	for (const char *const *reg = leaves[i].regs; *reg; reg++)
		used += snprintf(line + used, LINE_BYTES - (size_t)used, " %s=0x%" PRIx64, *reg,
				 pick(s, *reg));
	snprintf(line + used, LINE_BYTES - (size_t)used, " -> *");
}

static const char *mode(struct script *s) { return roll(s, 2) ? "shared" : "exclusive"; }

/* Locks, states and guests. */
static void make_other(struct script *s, char *line)
{
	static const char *const faults[] = { "interrupt", "pconfig=busy", "pconfig=entropy",
					      "rng=fail" };
	static const char *const locks[] = { "opstate", "sept", "epoch" };
	uint64_t tdr = pick(s, "rdx"), id = 1 + roll(s, 6);

	switch (roll(s, 12)) {
	case 0:
	case 1:
		snprintf(line, LINE_BYTES, "accept 0x%" PRIx64 " rcx=0x%" PRIx64 " -> *", tdr,
			 pick(s, "rcx"));
		break;
	case 2:
		snprintf(line, LINE_BYTES,
			 "hold 0x%" PRIx64 " level=%" PRIu64 " mode=%s id=%" PRIu64, pick(s, "r8"),
			 roll(s, 3), mode(s), id);
		break;
	case 3:
		snprintf(line, LINE_BYTES, "lock %s 0x%" PRIx64 " mode=%s id=%" PRIu64,
			 locks[roll(s, 3)], tdr, mode(s), id);
		break;
	case 4:
		snprintf(line, LINE_BYTES, "release id=%" PRIu64, id);
		break;
	case 5:
		snprintf(line, LINE_BYTES, "inject %s", faults[roll(s, 4)]);
		break;
	case 6:
		snprintf(line, LINE_BYTES, "enter 0x%" PRIx64 " id=%" PRIu64, tdr, 10 + id);
		break;
	case 8:
		snprintf(line, LINE_BYTES, "epf 0x%" PRIx64 " 0x%" PRIx64, pick(s, "rdx"),
			 pick(s, "rcx"));
		break;
	case 9:
		snprintf(line, LINE_BYTES, "lp-init %" PRIu64 " %" PRIu64, roll(s, 4), roll(s, 2));
		break;
	case 10:
		snprintf(line, LINE_BYTES, "peek64 0x%" PRIx64 " * *", pick(s, "rdx"));
		break;
	case 7:
		snprintf(line, LINE_BYTES, "exit id=%" PRIu64, 10 + id);
		break;
	default:
		snprintf(line, LINE_BYTES, "force-td 0x%" PRIx64 " op_state=%" PRIu64, tdr,
			 1 + roll(s, 2));
		break;
	}
}

/* Results that were recorded hold no longer. */
static void forget_result(char *line)
{
	char *arrow = strstr(line, " -> ");

	if (arrow)
		strcpy(arrow, " -> *");
}

/* Another value for one of the line's numbers. */
static void change_number(struct script *s, char *line)
{
	char *end = strstr(line, " ->"), *words[24], rest[LINE_BYTES], key[12] = "";
	unsigned int nr = 0;
	size_t length, before;

	end = end ? end : line + strlen(line);
	for (char *word = strchr(line, ' '); word && word < end && nr < 24;
	     word = strchr(word, ' '))
		words[nr++] = ++word;
	if (!nr)
		return;
	words[0] = words[roll(s, nr)];
	length = strcspn(words[0], " ");
	before = strcspn(words[0], "= ");
	if (before < length && before < sizeof(key)) {
		snprintf(key, sizeof(key), "%.*s", (int)before, words[0]);
		words[0] += before + 1;
		length -= before + 1;
	}
	/* Words such as "shared" stay what they are. */
	if (*words[0] < '0' || *words[0] > '9')
		return;
	snprintf(rest, sizeof(rest), "%s", words[0] + length);
	snprintf(words[0], LINE_BYTES - (size_t)(words[0] - line), "0x%" PRIx64 "%s", pick(s, key),
		 rest);
	forget_result(line);
}

/* A line behind the bring-up; false: there is none. */
static bool pick_line(struct script *s, unsigned int *at)
{
	if (s->nr <= s->body)
		return false;
	*at = s->body + (unsigned int)roll(s, s->nr - s->body);
	return true;
}

static void copy_line(struct script *s, unsigned int from)
{
	char copy[LINE_BYTES];

	memcpy(copy, s->line[from], LINE_BYTES);
	memcpy(open_line(s, s->body + (unsigned int)roll(s, s->nr - s->body + 1)), copy,
	       LINE_BYTES);
}

static void change(struct script *s)
{
	unsigned int at = s->nr, where = (unsigned int)roll(s, 12);

	if (!pick_line(s, &at) || where < 4) {
		make_call(s, open_line(s, at));
	} else if (where == 4) {
		make_other(s, open_line(s, at));
	} else if (where == 5) {
		drop_line(s, at);
	} else if (where < 8) {
		copy_line(s, at);
		change_number(s, s->line[at]);
	} else {
		change_number(s, s->line[at]);
	}
}

size_t mutate(char *text, size_t size, size_t max, unsigned int seed)
{
	read_script(&script, text, size, seed);
	for (uint64_t n = 1 + roll(&script, 3); n; n--)
		change(&script);
	return write_script(&script, text, max);
}

size_t cross(const char *first, size_t first_size, const char *second, size_t second_size, char *to,
	     size_t max, unsigned int seed)
{
	unsigned int from, n;

	read_script(&script, first, first_size, seed);
	read_script(&other, second, second_size, seed + 1);
	if (pick_line(&other, &from))
		for (n = 1 + (unsigned int)roll(&script, 16); n && from < other.nr; n--, from++) {
			unsigned int at = script.nr;

			pick_line(&script, &at);
			memcpy(open_line(&script, at), other.line[from], LINE_BYTES);
			forget_result(script.line[at]);
		}
	return write_script(&script, to, max);
}
