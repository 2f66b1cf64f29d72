/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * record.h - takes down all that happens to a module, as a recording that `pamt replay` does again.
 */
#ifndef PAMT_PORT_TRAP_RECORD_H
#define PAMT_PORT_TRAP_RECORD_H

#include <pamt/seam.h>

struct recorder;

/*
 * record_create - a recorder for a module that is made with this configuration, whose guest is
 * replaced by the recorder's. fd: where lines go to; it stays the caller's. Return: NULL: no
 * memory.
 */
struct recorder *record_create(int fd, struct seam_config *config);
/* The module is there, nothing has happened to it yet. */
void record_begin(struct recorder *recorder, struct seam *seam);
/* What went wrong: calls whose BUSY has no name; lines that could not be written. */
struct record_troubles {
	uint64_t unnamed, unwritten;
};
/*
 * The recording ends: before the first VP.ENTER that is still under way. Who is in the module may
 * stay there for ever.
 */
struct record_troubles record_end(struct recorder *recorder);
/* The module is gone. NULL is allowed. */
void record_destroy(struct recorder *recorder);

#endif
