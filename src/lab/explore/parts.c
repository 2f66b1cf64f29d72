// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * parts.c - the search of all schedules, or of a part of them: the frame, the prefixes that it
 * leads to, and epochs. explore.h says what these are and why nothing is lost.
 */
#include <stdlib.h>
#include <string.h>

#include "lab/explore/explore_internal.h"

/* A search of one part. */
struct search {
	struct explorer *e;
	const struct explore_limits *limits;
	struct explore_result *result;
	bool whole;		/* although it is a part: see explore.h */
	uint32_t first, prefix; /* it goes down from one to the other */
	uint32_t known;		/* states of the frame that are not counted */
};

/* ------------------------------------------------------------------------------------------- */
/* The frame                                                                                    */

static void add_up(struct explore_result *sum, const struct explore_result *more)
{
	sum->count.schedules += more->count.schedules;
	sum->count.merged += more->count.merged;
	sum->count.steps += more->count.steps;
	sum->count.hash += more->count.hash;
	sum->count.longest =
		more->count.longest > sum->count.longest ? more->count.longest : sum->count.longest;
	sum->too_large |= more->too_large;
	sum->violation = more->violation;
	sum->violation_cpu = more->violation_cpu;
	sum->schedule = more->schedule;
}

/* A few random runs first learn most of what is shared. They count: what they find is found. */
static bool scout(struct explorer *e, const struct explore_limits *limits,
		  struct explore_result *result)
{
	enum { SCOUTS = 32 };
	struct explore_limits scouts = { .pct_depth = 3,
					 .schedules = SCOUTS,
					 .max_steps = limits->max_steps,
					 .ticks = limits->ticks };
	struct explore_result random;

	if (limits->schedules && limits->schedules < SCOUTS)
		scouts.schedules = limits->schedules;
	explorer_forget(e);
	explore_random(e, &scouts, 0, &random);
	add_up(result, &random);
	explorer_limit(e, limits);
	return random.violation.wrong == STAGE_OK && random.count.schedules != limits->schedules;
}

/* Once over all schedules without a preemption. */
static enum search_end make_frame(struct explorer *e, const struct explore_limits *limits,
				  struct explore_result *result)
{
	enum search_end end;

	depth_first_begin(e, limits);
	e->most_left = limits->bound;
	e->bound = 0;
	e->nr_decisions = 0;
	e->frame.nr_prefixes = e->frame.trails_used = 0;
	e->frame.being_made = limits->bound;
	end = depth_first_search(e, limits, UINT64_MAX, result);
	e->frame.being_made = false;
	e->bound = limits->bound;
	return end;
}

/* Scouts and frame, until no more words turn out to be shared. SEARCH_OVER: it is made. */
static enum search_end learn(struct explorer *e, const struct explore_limits *limits,
			     struct explore_result *result)
{
	enum search_end end;

	e->past_frame = false;
	if (!scout(e, limits, result))
		return SEARCH_STOPPED;
	for (uint32_t i = 0; i < e->nr_late; i++)
		explorer_share(e, e->late[i]);
	while ((end = make_frame(e, limits, result)) == SEARCH_GROWN)
		result->count.restarts++;
	e->past_frame = true;
	return end;
}

void explore_frame(struct explorer *e, const struct explore_limits *limits,
		   struct explore_size *size)
{
	struct explore_result result;

	memset(size, 0, sizeof(*size));
	e->nr_late = 0;
	explorer_begin(e, limits, &result);
	if (learn(e, limits, &result) != SEARCH_OVER)
		return;
	size->schedules = result.count.schedules;
	size->steps = result.count.steps;
	size->prefixes = e->frame.nr_prefixes;
}

/* ------------------------------------------------------------------------------------------- */
/* Prefixes                                                                                     */

static void begin_prefix(struct explorer *e, uint32_t number)
{
	const struct prefix *p = &e->frame.prefix[number];

	for (uint32_t i = 0; i < p->nr; i++)
		e->decision[i] = (struct explore_decision){ e->frame.trails[p->trail + i], 0 };
	e->decision[p->nr] = (struct explore_decision){ p->actor, 0 };
	e->nr_decisions = p->nr + 1u;
}

/* From where the search is to the end of the part, or of the epoch. */
static enum search_end go_on(struct search *s)
{
	uint64_t epoch = s->limits->epoch ? s->limits->epoch : EXPLORE_EPOCH;
	uint64_t end_of_epoch = s->result->count.steps + epoch;

	while (s->prefix > s->first) {
		enum search_end end;

		if (!s->e->nr_decisions)
			begin_prefix(s->e, s->prefix - 1);
		end = depth_first_search(s->e, s->limits, end_of_epoch, s->result);
		if (end != SEARCH_OVER)
			return end;
		s->prefix--;
	}
	return SEARCH_OVER;
}

/* Which prefixes: the part's own, all if it is the whole. */
static void choose_prefixes(struct search *s)
{
	const struct explore_limits *l = s->limits;
	uint64_t nr = s->e->frame.nr_prefixes;

	s->first = 0;
	s->prefix = (uint32_t)nr;
	if (!l->parts || s->whole)
		return;
	s->first = (uint32_t)(nr * l->part / l->parts);
	s->prefix = (uint32_t)(nr * (l->part + 1) / l->parts);
}

