/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * bug.h - how the simulated machine stops a program for which it can do no more.
 */
#ifndef PAMT_MACHINE_BUG_H
#define PAMT_MACHINE_BUG_H

#include <stdint.h>

/* A caller has done what no machine could do for it: one line on stderr, then abort(). */
void machine_bug(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/*
 * Real memory has run out, where nothing can be refused: one line on stderr that says for what, how
 * much was asked for and what limit there is, then exit code 1. Any thread.
 */
void machine_no_memory(const char *what, uint64_t bytes) __attribute__((noreturn));

#endif
