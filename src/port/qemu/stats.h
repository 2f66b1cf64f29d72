/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * stats.h - what `pamt qemu --stats` shows when the machine has gone.
 */
#ifndef PAMT_PORT_QEMU_STATS_H
#define PAMT_PORT_QEMU_STATS_H

#include <pamt/seam.h>

/* One call is over. Any thread. */
void stats_note(const struct tdx_regs *in, const struct tdx_regs *out);
/* The calls, pairs and pages, on stderr. No call is in flight. */
void stats_print(const struct seam *seam);

#endif
