/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * interpose.h - takes the place of sigaction(), signal() and the functions that block signals, so
 * that a program which uses SIGSEGV and SIGILL for itself and the trap do not get into each other's
 * way.
 *
 * Whatever contains interpose.c must come before libc in the order in which symbols are looked up:
 * the program itself, or a preloaded library.
 */
#ifndef PAMT_PORT_TRAP_INTERPOSE_H
#define PAMT_PORT_TRAP_INTERPOSE_H

#include "port/trap/trap.h"

/* The functions that were displaced, for trap_install(). */
const struct trap_os *interpose_displaced(void);

#endif
