/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * tracefs.h - a tool's own place in the kernel's tracing, and that nothing of it stays.
 *
 * An instance "pamt-TOOL.N" of tracefs belongs to one run of a tool, which holds a lock (flock) on
 * the instance's folder. The tool's probes are all in the group "pamt_TOOL", and named
 * pamt_TOOL_EVENT, since kprobe_profile knows no groups. At the end everything is put back, the
 * instance last. So a folder without a lock is what a tool that was killed left behind, and it says
 * all that is needed to put it back: the next start does that first.
 *
 * Kprobes are not optimised meanwhile: one that is a jump misses what an interrupt in it hits. N is
 * what kernel.kprobes-optimization was before any of our tools began, 0 or 1, - where the kernel
 * has none. The first tool switches it off and the last one that ends puts it back; beginnings and
 * ends are one after the other, by a lock on the folder of all instances.
 */
#ifndef PAMT_LIVE_TRACEFS_H
#define PAMT_LIVE_TRACEFS_H

#include <stdbool.h>
#include <stddef.h>

#include "live/why.h"

#define TRACEFS_PATH 320u

struct tracefs {
	char root[64];	    /* "/sys/kernel/tracing" */
	char tool[16];	    /* "record" */
	char instance[192]; /* path of the instance; "": there is none */
	char optimized;	    /* N */
	int lock;
};

/* An instance, empty, whose clock is CLOCK_MONOTONIC. */
int tracefs_begin(struct tracefs *fs, const char *tool, struct why *why);
/* Everything is as it was before; false: why says what stays. */
bool tracefs_end(struct tracefs *fs, struct why *why);

/* A new event in the tool's group: "p", "in", "tdh_vp_wr+116 fn=%di:x64". */
int tracefs_probe(struct tracefs *fs, const char *type, const char *event, const char *what,
		  struct why *why);
/* Missed hits of the tool's probes, as kprobe_profile counts them. */
int tracefs_missed(const struct tracefs *fs, unsigned long long *missed, struct why *why);

/* A file of the instance. Text has to fit. */
int tracefs_write(const struct tracefs *fs, const char *file, const char *text, struct why *why);
/* Allocated; NULL: why. */
char *tracefs_read(const struct tracefs *fs, const char *file, struct why *why);

/* Any file of the kernel's: allocated, with a 0 behind it. */
char *live_read_file(const char *path, size_t *bytes, struct why *why);
int live_write_file(const char *path, const char *text, struct why *why);

#endif
