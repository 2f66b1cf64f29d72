// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bench_watch.c - what a bench says while it runs, and how it is ended.
 */
#include "cli/bench_watch.h"
#include "cli/cli.h"
#include "lab/bench/bench.h"

static struct cli_progress progress;

static bool look_on(const char *what, uint32_t done, uint32_t of)
{
	if (progress.what != what) {
		cli_progress_end(&progress);
		cli_progress_begin(&progress, what, of);
	}
	cli_progress(&progress, done);
	return !cli_stop;
}

void cli_bench_begin(void)
{
	bench_watch(look_on);
	cli_stop_expect();
}

bool cli_bench_measured(bool json)
{
	cli_progress_end(&progress);
	return !cli_stop || !json;
}

int cli_bench_end(int code)
{
	if (!cli_stop)
		return code;
	cli_error(CLI_FAILED,
		  "bench: ended by signal %d; nothing is kept: the same command begins anew, "
		  "shorter with fewer --rounds",
		  cli_stop);
	return cli_stop_end();
}
