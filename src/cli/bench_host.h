/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * bench_host.h - `pamt bench host`.
 */
#ifndef PAMT_CLI_BENCH_HOST_H
#define PAMT_CLI_BENCH_HOST_H

#include <stdbool.h>
#include <stdint.h>

/* Measures and prints; with check, exit 1 if a figure misses its target. Returns the exit code. */
int cli_bench_host(uint32_t rounds, bool json, bool check);
/* bench_threads.c: the designs on so many pinned threads. Returns the exit code. */
int cli_bench_threads(uint32_t threads, uint32_t rounds, bool json);

#endif
