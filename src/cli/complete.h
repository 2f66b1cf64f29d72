/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * complete.h - `pamt complete`.
 */
#ifndef PAMT_CLI_COMPLETE_H
#define PAMT_CLI_COMPLETE_H

#include "cli/cli.h"

/* From now on no command is run: each says what may stand in the place of its last argument. */
void cli_complete_begin(void);
/* One word, if it begins as typed. */
void cli_complete_word(const char *typed, const char *word, const char *meaning);

#endif
