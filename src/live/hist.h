/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * hist.h - what a histogram of an event has counted (events/GROUP/NAME/hist).
 */
#ifndef PAMT_LIVE_HIST_H
#define PAMT_LIVE_HIST_H

#include <stdint.h>

#include "live/why.h"

#define HIST_KEYS 2u

struct hist_entry {
	char name[HIST_KEYS][16]; /* "": there is no such key */
	uint64_t key[HIST_KEYS];  /* they are shown in hexadecimal */
	uint64_t hits;
};

/*
 * hist_read - tells of the entries of all histograms of an event, in their order.
 * @dropped: hits that found no room in a histogram are added to it
 * Return: -1: a line that cannot be read; what stood before it has been told.
 */
int hist_read(const char *text, void (*entry)(void *ctx, const struct hist_entry *entry), void *ctx,
	      uint64_t *dropped, struct why *why);

#endif
