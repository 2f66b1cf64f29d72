/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * compressed.h - files that may be compressed with gzip, read as if they were not.
 */
#ifndef PAMT_CLI_COMPRESSED_H
#define PAMT_CLI_COMPRESSED_H

#include <stdio.h>

/*
 * compressed_open, compressed_stdin
 * @head: may be NULL; set to how it begins, at most 4 KB with a 0 behind them, until it is closed
 * Return: NULL: errno says why. One that is broken or cut short ends with the error EBADMSG.
 */
FILE *compressed_open(const char *path, const char **head);
FILE *compressed_stdin(const char **head);

#endif
