/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * live_order.h - in which order did the module see calls that overlapped?
 *
 * A live recording says when calls began and ended, not when they took their locks. They are
 * replayed in the order of their ends; where that gives a difference, the call is tried before and
 * behind those that overlap it, one by one. An order is taken if the difference is gone and
 * everything up to the last call that was passed is as recorded.
 */
#ifndef PAMT_LAB_RECORDINGS_LIVE_ORDER_H
#define PAMT_LAB_RECORDINGS_LIVE_ORDER_H

#include "lab/recordings/replay.h"

struct live_orders {
	uint64_t moved; /* calls that were put before or behind others */
	uint64_t tried; /* orders */
	/* Of the first difference that stays: how many places were tried in vain. */
	uint64_t in_vain;
};

/* replay_run() of a recording that live_prepare() has prepared; its items may be put in order. */
int live_replay(struct vector *vector, struct live_orders *orders, struct replay_result *result,
		char *error, size_t error_size);

#endif
