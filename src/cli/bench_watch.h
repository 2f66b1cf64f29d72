/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * bench_watch.h - progress and Ctrl-C of a bench.
 */
#ifndef PAMT_CLI_BENCH_WATCH_H
#define PAMT_CLI_BENCH_WATCH_H

#include <stdbool.h>

/* From here on bench_goes_on() shows the one and heeds the other. */
void cli_bench_begin(void);
/*
 * All is measured, or was given up, and can be shown. False: nothing can, since JSON of a part
 * would pass for the whole.
 */
bool cli_bench_measured(bool json);
/* What the bench's exit code is; if it was ended, it says how to go on, and ends by the signal. */
int cli_bench_end(int code);

#endif
