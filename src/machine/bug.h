/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * bug.h - how the simulated machine stops a program that does what no machine could do for it.
 */
#ifndef PAMT_MACHINE_BUG_H
#define PAMT_MACHINE_BUG_H

/* One line on stderr, then abort(): a caller has broken a rule, or real memory has run out. */
void machine_bug(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
