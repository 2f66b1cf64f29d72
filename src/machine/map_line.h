/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * map_line.h - what one line of a kernel log says about the machine.
 */
#ifndef PAMT_MACHINE_MAP_LINE_H
#define PAMT_MACHINE_MAP_LINE_H

#include <stdbool.h>
#include <stdint.h>

enum map_form {
	MAP_NONE, /* no known form */
	MAP_BOOT, /* a kernel starts: what follows belongs to another boot */
	MAP_E820,
	MAP_IOMEM,
	MAP_NODE,
	MAP_SRAT,
	MAP_CMR,
	MAP_HKIDS,
	MAP_PAMT_KB,
};

struct map_line {
	enum map_form form;
	/* MAP_HKIDS: KeyIDs; MAP_PAMT_KB: base is the number; else bytes. end is exclusive. */
	uint64_t base, end;
	uint32_t node; /* MAP_NODE, MAP_SRAT */
	bool usable;   /* MAP_E820: of type "usable" */
};

/*
 * Recognises a line. NULL: done, see line->form. Else what is wrong with a line that has a known
 * form, and what is allowed.
 */
const char *map_parse_line(const char *text, struct map_line *line);

#endif
