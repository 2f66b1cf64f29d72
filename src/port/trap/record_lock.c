// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * record_lock.c - locks that others hold, said before the line that met them, and when they are
 * free again.
 */
#include <stdlib.h>

#include "port/trap/record_internal.h"

void record_say_releases(struct recorder *r)
{
	struct held **link = &r->held, *held;
	bool exclusive;

	while ((held = *link)) {
		if (seam_debug_is_held(&held->lock, &exclusive)) {
			link = &held->next;
			continue;
		}
		record_put_event(r, "release", NULL, held->id);
		*link = held->next;
		free(held);
	}
}

static void put_lock(struct recorder *r, const struct seam_debug_word *lock, bool exclusive,
		     uint32_t id)
{
	static const char *const name[] = {
		[SEAM_DEBUG_SYS] = "lock sys",		[SEAM_DEBUG_KOT] = "lock kot",
		[SEAM_DEBUG_WBT] = "lock wbt",		[SEAM_DEBUG_TDMR] = "lock tdmr ",
		[SEAM_DEBUG_OPSTATE] = "lock opstate ", [SEAM_DEBUG_SEPT] = "lock sept ",
		[SEAM_DEBUG_EPOCH] = "lock epoch ",	[SEAM_DEBUG_SEPTE] = "lock septe ",
	};
	char text[LINE_BYTES];
	struct words line;

	words_begin(&line, text, sizeof(text));
	words_add(&line, lock->is_page ? "hold " : name[lock->what]);
	if (!lock->is_page && lock->what == SEAM_DEBUG_WBT) {
		words_add(&line, " package=");
		words_number(&line, lock->at);
	} else if (lock->is_page ||
		   (lock->what != SEAM_DEBUG_SYS && lock->what != SEAM_DEBUG_KOT)) {
		words_hex(&line, lock->at, 1);
	}
	if (lock->is_page) {
		words_add(&line, " level=");
		words_number(&line, lock->level);
	} else if (lock->what == SEAM_DEBUG_SEPTE) {
		words_add(&line, " rcx=");
		words_hex(&line, lock->map, 1);
	}
	if (lock->is_page || (lock->what != SEAM_DEBUG_WBT && lock->what != SEAM_DEBUG_TDMR &&
			      lock->what != SEAM_DEBUG_SEPTE))
		words_add(&line, exclusive ? " mode=exclusive" : " mode=shared");
	record_put_id(r, &line, text, id);
}

void record_say_held(struct recorder *r, const struct seam_debug_word *lock)
{
	struct held *held;
	bool exclusive;

	for (held = r->held; held; held = held->next)
		if (held->lock.word == lock->word && held->lock.what == lock->what)
			return;
	held = malloc(sizeof(*held));
	if (!held || !seam_debug_is_held(lock, &exclusive)) {
		r->troubles.unnamed++;
		free(held);
		return;
	}
	*held = (struct held){ r->held, *lock, r->next_id++ };
	r->held = held;
	put_lock(r, lock, exclusive, held->id);
}

void record_say_busy(struct recorder *r, const struct visit *visit)
{
	struct seam_debug_word lock;

	if (seam_debug_find_lock(r->seam, visit->busy, visit->second, &visit->in, &lock))
		record_say_held(r, &lock);
	else
		r->troubles.unnamed++;
}
