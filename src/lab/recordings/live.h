/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * live.h - recordings of running hosts (`pamt record`), made ready to be replayed.
 *
 * Such a recording has calls as their CPUs made them, each with the time at which it began and
 *ended, and nothing of what happened inside the module or before the recording:
 *
 * order: calls stand in the order in which they ended, VP.ENTER where it began, and its vCPU is
 *inside the TD until it ended. given: what VP.ENTER answers is up to the TD, and taken as it is.
 * before: a TD that was there before the recording is not there in the replay. Calls about it and
 *	its pages are passed over.
 * busy: a call that found a lock taken did nothing. Where another call, or a vCPU, was in the
 *module at the same time it is passed over. chance: an interrupt, no entropy, a key that could not
 *be made: they happen again.
 */
#ifndef PAMT_LAB_RECORDINGS_LIVE_H
#define PAMT_LAB_RECORDINGS_LIVE_H

#include "lab/recordings/vector.h"

struct live_counts {
	uint64_t calls;	     /* all of them */
	uint64_t given;	     /* VP.ENTER */
	uint64_t before;     /* of TDs that are older than the recording */
	uint64_t tds_before; /* and how many these are */
	uint64_t busy;
	uint64_t no_params; /* MNG.INIT whose TD_PARAMS are missing: the TD is set to be initialised
			     */
};

/* Is it one? Then it has one machine, the first item. */
bool live_is(const struct vector *vector);
/*
 * live_prepare - the items of a live recording become those of an ordinary one.
 * Return: -1: no memory; the recording can only be freed then.
 */
int live_prepare(struct vector *vector, struct live_counts *counts);

#endif
