/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * lab.h - the subcommands of pamt-lab.
 */
#ifndef PAMT_CLI_LAB_H
#define PAMT_CLI_LAB_H

#include "cli/cli.h"

int lab_check(int argc, char **argv);
int lab_compare(int argc, char **argv);

#endif
