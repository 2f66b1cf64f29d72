/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * arena.h - memory that can be put back as it was, at a cost that depends only on how much of it
 * is ever written.
 *
 * All state of an explored system lives in one arena: the objects of host and module, and the
 * simulated machine's memory. It is set up once, frozen, and restored before each schedule. Pages
 * are write-protected; the first write to a page after the freeze makes it "hot" for good, and
 * restoring copies the hot pages. Which pages those are is found out by the processor, so nothing
 * can be forgotten.
 */
#ifndef PAMT_STAGE_ARENA_H
#define PAMT_STAGE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena;

/* bytes of zeroed address space; only touched pages cost memory. NULL with errno. */
struct arena *arena_create(size_t bytes);
void arena_destroy(struct arena *arena);
char *arena_base(const struct arena *arena);
/* Keeps the contents as they are now. Once. Return: 0 or -1 with errno. */
int arena_freeze(struct arena *arena);
/* Everything as it was at arena_freeze(). */
void arena_restore(struct arena *arena);

#endif
