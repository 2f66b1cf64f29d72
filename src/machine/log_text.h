/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * log_text.h - lines of a log as people bring them, freed of what terminals, journals, mails and
 * web pages put around them.
 *
 * What is taken away or put back: escape sequences (also written out: "^[[32m", "\x1b[32m",
 * "#033[32m"), JSON around a journal's message, "\n", tabs, backticks, "<br>" and other tags,
 * character entities, typographic quotes, "**". What is left of a line may still have any prefix:
 * time stamps, "> ", "12:" of grep. Whoever looks for something in it looks anywhere in the line.
 */
#ifndef PAMT_MACHINE_LOG_TEXT_H
#define PAMT_MACHINE_LOG_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Bytes of a line that are looked at, the terminating 0 included; what is beyond is passed over. */
#define LOG_LINE_SIZE 65536u
/* No log is larger; a device that never ends is. */
#define LOG_MAX_BYTES (UINT64_C(1) << 30)

/* A file that is read line by line. */
struct log_reader {
	FILE *file;
	char *buffer;	 /* LOG_LINE_SIZE bytes */
	char *next;	 /* the rest of a line that held several, NULL: none */
	uint64_t number; /* of the line read last, from 1 */
	uint64_t bytes;	 /* read so far */
	bool zero;	 /* a byte 0 was there (it reads as '?') */
	bool open_end;	 /* the line read last had no newline: the file ended in it */
};

/* 0, or -1: no memory. */
int log_reader_open(struct log_reader *reader, FILE *file);
/*
 * The next line, plain; NULL at the end of the file, where it cannot be read (ferror()), or after
 * LOG_MAX_BYTES. A line in
 * which "\n" or <br> is written out is as many lines, all of the same number. Valid until the next
 * call.
 */
char *log_reader_next(struct log_reader *reader);
void log_reader_close(struct log_reader *reader);

/* The same for one line, in place; the result may have '\n' where it was written out. */
void log_text_clean(char *line);

#endif
