/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * run.h - a `pamt run`, shared by its command and by what shows its results.
 */
#ifndef PAMT_CLI_RUN_H
#define PAMT_CLI_RUN_H

#include <stdio.h>

#include "cli/cli.h"
#include "lab/workload/workload.h"

/* What the options say; each stands in the place of what a scenario says. */
struct run_wishes {
	uint32_t tds, vcpus, percent_4k, flips, partial;
	uint64_t seed, pages;
	bool has_seed, is_static, is_virtual;
	const char *only_without; /* an option that a scenario leaves no room for */
};

struct run {
	struct cli_args args;
	struct run_wishes wishes;
	struct scenario scenario;
	struct workload_config config;
	struct workload_result result;
	uint32_t scaled;     /* memory was divided by this */
	const char *path;    /* of the scenario; NULL: the one that options make */
	const char *machine; /* NULL: the scenario's, or this one */
	struct map_options map_options;
	struct machine_map map;
	struct cli_progress progress;
	const char *timeline_path; /* NULL: none */
	FILE *timeline;
	uint64_t shown_ns, shown_adds; /* at the last line of progress */
	json_t *findings;	       /* NULL: text */
	json_t *regions; /* what memory was used for at the verification; NULL: text, or no map */
};

/* A struct use_map as JSON, read from the stand; for workload_config.at_peak, arg: the run. */
void run_read_regions(void *arg, struct stand *stand);
void run_show_text(const struct run *run);
void run_show_json(struct run *run);
/* False: it could not be written, errno says why. */
bool run_write_timeline(const struct run *run, FILE *file);

#endif
