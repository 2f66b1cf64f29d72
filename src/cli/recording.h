/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * recording.h - a recording that a user named, read for a command.
 */
#ifndef PAMT_CLI_RECORDING_H
#define PAMT_CLI_RECORDING_H

#include <stdint.h>
#include <stdio.h>

#include "lab/recordings/vector.h"

/*
 * From here on this process gets so much more memory and no more, 0: three quarters of what the
 * machine has. A recording of somebody else's may be made to want any amount, and the system might
 * end another process for it. What is refused is said as where memory really runs out. A second
 * limit can only be lower.
 */
void recording_limit(uint64_t bytes);
/* Does a text begin as recordings do (docs/vectors.md)? */
bool recording_begins(const char *text);
/*
 * With recording_limit(0) at least. Return: CLI_OK, to be freed with vector_free(); else what is
 * wrong has been said. Of a running host's it says also what is known to be missing.
 */
int recording_read(FILE *file, const char *name, struct vector *vector);

#endif
