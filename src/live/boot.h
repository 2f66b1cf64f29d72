/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * boot.h - what a kernel's boot configuration recorded before anybody could start a program: its
 * instance of tracefs, which boot_lines() asks for, and `pamt record --from-boot` takes over.
 *
 * So early CLOCK_MONOTONIC goes on by jiffies, and calls of several CPUs could not be put in order;
 * so the instance has the clock "global". A mark in it, made at a known time of CLOCK_MONOTONIC,
 * says how far the two are apart, and what was recorded before it and what after.
 *
 * Boot configuration can define kprobes in the group "kprobes" alone, and no tracepoint's probes;
 * so VP.ENTER is not in it, which nobody calls so early.
 */
#ifndef PAMT_LIVE_BOOT_H
#define PAMT_LIVE_BOOT_H

#include <stdio.h>

#include "live/facts.h"
#include "live/kernel_image.h"
#include "live/record_events.h"
#include "live/tracefs.h"

/* Is the file that of the kernel that runs? 0; -1: why not, or why it cannot be said. */
int boot_check_image(const struct kernel_image *image, const char *path, struct why *why);
/*
 * boot_lines - the lines for the boot configuration of the running kernel, whose file is image: at
 * the next boot they record each call of its routines.
 * Return: -1: why; then some of it may have been written.
 */
int boot_lines(const struct facts *facts, const struct kernel_image *image, uint32_t buffer_kb,
	       FILE *to, struct why *why);

struct boot {
	struct tracefs fs;			       /* files of the instance */
	struct record_layout layout[CALL_EVENT_KINDS]; /* in and out */
	uint32_t mark_id;			       /* of the event that a mark is */
	uint64_t mark_ns;			       /* of the last one; 0: none was read yet */
};

/* The instance that is there; tracefs: whose root it has. -1: none is, or not as it should be. */
int boot_open(struct boot *boot, const struct tracefs *tracefs, struct why *why);
/* Makes the mark. */
int boot_mark(struct boot *boot, struct why *why);
/* Is this event of the instance the mark? Then its time is known. */
bool boot_is_mark(struct boot *boot, const struct trace_event *event);
/* Its events are switched off. */
int boot_stop(struct boot *boot, struct why *why);
/* And it is gone, with its probes. */
int boot_remove(struct boot *boot, struct why *why);

#endif
