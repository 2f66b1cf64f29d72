/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * watch_show.h - a reading of `pamt watch` as a table, as JSON, as metrics of Prometheus.
 */
#ifndef PAMT_CLI_WATCH_SHOW_H
#define PAMT_CLI_WATCH_SHOW_H

#include "live/watch.h"

/* before: the reading before it, for what happens per second; without a time: there is none. */
void watch_show_table(const struct watch *watch, const struct watch_reading *now,
		      const struct watch_reading *before);
void watch_show_json(const struct watch *watch, const struct watch_reading *now);
/*
 * In the text format that node_exporter reads from a folder: written beside the file, which it then
 * replaces. Return: an exit code; reported.
 */
int watch_show_metrics(const struct watch *watch, const struct watch_reading *now,
		       const char *path);
/* Can it be? Before anything is counted; nothing is changed. */
int watch_show_metrics_try(const char *path);

#endif
