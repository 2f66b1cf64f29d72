/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * compressed.h - files that may be compressed with gzip, read as if they were not.
 */
#ifndef PAMT_CLI_COMPRESSED_H
#define PAMT_CLI_COMPRESSED_H

#include <stdbool.h>
#include <stdio.h>

/*
 * compressed_open, compressed_stdin
 * @recording: may be NULL; set to whether it begins as a recording does (docs/vectors.md)
 * Return: NULL: errno says why. One that is broken or cut short ends with the error EBADMSG.
 */
FILE *compressed_open(const char *path, bool *recording);
FILE *compressed_stdin(bool *recording);

#endif
