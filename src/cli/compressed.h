/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * compressed.h - files that may be compressed with gzip, read as if they were not.
 */
#ifndef PAMT_CLI_COMPRESSED_H
#define PAMT_CLI_COMPRESSED_H

#include <stdio.h>

/* NULL: errno says why. One that is broken or cut short ends with the error EBADMSG. */
FILE *compressed_open(const char *path);
FILE *compressed_stdin(void);

#endif
