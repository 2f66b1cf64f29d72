/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * record.h - every SEAMCALL of a running kernel into a file.
 */
#ifndef PAMT_LIVE_RECORD_H
#define PAMT_LIVE_RECORD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "live/record_file.h"
#include "live/why.h"

struct record_request {
	struct record_file *file; /* open; it is closed in any case */
	uint32_t buffer_kb;	  /* of each CPU */
	bool from_boot;		  /* what the boot configuration recorded comes first (boot.h) */
	/* Ends when this is not 0. */
	const volatile sig_atomic_t *stop;
	/* Called when everything is in place; false: it ends. May be NULL. */
	bool (*ready)(void *ctx);
	/* Called every now and then; true: it is over. May be NULL. */
	bool (*over)(void *ctx);
	void *ctx;
};

struct record_report {
	uint64_t calls;
	uint64_t missed_hits; /* probes that could not fire: kprobe_profile */
	uint64_t overrun;     /* events for which the buffer had no room */
	uint64_t cut;	      /* calls of which one half was seen */
	uint64_t moved;	      /* calls whose thread changed the CPU in them */
	uint64_t params;      /* MNG.INITs whose TD_PARAMS are there */
	uint64_t no_params;   /* and are not */
	struct why params_why;
	bool possible; /* on failure: false: not on this machine */
};

/* Return: -1: why; nothing of it stays in the kernel in any case, or why says what. */
int record_run(const struct record_request *request, struct record_report *report, struct why *why);

#endif
