/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * vector.h - recordings: what a host did to a TDX module and what it got back, as lines of text.
 *
 * docs/vectors.md describes the format. This part only reads it: vector_read() checks every line
 * and turns a file into an array of items; replay.h executes them. A file is read to its end
 * before any of it is executed, so that a malformed one is refused as a whole.
 */
#ifndef PAMT_LAB_RECORDINGS_VECTOR_H
#define PAMT_LAB_RECORDINGS_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <pamt/seam.h>

#include "abi/call_line.h"
#include "seam/debug.h"

/* One kind per sort of line, in the order of docs/vectors.md. */
enum vector_kind {
	VECTOR_MACHINE,
	VECTOR_POKE64,
	VECTOR_CALL,
	VECTOR_INIT_TDMR,
	VECTOR_FORCE_TD,
	VECTOR_ACCEPT,
	VECTOR_ENTER,
	VECTOR_EXIT,
	VECTOR_HOLD,
	VECTOR_LOCK,
	VECTOR_RELEASE,
	VECTOR_INJECT,
	VECTOR_VCPUS,
	VECTOR_ASSOC,
	VECTOR_VCPU_STATE,
	VECTOR_TD_FATAL,
	VECTOR_HALF_FREED,
	VECTOR_PAMT,
	VECTOR_BITMAP,
	VECTOR_CHLDCNT,
	VECTOR_PEEK64,
	VECTOR_LP_INIT,
	VECTOR_EPF,
	VECTOR_GUEST,
	VECTOR_CONFIGURED,
	VECTOR_KINDS
};

/* Registers of a SEAMCALL by index, in the order of struct tdx_regs: rax is 0. */
#define VECTOR_REGS	CALL_LINE_REGS
#define VECTOR_ANY_REGS ((1u << VECTOR_REGS) - 1)

struct vector_call {
	uint32_t lp;
	bool fatal;	       /* the module stops with fatal_id instead of returning */
	uint16_t any;	       /* registers that are not compared, bit n: register n */
	uint32_t fatal_id;     /* the reference module's number */
	struct tdx_regs in;    /* registers not listed are 0 */
	struct tdx_regs after; /* registers not listed keep their input value */
};

struct vector_accept {
	tdx_hpa_t tdr;
	uint64_t rcx;
	bool any; /* the result is not compared */
	enum seam_debug_accept how;
	uint64_t rax; /* of SEAM_ACCEPT_STATUS */
};

struct vector_force_td {
	tdx_hpa_t tdr;
	enum tdx_op_state state;
	unsigned int pwl; /* 3 where the line does not say */
	bool gpaw;
};

/* hold, lock, enter, exit, release: who holds what. */
struct vector_lock {
	uint32_t id;
	enum seam_debug_lock what; /* of lock */
	uint64_t arg;		   /* PA, TDR, TDMR base or package */
	uint64_t map;		   /* of lock septe: GPA | level */
	unsigned int level;	   /* of hold */
	bool exclusive;
};

/* guest: how the next vCPU leaves VP.ENTER. */
struct vector_guest {
	enum seam_exit how; /* SEAM_EXIT_EPT, _VMCALL or _INTERRUPT */
	bool progress;
	struct tdx_regs regs; /* of a VMCALL: rcx: the mask; of EPT: rcx, rdx, r8 as at the exit */
};

/* A module before its SYS.INIT, or one that has come as far as recordings begin. */
struct vector_machine {
	struct seam_config config; /* geometry and kind: no guest, no callbacks */
	bool init;
	bool live;	      /* taken from a running host: see live.h */
	bool ended;	      /* live: it was brought to its end, and what is missing is known: */
	uint64_t missed, cut; /* events; calls of which one half was seen */
};

/* A module that its host has configured: SYS.CONFIG, SYS.KEY.CONFIG, all of SYS.TDMR.INIT. */
struct vector_configured {
	tdx_hpa_t at; /* of the first TDMR_INFO */
	uint32_t count;
	uint64_t stride; /* bytes from one to the next */
	uint64_t hkid;	 /* R8 of SYS.CONFIG: the global KeyID, and its flag for Dynamic PAMT */
};

/*
 * init-tdmr, vcpus, assoc, vcpu-state, td-fatal, half-freed, bitmap, chldcnt, and lp-init,
 * at being the LP.
 */
struct vector_word {
	tdx_hpa_t at;
	uint64_t value;
};

struct vector_pamt {
	tdx_hpa_t pa;
	unsigned int level;
	enum tdx_page_type type;
	bool has_owner, has_count, has_pair;
	tdx_hpa_t owner;
	uint32_t count;
	tdx_hpa_t pair[2];
};

/* peek64, poke64: the words from an address on; epf: a TDVPR and its GPAs. */
#define VECTOR_MAX_LIST 32u
struct vector_list {
	tdx_hpa_t at;
	unsigned int nr;
	uint32_t any; /* values that are not compared, bit n: value n */
	uint64_t value[VECTOR_MAX_LIST];
};

struct vector_item {
	enum vector_kind kind;
	uint32_t line;		/* number in the file, from 1 */
	char *text;		/* the line as it was written */
	uint64_t in_ns, out_ns; /* in a live recording: when the call began and ended; else 0 */
	union {
		struct vector_machine *machine;
		struct vector_guest *guest;
		struct vector_call call;
		struct vector_accept accept;
		struct vector_force_td force_td;
		struct vector_lock lock;
		struct vector_word word;
		struct vector_pamt pamt;
		struct vector_list list;
		struct vector_configured configured;
		enum seam_debug_inject inject;
	};
};

struct vector {
	char *name;
	size_t nr_items;
	struct vector_item *items; /* the first one is a VECTOR_MACHINE */
};

/*
 * vector_read - reads a whole recording.
 * @file: open for reading, read to its end
 * @name: what errors call it
 * Return: 0, *vector is to be freed with vector_free(); -1 with one line in error that says where
 * ("name:line: ..."), what, and what is allowed there. Nothing is to be freed then.
 */
int vector_read(FILE *file, const char *name, struct vector *vector, char *error,
		size_t error_size);
void vector_free(struct vector *vector);

#endif
