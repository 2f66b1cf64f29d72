/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * failed_calls.h - what failed in a recording: each leaf and status once, with the first call of
 * the kind, in the order of these.
 */
#ifndef PAMT_CLI_FAILED_CALLS_H
#define PAMT_CLI_FAILED_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "lab/recordings/vector.h"

struct failed_call {
	uint32_t leaf;
	uint64_t status; /* RAX */
	uint64_t calls;
	const struct vector_item *first;
};

struct failed_calls {
	uint64_t calls; /* all of the recording, those that succeeded too */
	uint64_t failed;
	size_t nr;
	struct failed_call *list;
};

/* Does a recording say with which status it ended? */
bool call_has_status(const struct vector_call *call);
/* Return: -1: no memory. To be freed in any case. */
int failed_calls_find(const struct vector *vector, struct failed_calls *failed);
void failed_calls_free(struct failed_calls *failed);
/* "TDH.MEM.PAGE.AUG failed: 0x8000020000000092 on LP 3, first of 17 calls". */
void failed_call_text(const struct failed_call *call, char *text, size_t size);

#endif
