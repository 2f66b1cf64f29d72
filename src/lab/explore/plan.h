/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * plan.h - what a hunt consists of: units, numbered the same on every machine, and who does which.
 *
 * UNITS. A unit is a program with all its schedules, or a part of them (explore.h) where they are
 * many; or, if schedules are random, the next 2000 of them on a random program of its own. Units
 * are numbered in the order of programs and of their parts. What a unit finds depends on the
 * request and on its number alone: it has a table of states of its own. So a hunt's sums and its
 * hash are the same whoever does which unit, when, and with how many processes.
 *
 * SIZE. How long a program takes is known roughly beforehand from its frame, a few dozen runs: with
 * p prefixes the schedules with b preemptions grow like p^b, and known states take away the more
 * the larger b is. What that comes to was measured (plan.c). It decides how many parts there are,
 * and who does what: of the units in order of size shards get one each in turn, there and back.
 */
#ifndef PAMT_LAB_EXPLORE_PLAN_H
#define PAMT_LAB_EXPLORE_PLAN_H

#include "lab/explore/check.h"

struct unit {
	uint32_t program;
	uint16_t part, parts;
	uint64_t steps; /* roughly */
};

struct plan {
	const struct check_request *request;
	struct program *program; /* NULL: they are random, each unit has its own */
	uint32_t nr_programs, room;
	struct unit *unit; /* NULL if they are random */
	uint32_t nr_units;
	uint32_t *mine; /* units of the shard, largest first; NULL if they are random */
	uint32_t nr_mine;
};

/* Return: 0, or -1 with one line in error. In any case plan_free(). */
int plan_make(struct plan *plan, const struct check_request *request, char *error, size_t size);
void plan_free(struct plan *plan);

/* Number of the j-th unit of this shard, and of any unit's program. */
uint32_t plan_mine(const struct plan *plan, uint32_t j);
uint32_t plan_program(const struct plan *plan, uint32_t unit);
/* The setup of a unit, and how many schedules of which numbers. */
void plan_unit(const struct plan *plan, uint32_t unit, struct setup *setup,
	       struct explore_limits *limits, uint64_t *first);

#endif
