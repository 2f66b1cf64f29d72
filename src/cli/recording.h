/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * recording.h - a recording that a user named, read for a command.
 */
#ifndef PAMT_CLI_RECORDING_H
#define PAMT_CLI_RECORDING_H

#include <stdio.h>

#include "lab/recordings/vector.h"

/* Does a text begin as recordings do (docs/vectors.md)? */
bool recording_begins(const char *text);
/*
 * Return: CLI_OK, to be freed with vector_free(); else what is wrong has been said. Of a running
 * host's it says also what is known to be missing.
 */
int recording_read(FILE *file, const char *name, struct vector *vector);

#endif
