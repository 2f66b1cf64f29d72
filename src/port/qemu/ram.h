/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * ram.h - the machine's memory, shared with QEMU, as services for the module.
 */
#ifndef PAMT_PORT_QEMU_RAM_H
#define PAMT_PORT_QEMU_RAM_H

#include <pamt/os.h>

#define MEMORY_MAX_FILES 8u

/*
 * memory_add - a file that is a memory backend of QEMU's with share=on; in the order of the nodes.
 * memory_place - after the last: where the machine q35 puts it all; most_low: its
 * max-ram-below-4g, 0: not given.
 * Return: false, with one line on stderr.
 */
bool memory_add(const char *path);
bool memory_place(uint64_t most_low);

/* The ranges that are convertible: RAM above 1 MB; unused slots stay as they are. */
void memory_cmrs(struct tdx_cmr *cmr);
/* The first address above it all. */
uint64_t memory_end(void);
void memory_services(struct os_services *services);

#endif
