// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * scenario_offline.c - lines of a scenario file that take a CPU or memory away for some rounds.
 */
#include <stdio.h>
#include <string.h>

#include "lab/workload/scenario_reader.h"
#include "machine/size.h"

/* " from ROUND", with or without " to ROUND". */
static bool parse_rounds(const char *text, uint32_t *from_round, uint32_t *to_round)
{
	uint64_t from, to = UINT32_MAX;
	const char *rest;

	if (strncmp(text, " from ", 6) || !scenario_digits(text + 6, &from, &rest))
		return false;
	if (*rest && (strncmp(rest, " to ", 4) || !scenario_digits(rest + 4, &to, &rest) || *rest ||
		      to > SCENARIO_MAX_ROUNDS))
		return false;
	if (from > SCENARIO_MAX_ROUNDS || to <= from)
		return false;
	*from_round = (uint32_t)from;
	*to_round = (uint32_t)to;
	return true;
}

/* "CPU", and rounds. */
static bool parse_offline(const char *text, struct scenario_offline *o)
{
	const char *rest;
	uint64_t cpu;

	if (!scenario_digits(text, &cpu, &rest) || cpu >= 1024)
		return false;
	o->cpu = (uint32_t)cpu;
	return parse_rounds(rest, &o->from, &o->to);
}

/* One CPU's times away do not overlap. */
int scenario_read_offline(struct scenario_reader *r, const char *text)
{
	struct scenario *s = r->scenario;
	struct scenario_offline *o = &s->offline[s->nr_offline];

	if (r->group)
		return scenario_wrong(
			r, "offline is no key of a TD: before the first td it is allowed");
	if (s->nr_offline == SCENARIO_MAX_OFFLINE)
		return scenario_wrong(r, "too many CPUs that go offline: %u are allowed",
				      SCENARIO_MAX_OFFLINE);
	if (!parse_offline(text, o))
		return scenario_wrong(
			r,
			"offline '%s': a CPU and rounds, such as '3 from 2' or '3 from 2 to 4', "
			"are allowed",
			text);
	o->line = r->line;
	for (uint32_t i = 0; i < s->nr_offline; i++)
		if (s->offline[i].cpu == o->cpu && s->offline[i].from < o->to &&
		    o->from < s->offline[i].to)
			return scenario_wrong(r, "CPU %u is offline already then, by line %u",
					      o->cpu, s->offline[i].line);
	s->nr_offline++;
	return 0;
}

/* "SIZE at ADDRESS", and rounds. */
static bool parse_memory(const char *text, struct scenario_memory *m)
{
	char size[32], at[32];
	int length = 0;

	if (sscanf(text, "%31s at %31s%n", size, at, &length) != 2 || !length)
		return false;
	if (!size_parse(size, &m->bytes) || !size_parse(at, &m->base))
		return false;
	if (!m->bytes || m->bytes > SCENARIO_MAX_BYTES || m->base > SCENARIO_MAX_BYTES - m->bytes ||
	    (m->base | m->bytes) & (TDX_2M_SIZE - 1))
		return false;
	return parse_rounds(text + length, &m->from, &m->to);
}

/* No memory goes twice at the same time. */
int scenario_read_memory(struct scenario_reader *r, const char *text)
{
	struct scenario *s = r->scenario;
	struct scenario_memory *m = &s->memory[s->nr_memory];

	if (r->group)
		return scenario_wrong(r,
				      "offline-memory is no key of a TD: before the first td it is "
				      "allowed");
	if (s->nr_memory == SCENARIO_MAX_MEMORY)
		return scenario_wrong(r,
				      "too many ranges of memory that go offline: %u are allowed",
				      SCENARIO_MAX_MEMORY);
	if (!parse_memory(text, m))
		return scenario_wrong(
			r,
			"offline-memory '%s': a size, an address, both multiples of 2M, and "
			"rounds, such as '1G at 64G from 2' or '2M at 0x1000000000 from 2 to "
			"4', are allowed",
			text);
	m->line = r->line;
	for (uint32_t i = 0; i < s->nr_memory; i++) {
		const struct scenario_memory *o = &s->memory[i];

		if (o->base < m->base + m->bytes && m->base < o->base + o->bytes &&
		    o->from < m->to && m->from < o->to)
			return scenario_wrong(
				r, "some of this memory is offline already then, by line %u",
				o->line);
	}
	s->nr_memory++;
	return 0;
}