/* ------------------------------------------------------------------------------------------- */
/* Epochs                                                                                       */

static void add_states(struct search *s)
{
	s->result->count.ends += s->e->ends;
	s->result->count.states += s->e->states_used - s->e->ends - s->known;
}

/* Everything is forgotten, and the frame made. It counts once, for one part. */
static enum search_end begin_epoch(struct search *s, bool counts)
{
	struct explore_limits limits = *s->limits;
	struct explore_result ignored = { 0 };
	enum search_end end;

	s->known = 0;
	s->e->states_used = s->e->ends = 0;
	if (counts)
		return learn(s->e, &limits, s->result);
	limits.schedules = 0;
	end = learn(s->e, &limits, &ignored);
	s->result->too_large |= ignored.too_large;
	s->known = s->e->states_used;
	s->e->ends = 0;
	return end;
}

/* False: words that this system does not have. */
static bool load(struct search *s, const struct explore_progress *p)
{
	uint64_t words = s->e->system.bytes / 8;

	s->result->count = p->count;
	s->whole = p->whole;
	s->e->nr_late = p->nr_late;
	memcpy(s->e->late, p->late, p->nr_late * sizeof(p->late[0]));
	for (uint32_t i = 0; i < p->nr_late; i++)
		if (p->late[i] - 1 >= words && p->late[i] - IRQ_KEY >= s->e->nr_actors)
			return false;
	return true;
}

/* Back to the place in the search. False: there is no such place. */
static bool find_place(struct search *s, uint32_t prefix, uint32_t nr,
		       const struct explore_decision *decision)
{
	choose_prefixes(s);
	if (prefix <= s->first || prefix > s->prefix)
		return false;
	s->prefix = prefix;
	s->e->nr_decisions = nr;
	memmove(s->e->decision, decision, nr * sizeof(*decision));
	for (uint32_t i = 0; i < nr; i++)
		if (decision[i].chosen >= s->e->nr_actors || decision[i].left >> s->e->nr_actors)
			return false;
	return true;
}

static void save(const struct search *s, struct explore_progress *p)
{
	const struct explorer *e = s->e;

	*p = (struct explore_progress){ .count = s->result->count,
					.whole = s->whole,
					.prefix = s->prefix,
					.nr_late = e->nr_late,
					.nr_decisions = e->nr_decisions };
	memcpy(p->late, e->late, e->nr_late * sizeof(e->late[0]));
	memcpy(p->decision, e->decision, e->nr_decisions * sizeof(e->decision[0]));
}

/* An epoch is over; where the search goes on is kept. */
static void keep(struct search *s)
{
	struct explore_progress *progress;

	if (!s->limits->keep)
		return;
	progress = malloc(sizeof(*progress));
	if (!progress)
		return;
	save(s, progress);
	s->limits->keep(s->limits->keep_ctx, progress);
	free(progress);
}

/* A word was shared after all: from the beginning, and everything. */
static enum search_end start_over(struct search *s)
{
	s->whole = true;
	s->result->count.restarts++;
	s->result->count.states = s->result->count.ends = 0;
	return begin_epoch(s, !s->limits->part);
}

static enum search_end next_epoch(struct search *s)
{
	struct explorer *e = s->e;
	uint32_t prefix = s->prefix, nr = e->nr_decisions;
	struct explore_decision *place = malloc(nr * sizeof(*place) + 1);
	enum search_end end;

	add_states(s);
	keep(s);
	if (!place)
		explorer_no_memory();
	memcpy(place, e->decision, nr * sizeof(*place));
	end = begin_epoch(s, false);
	if (end == SEARCH_OVER && !find_place(s, prefix, nr, place))
		end = SEARCH_UNFIT;
	free(place);
	return end;
}

static enum search_end begin(struct search *s)
{
	const struct explore_progress *from = s->limits->from;
	enum search_end end;

	s->e->nr_late = 0;
	if (!from) {
		end = begin_epoch(s, !s->limits->part);
		choose_prefixes(s);
		s->e->nr_decisions = 0;
		return end;
	}
	if (!load(s, from))
		return SEARCH_UNFIT;
	end = begin_epoch(s, false);
	if (end == SEARCH_OVER && !find_place(s, from->prefix, from->nr_decisions, from->decision))
		end = SEARCH_UNFIT;
	return end;
}

void explore_all(struct explorer *e, const struct explore_limits *limits,
		 struct explore_result *result)
{
	struct search s = { .e = e, .limits = limits, .result = result };
	enum search_end end;

	explorer_begin(e, limits, result);
	e->unfit = false;
	end = begin(&s);
	while (end == SEARCH_OVER && (end = go_on(&s)) != SEARCH_OVER) {
		if (end == SEARCH_GROWN) {
			end = start_over(&s);
			choose_prefixes(&s);
			e->nr_decisions = 0;
		} else if (end == SEARCH_EPOCH) {
			end = next_epoch(&s);
		}
	}
	if (end != SEARCH_UNFIT)
		add_states(&s);
	e->past_frame = false;
	result->unfit = end == SEARCH_UNFIT;
	result->complete = end == SEARCH_OVER;
}
