/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * diagnose.h - what a whole log says of TDX's way up: evidence by stage, and the first thing that
 * is wrong.
 */
#ifndef PAMT_CLI_DIAGNOSE_H
#define PAMT_CLI_DIAGNOSE_H

#include <stdint.h>

#include "cli/findings.h"
#include "cli/messages.h"
#include "lab/recordings/vector.h"
#include "machine/map.h"

/* How sure a cause is. */
enum sureness {
	SURE_CERTAIN, /* a line says so */
	SURE_LIKELY,  /* it follows from what is there, or is missing, in a whole log */
	SURE_UNKNOWN, /* a line says that something failed, in words that are not known */
};

/* A line that says something, or what follows from several (line 0). */
struct evidence {
	enum stage stage;
	enum message_kind kind;
	enum sureness sure;
	uint64_t line;
	bool call;	  /* a SEAMCALL's status: the module's own word */
	char source[192]; /* the line */
	char cause[384], advice[384];
};

#define MAX_EVIDENCE 128u

struct diagnosis {
	uint64_t lines; /* of the log */
	bool whole;	/* it begins where the kernel began */
	uint32_t nr;	/* evidence, but for good news the first 128 of a boot */
	uint32_t left_out;
	struct evidence evidence[MAX_EVIDENCE];
	struct evidence good[NR_STAGES]; /* the last good news of each stage; kind MESSAGE_GOOD */
	bool has_map;
	struct machine_map map;
	char map_error[512]; /* why there is none */
	char pamt[160];	     /* the kernel's PAMT against the plan; "": not known */
};

/*
 * Reads a log. 0, or -1: no memory. diagnosis_free() in any case.
 */
int diagnose(const char *log, size_t size, const char *name, struct diagnosis *diagnosis);
/* The same out of a recording: what failed in it, and what it shows to have come up. */
int diagnose_recording(const struct vector *vector, struct diagnosis *diagnosis);
void diagnosis_free(struct diagnosis *diagnosis);

/* The first thing that is wrong; NULL: nothing is. */
const struct evidence *diagnosis_first(const struct diagnosis *diagnosis);
/* What a stage's state is, with the evidence; NULL: the log says nothing of it. */
const struct evidence *diagnosis_stage(const struct diagnosis *diagnosis, enum stage stage);
/*
 * For who collects: good news of a stage, and the status of a call that failed, with the place that
 * it stands at.
 */
void diagnosis_good(struct diagnosis *diagnosis, enum stage stage, const char *cause,
		    const char *source, uint64_t line);
void diagnosis_status(struct diagnosis *diagnosis, const struct finding *status, const char *source,
		      uint64_t line);
/* How to get what a log does not say of a stage. */
const char *diagnosis_source_of(enum stage stage);

#endif
