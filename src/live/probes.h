/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * probes.h - the events that show a kernel's SEAMCALLs: which probes, at what places, with what.
 */
#ifndef PAMT_LIVE_PROBES_H
#define PAMT_LIVE_PROBES_H

#include <stdbool.h>
#include <stdint.h>

#include "live/facts.h"
#include "live/record_events.h"
#include "live/tracefs.h"

/* What a kprobe of that kind, in or out, is at a site, in at most PROBE_TEXT bytes. */
#define PROBE_TEXT 384u
void probe_text(const struct site *site, enum call_event_kind kind, char *text);

/* in and out at each call of the assembler routines, enter and exit around KVM's VP.ENTER. */
int probes_calls(struct tracefs *fs, const struct facts *facts, struct why *why);
/* Only what came out, for counting: out, and exit where Linux is the host itself. */
int probes_results(struct tracefs *fs, const struct facts *facts, struct why *why);
/* An event at the CALL in tdh_mng_init, for TD_PARAMS. Return: 1: this kernel has no such place. */
int probes_params(struct tracefs *fs, const struct facts *facts, struct why *why);

/* Where an event's `format`, `enable`, `trigger` are: "events/pamt_record/pamt_record_in/enable".
 */
void probes_file(const struct tracefs *fs, const char *event, const char *file, char *path);

#endif
