/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * messages.h - what kernels, QEMU and libvirt say about TDX without a status code: a table of
 * messages, each with the stage it belongs to, its cause and what to do.
 */
#ifndef PAMT_CLI_MESSAGES_H
#define PAMT_CLI_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>

/* Stages of TDX's way up, in order; what fails in one leaves the later ones without a chance. */
enum stage {
	STAGE_BIOS,    /* TDX in the BIOS, KeyIDs */
	STAGE_SEAMLDR, /* P-SEAMLDR */
	STAGE_MODULE,  /* the module, its version, its first calls */
	STAGE_MEMORY,  /* memory map and CMRs */
	STAGE_TDMRS,   /* TDMRs and reserved areas */
	STAGE_PAMT,
	STAGE_DYNAMIC, /* Dynamic PAMT */
	STAGE_KVM,     /* KVM, and the VMM before a TD is there */
	STAGE_TD,      /* a TD */
	NR_STAGES,
};

enum message_kind {
	MESSAGE_GOOD,	 /* the stage came up */
	MESSAGE_REMARK,	 /* of no consequence for TDX */
	MESSAGE_WARNING, /* something is lost, TDX works */
	MESSAGE_RESULT,	 /* it failed; why stands elsewhere, if it stands anywhere */
	MESSAGE_FAULT,	 /* it failed, and this is why */
};

struct message {
	enum stage stage;
	enum message_kind kind;
	const char *pattern; /* part of a line; '*' is anything but nothing */
	/* In these {1} is what the first '*' stood for, up to {3}. */
	const char *cause, *advice;
	const char *versions; /* of what, from when on */
};

#define MESSAGE_WILDS 3
#define MESSAGE_WILD  80 /* its text, cut there */

/* A message that was found in a line. */
struct message_match {
	const struct message *message;
	char wild[MESSAGE_WILDS][MESSAGE_WILD];
};

const char *stage_name(enum stage stage);
/* False: no message is in the line. */
bool message_find(const char *line, struct message_match *match);
/*
 * A line about TDX that says of a failure, but is in no table: true, with the stage that its
 * speaker belongs to. For lines in which message_find() and findings know nothing.
 */
bool message_unknown(const char *line, enum stage *stage);
/* One of the match's texts with its {n} filled in; returns buffer. */
const char *message_text(const struct message_match *match, const char *text, char *buffer,
			 size_t size);

#endif
