/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * qemu_line.h - the command line of QEMU that makes a user's machine a TDX host: the user's words,
 * completed.
 */
#ifndef PAMT_CLI_QEMU_LINE_H
#define PAMT_CLI_QEMU_LINE_H

#include <stdbool.h>
#include <stdint.h>

#define QEMU_MAX_NODES 8u

/* What a server gives to a machine; 0: QEMU's own, or one. */
struct qemu_server {
	uint32_t nodes, packages; /* unless the user says other ones */
	uint64_t low_bytes;	  /* where its memory below 4 GB ends */
	uint64_t high_bytes;	  /* of memory from 4 GB to its next hole */
};

struct qemu_line {
	char **argv; /* NULL-terminated; argv[0] is left to the caller */
	unsigned int argc, room;
	uint32_t packages;
	/* Memory that QEMU and the plugin share, by node: descriptors of this process, or -1. */
	unsigned int nr_memories;
	struct {
		char path[256];
		int fd;
	} memory[QEMU_MAX_NODES];
};

/*
 * qemu_line_make - argv[1] and what follows, out of the user's words (NULL-terminated). Return:
 * false: an error was reported. Either way qemu_line_free() ends it.
 */
bool qemu_line_make(struct qemu_line *line, char **words, const struct qemu_server *server);
void qemu_line_add(struct qemu_line *line, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The words, argv[0] too, and the memory. */
void qemu_line_free(struct qemu_line *line);

#endif
