// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * record_turn.c - the turn, which goes round among those who are in a recorded module.
 */
#include "port/trap/record_internal.h"

/* First come, first served: who waits is woken by whoever passes the turn on, and nobody else. */
void record_take_turn(struct recorder *r)
{
	struct waiter me = { .next = NULL };

	pthread_mutex_lock(&r->lock);
	if (r->taken) {
		pthread_cond_init(&me.woken, NULL);
		*r->last_waiter = &me;
		r->last_waiter = &me.next;
		while (!me.turn)
			pthread_cond_wait(&me.woken, &r->lock);
		pthread_cond_destroy(&me.woken);
	}
	r->taken = true;
	pthread_mutex_unlock(&r->lock);
}

void record_pass_turn(struct recorder *r)
{
	struct waiter *first;

	pthread_mutex_lock(&r->lock);
	first = r->waiters;
	if (first) {
		r->waiters = first->next;
		if (!r->waiters)
			r->last_waiter = &r->waiters;
		first->turn = true;
		pthread_cond_signal(&first->woken);
	} else {
		r->taken = false;
	}
	pthread_mutex_unlock(&r->lock);
}
