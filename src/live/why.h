/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * why.h - one line that says why something cannot be done.
 */
#ifndef PAMT_LIVE_WHY_H
#define PAMT_LIVE_WHY_H

struct why {
	char text[256];
};

/* Fills the line; returns -1. */
int why_not(struct why *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
