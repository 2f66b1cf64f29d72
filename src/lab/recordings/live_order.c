// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * live_order.c - in which order did the module see calls that overlapped?
 *
 * The module cannot go back: an order is tried from the beginning of the recording up to the first
 * difference.
 */
#include <stdlib.h>
#include <string.h>

#include "lab/recordings/live_order.h"

#define MAX_PLACES 64u /* of one call, in each direction */
#define MAX_TRIES  1000u

static bool overlap(const struct vector_item *a, const struct vector_item *b)
{
	return a->out_ns && b->out_ns && a->in_ns <= b->out_ns && b->in_ns <= a->out_ns;
}

/* A call and what prepares it stay together. */
static bool prepares(const struct vector_item *item)
{
	return item->kind == VECTOR_POKE64 || item->kind == VECTOR_INJECT;
}

/* Items first .. last-1 change places with last .. end-1. */
static bool exchange(struct vector *vector, size_t first, size_t last, size_t end)
{
	const size_t bytes = sizeof(*vector->items), left = last - first, right = end - last;
	struct vector_item *copy = malloc(left * bytes), *items = vector->items;

	if (!copy)
		return false;
	memcpy(copy, items + first, left * bytes);
	memmove(items + first, items + last, right * bytes);
	memcpy(items + first + right, copy, left * bytes);
	free(copy);
	return true;
}

struct search {
	struct vector *vector;
	struct live_orders *orders;
	char *error;
	size_t error_size;
	bool broken; /* why is in error */
};

/* Index of the first difference, nr_items: there is none. */
static size_t first_difference(struct search *s)
{
	static const struct replay_watcher watcher = { .first_only = true };
	struct replay_result result;

	if (replay_run(s->vector, &watcher, &result, s->error, s->error_size)) {
		s->broken = true;
		return 0;
	}
	return result.failed ? (size_t)(result.first.item - s->vector->items) : s->vector->nr_items;
}

/* Is it better with these two in the other order? Then they stay so. */
static bool try_order(struct search *s, size_t first, size_t last, size_t end, size_t *difference)
{
	size_t now;

	if (!exchange(s->vector, first, last, end)) {
		snprintf(s->error, s->error_size, "%s: out of memory", s->vector->name);
		s->broken = true;
		return false;
	}
	s->orders->tried++;
	now = first_difference(s);
	if (!s->broken && now >= end) {
		*difference = now;
		return true;
	}
	return exchange(s->vector, first, first + (end - last), end) && false;
}

/* A place for it: tried, and true if it helps. */
static bool try_place(struct search *s, size_t first, size_t last, size_t end, size_t *difference)
{
	if (s->broken || s->orders->tried >= MAX_TRIES)
		return false;
	s->orders->in_vain++;
	return try_order(s, first, last, end, difference);
}

/* The call from first to end-1 behind the ones that follow, and those that stand behind it before
 * it. */
static bool try_later(struct search *s, size_t first, size_t end, size_t *difference)
{
	const struct vector_item *items = s->vector->items;
	uint64_t earliest_end = items[end - 1].out_ns;
	bool crosses = true;

	for (size_t other = end; other < s->vector->nr_items && other < end + MAX_PLACES; other++) {
		const struct vector_item item = items[other];
		/* It began before any of those between had ended. */
		bool comes = overlap(&items[end - 1], &item) && item.in_ns <= earliest_end;

		crosses = crosses && overlap(&items[end - 1], &item);
		if (crosses && try_place(s, first, end, other + 1, difference))
			return true;
		if (comes && other > end && try_place(s, first, other, other + 1, difference))
			return true;
		if (item.out_ns && item.out_ns < earliest_end)
			earliest_end = item.out_ns;
	}
	return false;
}

static bool try_earlier(struct search *s, size_t first, size_t end, size_t *difference)
{
	const struct vector_item *items = s->vector->items;

	for (size_t before = first; before > 1 && first - before < MAX_PLACES; before--) {
		if (!overlap(&items[end - 1], &items[before - 1]))
			return false;
		if (try_place(s, before - 1, first, end, difference))
			return true;
	}
	return false;
}

/* Other places for the call at *difference; true: that has moved on. */
static bool move_call(struct search *s, size_t *difference)
{
	size_t first = *difference, end = *difference + 1;

	while (first > 1 && prepares(&s->vector->items[first - 1]))
		first--;
	s->orders->in_vain = 0;
	return s->vector->items[*difference].out_ns &&
	       (try_later(s, first, end, difference) || try_earlier(s, first, end, difference));
}

int live_replay(struct vector *vector, struct live_orders *orders, struct replay_result *result,
		char *error, size_t error_size)
{
	struct search s = {
		.vector = vector,
		.orders = orders,
		.error = error,
		.error_size = error_size,
	};
	size_t difference = first_difference(&s);

	*orders = (struct live_orders){ 0 };
	while (!s.broken && difference < vector->nr_items && move_call(&s, &difference))
		orders->moved++;
	if (s.broken)
		return -1;
	return replay_run(vector, NULL, result, error, error_size);
}
