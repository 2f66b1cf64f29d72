/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * lab.h - the subcommands of pamt-lab.
 */
#ifndef PAMT_CLI_LAB_H
#define PAMT_CLI_LAB_H

#include "cli/cli.h"
#include "lab/explore/check.h"

int lab_check(int argc, char **argv);
int lab_compare(int argc, char **argv);

/* lab_check_show.c: results as text, or as JSON. Return: the exit code that they mean. */
int show_check(const struct check_request *request, const struct check_result *result, bool json);
int show_mutants(const struct check_mutant *mutants, double seconds, bool json);

#endif
