/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * record_file.h - a recording in a file, compressed while it is written (docs/vectors.md).
 *
 * The first line says how many events were missed, which is known at the end. So it is a member of
 * the compressed file by itself, of a size that does not depend on what it says, and is written
 * once more when all is over. A recording that was not brought to its end says so by what it lacks.
 */
#ifndef PAMT_LIVE_RECORD_FILE_H
#define PAMT_LIVE_RECORD_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <zlib.h>

#include "live/calls.h"
#include "live/facts.h"

struct record_file {
	const char *path;
	bool made;	/* it was not there before */
	bool from_boot; /* bring-up is in it */
	/* Memory that the module said could be a TD's, in answer to SYS.RD at bring-up. */
	struct tdx_cmr cmr[TDX_MAX_CMRS];
	uint32_t nr_cmrs;
	int fd;
	gzFile gz;
	int failed; /* errno of the first write that did */
};

/* The file is there, and can be written to; what it holds stays for now. */
int record_file_open(struct record_file *file, const char *path, struct why *why);
/* Nothing came of it: what there was stays, and else there is none. */
void record_file_forget(struct record_file *file);
/*
 * Of a file that is open: the machine and, but for a recording from boot, how it was configured.
 * Return: -1: it may still be forgotten.
 */
int record_file_begin(struct record_file *file, const struct facts *facts, bool from_boot,
		      struct why *why);
void record_file_comment(struct record_file *file, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void record_file_words(struct record_file *file, tdx_hpa_t at, const uint64_t *word,
		       unsigned int nr);
/* What the host's memory had for SYS.CONFIG, before that call: TDMR_INFOs and their addresses. */
void record_file_tdmrs(struct record_file *file, const struct facts *facts, tdx_hpa_t list);
void record_file_call(struct record_file *file, const struct live_call *call, uint32_t lp);
/* What there is stays, as one that was not brought to its end. */
void record_file_leave(struct record_file *file);
/*
 * missed: events that were lost; cut: calls of which one half was seen. Return: -1: not everything
 * is in the file.
 */
int record_file_end(struct record_file *file, const struct facts *facts, uint64_t missed,
		    uint64_t cut, struct why *why);

#endif
