/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * map_line.h - what one line of a kernel log, or of a tool's output, says about the machine.
 */
#ifndef PAMT_MACHINE_MAP_LINE_H
#define PAMT_MACHINE_MAP_LINE_H

#include <stdbool.h>
#include <stdint.h>

enum map_form {
	/* Ranges that say what memory is usable: where several are there, the first of these
	   counts. */
	MAP_MODIFIED, /* the kernel's tables, the one printed last first */
	MAP_USER,     /* memmap= or mem= on the command line */
	MAP_EXTENDED,
	MAP_E820,
	MAP_XEN, /* the hypervisor's */
	MAP_EFI,
	MAP_IOMEM,
	MAP_FIRMWARE, /* /sys/firmware/memmap */
	MAP_LSMEM,
	MAP_NODE,
	MAP_CMR,
	MAP_SRAT,
	MAP_NR_RANGES, /* how many forms have ranges */

	MAP_NONE, /* no known form */
	MAP_BOOT, /* a kernel starts: what follows belongs to another boot */
	/* One word of an entry of /sys/firmware/memmap. */
	MAP_FIELD_START,
	MAP_FIELD_END,
	MAP_FIELD_TYPE,
	MAP_HKIDS,
	MAP_PAMT_KB,
	MAP_DYNAMIC,	 /* Dynamic PAMT was switched on */
	MAP_LSMEM_RANGE, /* of lsmem -J: its state comes later */
	MAP_LSMEM_STATE,
	MAP_LSMEM_HEAD, /* base: which column NODE is, from the right, from 1; 0: none */
	MAP_NODE_SIZE,	/* bytes of a node's memory, wherever it is */
	MAP_SIZE,	/* bytes of all memory */
	MAP_CPUS,
	MAP_NODE_CPUS,
	MAP_PACKAGES,
	MAP_NODES,
	MAP_LIMITED, /* the command line leaves memory out */
};

struct map_line {
	enum map_form form;
	/* Ranges: bytes, end exclusive. MAP_HKIDS: KeyIDs. Else base is the number. */
	uint64_t base, end;
	uint32_t node; /* MAP_NODE, MAP_SRAT, MAP_NODE_SIZE, MAP_NODE_CPUS; MAP_FIELD_...: the entry
			*/
	bool usable;   /* ranges: it is memory that the kernel takes */
	/* Ranges whose type is not known: the word as the line has it, else NULL. */
	const char *unknown;
	const char *columns;		 /* MAP_LSMEM: what stands behind the range */
	const struct map_marker *marker; /* by which it was recognised */
};

/*
 * Recognises a line (log_text.h: a clean one). NULL: done, see line->form. Else what is wrong with
 * a line that has a known form, and what is allowed.
 */
const char *map_parse_line(const char *text, struct map_line *line);

/* map_piece.c, for parsers: each moves *at behind what it has read; false: it is not there. */
bool map_literal(const char **at, const char *text);
void map_spaces(const char **at);
/* A number that fits 64 bits and does not run into a letter of it. */
bool map_number(const char **at, unsigned int radix, uint64_t *value);
/* "0x" and a number. */
bool map_hex(const char **at, uint64_t *value);

/* From an inclusive end to an exclusive one; NULL, or what is wrong. */
const char *map_set_range(struct map_line *line, uint64_t first, uint64_t last);
/*
 * Does a type name memory that the kernel takes for itself? False with *unknown set: nobody knows.
 * The word ends at the end of the line, or where no letter of a type can stand.
 */
bool map_type_is_usable(const char *type, const char **unknown);

/* "[mem 0xFIRST-0xLAST]" */
bool map_mem_range(const char **at, uint64_t *first, uint64_t *last);
/* Where the marker of the line begins, which ends at `at`. */
const char *map_marker_at(const struct map_line *line, const char *at);

/*
 * A form: its marker, anywhere in a line, and what makes sense of the line (at: behind the marker).
 * line->form stays MAP_NONE where the marker was an ordinary word.
 */
struct map_marker {
	const char *text;
	const char *(*parse)(const char *text, const char *at, struct map_line *line);
	enum map_form form; /* of the line, where the parser makes no other of it */
};

/* Tables of memory (map_table.c), and what tools say (map_tool.c); at the end: no text. */
extern const struct map_marker map_table_markers[], map_tool_markers[];

#endif
